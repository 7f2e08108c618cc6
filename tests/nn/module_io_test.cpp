#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/io.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/sequential.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

struct Counter : nn::Module {
  nn::Linear layer = child("layer", nn::Linear(2, 3));
  Buffer seen = buffer("seen", tensor({7}));
};

}  // namespace

TEST_CASE("saved parameters and buffers come back bit for bit, in another model too") {
  const TemporaryFolder folder;
  for (const char* name : {"x.npz", "x.safetensors"}) {
    const Counter saved;
    nn::save_parameters(saved, folder.path(name));
    Counter loaded;
    loaded.seen.set(tensor({1}));
    CHECK_FALSE(array_equal(loaded.layer.weight, saved.layer.weight));
    const auto report = nn::load_parameters(loaded, folder.path(name));
    CHECK(report.complete());
    CHECK(array_equal(loaded.layer.weight, saved.layer.weight));
    CHECK(array_equal(loaded.layer.bias, saved.layer.bias));
    CHECK(array_equal(loaded.seen, tensor({7})));
  }
  CHECK(load_npz(folder.path("x.npz")).contains("layer.weight"));
  CHECK(load_safetensors_metadata(folder.path("x.safetensors")).at("format") == "pt");
}

TEST_CASE("an npy file holds the one array of a module, under whatever name") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npy");
  const nn::Linear saved(3, 2, {.bias = false});
  nn::save_parameters(saved, path);
  CHECK(array_equal(load_npy(path), saved.weight));
  nn::Sequential loaded(nn::Linear(3, 2, {.bias = false}));
  nn::load_parameters(loaded, path);
  CHECK(array_equal(loaded.parameters().at(0), saved.weight));
  nn::Linear narrow(2, 2, {.bias = false});
  CHECK_THROWS_WITH_AS(nn::load_parameters(narrow, path),
                       doctest::Contains("misshapen: 'weight' is [2, 2] float32"), IoError);
  nn::Linear whole(3, 2);
  const auto message = "load_parameters: '" + path +
                       "' holds one array, and the module has 2; .npz and .safetensors hold any "
                       "number";
  CHECK_THROWS_WITH_AS(nn::load_parameters(whole, path), message.c_str(), ValueError);
  CHECK_THROWS_AS(nn::save_parameters(whole, path), ValueError);
  CHECK(array_equal(load_npy(path), saved.weight));
}

TEST_CASE("a file name without a format's ending is refused, and PyTorch's pickles are explained") {
  const TemporaryFolder folder;
  nn::Linear layer(3, 2);
  const auto refusal = [&](const std::string& name, const std::string& rest) {
    const auto cause = "'" + folder.path(name) + "' must end in .safetensors, .npz or .npy" + rest;
    CHECK_THROWS_WITH_AS(nn::save_parameters(layer, folder.path(name)),
                         ("save_parameters: " + cause).c_str(), ValueError);
    CHECK_THROWS_WITH_AS(nn::load_parameters(layer, folder.path(name)),
                         ("load_parameters: " + cause).c_str(), ValueError);
  };
  refusal("weights", "");
  refusal("x.npz.bak", "");
  refusal("lenet.pt", "; in PyTorch, safetensors.torch.save_file writes the first");
  CHECK(folder.count() == 0);
}

TEST_CASE("float64 arrays load into a float32 model, and the other way round") {
  const TemporaryFolder folder;
  const auto path = folder.path("module_io_dtype.npz");
  Counter wide;
  wide.to(float64);
  nn::save_parameters(wide, path);
  Counter narrow;
  nn::load_parameters(narrow, path);
  CHECK(narrow.layer.weight.dtype() == float32);
  CHECK(array_equal(narrow.layer.weight, wide.layer.weight.tensor().to(float32)));
}

TEST_CASE(
    "a file that does not fit is refused with everything that is wrong, and nothing is loaded") {
  const TemporaryFolder folder;
  const auto path = folder.path("module_io_misfit.npz");
  save_npz(
      path,
      {{"layer.weight", ones({2, 3})}, {"layer.bias", full({3}, 5.0)}, {"head.weight", ones({4})}});
  Counter model;
  const Tensor bias = model.layer.bias.tensor().detach();
  const std::string misfits =
      "  missing: 'seen' [1] int64\n"
      "  extra: 'head.weight' [4] float32\n"
      "  misshapen: 'layer.weight' is [3, 2] float32 in the module, given [2, 3] float32\n";
  CHECK_THROWS_WITH_AS(nn::load_parameters(model, path),
                       ("load_parameters: '" + path +
                        "': load_state_dict: the state does not fit the module, and nothing was "
                        "loaded; {.strict = false} "
                        "would load what fits\n" +
                        misfits.substr(0, misfits.size() - 1))
                           .c_str(),
                       IoError);
  CHECK(array_equal(model.layer.bias, bias));

  const auto report = nn::load_parameters(model, path, {.strict = false});
  CHECK_FALSE(report.complete());
  CHECK(report.str() == misfits);
  REQUIRE(report.missing.size() == 1);
  CHECK(report.missing[0].name == "seen");
  CHECK(array_equal(model.layer.bias, full({3}, 5.0)));
}

TEST_CASE("an array of integers does not become a floating parameter") {
  const TemporaryFolder folder;
  const auto path = folder.path("module_io_integers.npz");
  save_npz(path, {{"weight", tensor({{1, 2}})}, {"bias", ones({1})}});
  nn::Linear layer(2, 1);
  CHECK_THROWS_WITH_AS(
      nn::load_parameters(layer, path),
      doctest::Contains("'weight' is [1, 2] float32 in the module, given [1, 2] int64"), IoError);
}

TEST_CASE("a truncated file leaves the module as it was") {
  const TemporaryFolder folder;
  const auto path = folder.path("module_io_truncated.npz");
  nn::Linear layer(20, 10);
  nn::save_parameters(layer, path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  nn::Linear other(20, 10);
  const Tensor before = other.weight.tensor().detach();
  CHECK_THROWS_WITH_AS(nn::load_parameters(other, path), doctest::Contains(path.c_str()), IoError);
  CHECK(array_equal(other.weight, before));
  CHECK_THROWS_AS(nn::load_parameters(other, "/nonexistent/gradtape.npz"), IoError);
}

// ---- renaming ----

TEST_CASE(
    "a table renames single tensors and all behind a prefix; the first pair that fits counts") {
  const auto loads = [](const StateDict& state, const nn::LoadOptions& options) {
    Counter model;
    model.load_state_dict(state, options);
    CHECK(array_equal(model.layer.weight, full({3, 2}, 2.0)));
    CHECK(array_equal(model.seen, tensor({4})));
  };
  const Tensor w = full({3, 2}, 2.0), b = ones({3}), seen = tensor({4});
  loads({{"module.layer.weight", w}, {"module.layer.bias", b}, {"module.seen", seen}},
        {.rename = {{"module", ""}}});
  loads({{"fc.weight", w}, {"fc.bias", b}, {"count", seen}},
        {.rename = {{"fc", "layer"}, {"count", "seen"}}});
  loads({{"net.fc.gamma", w}, {"net.fc.beta", b}, {"seen", seen}},
        {.rename = {{"net.fc.gamma", "layer.weight"}, {"net.fc.beta", "layer.bias"}}});
  loads({{"layer.weight", w}, {"layer.bias", b}, {"seen", seen}, {"step", seen}},
        {.rename = {{"step", ""}}});
  loads({{"a.weight", w}, {"a.bias", b}, {"a.seen", seen}},
        {.rename = {{"a.seen", "seen"}, {"a", "layer"}}});
  // "lay" is no prefix of a path
  loads({{"layer.weight", w}, {"layer.bias", b}, {"seen", seen}}, {.rename = {{"lay", "x"}}});

  nn::Sequential nested(nn::Linear(2, 3));
  nested.load_state_dict({{"weight", w}, {"bias", b}}, {.rename = {{"", "0"}}});
  CHECK(array_equal(nested.parameters().at(0), w));
}

TEST_CASE("a function renames what a table cannot, and leaves out what it gives no name") {
  Counter model;
  const auto options =
      nn::LoadOptions{.rename = {{"module", ""}}, .rename_by = [](const std::string& name) {
                        return name == "seen" || name == "layer.bias" ? name
                               : name == "layer.kernel"               ? "layer.weight"
                                                                      : "";
                      }};
  model.load_state_dict({{"module.layer.kernel", ones({3, 2})},
                         {"module.layer.bias", ones({3})},
                         {"module.seen", tensor({4})},
                         {"module.optimizer", ones({9})}},
                        options);
  CHECK(array_equal(model.layer.weight, ones({3, 2})));
}

TEST_CASE("two tensors of one name after renaming are refused") {
  nn::Linear layer(2, 3);
  CHECK_THROWS_WITH_AS(layer.load_state_dict({{"a.weight", ones({3, 2})}, {"weight", ones({3, 2})}},
                                             {.strict = false, .rename = {{"a", ""}}}),
                       "load_state_dict: 'a.weight' and 'weight' are both renamed to 'weight'",
                       ValueError);
}

TEST_CASE("names that differ by a prefix alone are refused with the table that helps") {
  Counter model;
  StateDict longer;
  add_part(longer, "net.module", model.state_dict());
  CHECK_THROWS_WITH_AS(model.load_state_dict(longer),
                       doctest::Contains("would load what fits, {.rename = {{\"net.module\", "
                                         "\"\"}}} would make names fit\n  missing:"),
                       ValueError);
  CHECK(model.load_state_dict(longer, {.rename = {{"net.module", ""}}}).complete());
  nn::Sequential nested(nn::Linear(2, 3));
  CHECK_THROWS_WITH_AS(nested.load_state_dict(nn::Linear(2, 3).state_dict()),
                       doctest::Contains(", {.rename = {{\"\", \"0\"}}} would make names fit\n"),
                       ValueError);
  longer["step"] = ones({1});
  CHECK_THROWS_WITH_AS(model.load_state_dict(longer), doctest::Contains("what fits\n  missing:"),
                       ValueError);
}

// ---- tied parameters ----

namespace {

/// Two names of one weight, as a language model ties its embedding and its head.
struct Tied : nn::Module {
  Parameter embedding = parameter("embedding", ones({3, 2}));
  Parameter head = parameter("head", embedding);
};

}  // namespace

TEST_CASE("tied parameters are saved under each name, and load from any of them") {
  const Tensor value = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, std::nan("")}});
  Tied model;
  model.embedding.set(value);
  CHECK(model.state_dict().size() == 2);
  const auto all = model.state_dict();
  for (const StateDict& state :
       {all, StateDict{{"head", value}}, StateDict{{"embedding", value}}}) {
    Tied other;
    CHECK(other.load_state_dict(state).complete());
    CHECK(other.head.tensor().data<float>()[2] == 3);
  }
  CHECK_THROWS_WITH_AS(model.load_state_dict({}),
                       doctest::Contains("missing: 'embedding' [3, 2] float32\n  missing: 'head'"),
                       ValueError);
}

TEST_CASE("tied parameters that were given different values are refused, or the first counts") {
  Tied model;
  const StateDict state = {{"embedding", full({3, 2}, 5.0)}, {"head", full({3, 2}, 6.0)}};
  CHECK_THROWS_WITH_AS(
      model.load_state_dict(state),
      doctest::Contains("  untied: 'head' [3, 2] float32 is tied to 'embedding' in the module, "
                        "given with other values"),
      ValueError);
  CHECK(array_equal(model.head, ones({3, 2})));
  const auto report = model.load_state_dict(state, {.strict = false});
  CHECK_FALSE(report.complete());
  CHECK(report.untied.size() == 1);
  CHECK(array_equal(model.head, full({3, 2}, 5.0)));
}

TEST_CASE("a child under two names shares parameters and buffers with itself") {
  struct Twice : nn::Module {
    Counter first = child("first", Counter());
    Counter second = child("second", first);
  };
  const Counter saved;
  Twice model;
  StateDict state;
  add_part(state, "second", saved.state_dict());
  CHECK(model.load_state_dict(state).complete());
  CHECK(array_equal(model.first.layer.weight, saved.layer.weight));
}

TEST_CASE("a state with an undefined tensor is refused by name") {
  nn::Linear layer(2, 3);
  CHECK_THROWS_WITH_AS(layer.load_state_dict({{"weight", Tensor()}, {"bias", ones({3})}}),
                       "load_state_dict: 'weight' is undefined", ValueError);
}

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/io.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/sequential.hpp>

using namespace gradtape;

namespace {

/// A file name in the temporary folder; the file goes away with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const char* name) : path_(std::filesystem::temp_directory_path() / name) {
    std::filesystem::remove(path_);
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

struct Counter : nn::Module {
  nn::Linear layer = child("layer", nn::Linear(2, 3));
  Buffer seen = buffer("seen", tensor({7}));
};

}  // namespace

TEST_CASE("saved parameters and buffers come back bit for bit, in another model too") {
  const TemporaryFile file("gradtape_module_io.npz");
  const Counter saved;
  nn::save_parameters(saved, file.path());
  Counter loaded;
  loaded.seen.set(tensor({1}));
  CHECK_FALSE(array_equal(loaded.layer.weight, saved.layer.weight));
  const auto report = nn::load_parameters(loaded, file.path());
  CHECK(report.complete());
  CHECK(array_equal(loaded.layer.weight, saved.layer.weight));
  CHECK(array_equal(loaded.layer.bias, saved.layer.bias));
  CHECK(array_equal(loaded.seen, tensor({7})));
}

TEST_CASE("float64 arrays load into a float32 model, and the other way round") {
  const TemporaryFile file("gradtape_module_io_dtype.npz");
  Counter wide;
  wide.to(float64);
  nn::save_parameters(wide, file.path());
  Counter narrow;
  nn::load_parameters(narrow, file.path());
  CHECK(narrow.layer.weight.dtype() == float32);
  CHECK(array_equal(narrow.layer.weight, wide.layer.weight.tensor().to(float32)));
}

TEST_CASE(
    "a file that does not fit is refused with everything that is wrong, and nothing is loaded") {
  const TemporaryFile file("gradtape_module_io_misfit.npz");
  save_npz(
      file.path(),
      {{"layer.weight", ones({2, 3})}, {"layer.bias", full({3}, 5.0)}, {"head.weight", ones({4})}});
  Counter model;
  const Tensor bias = model.layer.bias.tensor().detach();
  const std::string misfits =
      "  missing: 'seen' [1] int64\n"
      "  extra: 'head.weight' [4] float32\n"
      "  misshapen: 'layer.weight' is [3, 2] float32 in the module, given [2, 3] float32\n";
  CHECK_THROWS_WITH_AS(nn::load_parameters(model, file.path()),
                       ("load_parameters: '" + file.path() +
                        "': load_state_dict: the state does not fit the module, and nothing was "
                        "loaded; {.strict = false} "
                        "would load what fits\n" +
                        misfits)
                           .c_str(),
                       IoError);
  CHECK(array_equal(model.layer.bias, bias));

  const auto report = nn::load_parameters(model, file.path(), {.strict = false});
  CHECK_FALSE(report.complete());
  CHECK(report.str() == misfits);
  REQUIRE(report.missing.size() == 1);
  CHECK(report.missing[0].name == "seen");
  CHECK(array_equal(model.layer.bias, full({3}, 5.0)));
}

TEST_CASE("an array of integers does not become a floating parameter") {
  const TemporaryFile file("gradtape_module_io_integers.npz");
  save_npz(file.path(), {{"weight", tensor({{1, 2}})}, {"bias", ones({1})}});
  nn::Linear layer(2, 1);
  CHECK_THROWS_WITH_AS(
      nn::load_parameters(layer, file.path()),
      doctest::Contains("'weight' is [1, 2] float32 in the module, given [1, 2] int64"), IoError);
}

TEST_CASE("a truncated file leaves the module as it was") {
  const TemporaryFile file("gradtape_module_io_truncated.npz");
  nn::Linear layer(20, 10);
  nn::save_parameters(layer, file.path());
  std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) / 2);
  nn::Linear other(20, 10);
  const Tensor before = other.weight.tensor().detach();
  CHECK_THROWS_WITH_AS(nn::load_parameters(other, file.path()),
                       doctest::Contains(file.path().c_str()), IoError);
  CHECK(array_equal(other.weight, before));
  CHECK_THROWS_AS(nn::load_parameters(other, "/nonexistent/gradtape.npz"), IoError);
}

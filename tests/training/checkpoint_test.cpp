#include <gradtape/autograd/generator.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/optim/checkpoint.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <limits>
#include <random>
#include <thread>

#include "support/bits.hpp"
#include "support/files.hpp"
#include "support/process.hpp"
#include "support/skip.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using optim::Checkpoint;

static_assert(Stateful<Checkpoint>);

namespace {

/// A part with one entry, of a fixed size.
struct Weights {
  Tensor value;
  explicit Weights(double fill, std::int64_t size = 3) : value(full({size}, fill, float32)) {}
  StateDict state_dict() const { return {{"value", value}}; }
  void load_state_dict(const StateDict& state) {
    gradtape::detail::StateReader reader("Weights", state);
    const Tensor loaded = reader.tensor("value", value.shape(), value.dtype());
    reader.finish();
    value = loaded;
  }
};

struct Empty {
  StateDict state_dict() const { return {}; }
  void load_state_dict(const StateDict& state) { detail::StateReader("Empty", state).finish(); }
};

/// A training run in small: its parts know which step they are of.
struct Run {
  Weights model{0, 5000}, adam{0, 10000};
  Generator generator{1};
  std::int64_t step = 0;
  Checkpoint checkpoint;

  explicit Run(const std::string& path) : checkpoint(path) {
    checkpoint.track("model", model);
    checkpoint.track("adam", adam);
    checkpoint.track("generator", generator);
    checkpoint.track("step", step);
  }
  void advance() {
    ++step;
    model = Weights(static_cast<double>(step), 5000);
    adam = Weights(static_cast<double>(2 * step), 10000);
    generator.set_position(static_cast<std::uint64_t>(step));
  }
  bool consistent() const {
    return array_equal(model.value, full({5000}, static_cast<double>(step), float32)) &&
           array_equal(adam.value, full({10000}, static_cast<double>(2 * step), float32)) &&
           generator.position() == static_cast<std::uint64_t>(step);
  }
};

std::string message(const std::string& path, const char* rest) {
  return "Checkpoint: '" + path + "' " + rest;
}

}  // namespace

TEST_CASE("a checkpoint brings back every part and number, bit for bit") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.safetensors");
  const double odd = std::nextafter(0.1, 1);
  {
    Weights model(1.5);
    Generator generator(std::numeric_limits<std::uint64_t>::max());
    generator.next();
    Empty empty;
    std::uint64_t epoch = std::numeric_limits<std::uint64_t>::max();
    int batch = -7;
    double best = odd;
    float rate = 0.1f;
    bool warm = true;
    Checkpoint checkpoint(path);
    checkpoint.track("model", model);
    checkpoint.track("generator", generator);
    checkpoint.track("empty", empty);
    checkpoint.track("epoch", epoch);
    checkpoint.track("batch", batch);
    checkpoint.track("best", best);
    checkpoint.track("rate", rate);
    checkpoint.track("warm", warm);
    CHECK_FALSE(checkpoint.exists());
    checkpoint.save();
    CHECK(checkpoint.exists());
    const auto position = generator.position();
    model = Weights(0);
    generator = Generator(3);
    epoch = 0, batch = 0, best = 0, rate = 0, warm = false;
    CHECK(checkpoint.load().complete());
    CHECK(array_equal(model.value, Weights(1.5).value));
    CHECK(generator.seed() == std::numeric_limits<std::uint64_t>::max());
    CHECK(generator.position() == position);
    CHECK(epoch == std::numeric_limits<std::uint64_t>::max());
    CHECK((batch == -7 && best == odd && rate == 0.1f && warm));
  }
  // other programs read it as what it is
  CHECK(load_safetensors(path).at("model.value").shape() == Shape{3});
}

TEST_CASE("a checkpoint with other parts is refused as a whole, or loaded as far as both go") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.safetensors");
  Weights model(1), adam(2);
  std::int64_t epoch = 3;
  Checkpoint saved(path);
  saved.track("model", model);
  saved.track("sgd", adam);
  saved.save();
  model = Weights(0);
  Checkpoint loaded(path);
  loaded.track("model", model);
  loaded.track("adam", adam);
  loaded.track("epoch", epoch);
  CHECK_THROWS_WITH_AS(
      loaded.load(),
      message(path, "lacks 'adam', 'epoch'; has 'sgd', which is not tracked").c_str(), IoError);
  CHECK(array_equal(model.value, Weights(0).value));
  const auto report = loaded.load({.strict = false});
  CHECK(report.missing == std::vector<std::string>{"adam", "epoch"});
  CHECK(report.extra == std::vector<std::string>{"sgd"});
  CHECK(array_equal(model.value, Weights(1).value));
  CHECK(epoch == 3);
}

TEST_CASE("a part that refuses its state leaves every other part as it was") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.safetensors");
  Weights first(1), second(2);
  std::int64_t number = 300;
  Checkpoint saved(path);
  saved.track("first", first);
  saved.track("second", second);
  saved.track("number", number);
  saved.save();
  Weights a(5), wide(6, 4);
  std::int64_t other = 7;
  Checkpoint loaded(path);
  loaded.track("first", a);
  loaded.track("number", other);
  loaded.track("second", wide);
  CHECK_THROWS_WITH_AS(loaded.load(),
                       message(path,
                               "does not fit part 'second': Weights: 'value' must be [4] "
                               "float32, the state has [3] float32")
                           .c_str(),
                       IoError);
  CHECK(array_equal(a.value, Weights(5).value));
  CHECK(other == 7);
  std::int8_t narrow = 1;
  Checkpoint numbers(path);
  numbers.track("first", a);
  numbers.track("second", second);
  numbers.track("number", narrow);
  CHECK_THROWS_WITH_AS(numbers.load(),
                       message(path,
                               "does not fit part 'number': number: 300 is out of the range "
                               "of its type")
                           .c_str(),
                       IoError);
  CHECK((narrow == 1 && array_equal(a.value, Weights(5).value)));
}

TEST_CASE("a checkpoint gives and takes its content without a file") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.safetensors");
  Run run(path);
  run.advance();
  const auto content = run.checkpoint.state_dict();
  CHECK(folder.count() == 0);
  run.checkpoint.save();
  CHECK(equal_bits(load_safetensors(path), content));
  Run other("nowhere/run.safetensors");
  other.advance();
  other.advance();
  const auto refused = [&](const StateDict& state, const char* cause) {
    CHECK_THROWS_WITH_AS(other.checkpoint.load_state_dict(state), cause, ValueError);
    CHECK((other.step == 2 && other.consistent()));
  };
  refused({}, "Checkpoint: the content holds tensors, but is not a checkpoint");
  auto damaged = content;
  damaged["model.value"] = zeros({5000});
  refused(damaged, "Checkpoint: the content is damaged: part 'model' is not what was saved");
  damaged = content;
  damaged["checkpoint.model"] = Tensor();
  refused(damaged, "Checkpoint: the content is damaged: part 'model' is not what was saved");
  damaged = content;
  damaged["more"] = zeros({1});
  refused(damaged, "Checkpoint: the content is damaged: it has entries that belong to no part");
  Weights narrow(1);
  Checkpoint unlike("nowhere");
  CHECK_THROWS_AS((void)unlike.state_dict(), ValueError);
  unlike.track("model", narrow);
  refused(unlike.state_dict(), "Checkpoint: the content lacks 'adam', 'generator', 'step'");
  CHECK_THROWS_WITH_AS(unlike.load_state_dict(content, {.strict = false}),
                       "Checkpoint: the content does not fit part 'model': Weights: 'value' must "
                       "be [3] float32, the state has [5000] float32",
                       ValueError);
  CHECK(array_equal(narrow.value, Weights(1).value));
  CHECK(other.checkpoint.load_state_dict(content).complete());
  CHECK((other.step == 1 && other.consistent()));
}

TEST_CASE("a checkpoint that saves and loads elsewhere is used as one") {
  struct InMemory : Checkpoint {
    using Checkpoint::Checkpoint;
    bool exists() const override { return !content.empty(); }
    void save() override { content = state_dict(); }
    optim::CheckpointReport load(optim::CheckpointOptions options = {}) override {
      return restore(content, options, true);
    }
    StateDict content;
  };
  std::int64_t step = 3;
  InMemory memory("run.safetensors");
  Checkpoint& checkpoint = memory;
  checkpoint.track("step", step);
  CHECK_FALSE(checkpoint.exists());
  CHECK_THROWS_WITH_AS(checkpoint.load(),
                       message("run.safetensors", "holds tensors, but is not a checkpoint").c_str(),
                       IoError);
  checkpoint.save();
  step = 0;
  CHECK(checkpoint.exists());
  CHECK(checkpoint.load().complete());
  CHECK(step == 3);
}

TEST_CASE("names of parts are words of their own") {
  Checkpoint checkpoint("x");
  CHECK_THROWS_WITH_AS(checkpoint.save(),
                       "Checkpoint: nothing is tracked, so there is nothing to save", ValueError);
  Weights part(1);
  checkpoint.track("model", part);
  const auto refused = [&](const char* name, const char* error) {
    CHECK_THROWS_WITH_AS(checkpoint.track(name, part), error, ValueError);
  };
  refused("", "Checkpoint: the part's name '' must be a word without dots");
  refused("a.b", "Checkpoint: the part's name 'a.b' must be a word without dots");
  refused("model", "Checkpoint: the part's name 'model' is there already");
  refused("checkpoint", "Checkpoint: the part's name 'checkpoint' is the checkpoint's own");
}

TEST_CASE("a truncated or damaged checkpoint is an IoError, whichever byte it is") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.safetensors");
  Weights model(1);
  std::int64_t epoch = 3;
  Checkpoint checkpoint(path);
  checkpoint.track("model", model);
  checkpoint.track("epoch", epoch);
  CHECK_THROWS_AS(checkpoint.load(), IoError);
  checkpoint.save();
  const auto whole = read_raw_file(path);
  epoch = 0;
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    folder.file("run.safetensors", whole.substr(0, size));
    CHECK_THROWS_AS(checkpoint.load(), IoError);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] ^= 4;
    folder.file("run.safetensors", damaged);
    INFO("byte ", at);
    CHECK_THROWS_AS(checkpoint.load(), IoError);
  }
  CHECK((epoch == 0 && array_equal(model.value, Weights(1).value)));
  auto state = load_safetensors(folder.file("run.safetensors", whole));
  state["model.value"] = ones({3}) * 2.0f;
  save_safetensors(path, state);
  CHECK_THROWS_WITH_AS(checkpoint.load(),
                       message(path, "is damaged: part 'model' is not what was saved").c_str(),
                       IoError);
  state.erase("checkpoint.model");
  save_safetensors(path, state);
  CHECK_THROWS_WITH_AS(checkpoint.load(),
                       message(path, "is damaged: it has entries that belong to no part").c_str(),
                       IoError);
  save_safetensors(path, {{"weight", ones({2})}});
  CHECK_THROWS_WITH_AS(checkpoint.load(),
                       message(path, "holds tensors, but is not a checkpoint").c_str(), IoError);
}

TEST_CASE("a checkpoint that cannot be written leaves the old one whole") {
  if (!can_limit) return skip(no_limits);
  const TemporaryFolder folder;
  Run run(folder.path("run.safetensors"));
  run.advance();
  run.checkpoint.save();
  run.advance();
  {
    const FileSizeLimit full(30'000);
    CHECK_THROWS_AS(run.checkpoint.save(), IoError);
  }
  CHECK(folder.count() == 1);
  run.checkpoint.load();
  CHECK((run.step == 1 && run.consistent()));
  Run nowhere(folder.path("nowhere/run.safetensors"));
  CHECK_THROWS_AS(nowhere.checkpoint.save(), IoError);
}

// GRADTAPE_KILLS=1000 for a thousand.
TEST_CASE("a checkpoint survives kill -9 at any moment, a hundred times") {
  if (!can_fork) return skip(no_fork);
  const char* const asked = std::getenv("GRADTAPE_KILLS");
  const int kills = asked ? std::atoi(asked) : 100;
  const TemporaryFolder folder;
  const auto path = folder.path("run.safetensors");
  Run(path).checkpoint.save();
  std::mt19937 random(1);
  std::uniform_int_distribution<int> microseconds(0, 15'000);
  std::int64_t step = 0, moved = 0;
  for (int kill = 0; kill < kills; ++kill) {
    Child child([&]() -> bool {  // goes on from the last checkpoint until it is killed
      Run run(path);
      run.checkpoint.load();
      for (;;) {
        run.advance();
        run.checkpoint.save();
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    REQUIRE(child.kill());
    Run run(path);
    REQUIRE_NOTHROW(run.checkpoint.load());
    REQUIRE(run.consistent());
    REQUIRE(run.step >= step);
    moved += run.step > step;
    step = run.step;
  }
  CHECK(moved > kills / 10);  // else it was always killed before it had saved at all
  Run(path).checkpoint.save();
  CHECK(folder.count() == 1);
}

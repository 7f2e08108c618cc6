#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/data/loader.hpp>
#include <gradtape/nn/dropout.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/loss/cross_entropy.hpp>
#include <gradtape/optim/adam.hpp>
#include <gradtape/optim/checkpoint.hpp>
#include <gradtape/optim/clip.hpp>
#include <gradtape/optim/early_stopping.hpp>
#include <gradtape/optim/schedule.hpp>

#include <doctest/doctest.h>

#include <cstring>

#include "support/bits.hpp"
#include "support/files.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

nn::data::Dataset some_data(std::int64_t n, std::int64_t features) {
  Generator generator(7);
  const Tensor x = randn({n, features}, float32, generator);
  return {x, argmax(slice(x, 1, 0, 3), {1})};
}

struct Net : nn::Module {
  Net(std::int64_t features, std::int64_t units)
      : hidden(child("hidden", nn::Linear(features, units))),
        dropout(child("dropout", nn::Dropout(0.4))),
        head(child("head", nn::Linear(units, 3))) {}

  const nn::Linear hidden;
  const nn::Dropout dropout;
  const nn::Linear head;
  const Buffer seen = buffer("seen", tensor(0));

  Tensor operator()(const Tensor& x) const { return head(dropout(relu(hidden(x)))); }
};

/// A training run with everything that has a state.
struct Run {
  Net model;
  optim::Adam adam;
  optim::Schedule schedule;
  nn::data::Loader loader;
  optim::EarlyStopping stopping;
  std::int64_t step = 0;
  std::vector<double> losses;  // of all steps; those before a resume are not here

  /// `start` seeds what a checkpoint brings back, so that a run forgets it where one is loaded.
  Run(std::int64_t features, std::int64_t units, std::uint64_t start, int threads = 0)
      : model((seed(start), Net(features, units))),
        adam(model.parameters(), {.lr = 1e-2 * static_cast<double>(start)}),
        schedule(adam, optim::cosine_schedule(20)),
        loader(some_data(40 * units, features), {.size = 8 * units, .shuffle = true, .seed = start},
               {.threads = threads}),
        stopping(model.parameters(), {.patience = 100, .buffers = model.named_buffers()}) {}

  void track(optim::Checkpoint& checkpoint) {
    checkpoint.track("model", model);
    checkpoint.track("adam", adam);
    checkpoint.track("schedule", schedule);
    checkpoint.track("loader", loader);
    checkpoint.track("stopping", stopping);
    checkpoint.track("generator", default_generator());
    checkpoint.track("step", step);
  }

  /// Trains to step `last`; saves after step `saved`.
  void train(std::int64_t last, optim::Checkpoint* checkpoint = nullptr, std::int64_t saved = -1) {
    if (step == saved) checkpoint->save();
    while (step < last)
      for (const auto& [x, y] : loader) {
        const Tensor loss = nn::cross_entropy(model(x), y);
        adam.zero_grad();
        loss.backward();
        optim::clip_grad_norm(model.parameters(), 1);
        adam.step();
        schedule.step();
        model.seen.set(model.seen.tensor() + 1);
        losses.push_back(loss.item<double>());
        stopping.step(losses.back());
        ++step;
        if (step == saved) checkpoint->save();
        if (step == last) return;
      }
  }
};

}  // namespace

TEST_CASE("a resumed run is the run that was never stopped, bit for bit") {
  const TemporaryFolder folder;
  Run whole(6, 8, 1);
  whole.train(17);  // three epochs of five batches, and a part of one
  CHECK(whole.losses.back() < whole.losses.front());
  for (const std::int64_t saved : {0, 1, 5, 7, 16}) {
    const auto path = folder.path("run" + std::to_string(saved));
    {
      Run stopped(6, 8, 1);
      optim::Checkpoint checkpoint(path);
      stopped.track(checkpoint);
      stopped.train(std::min<std::int64_t>(saved + 3, 17), &checkpoint, saved);
    }
    Run resumed(6, 8, 2);
    CHECK_FALSE(equal_bits(resumed.model.state_dict(), Run(6, 8, 1).model.state_dict()));
    optim::Checkpoint checkpoint(path);
    resumed.track(checkpoint);
    checkpoint.load();
    REQUIRE(resumed.step == saved);
    resumed.train(17);
    INFO("saved after step ", saved);
    CHECK(std::equal(resumed.losses.begin(), resumed.losses.end(), whole.losses.begin() + saved,
                     whole.losses.end()));
    CHECK(equal_bits(resumed.model.state_dict(), whole.model.state_dict()));
    CHECK(equal_bits(resumed.adam.state_dict(), whole.adam.state_dict()));
    CHECK(equal_bits(resumed.stopping.state_dict(), whole.stopping.state_dict()));
    CHECK(resumed.adam.lr() == whole.adam.lr());
    CHECK(resumed.model.seen.tensor().item<int>() == 17);
  }
}

TEST_CASE("a checkpoint of another model leaves a run as it was, to the last part") {
  const TemporaryFolder folder;
  Run saved(6, 8, 1);
  optim::Checkpoint checkpoint(folder.path("run"));
  saved.track(checkpoint);
  saved.train(3, &checkpoint, 3);
  for (const std::int64_t steps : {0, 2}) {  // an optimizer before its first step remembers nothing
    Run other(6, 8, 2);
    const Buffer alien(tensor({1.0f, 2.0f}));
    other.stopping = optim::EarlyStopping(other.model.parameters(), {.buffers = {{"a", alien}}});
    other.train(steps);
    const auto model = other.model.state_dict(), adam = other.adam.state_dict();
    const auto loader = other.loader.state_dict(), schedule = other.schedule.state_dict();
    optim::Checkpoint refused(folder.path("run"));
    other.track(refused);
    CHECK_THROWS_WITH_AS(refused.load(), doctest::Contains("does not fit part 'stopping'"),
                         IoError);
    CHECK(equal_bits(other.model.state_dict(), model));
    CHECK(equal_bits(other.adam.state_dict(), adam));
    CHECK(equal_bits(other.loader.state_dict(), loader));
    CHECK(equal_bits(other.schedule.state_dict(), schedule));
    CHECK(other.step == steps);
  }
}

TEST_CASE("the same seed trains to the same bits on one, two and three threads") {
  std::vector<StateDict> results;
  std::vector<std::vector<double>> losses;
  for (const int count : {1, 2, 3}) {
    Run run(48, 96, 1, count - 1);  // batches of 768 rows: large enough that threads share the work
    with_threads(count, [&] { run.train(7); });
    results.push_back(run.model.state_dict());
    losses.push_back(run.losses);
  }
  for (int i : {1, 2}) {
    CHECK(losses[static_cast<std::size_t>(i)] == losses[0]);
    CHECK(equal_bits(results[static_cast<std::size_t>(i)], results[0]));
  }
}

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/data/loader.hpp>
#include <gradtape/nn/data/transforms.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <iterator>
#include <limits>
#include <new>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "support/faults.hpp"

using namespace gradtape;
using namespace gradtape::nn::data;

namespace {

using Order = std::vector<std::int64_t>;

/// Sample i has the input [i, 100 + i] and the target i; made by a function.
Dataset made(std::int64_t n) {
  return Dataset::from_function(n, [](std::int64_t i) {
    const auto x = static_cast<double>(i);
    return Sample{tensor({x, 100 + x}), tensor(i)};
  });
}

/// One epoch.
std::vector<Batch> epoch_of(Loader& loader) {
  std::vector<Batch> all;
  for (const auto& batch : loader) all.push_back(batch);
  return all;
}

bool equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Batch& x, const Batch& y) {
    return array_equal(x.inputs, y.inputs) && array_equal(x.targets, y.targets);
  });
}

Order targets(const std::vector<Batch>& batches) {
  Order all;
  for (const auto& batch : batches)
    for (const auto i : batch.targets.data<std::int64_t>()) all.push_back(i);
  return all;
}

/// A data set whose sample `bad` throws.
Dataset broken(std::int64_t n, std::int64_t bad) {
  return made(n).map([bad](Sample sample) {
    if (sample.target.item<std::int64_t>() == bad) throw std::runtime_error("sample is broken");
    return sample;
  });
}

}  // namespace

static_assert(std::input_iterator<Loader::Iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, Loader::Iterator>);
static_assert(Stateful<Loader>);

TEST_CASE("a loader gives the batches of its options, to the bit, for every number of threads") {
  const auto dataset = made(103)
                           .map_inputs(gaussian_noise({.sigma = 3}))
                           .map([](Sample sample) {  // draws without naming a generator
                             return Sample{sample.input + rand({2}), sample.target};
                           });
  for (const bool shuffle : {false, true}) {
    const BatchOptions options{.size = 10, .shuffle = shuffle, .seed = 7, .drop_last = shuffle};
    std::vector<std::vector<Batch>> expected(3);
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
      auto of_epoch = options;
      of_epoch.epoch = epoch;
      for (const auto& batch : batches(dataset, of_epoch)) expected[epoch].push_back(batch);
      CHECK(expected[epoch].size() == (shuffle ? 10 : 11));
    }
    CHECK_FALSE(equal(expected[0], expected[1]));
    for (const int threads : {0, 1, 2, 4, 64})
      for (const int prefetch : {1, 3}) {
        Loader loader(dataset, options, {.threads = threads, .prefetch = prefetch});
        for (const auto& batches : expected) CHECK(equal(epoch_of(loader), batches));
      }
  }
}

TEST_CASE("a loader of tensors gives every sample once, and goes on to the next epoch") {
  const Dataset dataset(arange(1000).to(float32), arange(1000));
  Loader loader(dataset, {.size = 64, .shuffle = true, .seed = 1, .epoch = 5}, {.threads = 2});
  CHECK(loader.size() == 16);
  Order before;
  for (std::uint64_t epoch = 5; epoch < 8; ++epoch) {
    CHECK(loader.epoch() == epoch);
    CHECK(loader.position() == 0);
    auto order = targets(epoch_of(loader));
    CHECK(order != before);
    before = order;
    std::sort(order.begin(), order.end());
    Order all(1000);
    std::iota(all.begin(), all.end(), 0);
    CHECK(order == all);
  }
  loader.set_epoch(7);
  CHECK(targets(epoch_of(loader)) == before);
}

TEST_CASE("position counts the batches that the loop has got") {
  Loader loader(made(10), {.size = 4});
  std::int64_t count = 0;
  for (auto [x, y] : loader) {
    CHECK(loader.position() == ++count);
    CHECK(loader.epoch() == 0);
  }
  CHECK(count == loader.size());
  CHECK(loader.epoch() == 1);
}

TEST_CASE("an exception in a worker leaves the loop at its batch, and the loop can go on there") {
  for (const int threads : {0, 1, 2, 4}) {
    CAPTURE(threads);
    Loader loader(broken(40, 17), {.size = 5}, {.threads = threads});
    Order seen;
    const auto loop = [&] {
      for (auto [x, y] : loader)
        for (const auto i : y.data<std::int64_t>()) seen.push_back(i);
    };
    CHECK_THROWS_WITH_AS(loop(), "sample is broken", std::runtime_error);
    CHECK(seen.size() == 15);
    CHECK(loader.position() == 3);
    CHECK_THROWS_AS(loop(), std::runtime_error);
    CHECK(seen.size() == 15);
  }
}

TEST_CASE("samples that do not stack are named") {
  const auto ragged = Dataset::from_function(4, [](std::int64_t i) {
    return Sample{ones({i == 3 ? 2 : 1}), tensor(i)};
  });
  Loader loader(ragged, {.size = 4}, {.threads = 2});
  CHECK_THROWS_WITH_AS(epoch_of(loader),
                       "Dataset: sample 3 has the input [2], where sample 0 has [1]; the samples "
                       "of a batch must have one shape",
                       ShapeError);
}

TEST_CASE("a loop that is left early ends its threads, and the next one goes on") {
  std::atomic<int> calls{0};
  const auto dataset = made(64).map([&](Sample sample) {
    ++calls;
    return sample;
  });
  for (int repeat = 0; repeat < 200; ++repeat) {
    Loader loader(dataset, {.size = 1}, {.threads = 1 + repeat % 4, .prefetch = 1 + repeat % 3});
    const std::int64_t taken = repeat % 7 + 1;
    for (auto [x, y] : loader)
      if (y.item<std::int64_t>() == taken - 1) break;
    const int made_so_far = calls;
    CHECK(loader.position() == taken);
    CHECK(loader.epoch() == 0);
    CHECK(epoch_of(loader)[0].targets.item<std::int64_t>() == taken);
    CHECK(loader.epoch() == 1);
    CHECK(calls - made_so_far == 64 - taken);  // no thread of the first loop was left
  }
}

TEST_CASE("no more batches are made ahead than prefetch allows") {
  std::atomic<int> calls{0};
  Loader loader(made(100).map([&](Sample sample) {
    ++calls;
    return sample;
  }),
                {.size = 1}, {.threads = 2, .prefetch = 3});
  for (auto [x, y] : loader) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(calls <= loader.position() + 6);
  }
  CHECK(calls == 100);
}

TEST_CASE("a loop ends when another thread requests it, even while it waits for a batch") {
  for (const int threads : {0, 2}) {
    std::stop_source source;
    std::atomic<bool> stuck{false};
    const auto dataset = made(20).map([&](Sample sample) {
      if (threads && sample.target.item<std::int64_t>() == 7) {
        stuck = true;
        while (!source.stop_requested()) std::this_thread::yield();
      }
      return sample;
    });
    Loader loader(dataset, {.size = 2}, {.threads = threads, .stop = source.get_token()});
    std::jthread canceller([&] {
      while (loader.position() < 3 || (threads && !stuck)) std::this_thread::yield();
      source.request_stop();
    });
    for (auto [x, y] : loader) {
      if (!threads && loader.position() == 3) canceller.join();
      CHECK(loader.position() <= 3);
    }
    CHECK(loader.position() == 3);
    CHECK(loader.epoch() == 0);
    CHECK(epoch_of(loader).empty());
  }
}

TEST_CASE("a restored loader goes on at the same batch") {
  const auto dataset = made(50).map_inputs(gaussian_noise());
  const BatchOptions options{.size = 8, .shuffle = true, .seed = 3};
  Loader whole(dataset, options);
  std::vector<std::vector<Batch>> expected;
  for (int epoch = 0; epoch < 3; ++epoch) expected.push_back(epoch_of(whole));
  for (const std::int64_t stop : {1, 4, 7}) {
    Loader first(dataset, options, {.threads = 2});
    (void)epoch_of(first);
    StateDict state;
    for (auto [x, y] : first)
      if (first.position() == stop) {
        state = first.state_dict();
        break;
      }
    Loader second(dataset, {.size = 8, .shuffle = true}, {.threads = 3});
    second.load_state_dict(state);
    CHECK(second.epoch() == 1);
    CHECK(second.position() == stop);
    CHECK(equal(epoch_of(second), {expected[1].begin() + stop, expected[1].end()}));
    CHECK(equal(epoch_of(second), expected[2]));
  }
}

TEST_CASE("a loader refuses the state of another, with nothing changed") {
  Loader loader(made(10), {.size = 3});
  const auto refuses = [&](const char* name, Tensor value, const char* message) {
    auto state = loader.state_dict();
    state.insert_or_assign(name, value);
    state.insert_or_assign("epoch", state_entry(std::int64_t{9}));
    CHECK_THROWS_WITH_AS(loader.load_state_dict(state), message, ValueError);
    CHECK(loader.epoch() == 0);
    CHECK(loader.position() == 0);
  };
  refuses("batch_size", state_entry(std::int64_t{0}),
          "Loader: batch_size = 0, but it must be at least 1");
  refuses("start", state_entry(std::int64_t{11}), "Loader: start = 11, but it must be in [0, 10]");
  refuses("samples", state_entry(std::int64_t{11}),
          "Loader: the state is that of a loader with samples 11, this one has 10");
  refuses("position", state_entry(std::int64_t{5}),
          "Loader: position 5 is out of range for 4 batches");
  refuses("position", state_entry(std::int64_t{-1}),
          "Loader: position -1 is out of range for 4 batches");
  refuses("more", state_entry(1.0), "Loader: the state has an unknown entry 'more'");
  CHECK_THROWS_WITH_AS(loader.load_state_dict({}), "Loader: the state has no 'seed'", ValueError);
}

TEST_CASE("loaders refuse options out of range, and take few samples") {
  CHECK_THROWS_WITH_AS(Loader(made(3), {}, {.threads = -1}),
                       "Loader: threads = -1, but it must be at least 0", ValueError);
  CHECK_THROWS_WITH_AS(Loader(made(3), {}, {.prefetch = 0}),
                       "Loader: prefetch = 0, but it must be at least 1", ValueError);
  CHECK_THROWS_WITH_AS(Loader(made(3), {.size = 0}), "batches: size = 0, but it must be at least 1",
                       ValueError);
  for (const int threads : {0, 1000}) {
    constexpr auto most = std::numeric_limits<int>::max();
    Loader none(made(0), {}, {.threads = threads, .prefetch = most});
    CHECK(epoch_of(none).empty());
    CHECK(none.epoch() == 1);
    Loader one(made(1), {}, {.threads = threads, .prefetch = most});
    CHECK(targets(epoch_of(one)) == Order{0});
  }
}

TEST_CASE("workers run kernels on their own thread only, and record nothing") {
  const auto weight = ones({2}).requires_grad();
  std::atomic<int> most{0}, tracked{0};
  const auto dataset = made(6).map([&](Sample sample) {
    most = std::max(most.load(), num_threads());
    const Tensor input = sample.input * weight;
    tracked += input.is_tracked();
    return Sample{input, sample.target};
  });
  Loader loader(dataset, {.size = 2}, {.threads = 1});
  for (auto [x, y] : loader) CHECK_FALSE(x.is_tracked());
  CHECK(most == 1);
  Loader inline_loader(dataset, {.size = 2}, {.threads = 0});
  for (auto [x, y] : inline_loader) CHECK_FALSE(x.is_tracked());
  CHECK(tracked == 0);
  CHECK((ones({2}) * weight).is_tracked());
}

TEST_CASE("what a data set draws leaves this thread's default generator alone") {
  const auto dataset = Dataset::from_function(4, [](std::int64_t i) {
    return Sample{rand({2}), tensor(i)};
  });
  seed(5);
  const auto position = default_generator().position();
  Loader loader(dataset, {.size = 2}, {.threads = 0});
  (void)epoch_of(loader);
  CHECK(default_generator().seed() == 5);
  CHECK(default_generator().position() == position);
}

TEST_CASE("a loader whose threads cannot start, for want of memory, goes on with fewer") {
  const Dataset numbers = Dataset::from_function(8, [](std::int64_t i) {
    return Sample{full({1}, static_cast<double>(i)), full({}, 0)};
  });
  int whole = 0;
  for (std::int64_t n = 0; n < 60; ++n) {
    Loader loader(numbers, {.size = 2}, {.threads = 3});
    std::optional<gradtape::testing::Fault> fault(n);
    try {
      double total = 0;
      for (const auto& batch : loader) {
        fault.reset();  // only the start is disturbed
        total += sum(batch.inputs).item<double>();
      }
      CHECK(total == 28);  // 0 + 1 + ... + 7
      ++whole;
    } catch (const std::bad_alloc&) {  // no hang, no crash
    }
  }
  CHECK(whole > 0);
}

// Loaders that give a part of every batch, and loaders that go on in batches of another size.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/data/loader.hpp>
#include <gradtape/nn/data/transforms.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace gradtape;
using namespace gradtape::nn::data;

namespace {

/// Sample i has noise around i as its input and the target i.
Dataset noisy(std::int64_t n) {
  return Dataset::from_function(n,
                                [](std::int64_t i) {
                                  return Sample{full({2}, static_cast<double>(i)), tensor(i)};
                                })
      .map_inputs(gaussian_noise());
}

Dataset in_memory(std::int64_t n) { return {arange(n).to(float32), arange(n)}; }

std::vector<Batch> epoch_of(Loader& loader) {
  std::vector<Batch> all;
  for (const auto& batch : loader) all.push_back(batch);
  return all;
}

bool equal(const Batch& a, const Batch& b) {
  return array_equal(a.inputs, b.inputs) && array_equal(a.targets, b.targets);
}

/// All samples of the batches, in order.
Batch joined(const std::vector<Batch>& batches) {
  std::vector<Tensor> inputs, targets;
  for (const auto& batch : batches) {
    inputs.push_back(batch.inputs);
    targets.push_back(batch.targets);
  }
  return {concat(inputs), concat(targets)};
}

/// The state within the epoch, after `position` batches.
StateDict state_at(Loader& loader, std::int64_t position, std::vector<Batch>& seen) {
  if (position == 0) return loader.state_dict();
  for (const auto& batch : loader) {
    seen.push_back(batch);
    if (loader.position() == position) break;
  }
  return loader.state_dict();
}

}  // namespace

TEST_CASE("a shard is one of parts that differ by one at most, and joined are the whole") {
  for (const std::int64_t count : {1, 2, 3, 7})
    for (std::int64_t n = 0; n < 30; ++n) {
      std::int64_t at = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        const Shard shard{i, count};
        CHECK(shard.begin(n) == at);
        CHECK(shard.begin(n) == n * i / count);
        CHECK((shard.end(n) - at == n / count || shard.end(n) - at == n / count + 1));
        at = shard.end(n);
      }
      CHECK(at == n);
    }
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  CHECK(Shard{2, 3}.end(huge) == huge);
}

TEST_CASE("the shards of every batch, joined, are the batch of a loader without, to the bit") {
  struct Case {
    Dataset dataset;
    BatchOptions options;
  };
  const auto weights = arange(47).to(float64) + 1.0;
  const std::vector<Case> cases = {
      {noisy(47), {.size = 10, .shuffle = true, .seed = 3}},
      {noisy(47), {.size = 12, .seed = 3, .drop_last = true}},
      {noisy(47), {.size = 10, .weights = weights, .draws = 90}},
      {in_memory(47), {.size = 10}},
      {in_memory(47), {.size = 16, .shuffle = true, .epoch = 4}},
  };
  for (const auto& [dataset, options] : cases)
    for (const std::int64_t count : {1, 2, 3, 7}) {
      CAPTURE(count);
      Loader whole(dataset, options);
      for (int epoch = 0; epoch < 2; ++epoch) {
        const auto expected = epoch_of(whole);
        std::vector<std::vector<Batch>> parts;
        for (std::int64_t i = 0; i < count; ++i) {
          auto of_epoch = options;
          of_epoch.epoch = options.epoch + static_cast<std::uint64_t>(epoch);
          Loader loader(dataset, of_epoch, {.threads = static_cast<int>(i), .shard = {i, count}});
          CHECK(loader.size() == static_cast<std::int64_t>(expected.size()));
          CHECK(loader.batch_samples() == 0);
          for (const auto& batch : loader) {
            const auto k = static_cast<std::size_t>(loader.position() - 1);
            CHECK(loader.batch_samples() == expected[k].targets.size(0));
            parts.resize(expected.size());
            parts[k].push_back(batch);
          }
          CHECK(loader.batch_samples() == 0);
          CHECK(array_equal(loader.state_dict().at("position"), tensor(0)));
        }
        for (std::size_t k = 0; k < expected.size(); ++k) {
          CHECK(parts[k].size() == static_cast<std::size_t>(count));
          CHECK(equal(joined(parts[k]), expected[k]));
        }
      }
    }
}

TEST_CASE("all shards save one state, and any number of them goes on from it") {
  const auto dataset = noisy(40);
  const BatchOptions options{.size = 8, .shuffle = true, .seed = 1};
  Loader whole(dataset, options);
  const auto expected = epoch_of(whole);
  std::vector<Batch> seen;
  Loader first(dataset, options, {.shard = {0, 2}}), second(dataset, options, {.shard = {1, 2}});
  const auto state = state_at(first, 2, seen), other = state_at(second, 2, seen);
  for (const auto& [name, value] : state) CHECK(array_equal(value, other.at(name)));
  std::vector<Loader*> loaders;
  Loader a(dataset, {.size = 8, .shuffle = true}, {.shard = {0, 3}});
  Loader b(dataset, {.size = 8, .shuffle = true}, {.shard = {1, 3}});
  Loader c(dataset, {.size = 8, .shuffle = true}, {.shard = {2, 3}});
  std::vector<std::vector<Batch>> parts;
  for (Loader* loader : {&a, &b, &c}) {
    loader->load_state_dict(state);
    parts.push_back(epoch_of(*loader));
    REQUIRE(parts.back().size() == 3);
  }
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(equal(joined({parts[0][k], parts[1][k], parts[2][k]}), expected[k + 2]));
}

TEST_CASE("a shard that does not fit is refused, with the numbers") {
  const auto refused = [](const BatchOptions& batches, const Shard& shard, const char* message) {
    CHECK_THROWS_WITH_AS(Loader(in_memory(10), batches, {.shard = shard}), message, ValueError);
  };
  refused({.size = 5}, {0, 0}, "batches: shard.count = 0, but it must be at least 1");
  refused({.size = 5}, {2, 2}, "batches: shard.index = 2, but it must be in [0, 2)");
  refused({.size = 5}, {-1, 2}, "batches: shard.index = -1, but it must be in [0, 2)");
  refused({.size = 4}, {0, 3},
          "batches: the last of 3 batches has 2 of 10 samples, too few for 3 shards; take another "
          "size than 4, or drop_last");
  refused({.size = 2, .drop_last = true}, {0, 3},
          "batches: the last of 5 batches has 2 of 10 samples, too few for 3 shards; take another "
          "size than 2, or drop_last");
  CHECK(Loader(in_memory(10), {.size = 4, .drop_last = true}, {.shard = {0, 3}}).size() == 2);
  CHECK(Loader(in_memory(0), {.size = 4}, {.shard = {0, 3}}).size() == 0);
  // Nor is the rest of an epoch, and the loader stays where it was.
  std::vector<Batch> seen;
  Loader saved(in_memory(10), {.size = 3});
  const auto state = state_at(saved, 1, seen);
  Loader loader(in_memory(10), {.size = 5}, {.shard = {0, 3}});
  CHECK_THROWS_WITH_AS(loader.load_state_dict(state),
                       "batches: the last of 2 batches has 2 of 7 samples, too few for 3 shards; "
                       "take another size than 5, or drop_last",
                       ValueError);
  CHECK((loader.position() == 0 && loader.size() == 2));
}

TEST_CASE("an epoch goes on in batches of another size with the samples that are left") {
  struct Case {
    std::int64_t n;
    std::vector<std::int64_t> sizes;      // of the loaders, one after the other
    std::vector<std::int64_t> positions;  // where each but the last is saved
  };
  const std::vector<Case> cases = {
      {50, {8, 5}, {2}},        {50, {8, 13}, {6}},        {50, {8, 100}, {1}},
      {50, {8, 3}, {0}},        {50, {8, 8}, {3}},         {53, {10, 7, 4}, {2, 3}},
      {53, {10, 7, 7}, {2, 3}}, {53, {10, 7, 10}, {2, 1}}, {53, {10, 7, 4}, {5, 1}},
      {50, {10, 7}, {5}},       {1, {1, 2}, {1}},          {53, {20, 1, 9, 9, 50}, {1, 5, 2, 3}},
  };
  for (const bool shuffle : {false, true})
    for (const auto& [n, sizes, positions] : cases) {
      const auto dataset = shuffle ? noisy(n) : in_memory(n);
      const auto options = [shuffle](std::int64_t size) {
        return BatchOptions{.size = size, .shuffle = shuffle, .seed = 5};
      };
      Loader whole(dataset, options(n));
      const auto expected = epoch_of(whole)[0], next = epoch_of(whole)[0];
      std::vector<Batch> seen;
      StateDict state;
      std::int64_t before = 0;  // samples
      for (std::size_t k = 0; k < sizes.size(); ++k) {
        Loader loader(dataset, options(sizes[k]), {.threads = static_cast<int>(k)});
        if (k > 0) loader.load_state_dict(state);
        const bool same = k > 0 && sizes[k] == sizes[k - 1];
        CHECK(loader.epoch() == 0);
        CHECK(loader.position() == (same ? positions[k - 1] : 0));
        const auto left = n - before;
        CHECK(loader.size() - loader.position() == (left + sizes[k] - 1) / sizes[k]);
        if (k + 1 < sizes.size()) {
          state = state_at(loader, positions[k], seen);
          before = seen.empty() ? 0 : joined(seen).targets.size(0);
        } else {
          for (const auto& batch : epoch_of(loader)) seen.push_back(batch);
          CHECK(equal(joined(seen), expected));
          CHECK(loader.epoch() == 1);
          CHECK(loader.size() == (n + sizes[k] - 1) / sizes[k]);
          CHECK(equal(joined(epoch_of(loader)), next));
        }
      }
    }
}

TEST_CASE("drop_last leaves out the last samples of an epoch that goes on, too") {
  std::vector<Batch> seen;
  Loader first(in_memory(50), {.size = 8, .drop_last = true});
  const auto state = state_at(first, 2, seen);
  Loader second(in_memory(50), {.size = 5, .drop_last = true});
  second.load_state_dict(state);
  CHECK(second.size() == 6);  // of 34 samples
  for (const auto& batch : second) {
    CHECK(second.batch_samples() == 5);
    seen.push_back(batch);
  }
  CHECK(array_equal(joined(seen).targets, arange(46)));
  CHECK(second.size() == 10);
}

TEST_CASE("a state without a start is that of an epoch that began with its first sample") {
  std::vector<Batch> seen;
  Loader saved(in_memory(50), {.size = 8});
  auto state = state_at(saved, 2, seen);
  CHECK(state.erase("start") == 1);
  Loader loader(in_memory(50), {.size = 8});
  loader.load_state_dict(state);
  CHECK(loader.position() == 2);
  CHECK(array_equal(joined(epoch_of(loader)).targets, arange(16, 50)));
  loader.set_epoch(0);
  CHECK(array_equal(joined(epoch_of(loader)).targets, arange(50)));
}

TEST_CASE("a loop says where it is, also after another has begun") {
  std::vector<Batch> seen;
  Loader saved(in_memory(50), {.size = 8}), loader(in_memory(50), {.size = 5});
  loader.load_state_dict(state_at(saved, 2, seen));
  auto first = loader.begin();
  loader.set_epoch(3);
  auto second = loader.begin();
  CHECK((loader.epoch() == 3 && loader.position() == 1 && loader.size() == 10));
  ++first;
  CHECK((loader.epoch() == 0 && loader.position() == 2 && loader.size() == 7));
  CHECK(array_equal((*first).targets, arange(21, 26)));
  ++second;
  CHECK((loader.epoch() == 3 && loader.position() == 2 && loader.size() == 10));
}

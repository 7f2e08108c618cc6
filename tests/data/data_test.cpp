#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/data/data.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

using namespace gradtape;
using namespace gradtape::nn::data;

namespace {

/// Sample i has the inputs (i, 100 + i) and the target i.
Dataset counted(std::int64_t n) {
  const Tensor i = arange(n);
  return {stack({i, i + 100}, 1).to(float32), i};
}

/// The targets of all batches in order; checks that inputs came along.
std::vector<std::int64_t> seen(const Batches& batches) {
  std::vector<std::int64_t> all;
  for (const auto& [inputs, targets] : batches) {
    CHECK(array_equal(inputs, stack({targets, targets + 100}, 1).to(float32)));
    for (const auto i : targets.data<std::int64_t>()) all.push_back(i);
  }
  return all;
}

std::vector<std::int64_t> first(std::int64_t n) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) indices[static_cast<std::size_t>(i)] = i;
  return indices;
}

}  // namespace

static_assert(std::input_iterator<Batches::Iterator>);

TEST_CASE("batches come in order, each sample once, the last one smaller") {
  const auto dataset = counted(10);
  const auto all = batches(dataset, {.size = 4});
  CHECK(all.size() == 3);
  CHECK(seen(all) == first(10));
  std::vector<std::int64_t> sizes;
  for (auto [inputs, targets] : all) sizes.push_back(inputs.size(0));
  CHECK(sizes == std::vector<std::int64_t>{4, 4, 2});
  CHECK(seen(batches(dataset, {.size = 4, .drop_last = true})) == first(8));
  CHECK(seen(batches(dataset, {.size = 5, .drop_last = true})) == first(10));
  CHECK(batches(dataset, {.size = 100}).size() == 1);
  CHECK(batches(dataset, {.size = 100, .drop_last = true}).size() == 0);
  CHECK(batches(dataset, {.size = std::numeric_limits<std::int64_t>::max()}).size() == 1);
}

TEST_CASE("batches in order share the elements of the data set") {
  const auto dataset = counted(1000);
  const auto second = batches(dataset, {.size = 400})[1];
  const Tensor all = dataset.inputs();
  CHECK(second.inputs.data<float>().data() == all.data<float>().data() + 800);
}

TEST_CASE("shuffled batches have every sample once, in an order fixed by seed and epoch") {
  const auto dataset = counted(1003);
  const auto order = [&](std::uint64_t seed, std::uint64_t epoch) {
    return seen(batches(dataset, {.size = 100, .shuffle = true, .seed = seed, .epoch = epoch}));
  };
  const auto one = order(1, 0);
  CHECK(one == order(1, 0));
  CHECK(one != first(1003));
  CHECK(one != order(2, 0));
  CHECK(one != order(1, 1));
  CHECK(order(1, 1) != order(2, 0));
  for (auto all : {one, order(1, 1), order(2, 0)}) {
    std::sort(all.begin(), all.end());
    CHECK(all == first(1003));
  }
}

TEST_CASE("the same batches can be gone through again, and by number") {
  const auto all = batches(counted(10), {.size = 3, .shuffle = true});
  CHECK(seen(all) == seen(all));
  CHECK(array_equal(all[1].targets, (*++all.begin()).targets));
  CHECK_THROWS_WITH_AS(all[4], "batches: batch 4 is out of range for 4 batches", ValueError);
  CHECK_THROWS_WITH_AS(all[-1], "batches: batch -1 is out of range for 4 batches", ValueError);
}

TEST_CASE("a data set without samples has no batches") {
  CHECK(batches(counted(0), {.size = 3}).size() == 0);
  CHECK(seen(batches(counted(0), {.size = 3, .shuffle = true})).empty());
}

TEST_CASE("data sets and batches refuse what does not fit") {
  CHECK_THROWS_WITH_AS(
      Dataset(ones({3, 2}), ones({4})),
      "Dataset: inputs [3, 2] and targets [4] must have as many samples along axis 0", ShapeError);
  CHECK_THROWS_WITH_AS(
      Dataset(ones({3, 2}), ones({})),
      "Dataset: inputs [3, 2] and targets [] must have as many samples along axis 0", ShapeError);
  CHECK_THROWS_WITH_AS(batches(counted(3), {.size = 0}),
                       "batches: size = 0, but it must be at least 1", ValueError);
}

TEST_CASE("split_every holds out samples 0, n, 2n, ...") {
  const auto [train, test] = split_every(counted(7), 3);
  CHECK(array_equal(test.targets(), tensor({0, 3, 6})));
  CHECK(array_equal(train.targets(), tensor({1, 2, 4, 5})));
  CHECK(array_equal(train.inputs(), tensor({{1, 101}, {2, 102}, {4, 104}, {5, 105}}, float32)));
  CHECK_THROWS_WITH_AS(split_every(counted(7), 1), "split_every: n = 1, but it must be at least 2",
                       ValueError);
}

TEST_CASE("split holds out a random fraction, fixed by the seed") {
  const auto dataset = counted(100);
  const auto [train, test] = split(dataset, 0.25, 3);
  CHECK(test.size() == 25);
  CHECK(train.size() == 75);
  const auto kept = train.targets().values<std::int64_t>(),
             held_out = test.targets().values<std::int64_t>();
  CHECK(std::is_sorted(kept.begin(), kept.end()));
  std::vector<std::int64_t> all;
  std::merge(kept.begin(), kept.end(), held_out.begin(), held_out.end(), std::back_inserter(all));
  CHECK(all == first(100));
  CHECK(array_equal(split(dataset, 0.25, 3).test.inputs(), test.inputs()));
  CHECK_FALSE(array_equal(split(dataset, 0.25, 4).test.inputs(), test.inputs()));
  CHECK_THROWS_WITH_AS(split(dataset, 1.0), "split: fraction = 1, but it must be in (0, 1)",
                       ValueError);
  CHECK_THROWS_WITH_AS(split(counted(3), 0.1),
                       "split: fraction 0.1 of 3 samples leaves a part empty", ValueError);
}

TEST_CASE("a Standardiser gives mean 0 and deviation 1 on what it was fitted on, and inverts") {
  const Tensor x = tensor({{1, 0.1}, {3, 0.1}, {5, 0.1}, {7, 0.1}}, float64);
  const auto standardiser = Standardiser::fit(x);
  CHECK(array_equal(standardiser.mean, tensor({4, 0.1}, float64)));
  CHECK(allclose(standardiser.scale, tensor({std::sqrt(5.0), 1.0}, float64)));  // constant: 1
  const Tensor z = standardiser.apply(x);
  CHECK(allclose(mean(z, 0), zeros({2}, float64)));
  CHECK(allclose(var(z, 0, {.correction = 0}), tensor({1, 0}, float64)));
  CHECK(allclose(standardiser.invert(z), x));
  CHECK(allclose(standardiser.apply(tensor({{4, 1.1}}, float64)), tensor({{0, 1}}, float64)));
}

TEST_CASE("a Standardiser refuses samples of another shape, and nothing to fit") {
  const auto standardiser = Standardiser::fit(randn({10, 3}));
  CHECK_THROWS_WITH_AS(standardiser.apply(ones({10, 1})),
                       "Standardiser::apply: x must be samples of shape [3], got [10, 1]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(standardiser.invert(ones({3})),
                       "Standardiser::invert: x must be samples of shape [3], got [3]", ShapeError);
  CHECK_THROWS_WITH_AS(Standardiser::fit(ones({0, 3})),
                       "Standardiser::fit: x must have samples along axis 0, got [0, 3]",
                       ShapeError);
  CHECK_THROWS_AS(Standardiser::fit(ones({2, 3}, int64)), DtypeError);
}

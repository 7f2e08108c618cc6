#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("samples of normal have the mean and the deviation they were given") {
  Generator generator(1);
  const Tensor x = normal(full({100000, 1}, 3, float64), tensor({0.5, 2.0}, float64), generator);
  CHECK(x.shape() == Shape{100000, 2});
  CHECK(allclose(mean(x, 0), tensor({3, 3}, float64), 0, 0.03));
  CHECK(allclose(stddev(x, 0), tensor({0.5, 2.0}, float64), 0.02));
}

TEST_CASE("the gradient of a normal sample is 1 for the mean and the noise for the deviation") {
  Generator generator(5), again(5);
  const Tensor mean = zeros({4}, float64).requires_grad(), std = ones({4}, float64).requires_grad();
  sum(normal(mean, std, generator)).backward();
  CHECK(array_equal(mean.grad(), ones({4}, float64)));
  CHECK(array_equal(std.grad(), randn({4}, float64, again)));
}

TEST_CASE("multinomial draws in proportion to the weights of each row, without repeating") {
  Generator generator(2);
  const Tensor weights = tensor({{1.0, 1.0, 2.0, 0.0}, {0.0, 5.0, 1.0, 2.0}}, float32);
  const Tensor drawn = multinomial(weights, 3, {}, generator);
  CHECK(array_equal(sort(drawn).values, tensor({{0, 1, 2}, {1, 2, 3}})));
  const Tensor first = multinomial(ones({20000, 1}) * slice(weights, 0, 0, 1), 1, {}, generator);
  const Tensor share = mean(one_hot(first, 4, float64), {0, 1});
  CHECK(allclose(share, tensor({0.25, 0.25, 0.5, 0.0}, float64), 0, 0.02));
  const Tensor many = multinomial(weights, 20000, {.replacement = true}, generator);
  CHECK(many.shape() == Shape{2, 20000});
  CHECK(allclose(mean(one_hot(many, 4, float64), 1),
                 tensor({{0.25, 0.25, 0.5, 0.0}, {0.0, 0.625, 0.125, 0.25}}, float64), 0, 0.02));
}

TEST_CASE("samples are the same bits for any number of threads") {
  const auto draw = [] {
    Generator generator(9);
    const Tensor p = full({300000}, 0.3);
    return std::vector<Tensor>{bernoulli(p, generator), normal(p, 1.0, generator),
                               dropout(p, 0.5, generator),
                               multinomial(p, 100000, {.replacement = true}, generator)};
  };
  const auto one = with_threads(1, draw), two = with_threads(2, draw);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(array_equal(one[i], two[i]));
}

TEST_CASE("random ops say what is wrong") {
  const Tensor w = tensor({1.0, 0.0}, float32), half = full({2}, 0.5);
  CHECK_THROWS_WITH_AS(dropout(half, 1.5), "dropout: p must be in [0, 1], got 1.5", ValueError);
  CHECK_THROWS_WITH_AS(dropout(tensor({1}), 0.5),
                       "dropout: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(bernoulli(half * 3), "bernoulli: [2] holds probabilities outside [0, 1]",
                       ValueError);
  CHECK_THROWS_WITH_AS(bernoulli(tensor({1})),
                       "bernoulli: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(normal(half, -half), "normal: std [2] holds elements below 0 or NaN",
                       ValueError);
  CHECK_THROWS_AS(normal(half, ones({3})), ShapeError);
  CHECK_THROWS_AS(normal(half, ones({2}, float64)), DtypeError);
  CHECK_THROWS_WITH_AS(multinomial(w, 2),
                       "multinomial: 2 draws need 2 weights above 0, and some row of [2] has fewer",
                       ValueError);
  CHECK_THROWS_WITH_AS(multinomial(w - 1, 1),
                       "multinomial: weights [2] are not all finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(multinomial(w, -1), "multinomial: count must not be negative, got -1",
                       ValueError);
  CHECK_THROWS_WITH_AS(multinomial(zeros({0}), 1),
                       "multinomial: needs weights along a last axis, got [0]", ShapeError);
}

TEST_CASE("the streams of random ops are pinned: the same numbers on every machine") {
  Generator generator(42);
  CHECK(
      array_equal(bernoulli(full({8}, 0.5), generator), tensor({0, 1, 1, 1, 0, 1, 0, 1}, float32)));
  const Tensor weights = tensor({1, 2, 3, 4}, float64);
  CHECK(array_equal(multinomial(weights, 3, {}, generator), tensor({3, 2, 1})));
  CHECK(array_equal(multinomial(weights, 6, {.replacement = true}, generator),
                    tensor({3, 1, 1, 0, 3, 1})));
  const Tensor x = normal(1.0, tensor({2.0, 3.0}, float64), generator);
  CHECK(allclose(x, tensor({1.8565987949935683, 3.7907195482049172}, float64), 1e-14));
  CHECK(array_equal(dropout(ones({8}), 0.5, generator), tensor({0, 2, 0, 2, 2, 2, 0, 2}, float32)));
  CHECK(generator.position() == 10);
}

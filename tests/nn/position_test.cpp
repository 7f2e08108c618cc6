#include <doctest/doctest.h>

#include <cmath>

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/nn/position.hpp>

#include "support/close.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("sinusoidal positions are sines and cosines of wave lengths from 2 pi to 2 pi base") {
  const Tensor table = nn::sinusoidal_positions(3, 5, 4, 100, float64);
  CHECK(table.shape() == Shape{3, 5});
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 5; ++column) {
      const double angle = (row + 4) / std::pow(100.0, (column - column % 2) / 5.0);
      CHECK(at(table, {row, column}).item<double>() ==
            close(column % 2 ? std::cos(angle) : std::sin(angle), 1e-12));
    }
  const Tensor late = nn::sinusoidal_positions(1, 2, 1000000);
  CHECK(late.dtype() == float32);
  CHECK(at(late, {0, 0}).item<double>() == close(std::sin(1e6), 1e-6));
}

TEST_CASE("SinusoidalPositions adds the table along the sequence") {
  const Tensor table = nn::sinusoidal_positions(3, 4);
  const nn::SinusoidalPositions columns(4), rows(4, {.batch_first = true});
  CHECK(array_equal(columns(zeros({3, 4})), table));
  CHECK(array_equal(select(columns(zeros({3, 2, 4})), 1, 1), table));
  CHECK(array_equal(select(rows(zeros({2, 3, 4})), 0, 1), table));
  CHECK(columns(ones({3, 2, 4}, float64)).dtype() == float64);
}

TEST_CASE("rotary positions turn pairs by angles in proportion to the position") {
  const Tensor x = cosines({2, 3, 4});
  const Tensor y = nn::rotary_positions(x, {.first = 2, .base = 50});
  for (int row = 0; row < 3; ++row)
    for (int i = 0; i < 2; ++i) {
      const double angle = (row + 2) * std::pow(50.0, -2.0 * i / 4);
      const auto element = [&](const Tensor& of, int k) {
        return at(of, {1, row, 2 * i + k}).item<double>();
      };
      CHECK(element(y, 0) ==
            close(element(x, 0) * std::cos(angle) - element(x, 1) * std::sin(angle), 1e-12));
      CHECK(element(y, 1) ==
            close(element(x, 1) * std::cos(angle) + element(x, 0) * std::sin(angle), 1e-12));
    }
  CHECK(array_equal(nn::RotaryPositions({.first = 2, .base = 50})(x), y));
}

TEST_CASE("products of rotary queries and keys depend on their distance alone") {
  const Tensor q = cosines({1, 6}), k = sin(cosines({1, 6}));
  const auto product = [&](std::int64_t i, std::int64_t j) {
    return sum(nn::rotary_positions(q, {.first = i}) * nn::rotary_positions(k, {.first = j}))
        .item<double>();
  };
  CHECK(product(7, 4) == close(product(103, 100), 1e-12));
  CHECK(std::abs(product(7, 4) - product(7, 5)) > 1e-3);
}

TEST_CASE("gradients through positions are right to second order") {
  const auto rotary = [](const Tensor& x) { return square(nn::rotary_positions(x)); };
  CHECK(gradcheck(rotary, cosines({2, 3, 4}), {.order = 2}));
  const nn::SinusoidalPositions layer(4);
  CHECK(
      gradcheck([&](const Tensor& x) { return square(layer(x)); }, cosines({3, 4}), {.order = 2}));
}

TEST_CASE("positions refuse what does not fit") {
  CHECK_THROWS_WITH_AS(nn::SinusoidalPositions(0),
                       "SinusoidalPositions: d = 0, but it must be at least 1", ValueError);
  CHECK_THROWS_WITH_AS(nn::SinusoidalPositions(4, {.base = 0}),
                       "SinusoidalPositions: base = 0, but it must be finite and above 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(nn::SinusoidalPositions(4)(ones({3, 5})),
                       "SinusoidalPositions: needs x [L, N, 4] or [L, 4], got [3, 5]", ShapeError);
  CHECK_THROWS_WITH_AS(nn::sinusoidal_positions(-1, 4),
                       "sinusoidal_positions: length = -1, but it must be at least 0", ValueError);
  CHECK_THROWS_WITH_AS(nn::sinusoidal_positions(1, 4, 0, 10, int64),
                       "sinusoidal_positions: needs float32 or float64, got int64", DtypeError);
  CHECK_THROWS_WITH_AS(
      nn::rotary_positions(ones({2, 3})),
      "rotary_positions: needs x [..., L, d] with an even d and at most 7 axes, got [2, 3]",
      ShapeError);
  CHECK_THROWS_WITH_AS(nn::rotary_positions(tensor({{1, 2}})),
                       "rotary_positions: needs float32 or float64, got [1, 2]", DtypeError);
  CHECK_THROWS_WITH_AS(nn::RotaryPositions({.first = -1}),
                       "RotaryPositions: first = -1, but it must be at least 0", ValueError);
  CHECK(nn::rotary_positions(ones({0, 4})).shape() == Shape{0, 4});
}

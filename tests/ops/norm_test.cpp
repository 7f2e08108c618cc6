// Variance, standard deviation and norms.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("the variance of numbers far from 0 keeps its digits") {
  const Tensor x = tensor({1e8 + 1, 1e8 + 2, 1e8 + 3, 1e8 + 4}, float64);
  CHECK(var(x).item<double>() == close(5.0 / 3, 1e-12));
  CHECK(stddev(x, {}, {.correction = 0}).item<double>() == close(std::sqrt(1.25), 1e-12));
}

TEST_CASE("stddev is the root of var, with slope 0 where nothing varies") {
  const Tensor x = tensor({{1, 2, 4}, {3, 3, 3}}, float64).requires_grad();
  const Tensor y = stddev(x, 1);
  CHECK(allclose(y, sqrt(var(x, 1))));
  const Tensor g = grad(sum(y), {x}, {.create_graph = true})[0];
  CHECK(values(slice(g, 0, 1)) == std::vector<double>{0, 0, 0});
  CHECK(values(slice(grad(sum(g * g), {x})[0], 0, 1)) == std::vector<double>{0, 0, 0});
}

TEST_CASE("norm neither overflows nor underflows, whatever its order") {
  for (double scale : {1e-300, 1e-160, 1.0, 1e160, 1e300})
    for (double p : {0.5, 1.0, 2.0, 3.0, 7.5, -1.0, infinity, -infinity}) {
      const Tensor x = tensor({3, -4, 12}, float64);
      CAPTURE(p);
      const double wanted =
          p == infinity    ? 12
          : p == -infinity ? 3
                           : std::pow(std::pow(3, p) + std::pow(4, p) + std::pow(12, p), 1 / p);
      const Tensor leaf = (x * scale).requires_grad();
      const Tensor y = norm(leaf, p);
      CHECK(y.item<double>() / scale == close(wanted, 1e-13));
      y.backward();  // Euler: y = <x, dy/dx>, and the slope does not depend on the scale
      CHECK(sum(x * leaf.grad()).item<double>() == close(wanted, 1e-13));
    }
}

TEST_CASE("norm of infinities, of nothing and of a 0-d tensor") {
  CHECK(norm(tensor({infinity, 1.0}, float64)).item<double>() == infinity);
  CHECK(std::isnan(norm(tensor({not_a_number, 1.0}, float64)).item<double>()));
  CHECK(norm(tensor({0.0, 1.0}, float64), -1).item<double>() == 0);
  CHECK(norm(Tensor(-3.0f)).item<float>() == 3);
  CHECK(values(norm(zeros({2, 0}), 2, 1)) == std::vector<double>{0, 0});
  CHECK(norm(zeros({0, 2}), 3, 1).shape() == Shape{0});
  CHECK(norm(tensor({1.0, 0.0, not_a_number}), 0).item<float>() == 2);
}

TEST_CASE("norm, stddev, trace and the counts say what is wrong") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(norm(x, 2, 2), "norm: axis 2 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(norm(tensor({1, 2})),
                       "norm: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(norm(x, not_a_number), "norm: p is NaN", ValueError);
  CHECK_THROWS_WITH_AS(norm(zeros({0}), infinity),
                       "norm: [0] has no elements to reduce, and norm of nothing is undefined",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      stddev(zeros({3, 1}), 1),
      "stddev: [3, 1] reduces 1 elements to one, and correction 1 leaves nothing to divide by; "
      "{.correction = 0} divides by their number",
      ShapeError);
  CHECK_THROWS_WITH_AS(trace(zeros({3})), "trace: needs at least two axes, got [3]", ShapeError);
  CHECK_THROWS_WITH_AS(all(x, 2), "all: axis 2 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(any(x, -3), "any: axis -3 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(count_nonzero(x, {0, 0}), "count_nonzero: axis 0 is given twice for [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(max_with_index(zeros({0, 2}), 0),
                       "max_with_index: [0, 2] has no elements to reduce, and max_with_index of "
                       "nothing is undefined",
                       ShapeError);
}

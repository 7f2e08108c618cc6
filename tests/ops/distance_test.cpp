#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

Tensor f64(const NestedList& values) { return detail::from_braces(values, float64); }

}  // namespace

TEST_CASE("cdist gives the norm of every difference, for every exponent") {
  const Tensor a = f64({{0, 0}, {1, 1}}), b = f64({{3, 4}, {1, 1}, {0, 2}});
  CHECK(allclose(cdist(a, b), sqrt(f64({{25, 2, 4}, {13, 0, 2}}))));
  CHECK(allclose(cdist(a, b, 1), f64({{7, 2, 2}, {5, 0, 2}})));
  CHECK(allclose(cdist(a, b, inf), f64({{4, 1, 2}, {3, 0, 1}})));
  CHECK(allclose(cdist(a, b, 0), f64({{2, 2, 1}, {2, 0, 2}})));
}

TEST_CASE("cdist keeps the digits of small distances far from the origin") {
  const Tensor a = f64({{1e8, 1e8}}), b = f64({{1e8 + 3, 1e8 + 4}});
  CHECK(cdist(a, b).item<double>() == 5);
}

TEST_CASE("cdist of NaN is NaN, whatever the other differences are") {
  const double quiet = std::numeric_limits<double>::quiet_NaN();
  for (const double other : {0.0, 1.0, 1e-300, 1e300, inf}) {
    CAPTURE(other);
    CHECK(std::isnan(cdist(f64({{quiet, other}}), f64({{0, 0}})).item<double>()));
    CHECK(std::isnan(cdist(f64({{other, 0}}), f64({{0, quiet}})).item<double>()));
  }
  CHECK(std::isnan(cdist(f64({{quiet}}), f64({{1}})).item<double>()));
  CHECK(cdist(f64({{inf}}), f64({{1}})).item<double>() == inf);
}

TEST_CASE("the gradient of cdist is the unit vector between the points, 0 where they coincide") {
  const Tensor a = f64({{0, 0}}).requires_grad(), b = f64({{3, 4}, {0, 0}}).requires_grad();
  for (const bool create_graph : {false, true}) {
    const auto g = grad(sum(cdist(a, b)), {a, b}, {.create_graph = create_graph});
    CHECK(allclose(g[0].detach(), f64({{-0.6, -0.8}})));
    CHECK(allclose(g[1].detach(), f64({{0.6, 0.8}, {0, 0}})));
  }
}

TEST_CASE("cosine_similarity is the cosine of the angle, and finite for a vector of length 0") {
  const Tensor a = f64({3, 4}).requires_grad(), b = f64({4, 3});
  const Tensor y = cosine_similarity(a, b);
  CHECK(y.item<double>() == close(0.96, 1e-12));
  CHECK(allclose(grad(y, {a})[0], f64({0.0448, -0.0336})));
  CHECK(cosine_similarity(f64({2}), f64({1, 2, 2})).item<double>() ==
        close(5 / (3 * std::sqrt(3.0)), 1e-12));  // of [2, 2, 2]
  const Tensor none = f64({0, 0}).requires_grad();
  CHECK(allclose(grad(cosine_similarity(none, a.detach()), {none})[0], f64({6e7, 8e7})));
}

TEST_CASE("normalize gives vectors of length 1") {
  const Tensor x = f64({{3, 4}, {0, 0}});
  CHECK(allclose(normalize(x), f64({{0.6, 0.8}, {0, 0}})));
  CHECK(allclose(normalize(x, {.p = 1, .axis = 0}), f64({{1, 1}, {0, 0}})));
}

TEST_CASE("distances say what is wrong with their arguments") {
  const Tensor a = ones({2, 3}, float64), b = ones({2, 2}, float64);
  CHECK_THROWS_WITH_AS(
      cdist(a, b),
      "cdist: needs rows of one length, [..., n, d] and [..., m, d], got [2, 3] and [2, 2]",
      ShapeError);
  CHECK_THROWS_WITH_AS(cdist(a, a, -1), "cdist: the exponent p must be at least 0, got -1",
                       ValueError);
  CHECK_THROWS_AS(pairwise_distance(a, b), ShapeError);
  CHECK_THROWS_WITH_AS(normalize(a, {.p = -2}),
                       "normalize: the exponent p must be at least 0, got -2", ValueError);
  CHECK_THROWS_AS(normalize(a, {.axis = 2}), ShapeError);
  CHECK_THROWS_AS(cosine_similarity(a, a, {.axis = 3}), ShapeError);
}

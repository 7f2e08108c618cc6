#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("cumsum and cumprod agree with a plain loop along every axis, in every dtype") {
  Generator generator(1);
  for (const Shape& shape : {Shape{7}, Shape{3, 4}, Shape{2, 3, 5}, Shape{4, 1, 70}, Shape{2, 0}})
    for (Dtype dtype : {float32, float64, int64, bool_}) {
      const Tensor x = randint(-1, 3, shape, generator).to(dtype);
      for (int axis = 0; axis < shape.ndim(); ++axis) {
        std::int64_t stride = 1;
        for (int i = axis + 1; i < shape.ndim(); ++i) stride *= shape[i];
        std::vector<double> sums = values(x), products = sums;
        for (std::int64_t k = 0; k < x.numel(); ++k) {
          if (k / stride % shape[axis] == 0) continue;
          const auto at = static_cast<std::size_t>(k),
                     before = static_cast<std::size_t>(k - stride);
          sums[at] += sums[before];
          products[at] *= products[before];
        }
        CHECK(values(cumsum(x, axis)) == sums);
        CHECK(values(cumprod(x, axis)) == products);
        CHECK(cumsum(x, axis).dtype() == (dtype == bool_ ? int64 : dtype));
      }
    }
}

TEST_CASE("cumprod has exact gradients with zeros in its input, to second order") {
  const Tensor x = tensor({2, 0, 3, 0, 5}, float64).requires_grad();
  // The last product but one with respect to the elements 1 and 3, which are 0.
  const Tensor first = grad(select(cumprod(x, 0), 0, 3), {x}, {.create_graph = true})[0];
  CHECK(values(first) == std::vector<double>{0, 0, 0, 0, 0});
  const Tensor second = grad(select(first, 0, 1), {x})[0];
  CHECK(values(second) == std::vector<double>{0, 0, 0, 6, 0});
}

TEST_CASE("a row has the same bits alone and among others") {
  const Tensor x = randn({21, 40}, float64);
  const auto same = [&](auto scan) {
    const Tensor all = scan(x);
    for (std::int64_t i = 0; i < x.size(0); ++i)
      CHECK(array_equal(select(all, 0, i), scan(slice(x, 0, i, i + 1))[0]));
  };
  same([](const Tensor& x) { return cumsum(x, 1); });
  same([](const Tensor& x) { return cumprod(x, 1); });
  same([](const Tensor& x) { return logcumsumexp(x, 1); });
  same([](const Tensor& x) { return cummax(x, 1).indices; });
}

TEST_CASE("long scans keep their digits in float32") {
  const Tensor y = cumsum(full({1 << 20}, 0.1), 0);
  CHECK(y.data<float>().back() / (1 << 20) == close(0.1f, 2e-7));
  const Tensor z = logcumsumexp(zeros({1 << 20}), 0);
  CHECK(z.data<float>().back() == close(20 * std::log(2), 1e-6));
}

TEST_CASE("logcumsumexp neither overflows nor trips over infinities") {
  CHECK(values(logcumsumexp(tensor({1000, 1000, -1000}, float64), 0)) ==
        std::vector<double>{1000, 1000 + std::log(2), 1000 + std::log(2)});
  CHECK(values(logcumsumexp(tensor({-infinity, 0.0, infinity, 5.0}, float64), 0)) ==
        std::vector<double>{-infinity, 0, infinity, infinity});
  CHECK(std::isnan(values(logcumsumexp(tensor({0.0, not_a_number, 1.0}, float64), 0))[2]));
  const Tensor x = tensor({-800, 0, 800}, float64).requires_grad();
  sum(logcumsumexp(x, 0)).backward();
  CHECK(values(x.grad()) == std::vector<double>{1, 1, 1});
}

TEST_CASE("cummax and cummin take the last of equal elements, and every NaN") {
  const auto [largest, at] = cummax(tensor({1, 3, 2, 3, 0}, float64), 0);
  CHECK(values(largest) == std::vector<double>{1, 3, 3, 3, 3});
  CHECK(values(at) == std::vector<double>{0, 1, 1, 3, 3});
  const auto [smallest, from] = cummin(tensor({{5, 1}, {2, 1}, {4, 7}}), 0);
  CHECK(array_equal(smallest, tensor({{5, 1}, {2, 1}, {2, 1}})));
  CHECK(array_equal(from, tensor({{0, 0}, {1, 1}, {1, 1}})));
  const auto nan = cummax(tensor({1.0, not_a_number, 5.0, not_a_number}, float64), 0);
  CHECK(values(nan.indices) == std::vector<double>{0, 1, 1, 3});
}

TEST_CASE("diff takes differences of neighbours, n times over") {
  const Tensor squares = tensor({0, 1, 4, 9, 16});
  CHECK(array_equal(diff(squares), tensor({1, 3, 5, 7})));
  CHECK(array_equal(diff(squares, 0, 2), tensor({2, 2, 2})));
  CHECK(array_equal(diff(squares, 0, 0), squares));
  CHECK(diff(squares, 0, 5).shape() == Shape{0});
  CHECK(diff(squares, 0, 1'000'000'000'000).shape() == Shape{0});
  CHECK(array_equal(diff(tensor({{1, 2}, {4, 8}}), 0), tensor({{3, 6}})));
}

TEST_CASE("scans give the same bits for any number of threads") {
  Generator generator(2);
  const Tensor x = randn({64, 3000}, float32, generator);
  const auto all = [&] {
    return std::vector<Tensor>{cumsum(x, 1), cumprod(x, 0), logcumsumexp(x, 1),
                               cummax(x, 1).indices};
  };
  const auto one = with_threads(1, all), two = with_threads(2, all);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(array_equal(one[i], two[i]));
}

TEST_CASE("scans say what is wrong with their axes and inputs") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(cumsum(x, 2), "cumsum: axis 2 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(cumprod(x, -3), "cumprod: axis -3 is out of range for shape [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(cumsum(zeros({}), 0), "cumsum: axis 0 is out of range for shape []",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      logcumsumexp(tensor({1, 2}), 0),
      "logcumsumexp: needs float32 or float64, got int64; convert with to(float32)", DtypeError);
  CHECK_THROWS_WITH_AS(cummin(tensor({true, false}), 0),
                       "cummin: does not take bool; convert with to(int64)", DtypeError);
  CHECK_THROWS_WITH_AS(diff(x, 0, -1), "diff: n must not be negative, got -1", ValueError);
}

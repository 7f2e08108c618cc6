#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// The gradient of <weights, f(x)> at x.
Tensor gradient(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                const Tensor& weights) {
  const Tensor leaf = x.requires_grad();
  return grad(sum(f(leaf) * weights), {leaf})[0];
}

/// Folds each group of elements that differ only along the axes in `mask`, in order of position.
template <class F> std::vector<double> naive(const Tensor& x, unsigned mask, double start, F f) {
  const Shape shape = x.shape();
  Shape kept = shape;
  for (int axis = 0; axis < shape.ndim(); ++axis)
    if (mask >> axis & 1) kept[axis] = 1;
  std::vector<double> result(static_cast<std::size_t>(kept.numel()), start);
  const auto elements = values(x);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    std::int64_t rest = i, place = 0, stride = 1;
    for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
      const auto index = rest % shape[axis];
      rest /= shape[axis];
      place += (mask >> axis & 1 ? 0 : index) * stride;
      stride *= kept[axis];
    }
    auto& total = result[static_cast<std::size_t>(place)];
    total = f(total, elements[static_cast<std::size_t>(i)]);
  }
  return result;
}

Axes axes_of(unsigned mask, int ndim) {
  std::vector<std::int64_t> list;
  for (int axis = 0; axis < ndim; ++axis)
    if (mask >> axis & 1)
      list.push_back(axis % 2 ? axis - ndim : axis);  // from the end, every second one
  return list;
}

void check_close(const std::vector<double>& got, const std::vector<double>& wanted,
                 double tolerance) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    REQUIRE(std::abs(got[i] - wanted[i]) <= tolerance * std::abs(wanted[i]));
}

}  // namespace

TEST_CASE(
    "sum, prod, amax and amin agree with a plain loop over every set of axes, in every dtype") {
  Generator generator(1);
  for (const Shape& shape :
       {Shape{7}, Shape{1, 5}, Shape{3, 4}, Shape{2, 3, 4, 5}, Shape{3, 1, 70, 2}, Shape{2, 0, 3}})
    for (Dtype dtype : {float32, float64, int64, bool_}) {
      const Tensor x = (randint(-1, 3, shape, generator)).to(dtype);
      for (unsigned mask = 0; mask < 1u << shape.ndim(); ++mask) {
        const Axes axes = axes_of(mask, shape.ndim());
        check_close(values(sum(x, axes)), naive(x, mask, 0, std::plus<>()), 1e-6);
        check_close(values(prod(x, axes)), naive(x, mask, 1, std::multiplies<>()), 1e-6);
        if (shape.numel() == 0) continue;
        check_close(values(amax(x, axes)),
                    naive(x, mask, -infinity, [](double a, double b) { return std::max(a, b); }),
                    0);
        check_close(values(amin(x, axes)),
                    naive(x, mask, infinity, [](double a, double b) { return std::min(a, b); }), 0);
      }
    }
}

TEST_CASE("large sums agree with a plain loop however they are cut") {
  Generator generator(2);
  for (const Shape& shape :
       {Shape{200000}, Shape{3, 70000}, Shape{70000, 3}, Shape{300, 512}, Shape{20, 9000},
        Shape{2, 300, 300}, Shape{2, 17, 5000}, Shape{40, 50, 60}})
    for (unsigned mask = 1; mask < 1u << shape.ndim(); ++mask) {
      const Tensor x = rand(shape, float64, generator);
      check_close(values(sum(x, axes_of(mask, shape.ndim()))), naive(x, mask, 0, std::plus<>()),
                  1e-11);
      check_close(values(amax(x, axes_of(mask, shape.ndim()))),
                  naive(x, mask, 0, [](double a, double b) { return std::max(a, b); }), 0);
    }
}

TEST_CASE("float32 sums of many elements stay accurate to a few units in the last place") {
  const std::int64_t n = 1 << 24;
  CHECK(sum(full({n}, 0.1)).item<double>() / n == close(0.1f, 3e-7));
  CHECK(values(sum(full({1 << 20, 4}, 0.1), 0))[3] / (1 << 20) == close(0.1f, 1e-6));
}

TEST_CASE("keepdim leaves extent 1, and the shape says which axes went") {
  const Tensor x = zeros({2, 3, 4});
  CHECK(sum(x).shape() == Shape{});
  CHECK(sum(x, {}, {.keepdim = true}).shape() == Shape{1, 1, 1});
  CHECK(sum(x, 1).shape() == Shape{2, 4});
  CHECK(sum(x, -1, {.keepdim = true}).shape() == Shape{2, 3, 1});
  CHECK(mean(x, {0, 2}).shape() == Shape{3});
  CHECK(var(x, {0, 2}, {.keepdim = true}).shape() == Shape{1, 3, 1});
  CHECK(logsumexp(x, {0, -1}).shape() == Shape{3});
  CHECK(logsumexp(x, {0, 1}, {.keepdim = true}).shape() == Shape{1, 1, 4});
  CHECK(max(x, 1).shape() == Shape{2, 4});
  CHECK(max(x, {}, {.keepdim = true}).shape() == Shape{1, 1, 1});
  CHECK(argmax(x, 0, {.keepdim = true}).shape() == Shape{1, 3, 4});
  CHECK(sum(x, std::vector<std::int64_t>{}).shape() == Shape{2, 3, 4});
}

TEST_CASE("integers and bools sum to int64") {
  CHECK(array_equal(sum(tensor({{true, false, true}, {true, true, true}}), 1), tensor({2, 3})));
  CHECK(sum(Tensor(true)).dtype() == int64);
  CHECK(sum(tensor({std::int64_t{1} << 60, std::int64_t{1} << 60})).item<std::int64_t>() ==
        std::int64_t{1} << 61);
  CHECK(prod(tensor({2, 3, 4})).item<std::int64_t>() == 24);
}

TEST_CASE("reductions of nothing give the identity") {
  CHECK(sum(zeros({0})).item<float>() == 0);
  CHECK(array_equal(sum(zeros({2, 0}), 1), zeros({2})));
  CHECK(array_equal(prod(zeros({2, 0}), 1), ones({2})));
  CHECK(logsumexp(zeros({0})).item<double>() == -infinity);
  CHECK(sum(zeros({0, 3}), 1).shape() == Shape{0});
  CHECK(mean(zeros({0, 3}), 1).shape() == Shape{0});
  CHECK(amax(zeros({0, 3}), 1).shape() == Shape{0});
  const Tensor x = zeros({0, 3}).requires_grad();
  sum(prod(x, 0)).backward();
  CHECK(x.grad().shape() == Shape{0, 3});
}

TEST_CASE("reductions of a 0-d tensor") {
  const Tensor x = Tensor(3.0f).requires_grad();
  CHECK(sum(x).item<float>() == 3);
  CHECK(mean(x).item<float>() == 3);
  CHECK(prod(x).item<float>() == 3);
  CHECK(amax(x).item<float>() == 3);
  CHECK(max(x).item<float>() == 3);
  CHECK(logsumexp(x).item<float>() == close(3, 1e-12));
  CHECK(var(x, {}, {.correction = 0}).item<float>() == 0);
  CHECK(argmax(x).item<int>() == 0);
  (sum(x) + 2.0 * mean(x) + 3.0 * prod(x) + 4.0 * amax(x) + 5.0 * max(x) + 6.0 * logsumexp(x))
      .backward();
  CHECK(x.grad().item<float>() == 21);
}

TEST_CASE("gradients of sum and mean spread the cotangent") {
  const Tensor x = zeros({2, 3}, float64);
  CHECK(array_equal(gradient([](auto& t) { return sum(t, 1); }, x, tensor({5, 7}, float64)),
                    tensor({{5, 5, 5}, {7, 7, 7}}, float64)));
  CHECK(array_equal(gradient([](auto& t) { return sum(t, 0); }, x, tensor({1, 2, 3}, float64)),
                    tensor({{1, 2, 3}, {1, 2, 3}}, float64)));
  CHECK(array_equal(gradient([](auto& t) { return mean(t, 0); }, x, tensor({2, 4, 6}, float64)),
                    tensor({{1, 2, 3}, {1, 2, 3}}, float64)));
  CHECK(allclose(gradient([](auto& t) { return mean(t); }, x, Tensor(3.0)),
                 full({2, 3}, 0.5, float64)));
  CHECK(array_equal(gradient(
                        [](auto& t) {
                          return sum(t, {0, 2});
                        },
                        zeros({2, 2, 2}, float64), tensor({5, 7}, float64)),
                    tensor({{{5, 5}, {7, 7}}, {{5, 5}, {7, 7}}}, float64)));
}

TEST_CASE("sum_to is the transpose of expand") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, float32);
  CHECK(array_equal(sum_to(x, {3}), tensor({5, 7, 9}, float32)));
  CHECK(array_equal(sum_to(x, {2, 1}), tensor({{6}, {15}}, float32)));
  CHECK(array_equal(sum_to(x, {1, 1}), tensor({{21}}, float32)));
  CHECK(sum_to(x, {}).item<float>() == 21);
  CHECK(array_equal(sum_to(x, {2, 3}), x));
  CHECK(array_equal(gradient(
                        [](auto& t) {
                          return sum_to(t, {2, 1});
                        },
                        x, tensor({{5}, {7}}, float32)),
                    tensor({{5, 5, 5}, {7, 7, 7}}, float32)));
  CHECK_THROWS_WITH_AS(sum_to(x, {2}),
                       "sum_to: [2] does not broadcast to [2, 3], so [2, 3] does not sum to it",
                       ShapeError);
}

TEST_CASE("prod has exact gradients with no, one, two and three zeros, to second order") {
  for (int zeros_in : {0, 1, 2, 3}) {
    std::vector<double> elements{2, 3, -1, 0.5, 4};
    for (int i = 0; i < zeros_in; ++i) elements[static_cast<std::size_t>(2 * i)] = 0;
    const std::size_t n = elements.size();
    const Tensor x = tensor(elements).requires_grad();
    const auto product_without = [&](std::vector<std::size_t> left_out) {
      double product = 1;
      for (std::size_t i = 0; i < n; ++i)
        if (std::find(left_out.begin(), left_out.end(), i) == left_out.end())
          product *= elements[i];
      return product;
    };
    const Tensor raw = grad(prod(x), {x})[0],
                 recorded = grad(prod(x), {x}, {.create_graph = true})[0];
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(raw.data<double>()[i] == product_without({i}));
      CHECK(recorded.data<double>()[i] == product_without({i}));
      const auto row = static_cast<std::int64_t>(i);
      const Tensor second = grad(select(recorded, 0, row), {x}, {.create_graph = true})[0];
      for (std::size_t j = 0; j < n; ++j)
        CHECK(second.data<double>()[j] == (i == j ? 0 : product_without({i, j})));
      if (i == 0) {
        const Tensor third = grad(select(second, 0, 1), {x}, {.retain_graph = true})[0];
        CHECK(third.data<double>()[3] == product_without({0, 1, 3}));
      }
    }
  }
}

TEST_CASE("prod over several axes, and its raw and recorded gradients") {
  const Tensor x = randn({3, 4, 5}, float64);
  for (const Axes& axes : {Axes(), Axes(0), Axes(1), Axes({0, 2}), Axes({1, 2})}) {
    const Tensor leaf = x.requires_grad();
    const Tensor raw = grad(sum(prod(leaf, axes)), {leaf})[0];
    CHECK(allclose(raw, grad(sum(prod(leaf, axes)), {leaf}, {.create_graph = true})[0], 1e-12));
    CHECK(allclose(raw * x, prod(x, axes, {.keepdim = true}) * ones_like(x),
                   1e-12));  // Euler: x_i d/dx_i = prod
  }
}

TEST_CASE("amax shares the gradient among ties, max gives it to the first") {
  const Tensor x = tensor({{1, 3, 3}, {2, 2, 2}}, float64), weights = tensor({6, 12}, float64);
  CHECK(array_equal(gradient([](auto& t) { return amax(t, 1); }, x, weights),
                    tensor({{0, 3, 3}, {4, 4, 4}}, float64)));
  CHECK(array_equal(gradient([](auto& t) { return amin(t, 1); }, x, weights),
                    tensor({{6, 0, 0}, {4, 4, 4}}, float64)));
  CHECK(array_equal(gradient([](auto& t) { return max(t, 1); }, x, weights),
                    tensor({{0, 6, 0}, {12, 0, 0}}, float64)));
  CHECK(array_equal(gradient([](auto& t) { return min(t, 1); }, x, weights),
                    tensor({{6, 0, 0}, {12, 0, 0}}, float64)));
  CHECK(array_equal(gradient([](auto& t) { return max(t, 0); }, x, tensor({1, 2, 3}, float64)),
                    tensor({{0, 2, 3}, {1, 0, 0}}, float64)));
  CHECK(array_equal(gradient([](auto& t) { return max(t); }, x, Tensor(5.0)),
                    tensor({{0, 5, 0}, {0, 0, 0}}, float64)));
  CHECK(array_equal(gradient(
                        [](auto& t) {
                          return amax(t, {0, 1});
                        },
                        x, Tensor(5.0)),
                    tensor({{0, 2.5, 2.5}, {0, 0, 0}}, float64)));
}

TEST_CASE("argmax and argmin find the first, along every axis") {
  const Tensor x = tensor({{1, 3, 3}, {4, 0, 0}}, float32);
  CHECK(array_equal(argmax(x, 1), tensor({1, 0})));
  CHECK(array_equal(argmin(x, 1), tensor({0, 1})));
  CHECK(array_equal(argmax(x, 0), tensor({1, 0, 0})));
  CHECK(argmax(x).item<int>() == 3);
  CHECK(argmin(x).item<int>() == 4);
  CHECK(array_equal(argmax(x, -1, {.keepdim = true}), tensor({{1}, {0}})));
  CHECK(argmax(tensor({1, 5, 5})).item<int>() == 1);
  CHECK(array_equal(argmax(zeros({2, 1, 3}), 1), zeros({2, 3}, int64)));
  Generator generator(3);
  const Tensor large = rand({50, 3000}, float32, generator);
  CHECK(array_equal(reshape(gather(large, 0, argmax(large, 0, {.keepdim = true})), {3000}),
                    amax(large, 0)));
}

TEST_CASE("NaN wins in every extreme, wherever it stands") {
  for (std::int64_t place : {0, 5, 16, 40, 70}) {
    std::vector<float> elements(71, 1.0f);
    elements[static_cast<std::size_t>(place)] = static_cast<float>(not_a_number);
    const Tensor x = tensor(elements);
    for (const Tensor& row : {x, reshape(x, {1, 71})}) {
      CHECK(std::isnan(amax(row, -1).item<float>()));
      CHECK(std::isnan(amin(row, -1).item<float>()));
      CHECK(argmax(row, -1).item<std::int64_t>() == place);
      CHECK(argmin(row, -1).item<std::int64_t>() == place);
    }
    const Tensor column = expand(reshape(x, {71, 1}), {71, 2});
    CHECK(std::isnan(values(amax(column, 0))[1]));
    CHECK(argmin(column, 0).values<std::int64_t>()[1] == place);
  }
}

TEST_CASE("var divides by n - correction and is differentiable through the mean") {
  const Tensor x = tensor({1, 2, 4, 9}, float64);
  CHECK(var(x).item<double>() == close(38.0 / 3, 1e-12));
  CHECK(var(x, {}, {.correction = 0}).item<double>() == close(9.5, 1e-12));
  CHECK(allclose(gradient([](auto& t) { return var(t); }, x, Tensor(3.0)),
                 tensor({-6, -4, 0, 10}, float64)));
  CHECK(var(full({4}, 1e6, float32)).item<float>() == 0);  // no cancellation
}

TEST_CASE("logsumexp neither overflows nor trips over infinities") {
  CHECK(logsumexp(tensor({1000, 1000}, float64)).item<double>() ==
        close(1000 + std::log(2), 1e-12));
  CHECK(values(logsumexp(tensor({{-infinity, -infinity}, {0.0, -infinity}}, float64), 1)) ==
        std::vector<double>{-infinity, 0});
  CHECK(logsumexp(tensor({infinity, 0.0}, float64)).item<double>() == infinity);
  CHECK(std::isnan(logsumexp(tensor({not_a_number, 0.0}, float64)).item<double>()));
  const Tensor x = tensor({{-infinity, -infinity}, {std::log(3.0), 0.0}}, float64).requires_grad();
  for (bool create_graph : {false, true})
    CHECK(allclose(grad(sum(logsumexp(x, 1)), {x}, {.create_graph = create_graph})[0],
                   tensor({{0, 0}, {0.75, 0.25}}, float64)));
}

TEST_CASE("a zero cotangent gives a zero gradient, whatever the values") {
  const Tensor x = tensor({{not_a_number, 1.0, infinity}, {-infinity, 0.0, 2.0}}, float64);
  for (const auto& f : std::vector<std::function<Tensor(const Tensor&)>>{
           [](const Tensor& t) { return sum(t, 1); }, [](const Tensor& t) { return mean(t, 1); },
           [](const Tensor& t) { return prod(t, 1); }, [](const Tensor& t) { return var(t, 1); },
           [](const Tensor& t) { return amax(t, 1); }, [](const Tensor& t) { return max(t, 1); },
           [](const Tensor& t) { return logsumexp(t, 1); }})
    for (bool create_graph : {false, true}) {
      const Tensor leaf = x.requires_grad();
      const Tensor g =
          grad(f(leaf), {leaf}, {.create_graph = create_graph, .seed = zeros({2}, float64)})[0];
      CHECK(array_equal(g, zeros({2, 3}, float64)));
    }
}

TEST_CASE("reductions say what is wrong with their axes and inputs") {
  const Tensor x = zeros({2, 3}), named = zeros({0, 4}).requires_grad("scores");
  CHECK_THROWS_WITH_AS(sum(x, 2), "sum: axis 2 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(mean(x, -3), "mean: axis -3 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(sum(x, {1, -1}), "sum: axis 1 is given twice for [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(
      amax(named, 0),
      "amax: 'scores' [0, 4] has no elements to reduce, and amax of nothing is undefined",
      ShapeError);
  CHECK_THROWS_WITH_AS(mean(zeros({0})),
                       "mean: [0] has no elements to reduce, and mean of nothing is undefined",
                       ShapeError);
  CHECK_THROWS_WITH_AS(argmin(zeros({0})),
                       "argmin: [0] has no elements to reduce, and argmin of nothing is undefined",
                       ShapeError);
  CHECK_THROWS_WITH_AS(max(x, {0, 0}), "max: axis 0 is given twice for [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(mean(tensor({1, 2})),
                       "mean: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(logsumexp(tensor({1, 2})),
                       "logsumexp: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(
      var(zeros({3, 1}), 1),
      "var: [3, 1] reduces 1 elements to one, and correction 1 leaves nothing to divide by; "
      "{.correction = 0} divides by their number",
      ShapeError);
}

TEST_CASE("max, min, argmax and argmin go over several axes, joined row-major") {
  const Tensor x =
      tensor({{{1.0, 9.0}, {2.0, 0.0}, {9.0, 3.0}}, {{5.0, 4.0}, {-1.0, 7.0}, {7.0, 6.0}}}, float64)
          .requires_grad();
  CHECK(array_equal(max(x, {0, 2}), tensor({9.0, 7.0, 9.0}, float64)));
  CHECK(array_equal(min(x, {1, 2}, {.keepdim = true}), tensor({{{0.0}}, {{-1.0}}}, float64)));
  CHECK(array_equal(argmax(x, {1, 2}), tensor({1, 3})));
  CHECK(array_equal(argmin(x, {0, 2}), tensor({0, 2, 1})));
  sum(max(x, {1, 2})).backward();
  CHECK(array_equal(
      x.grad(), tensor({{{0.0, 1.0}, {0.0, 0.0}, {0.0, 0.0}}, {{0.0, 0.0}, {0.0, 1.0}, {0.0, 0.0}}},
                       float64)));
}

TEST_CASE("max_with_index and min_with_index give the first of equal elements and its place") {
  const Tensor x = tensor({{1, 3, 3}, {4, 0, 0}}, float64);
  const auto [largest, at] = max_with_index(x, 1);
  CHECK(values(largest) == std::vector<double>{3, 4});
  CHECK(array_equal(at, tensor({1, 0})));
  const auto smallest = min_with_index(x, 0, {.keepdim = true});
  CHECK(array_equal(smallest.values, tensor({{1, 0, 0}}, float64)));
  CHECK(array_equal(smallest.indices, tensor({{0, 1, 1}})));
  CHECK(array_equal(max_with_index(tensor({7, 9}), 0).values, Tensor(std::int64_t{9}).detach()));
}

TEST_CASE("trace sums the diagonals of the last two axes") {
  CHECK(trace(tensor({{1, 2}, {3, 4}})).item<int>() == 5);
  CHECK(trace(tensor({{1, 2, 3}, {4, 5, 6}})).item<int>() == 6);
  CHECK(array_equal(trace(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}})), tensor({5, 13})));
}

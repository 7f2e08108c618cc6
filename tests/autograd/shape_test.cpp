#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <vector>

using namespace gradtape;

namespace {

/// 0, 1, 2, ... in `shape`.
Tensor counting(const Shape& shape, Dtype dtype = float32) {
  return reshape(arange(shape.numel()).to(dtype), shape);
}

/// The gradient of <weights, f(x)> at x, from the raw and from the recorded backward pass, which
/// must agree.
Tensor gradient(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                const Tensor& weights) {
  const Tensor leaf = x.requires_grad();
  const Tensor g = grad(sum(f(leaf) * weights), {leaf})[0];
  CHECK(array_equal(g, grad(sum(f(leaf) * weights), {leaf}, {.create_graph = true})[0]));
  return g;
}

/// Checks that f only moves elements: its vjp must take weights back to where f took the elements
/// from.
void check_moves(const std::function<Tensor(const Tensor&)>& f, const Shape& shape) {
  const Tensor x = counting(shape, float64), y = f(x), weights = counting(y.shape(), float64) + 1.0;
  std::vector<double> wanted(static_cast<std::size_t>(x.numel()), 0);
  for (std::int64_t i = 0; i < y.numel(); ++i)
    wanted[static_cast<std::size_t>(y.data<double>()[static_cast<std::size_t>(i)])] +=
        static_cast<double>(i + 1);
  CHECK(array_equal(gradient(f, x, weights), tensor(wanted, shape)));
}

/// permute by its definition.
Tensor permuted(const Tensor& x, const std::vector<std::int64_t>& order) {
  Shape shape;
  for (auto axis : order) shape.push_back(x.size(axis));
  std::vector<std::int64_t> result(static_cast<std::size_t>(x.numel()));
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    std::vector<std::int64_t> index(order.size());
    std::int64_t rest = i, place = 0;
    for (std::size_t k = order.size(); k-- > 0;) {
      index[static_cast<std::size_t>(order[k])] = rest % x.size(order[k]);
      rest /= x.size(order[k]);
    }
    for (std::size_t axis = 0; axis < order.size(); ++axis)
      place = place * x.size(static_cast<std::int64_t>(axis)) + index[axis];
    result[static_cast<std::size_t>(i)] = x.data<std::int64_t>()[static_cast<std::size_t>(place)];
  }
  return tensor(result, shape);
}

}  // namespace

TEST_CASE("reshape keeps the order of the elements and shares the buffer") {
  const Tensor x = counting({2, 3, 4}), large = zeros({100, 30});
  CHECK(reshape(x, {6, 4}).shape() == Shape{6, 4});
  CHECK(reshape(x, {4, -1}).shape() == Shape{4, 6});
  CHECK(array_equal(reshape(reshape(x, {24}), {2, 3, 4}), x));
  CHECK(reshape(large, {3000}).raw() == large.raw());
  CHECK(reshape(Tensor(2.0f), {1, 1}).shape() == Shape{1, 1});
  CHECK(reshape(zeros({0, 3}), {3, 0}).shape() == Shape{3, 0});
  check_moves([](const Tensor& t) { return reshape(t, {3, -1}); }, {2, 3, 4});
}

TEST_CASE("flatten, unsqueeze and squeeze only change the extents") {
  const Tensor x = counting({2, 3, 4});
  CHECK(flatten(x).shape() == Shape{24});
  CHECK(flatten(x, 1).shape() == Shape{2, 12});
  CHECK(flatten(x, 0, 1).shape() == Shape{6, 4});
  CHECK(flatten(x, 1, 1).shape() == Shape{2, 3, 4});
  CHECK(flatten(Tensor(1.0f)).shape() == Shape{1});
  CHECK(unsqueeze(x, 0).shape() == Shape{1, 2, 3, 4});
  CHECK(unsqueeze(x, 2).shape() == Shape{2, 3, 1, 4});
  CHECK(unsqueeze(x, -1).shape() == Shape{2, 3, 4, 1});
  CHECK(squeeze(unsqueeze(x, 1), 1).shape() == x.shape());
  CHECK(unsqueeze(Tensor(1.0f), 0).shape() == Shape{1});
  check_moves([](const Tensor& t) { return flatten(t, 1); }, {2, 3, 4});
  check_moves([](const Tensor& t) { return unsqueeze(t, 1); }, {2, 3});
  check_moves([](const Tensor& t) { return squeeze(t, -2); }, {2, 1, 3});
}

TEST_CASE("transpose and permute follow their definition for every order of four axes") {
  for (const Shape& shape :
       {Shape{2, 3, 4, 5}, Shape{1, 40, 1, 37}, Shape{33, 2, 1, 35}, Shape{2, 0, 3, 4}}) {
    const Tensor x = counting(shape, int64);
    std::vector<std::int64_t> order{0, 1, 2, 3};
    do {
      CHECK(array_equal(permute(x, order), permuted(x, order)));
      CHECK(array_equal(permute(x.to(bool_), order), permuted(x, order).to(bool_)));
      CHECK(array_equal(permute(x.to(float32), order), permuted(x, order).to(float32)));
    } while (std::next_permutation(order.begin(), order.end()));
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < 4; ++b) {
        std::vector<std::int64_t> swapped{0, 1, 2, 3};
        std::swap(swapped[static_cast<std::size_t>(a)], swapped[static_cast<std::size_t>(b)]);
        CHECK(array_equal(transpose(x, a - 4, b), permuted(x, swapped)));
      }
  }
  check_moves([](const Tensor& t) { return permute(t, {2, 0, 1}); }, {2, 3, 4});
  check_moves([](const Tensor& t) { return permute(t, {0, 2, 1}); }, {2, 3, 4});
  check_moves([](const Tensor& t) { return transpose(t, 0, 2); }, {2, 3, 4});
  check_moves([](const Tensor& t) { return transpose(t); }, {3, 5});
}

TEST_CASE("large transposes move every element, on any number of threads") {
  const Tensor x = counting({300, 500}, int64);
  CHECK(array_equal(permute(reshape(x, {300, 1, 500}), {2, 1, 0}),
                    unsqueeze(permuted(x, {1, 0}), 1)));
  const Tensor images = counting({4, 33, 50, 20}, int64);
  CHECK(array_equal(permute(images, {0, 2, 3, 1}), permuted(images, {0, 2, 3, 1})));
}

TEST_CASE("expand broadcasts, and its gradient sums") {
  const Tensor x = tensor({{1}, {2}}, float32);
  CHECK(array_equal(expand(x, {2, 3}), tensor({{1, 1, 1}, {2, 2, 2}}, float32)));
  CHECK(array_equal(expand(x, {2, -1, 2}), tensor({{{1, 1}, {2, 2}}, {{1, 1}, {2, 2}}}, float32)));
  CHECK(array_equal(expand(full({}, 3), {2, 2}), full({2, 2}, 3)));
  CHECK(expand(zeros({1, 3}), {0, 3}).shape() == Shape{0, 3});
  check_moves([](const Tensor& t) { return expand(t, {4, 2, 3}); }, {2, 1});
  check_moves([](const Tensor& t) { return expand(t, {5}); }, {});
}

TEST_CASE("slice follows Python's bounds along any axis") {
  const Tensor x = counting({5});
  CHECK(array_equal(slice(x, 0, 1, 3), tensor({1, 2}, float32)));
  CHECK(array_equal(slice(x, 0, -2), tensor({3, 4}, float32)));
  CHECK(array_equal(slice(x, 0, 0, -1), tensor({0, 1, 2, 3}, float32)));
  CHECK(array_equal(slice(x, 0, 1, to_end, 2), tensor({1, 3}, float32)));
  CHECK(array_equal(slice(x, 0, -100, 100, 3), tensor({0, 3}, float32)));
  CHECK(slice(x, 0, 3, 1).shape() == Shape{0});
  CHECK(slice(x, 0, 100).shape() == Shape{0});
  const Tensor y = counting({2, 4, 2});
  CHECK(
      array_equal(slice(y, 1, 1, 4, 2), tensor({{{2, 3}, {6, 7}}, {{10, 11}, {14, 15}}}, float32)));
  CHECK(array_equal(slice(y, -1, 1),
                    tensor({{{1}, {3}, {5}, {7}}, {{9}, {11}, {13}, {15}}}, float32)));
  for (std::int64_t start : {0, 1, 3, 4})
    for (std::int64_t stop : {0, 2, 4, 5})
      for (std::int64_t step : {1, 2, 3})
        for (int axis : {0, 1, 2})
          check_moves([=](const Tensor& t) { return slice(t, axis, start, stop, step); },
                      {5, 5, 5});
}

TEST_CASE("slices along the leading axis share the buffer") {
  const Tensor x = counting({100, 30}), rows = slice(x, 0, 10, 20);
  CHECK(rows.raw() == x.data<float>().data() + 300);
  CHECK(select(x, 0, -1).raw() == x.data<float>().data() + 2970);
  CHECK(slice(unsqueeze(x, 0), 1, 3, 4).raw() == x.data<float>().data() + 90);
  CHECK(slice(x, 1, 0, 10).raw() != x.raw());
}

TEST_CASE("select takes one row and drops the axis") {
  const Tensor x = counting({2, 3, 2});
  CHECK(array_equal(select(x, 0, 1), tensor({{6, 7}, {8, 9}, {10, 11}}, float32)));
  CHECK(array_equal(select(x, 1, -1), tensor({{4, 5}, {10, 11}}, float32)));
  CHECK(select(tensor({4, 5}), 0, 1).item<int>() == 5);
  for (int axis : {0, 1, 2})
    check_moves([=](const Tensor& t) { return select(t, axis, 1); }, {2, 3, 4});
}

TEST_CASE("the gradient of a slice's gradient is that slice") {
  const Tensor x = randn({4, 5}, float64).requires_grad();
  const Tensor first = grad(sum(square(slice(x, 1, 1, 4, 2))), {x}, {.create_graph = true})[0];
  const Tensor second = grad(sum(first * first), {x})[0];  // first = 2 x on the slice
  const Tensor on_slice =
      gradient([](const Tensor& t) { return slice(t, 1, 1, 4, 2); }, x.detach(), Tensor(1.0));
  CHECK(allclose(second, 8.0 * x.detach() * on_slice, 1e-12));
}

TEST_CASE("concat and stack join tensors along any axis, with gradients for each") {
  const Tensor a = tensor({{1, 2}}, float32), b = tensor({{3, 4}, {5, 6}}, float32);
  CHECK(array_equal(concat({a, b}), tensor({{1, 2}, {3, 4}, {5, 6}}, float32)));
  CHECK(array_equal(concat({b, transpose(a), b}, 1),
                    tensor({{3, 4, 1, 3, 4}, {5, 6, 2, 5, 6}}, float32)));
  CHECK(array_equal(concat({zeros({0, 2}), a}), a));
  CHECK(
      array_equal(stack({b, b + 10.0}), tensor({{{3, 4}, {5, 6}}, {{13, 14}, {15, 16}}}, float32)));
  CHECK(array_equal(stack({b, b + 10.0}, -1),
                    tensor({{{3, 13}, {4, 14}}, {{5, 15}, {6, 16}}}, float32)));
  CHECK(array_equal(stack({a, a}, 1), tensor({{{1, 2}, {1, 2}}}, float32)));
  check_moves([](const Tensor& t) { return concat({t, t}, 1); }, {2, 3});
  check_moves([](const Tensor& t) { return concat({slice(t, 0, 1), t}, 0); }, {3, 2});
  check_moves([](const Tensor& t) { return stack({t, t}, 1); }, {2, 3});
  check_moves(
      [](const Tensor& t) {
        return stack({select(t, 0, 1), select(t, 0, 0)}, -1);
      },
      {2, 3});
}

TEST_CASE("shape ops say what does not fit") {
  const Tensor x = zeros({2, 3}), named = zeros({2, 3}).requires_grad("conv.weight");
  CHECK_THROWS_WITH_AS(reshape(named, {4, 2}),
                       "reshape: 'conv.weight' [2, 3] has 6 elements, which do not fill [4, 2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(reshape(x, {4, -1}),
                       "reshape: [2, 3] has 6 elements, which do not fill [4, -1]", ShapeError);
  CHECK_THROWS_WITH_AS(reshape(x, {-1, -1}), "reshape: only one extent of [-1, -1] may be -1",
                       ShapeError);
  CHECK_THROWS_WITH_AS(reshape(zeros({0}), {0, -1}),
                       "reshape: the -1 in [0, -1] is ambiguous beside an extent of 0", ShapeError);
  CHECK_THROWS_WITH_AS(flatten(x, 1, 0),
                       "flatten: axis 1 to start at is behind axis 0 to stop at in [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(unsqueeze(x, 3),
                       "unsqueeze: axis 3 is out of range for a result of 3 axes from [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(squeeze(x, 0), "squeeze: axis 0 of [2, 3] has extent 2, not 1", ShapeError);
  CHECK_THROWS_WITH_AS(transpose(zeros({3})), "transpose: axis -2 is out of range for shape [3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(permute(x, {0, 0}),
                       "permute: order [0, 0] must name each axis of [2, 3] once", ShapeError);
  CHECK_THROWS_WITH_AS(permute(x, {0}), "permute: order [0] must name each axis of [2, 3] once",
                       ShapeError);
  CHECK_THROWS_WITH_AS(expand(x, {4, 3}), "expand: [2, 3] does not broadcast to [4, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(expand(x, {-1, 2, 3}), "expand: [2, 3] does not broadcast to [-1, 2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(slice(x, 2, 0), "slice: axis 2 is out of range for shape [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(slice(x, 0, 0, to_end, 0), "slice: step must be at least 1, got 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(select(x, 1, 3), "select: index 3 is out of range for axis 1 of [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(concat({}), "concat: needs at least one tensor", ShapeError);
  CHECK_THROWS_WITH_AS(concat({x, zeros({2, 4})}), "concat: [2, 3] and [2, 4] differ off axis 0",
                       ShapeError);
  CHECK_THROWS_WITH_AS(concat({x, zeros({3})}), "concat: [2, 3] and [3] differ off axis 0",
                       ShapeError);
  CHECK_THROWS_AS(concat({x, zeros({2, 3}, float64)}), DtypeError);
  CHECK_THROWS_WITH_AS(stack({x, zeros({2, 4})}), "stack: shapes differ: [2, 3] and [2, 4]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(stack({x}, 3),
                       "stack: axis 3 is out of range for a result of 3 axes from [2, 3]",
                       ShapeError);
}

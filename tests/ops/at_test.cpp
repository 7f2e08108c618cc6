#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

using namespace gradtape;

TEST_CASE("at reads x[...] as Python does") {
  const Tensor x = reshape(arange(12), {3, 4});
  CHECK(array_equal(at(x, {-1}), tensor({8, 9, 10, 11})));
  CHECK(at(x, {1, -2}).item<int>() == 6);
  CHECK(array_equal(at(x, {range(), 1}), tensor({1, 5, 9})));
  CHECK(array_equal(at(x, {ellipsis, range(0, to_end, 3)}), tensor({{0, 3}, {4, 7}, {8, 11}})));
  CHECK(array_equal(at(x, {range(-2, to_end), range(-3, -1)}), tensor({{5, 6}, {9, 10}})));
  CHECK(at(x, {newaxis, range(), newaxis, 0}).shape() == Shape{1, 3, 1});
  CHECK(at(x, {range(5, to_end)}).shape() == Shape{0, 4});
  CHECK(at(x, {}).raw() == x.raw());
  CHECK(array_equal(at(x, {range(1, to_end, 2), newaxis, ellipsis, 3}), tensor({{7}})));
}

TEST_CASE("rows along the leading axis share the elements of a large tensor") {
  const Tensor x = zeros({100, 100});
  CHECK(at(x, {range(3, 5)}).raw() == x.data<float>().data() + 300);
  CHECK(at(x, {7, newaxis}).raw() == x.data<float>().data() + 700);
  CHECK(at(x, {range(), 0}).raw() != x.raw());
}

TEST_CASE("tensors index together, and masks stand for the places where they are true") {
  const Tensor x = reshape(arange(12), {3, 4});
  CHECK(array_equal(at(x, {tensor({0, 2, 0}), tensor({1, -1, 1})}), tensor({1, 11, 1})));
  CHECK(array_equal(at(x, {tensor({{0}, {2}}), tensor({0, 3})}), tensor({{0, 3}, {8, 11}})));
  CHECK(array_equal(at(x, {range(), tensor({3, 3})}), tensor({{3, 3}, {7, 7}, {11, 11}})));
  CHECK(array_equal(at(x, {x > 9}), tensor({10, 11})));
  CHECK(array_equal(at(x, {tensor({true, false, true}), 1}), tensor({1, 9})));
  const Tensor cube = reshape(arange(24), {2, 3, 4});
  // Indices with an axis between them put their common shape first.
  const Tensor apart = at(cube, {tensor({0, 1, 1}), range(), tensor({0, 0, 3})});
  CHECK(array_equal(apart, tensor({{0, 4, 8}, {12, 16, 20}, {15, 19, 23}})));
  CHECK(at(cube, {range(), tensor({0, 1, 1, 2}), tensor({0, 0, 3, 3})}).shape() == Shape{2, 4});
  CHECK(at(x, {zeros({0}, int64)}).shape() == Shape{0, 4});
  CHECK(at(x, {full({}, 1, bool_)}).shape() == Shape{1, 3, 4});
  CHECK(at(x, {zeros({}, bool_)}).shape() == Shape{0, 3, 4});
}

TEST_CASE("index_put writes what at reads; the last value stays and alone gets a gradient") {
  const Tensor x = zeros({2, 3}, float64);
  CHECK(array_equal(index_put(x, {ellipsis, 1}, tensor({5, 6}, float64)),
                    tensor({{0, 5, 0}, {0, 6, 0}}, float64)));
  CHECK(array_equal(index_put(x, {x == 0.0}, 2.0), full({2, 3}, 2, float64)));
  CHECK(sum(x).item<double>() == 0);
  const Tensor values = tensor({1, 2, 3}, float64).requires_grad(), twice = tensor({0, 1, 0});
  const Tensor y = index_put(zeros({2}, float64), {twice}, values);
  CHECK(array_equal(y, tensor({3, 2}, float64)));
  CHECK(array_equal(grad(sum(y), {values})[0], tensor({0, 1, 1}, float64)));
  const Tensor z = index_put(ones({2}, float64), {twice}, values, {.accumulate = true});
  CHECK(array_equal(z, tensor({5, 3}, float64)));
  CHECK(array_equal(grad(sum(z), {values})[0], tensor({1, 1, 1}, float64)));
}

TEST_CASE("scatter writes, and keeps the last of several values") {
  const Tensor x = zeros({2, 3}, int64);
  CHECK(array_equal(scatter(x, 1, tensor({{2, 2}, {0, 1}}), tensor({{1, 2}, {3, 4}})),
                    tensor({{0, 0, 2}, {3, 4, 0}})));
  CHECK(array_equal(scatter(x, 0, tensor({{1, 0}}), 7), tensor({{0, 7, 0}, {7, 0, 0}})));
  CHECK(array_equal(scatter(x, 0, tensor({{1}}), tensor({{8, 9, 9}})),
                    tensor({{0, 0, 0}, {8, 0, 0}})));
}

TEST_CASE("masks fill, select and find") {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  CHECK(array_equal(masked_fill(x, tensor({true, false}), 0), tensor({{0, 2}, {0, 4}})));
  CHECK(array_equal(masked_select(x, x > 1), tensor({2, 3, 4})));
  CHECK(array_equal(masked_select(tensor({1, 2}), tensor({{true}, {true}})), tensor({1, 2, 1, 2})));
  CHECK(array_equal(take_along(x, 1, tensor({{1}, {0}})), tensor({{2}, {3}})));
  CHECK(array_equal(take_along(x, 0, tensor({{1, 0}})), tensor({{3, 2}})));
  CHECK(array_equal(take_along(x, 1, tensor({{1, 1, 0}})), tensor({{2, 2, 1}, {4, 4, 3}})));
}

TEST_CASE("at and its relatives say which index does not fit") {
  const Tensor x = zeros({3, 4});
  CHECK_THROWS_WITH_AS(at(x, {0, 4}), "at: index 4 is out of range for axis 1 of [3, 4]",
                       ValueError);
  CHECK_THROWS_WITH_AS(at(x, {-4}), "at: index -4 is out of range for axis 0 of [3, 4]",
                       ValueError);
  CHECK_THROWS_WITH_AS(at(x, {0, 0, 0}), "at: 3 indices for the 2 axes of [3, 4]", ShapeError);
  CHECK_THROWS_WITH_AS(at(x, {ellipsis, ellipsis}), "at: only one index may be an ellipsis",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      at(x, {range(to_end, 0, -1)}),
      "at: the step of a range must be at least 1, got -1; to walk backwards, flip "
      "first",
      ValueError);
  CHECK_THROWS_WITH_AS(at(x, {tensor({0.5})}),
                       "at: an index must be int64 or bool, got float32; convert it with to(int64)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(at(x, {tensor({0, 3})}),
                       "at: index 3 at position 1 of [2] is out of range for an extent of 3",
                       ValueError);
  CHECK_THROWS_WITH_AS(at(x, {tensor({true, false})}),
                       "at: the mask [2] does not fit the axes from 0 on of [3, 4]", ShapeError);
  CHECK_THROWS_WITH_AS(
      at(x, {tensor({0, 1}), tensor({0, 1, 2})}),
      "at: shapes [2] and [3] do not broadcast: axis 0 is 2 against 3 (see docs/errors.md#shapes)",
      ShapeError);
  CHECK_THROWS_WITH_AS(index_put(x, {0}, zeros({3})),
                       "index_put: values [3] do not broadcast to the indexed [4]", ShapeError);
  CHECK_THROWS_WITH_AS(masked_select(x, x),
                       "masked_select: the mask must be bool, got float32; "
                       "compare, as in x != 0",
                       DtypeError);
  CHECK_THROWS_WITH_AS(masked_fill(x, x > 0.0, zeros({2})),
                       "masked_fill: the value must be a scalar, got [2]; see where", ShapeError);
  CHECK_THROWS_WITH_AS(take_along(x, 0, tensor({0})),
                       "take_along: index [1] must have as many axes as [3, 4]", ShapeError);
  CHECK_THROWS_WITH_AS(embedding(zeros({3}), tensor({0})),
                       "embedding: the table must be [n, d], got [3]", ShapeError);
  CHECK_THROWS_WITH_AS(embedding(x, tensor({0}), {.padding_idx = 3}),
                       "embedding: padding_idx 3 is out of range for 3 rows", ValueError);
}

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "support/close.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("index_select takes rows in the order of the index, negative ones from the end") {
  const Tensor x = tensor({{1, 2}, {3, 4}, {5, 6}}, float32);
  CHECK(array_equal(index_select(x, 0, tensor({2, 0, -1})),
                    tensor({{5, 6}, {1, 2}, {5, 6}}, float32)));
  CHECK(array_equal(index_select(x, 1, tensor({1})), tensor({{2}, {4}, {6}}, float32)));
  CHECK(array_equal(index_select(x.to(bool_), -1, tensor({0, 0})), ones({3, 2}, bool_)));
  CHECK(index_select(x, 0, zeros({0}, int64)).shape() == Shape{0, 2});
  CHECK(index_select(zeros({3, 0}), 0, tensor({1, 1})).shape() == Shape{2, 0});
}

TEST_CASE("index_add adds the rows that meet") {
  const Tensor x = tensor({{1, 2}, {3, 4}, {5, 6}}, float64);
  CHECK(array_equal(index_add(ones({4, 2}, float64), 0, tensor({1, 3, -3}), x),
                    tensor({{1, 1}, {7, 9}, {1, 1}, {4, 5}}, float64)));
  CHECK(array_equal(index_add(zeros({3, 3}, float64), 1, tensor({2, 2}), x),
                    tensor({{0, 0, 3}, {0, 0, 7}, {0, 0, 11}}, float64)));
  CHECK(array_equal(index_add(tensor({5}), 0, tensor({0, 0}), tensor({1, 2})), tensor({8})));
  const Tensor many = ones({20000, 40}),
               index = randint(0, 3, {20000});  // threads share out the columns
  const Tensor counts = index_add(zeros({3, 40}), 0, index, many);
  CHECK(array_equal(sum(counts, 0), full({40}, 20000)));
  CHECK(array_equal(select(counts, 1, 0), select(counts, 1, 39)));
}

TEST_CASE("gather and scatter_add follow their definition along every axis") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, float64);
  CHECK(array_equal(gather(x, 1, tensor({{2, 0}, {-3, 1}})), tensor({{3, 1}, {4, 5}}, float64)));
  CHECK(array_equal(gather(x, 0, tensor({{1, 0, 1}})), tensor({{4, 2, 6}}, float64)));
  CHECK(array_equal(gather(x, 1, tensor({{2}})), tensor({{3}}, float64)));  // smaller off the axis
  CHECK(array_equal(gather(x, 0, tensor({{1}, {1}, {0}})), tensor({{4}, {4}, {1}}, float64)));
  CHECK(array_equal(scatter_add(x, 1, tensor({{2, 2}, {0, 1}}), tensor({{1, 2}, {3, 4}}, float64)),
                    tensor({{1, 2, 6}, {7, 9, 6}}, float64)));
  CHECK(array_equal(
      scatter_add(zeros({3, 2}, int64), 0, tensor({{1}, {-2}}), tensor({{1, 9}, {2, 9}, {9, 9}})),
      tensor({{0, 0}, {3, 0}, {0, 0}})));  // smaller off the axis, larger source
  const Tensor deep = randn({3, 4, 5}, float64), index = randint(0, 4, {3, 7, 5});
  const Tensor taken = gather(deep, 1, index);
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 7; ++j)
      for (std::int64_t k = 0; k < 5; ++k) {
        const auto from = index.data<std::int64_t>()[static_cast<std::size_t>((i * 7 + j) * 5 + k)];
        REQUIRE(taken.data<double>()[static_cast<std::size_t>((i * 7 + j) * 5 + k)] ==
                deep.data<double>()[static_cast<std::size_t>((i * 4 + from) * 5 + k)]);
      }
}

TEST_CASE("each index op is the transpose of its partner: <f(x), y> = <x, f^T(y)>") {
  const auto dot = [](const Tensor& a, const Tensor& b) { return sum(a * b).item<double>(); };
  const Tensor x = randn({4, 5, 3}, float64), rows = tensor({3, 0, 3, -1});
  const Tensor y = randn({4, 4, 3}, float64);
  CHECK(dot(index_select(x, 1, rows), y) ==
        close(dot(x, index_add(zeros({4, 5, 3}, float64), 1, rows, y)), 1e-12));
  const Tensor index = randint(-5, 5, {2, 6, 3}), z = randn({2, 6, 3}, float64);
  CHECK(dot(gather(x, 1, index), z) ==
        close(dot(x, scatter_add(zeros({4, 5, 3}, float64), 1, index, z)), 1e-12));
}

TEST_CASE("the gradient of taken rows sums those that meet, in their order, for any threads") {
  const Tensor table = zeros({5000, 24}).requires_grad();
  for (const std::int64_t count : {0, 3000, 20000}) {  // fewer rows than the table's, and more
    const Tensor index = count ? randint(-5000, 5000, {count}) : zeros({0}, int64),
                 g = randn({count, 24});
    const auto gradient = [&] { return grad(index_select(table, 0, index), {table}, {.seed = g}); };
    std::vector<float> expected(5000 * 24);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      const auto at = index.data<std::int64_t>()[i];
      for (std::size_t j = 0; j < 24; ++j)
        expected[static_cast<std::size_t>(at < 0 ? at + 5000 : at) * 24 + j] +=
            g.data<float>()[i * 24 + j];
    }
    const Tensor sums = tensor(expected, {5000, 24});
    CHECK(array_equal(with_threads(1, gradient)[0], sums));
    CHECK(array_equal(with_threads(2, gradient)[0], sums));
  }
}

TEST_CASE("the gradient of a gather is a scatter_add onto zeros, however long its rows are") {
  for (const std::int64_t extent : {7, 40000}) {
    const Tensor x = zeros({3, extent, 2}).requires_grad();
    const Tensor index = randint(0, extent, {3, 50, 2}), g = randn({3, 50, 2});
    CHECK(array_equal(grad(gather(x, 1, index), {x}, {.seed = g})[0],
                      scatter_add(zeros({3, extent, 2}), 1, index, g)));
  }
}

TEST_CASE("gradients of the index ops, recorded or not, to second order") {
  const Tensor rows = tensor({2, 0, 2}), places = tensor({{0, 2}, {1, 1}});
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, float64).requires_grad();
  for (bool create_graph : {false, true}) {
    const Tensor selected =
        grad(sum(square(index_select(x, 0, rows))), {x}, {.create_graph = create_graph})[0];
    CHECK(array_equal(selected, tensor({{2, 4, 6}, {0, 0, 0}, {28, 32, 36}}, float64)));
    const Tensor gathered =
        grad(sum(square(gather(x, 1, places))), {x}, {.create_graph = create_graph})[0];
    CHECK(array_equal(gathered, tensor({{2, 0, 6}, {0, 20, 0}, {0, 0, 0}}, float64)));
    const Tensor scattered =
        grad(sum(square(scatter_add(zeros({2, 4}, float64), 0, tensor({{0, 1, 1}, {0, 0, 1}}),
                                    slice(x, 0, 0, 2)))),
             {x}, {.create_graph = create_graph})[0];
    CHECK(array_equal(scattered, tensor({{10, 4, 18}, {10, 10, 18}, {0, 0, 0}}, float64)));
    if (!create_graph) continue;
    CHECK(array_equal(grad(sum(selected), {x}, {.retain_graph = true})[0],
                      tensor({{2, 2, 2}, {0, 0, 0}, {4, 4, 4}}, float64)));
    CHECK(array_equal(grad(sum(gathered), {x}, {.retain_graph = true})[0],
                      tensor({{2, 0, 2}, {0, 4, 0}, {0, 0, 0}}, float64)));
  }
}

TEST_CASE("one_hot marks the index along a new last axis") {
  CHECK(array_equal(one_hot(tensor({2, 0, 2}), 3),
                    tensor({{0, 0, 1}, {1, 0, 0}, {0, 0, 1}}, float32)));
  CHECK(array_equal(one_hot(tensor({{1}, {0}}), 2, bool_),
                    tensor({{{false, true}}, {{true, false}}})));
  CHECK(one_hot(Tensor(1), 2).shape() == Shape{2});
  CHECK(one_hot(zeros({0}, int64), 4).shape() == Shape{0, 4});
}

TEST_CASE("index ops say which index is wrong") {
  const Tensor x = zeros({3, 4});
  CHECK_THROWS_WITH_AS(
      index_select(x, 0, tensor({0, 3})),
      "index_select: index 3 at position 1 of [2] is out of range for an extent of 3", ValueError);
  CHECK_THROWS_WITH_AS(
      index_select(x, 0, tensor({-4})),
      "index_select: index -4 at position 0 of [1] is out of range for an extent of 3", ValueError);
  CHECK_THROWS_WITH_AS(
      index_select(x, 0, tensor({0.0, 1.0})),
      "index_select: the index must be int64, got float32; convert it with to(int64)", DtypeError);
  CHECK_THROWS_WITH_AS(index_select(x, 0, tensor({{0}})),
                       "index_select: the index must have one axis, got [1, 1]; flatten it first",
                       ShapeError);
  CHECK_THROWS_WITH_AS(index_select(x, 2, tensor({0})),
                       "index_select: axis 2 is out of range for shape [3, 4]", ShapeError);
  CHECK_THROWS_WITH_AS(
      index_add(x, 0, tensor({0, 1}), x),
      "index_add: 2 indices along axis 0 of [3, 4] need a source [2, 4], got [3, 4]", ShapeError);
  CHECK_THROWS_WITH_AS(index_add(zeros({1}, bool_), 0, tensor({0}), zeros({1}, bool_)),
                       "index_add: does not add bools; convert with to(int64)", DtypeError);
  CHECK_THROWS_WITH_AS(
      gather(x, 0, tensor({0})),
      "gather: index [1] must have as many axes as [3, 4], and be no larger off axis 0",
      ShapeError);
  CHECK_THROWS_WITH_AS(
      gather(x, 1, zeros({4, 1}, int64)),
      "gather: index [4, 1] must have as many axes as [3, 4], and be no larger off axis 1",
      ShapeError);
  CHECK_THROWS_WITH_AS(scatter_add(x, 0, zeros({2, 4}, int64), ones({1, 4})),
                       "scatter_add: source [1, 4] must be a scalar or as large as index [2, 4]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(scatter(x, 0, zeros({2, 4}, int64), ones({2})),
                       "scatter: source [2] must be a scalar or as large as index [2, 4]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      scatter(x, 1, tensor({{-5}}), 1.0),
      "scatter: index -5 at position 0 of [1, 1] is out of range for an extent of 4", ValueError);
  CHECK_THROWS_WITH_AS(one_hot(tensor({5}), 3),
                       "one_hot: index 5 at position 0 of [1] is out of range for an extent of 3",
                       ValueError);
  CHECK_THROWS_WITH_AS(one_hot(tensor({1, -1}), 3),
                       "one_hot: index -1 at position 1 of [2] is out of range for an extent of 3; "
                       "here none counts from the end",
                       ValueError);
  CHECK_THROWS_WITH_AS(one_hot(tensor({0}), 0), "one_hot: needs at least one class, got 0",
                       ValueError);
}

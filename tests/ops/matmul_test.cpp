#include <gradtape/autograd/kernels/matmul/gemm.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <tuple>
#include <vector>

#include "support/bits.hpp"
#include "support/close.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using kernels::GemmPath;

namespace {

/// Element [i, j] of the product of two matrices, by the definition.
double element(const Tensor& a, const Tensor& b, std::int64_t i, std::int64_t j) {
  const auto x = a.data<double>(), y = b.data<double>();
  double sum = 0;
  for (std::int64_t k = 0; k < a.size(1); ++k) sum += x[i * a.size(1) + k] * y[k * b.size(1) + j];
  return sum;
}

void check_product(const Tensor& a, const Tensor& b) {
  const Tensor y = matmul(a, b), whole_a = a + 0.0, whole_b = b + 0.0;  // + reads them as arrays
  REQUIRE(y.shape() == Shape{a.size(0), b.size(1)});
  for (std::int64_t i = 0; i < y.size(0); ++i)
    for (std::int64_t j = 0; j < y.size(1); ++j)
      REQUIRE(y.data<double>()[i * y.size(1) + j] == close(element(whole_a, whole_b, i, j), 1e-12));
}

}  // namespace

TEST_CASE("matmul agrees with its definition for all sizes and transposes") {
  for (std::int64_t m : {1, 2, 7, 33})
    for (std::int64_t k : {1, 3, 64})
      for (std::int64_t n : {1, 5, 40}) {
        check_product(randn({m, k}, float64), randn({k, n}, float64));
        check_product(transpose(randn({k, m}, float64)), randn({k, n}, float64));
        check_product(randn({m, k}, float64), transpose(randn({n, k}, float64)));
        check_product(transpose(randn({k, m}, float64)), transpose(randn({n, k}, float64)));
      }
}

// Extents around the widths of tiles (8 or 6 rows, 16 to 32 columns), the depth of a block (256)
// and the sizes from which an operand is copied (256 columns, 64 x 64 elements).
TEST_CASE("own products and the library's agree for every size class, transpose and thread count") {
  const auto product = [](GemmPath path, const Tensor& a, const Tensor& b, int threads) {
    struct Scope {
      ~Scope() { kernels::set_gemm_path(GemmPath::automatic); }
    } const scope;
    kernels::set_gemm_path(path);
    return with_threads(threads, [&] { return matmul(a, b); });
  };
  for (const auto dtype : {float32, float64})
    for (const auto& [m, n, k] : std::vector<std::tuple<int, int, int>>{{2, 2, 3},
                                                                        {9, 17, 33},
                                                                        {40, 70, 300},
                                                                        {70, 33, 65},
                                                                        {7, 300, 5},
                                                                        {260, 261, 129},
                                                                        {300, 9, 700},
                                                                        {1, 50, 37},
                                                                        {50, 1, 37},
                                                                        {1, 1, 100},
                                                                        {64, 1030, 260}})
      for (const bool a_transposed : {false, true})
        for (const bool b_transposed : {false, true}) {
          CAPTURE(m);
          CAPTURE(n);
          CAPTURE(k);
          Generator generator(2);
          const Tensor a = a_transposed ? transpose(randn({k, m}, dtype, generator))
                                        : randn({m, k}, dtype, generator);
          const Tensor b = b_transposed ? transpose(randn({n, k}, dtype, generator))
                                        : randn({k, n}, dtype, generator);
          const Tensor own = product(GemmPath::registers, a, b, 1);
          const Tensor library = product(GemmPath::library, a, b, 1);
          const double tolerance = (dtype == float32 ? 6e-8 : 1.1e-16) * k;
          CHECK(max(abs(own - library)).item() <= tolerance * 12);
          for (const int threads : {2, 3}) {
            CHECK(equal_bits(product(GemmPath::registers, a, b, threads), own));
            CHECK(equal_bits(product(GemmPath::library, a, b, threads), library));
          }
        }
}

// Below the size from which a library computes products.
TEST_CASE("a row of a product does not depend on the other rows") {
  Generator generator(3);
  const Tensor a = randn({300, 100}, float32, generator), b = randn({100, 90}, float32, generator);
  const Tensor whole = matmul(a, b);
  for (const std::int64_t rows : {2, 7, 64, 130})
    CHECK(equal_bits(matmul(slice(a, 0, 0, rows), b), slice(whole, 0, 0, rows)));
}

TEST_CASE("matmul follows NumPy for every pair of ranks") {
  const auto shape = [](const Shape& a, const Shape& b) {
    return matmul(ones(a), ones(b)).shape();
  };
  CHECK(shape({3}, {3}) == Shape{});
  CHECK(shape({3}, {3, 4}) == Shape{4});
  CHECK(shape({2, 3}, {3}) == Shape{2});
  CHECK(shape({5, 2, 3}, {3}) == Shape{5, 2});
  CHECK(shape({3}, {5, 3, 4}) == Shape{5, 4});
  CHECK(shape({5, 2, 3}, {3, 4}) == Shape{5, 2, 4});
  CHECK(shape({2, 3}, {5, 3, 4}) == Shape{5, 2, 4});
  CHECK(shape({6, 1, 2, 3}, {5, 3, 4}) == Shape{6, 5, 2, 4});
  CHECK(shape({0, 2, 3}, {3, 4}) == Shape{0, 2, 4});
  CHECK(array_equal(matmul(zeros({2, 0}), zeros({0, 3})), zeros({2, 3})));
  CHECK(array_equal(matmul(tensor({{1, 2}, {3, 4}}), tensor({{1}, {10}})), tensor({{21}, {43}})));
}

TEST_CASE("batches broadcast, transposed or not") {
  const Tensor a = randn({2, 1, 3, 4}, float64), b = randn({5, 6, 4}, float64),
               y = matmul(a, transpose(b));
  REQUIRE(y.shape() == Shape{2, 5, 3, 6});
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t j = 0; j < 5; ++j) {
      const Tensor one = matmul(select(select(a, 0, i), 0, 0), transpose(select(b, 0, j)));
      CHECK(allclose(select(select(y, 0, i), 0, j), one, 1e-12));
    }
}

TEST_CASE("linear is x W^T + b for any leading axes") {
  const Tensor x = randn({2, 3, 4}, float64), weight = randn({5, 4}, float64),
               bias = randn({5}, float64);
  CHECK(allclose(linear(x, weight, bias), matmul(x, transpose(weight)) + bias, 1e-12));
  CHECK(allclose(linear(x, weight), matmul(x, transpose(weight)), 1e-12));
  CHECK(linear(zeros({0, 4}), zeros({5, 4}), zeros({5})).shape() == Shape{0, 5});
}

TEST_CASE("products say which shapes do not fit") {
  const Tensor weight = zeros({784, 128}).requires_grad("fc1.weight");
  CHECK_THROWS_WITH_AS(matmul(zeros({32, 785}), weight),
                       "matmul: inner dimensions differ: a is [32, 785], b 'fc1.weight' [784, 128]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(matmul(zeros({2}), Tensor(1.0f)),
                       "matmul: a 0-d operand has no inner dimension; use * to scale", ShapeError);
  CHECK_THROWS_WITH_AS(matmul(zeros({2, 3, 4}), zeros({3, 4, 5})),
                       "matmul: shapes [2] and [3] do not broadcast: axis 0 is 2 against 3 (see "
                       "docs/errors.md#shapes)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(linear(zeros({32, 785}), weight),
                       "linear: x must be [..., in] and weight [out, in]: x is [32, 785], weight "
                       "'fc1.weight' [784, 128]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(linear(zeros({2, 128}), weight, zeros({3})),
                       "linear: bias must be [784] for weight 'fc1.weight' [784, 128], got [3]",
                       ShapeError);
  CHECK_THROWS_AS(linear(zeros({2, 128}, float64), weight), DtypeError);
}

TEST_CASE("products have the same bits for every number of threads") {
  Generator generator(1);
  for (const auto dtype : {float32, float64})
    for (const auto& [m, n, k] :
         {std::tuple(96, 130, 200), std::tuple(257, 100, 61), std::tuple(31, 700, 90),
          std::tuple(1, 600, 500), std::tuple(500, 1, 600)}) {
      const Tensor a = randn({m, k}, dtype, generator), b = randn({k, n}, dtype, generator);
      const Tensor at = transpose(transpose(a) + 0.0), bt = transpose(transpose(b) + 0.0);
      std::vector<std::vector<Tensor>> products;
      for (const int threads : {1, 2, 3, 7})
        products.push_back(with_threads(threads, [&] {
          return std::vector<Tensor>{matmul(a, b), matmul(at, b), matmul(a, bt), matmul(at, bt)};
        }));
      for (const auto& p : products)
        for (std::size_t i = 0; i < p.size(); ++i) CHECK(array_equal(p[i], products[0][i]));
    }
}

// Products and linear algebra on what -DGRADTAPE_BLAS=OFF builds.
#include <gradtape/autograd/build_info.hpp>
#include <gradtape/autograd/error.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

using namespace gradtape;

namespace {

/// The largest difference of two, as a part of the largest element.
double distance(const Tensor& a, const Tensor& b) {
  return max(abs(a - b)).item() / std::max(1e-300, max(abs(b)).item());
}

/// a b by sums of elementwise products.
Tensor by_sums(const Tensor& a, const Tensor& b) {
  return sum(unsqueeze(a, 2) * unsqueeze(b, 0), 1);
}

}  // namespace

TEST_CASE("build_info says that there is no BLAS") { CHECK(build_info().blas == "no BLAS"); }

TEST_CASE("products of every kind without BLAS") {
  for (const Dtype dtype : {float32, float64})
    for (const auto& [m, n, k] : {std::array{1, 1, 1},
                                  {3, 5, 7},
                                  {64, 33, 130},
                                  {1, 90, 40},
                                  {90, 1, 40},
                                  {200, 180, 190}}) {
      const Tensor a = randn({m, k}, dtype, Generator(1)), b = randn({k, n}, dtype, Generator(2));
      const double tolerance = dtype == float32 ? 1e-5 : 1e-13;
      const Tensor right = by_sums(a, b);
      CHECK(distance(matmul(a, b), right) < tolerance);
      CHECK(distance(matmul(transpose(transpose(a) * 1.0), b), right) < tolerance);
      CHECK(distance(matmul(a, transpose(transpose(b) * 1.0)), right) < tolerance);
    }
  // more multiply-adds than a library would be left
  const Tensor a = randn({300, 300}, float64, Generator(3)), x = ones({300, 1}, float64);
  CHECK(distance(matmul(matmul(a, a), x), matmul(a, matmul(a, x))) < 1e-12);
}

TEST_CASE("systems, inverses and determinants without LAPACK") {
  for (const Dtype dtype : {float32, float64})
    for (const int n : {1, 4, 40, 150}) {
      const Tensor b = randn({n, n}, dtype, Generator(4));
      const Tensor a = matmul(b, transpose(b)) + double(n) * eye(n, dtype);
      const double tolerance = dtype == float32 ? 1e-4 : 1e-12;
      for (const int columns : {1, 3}) {
        const Tensor right = randn({n, columns}, dtype, Generator(5));
        CHECK(distance(matmul(a, solve(a, right)), right) < tolerance);
        const Tensor lower = cholesky(a);
        CHECK(distance(matmul(lower, transpose(lower)), a) < tolerance);
        CHECK(distance(matmul(lower, solve_triangular(lower, right)), right) < tolerance);
      }
      const Tensor row = randn({n}, dtype, Generator(6));
      CHECK(distance(matmul(a, solve(a, row)), row) < tolerance);
      CHECK(distance(matmul(a, inv(a)), eye(n, dtype)) < tolerance);
    }
}

TEST_CASE("what only LAPACK can do says that it is not there") {
  const Tensor large = randn({200, 100}, float64, Generator(7));
  const auto message = doctest::Contains("this gradtape was built without LAPACK");
  CHECK_THROWS_WITH_AS(qr(large), message, Error);
  CHECK_THROWS_WITH_AS(svd(large), message, Error);
  CHECK_THROWS_WITH_AS(eigh(matmul(transpose(large), large)), message, Error);
  CHECK_THROWS_WITH_AS(lstsq(large, large), message, Error);
}

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

const double inf = std::numeric_limits<double>::infinity();
const double not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor identity(std::int64_t n) { return eye(n, n, float64); }

bool all_nan(const Tensor& x) {
  for (double element : x.data<double>())
    if (!std::isnan(element)) return false;
  return x.numel() > 0;
}

}  // namespace

TEST_CASE("inverses, solutions and determinants of known matrices") {
  const Tensor a = tensor({{2, 1}, {5, 3}}, float64);
  CHECK(close(inv(a), tensor({{3, -1}, {-5, 2}}, float64), 1e-12));
  CHECK(close(solve(a, tensor({1, 2}, float64)), tensor({1, -1}, float64), 1e-12));
  CHECK(det(a).item<double>() == close(1, 1e-12));
  CHECK(det(tensor({{0, 1}, {1, 0}}, float64)).item<double>() == -1);
  const auto [sign, logabsdet] = slogdet(tensor({{0, 2}, {3, 0}}, float64));
  CHECK(sign.item<double>() == -1);
  CHECK(logabsdet.item<double>() == close(std::log(6), 1e-12));
  CHECK(det(zeros({0, 0})).item<double>() == 1);
  CHECK(inv(zeros({0, 3, 3})).shape() == Shape{0, 3, 3});
}

TEST_CASE("factors multiply to the matrix, batch by batch") {
  for (const Shape& shape :
       {Shape{4, 4}, Shape{5, 3}, Shape{3, 5}, Shape{2, 40, 30}, Shape{2, 0, 3}}) {
    const Tensor a = randn(shape, float64);
    const auto [p, l, u] = lu(a);
    CHECK(close(matmul(p, matmul(l, u)), a, 1e-12));
    const auto [q, r] = qr(a);
    CHECK(close(matmul(q, r), a, 1e-12));
    CHECK(close(matmul(transpose(q), q),
                expand(identity(q.size(-1)), matmul(transpose(q), q).shape()), 1e-12));
    const auto [v, s, wh] = svd(a);
    CHECK(close(matmul(v * unsqueeze(s, -2), wh), a, 1e-12));
    CHECK(close(svdvals(a), s, 1e-12));
  }
  const Tensor a = randn({3, 6, 6}, float64), symmetric = a + transpose(a);
  const auto [w, v] = eigh(symmetric);
  CHECK(close(matmul(v * unsqueeze(w, -2), transpose(v)), symmetric, 1e-11));
  const Tensor positive = matmul(a, transpose(a)) + identity(6), l = cholesky(positive);
  CHECK(close(matmul(l, transpose(l)), positive, 1e-11));
  CHECK(close(cholesky_solve(identity(6), l), inv(positive), 1e-9));
}

TEST_CASE("one matrix solves for a batch, and a batch for one right side") {
  const Tensor a = randn({4, 3, 3}, float64) + 4.0 * identity(3), b = randn({3, 2}, float64);
  const Tensor x = solve(a, b);
  REQUIRE(x.shape() == Shape{4, 3, 2});
  for (std::int64_t i = 0; i < 4; ++i)
    CHECK(close(matmul(select(a, 0, i), select(x, 0, i)), b, 1e-12));
  const Tensor one = select(a, 0, 0), many = randn({5, 3, 1}, float64);
  CHECK(close(matmul(one, solve(one, many)), many, 1e-12));
  const Tensor vectors = randn({4, 3}, float64);
  CHECK(close(matmul(a, unsqueeze(solve(a, vectors), -1)), unsqueeze(vectors, -1), 1e-12));
}

TEST_CASE("solve_triangular reads one triangle only") {
  const Tensor a = tensor({{2, 7}, {1, 4}}, float64), b = tensor({{2}, {9}}, float64);
  CHECK(close(solve_triangular(a, b), tensor({{1}, {2}}, float64), 1e-12));
  CHECK(close(solve_triangular(a, b, {.unitriangular = true}), tensor({{2}, {7}}, float64), 1e-12));
  CHECK(close(solve_triangular(a, b, {.upper = true}), tensor({{-6.875}, {2.25}}, float64), 1e-12));
  CHECK(close(solve_triangular(a, transpose(b), {.left = false}), tensor({{-0.125, 2.25}}, float64),
              1e-12));
}

TEST_CASE("the gradient of the determinant of a singular matrix is its cofactors") {
  const auto slope = [](const Tensor& a) {
    const Tensor at = a.requires_grad();
    return grad(det(at), {at})[0];
  };
  CHECK(
      close(slope(tensor({{1, 2}, {2, 4}}, float64)), tensor({{4, -2}, {-2, 1}}, float64), 1e-12));
  CHECK(close(slope(zeros({2, 2}, float64)), zeros({2, 2}, float64), 1e-12));
  CHECK(close(slope(tensor({{1, 0, 0}, {0, 1, 0}, {0, 0, 0}}, float64)),
              tensor({{0, 0, 0}, {0, 0, 0}, {0, 0, 1}}, float64), 1e-12));
}

TEST_CASE("least squares by the pseudo-inverse, of every rank") {
  const Tensor a = tensor({{1, 0}, {1, 1}, {1, 2}}, float64), b = tensor({1, 3, 5}, float64);
  CHECK(close(lstsq(a, b), tensor({1, 2}, float64), 1e-12));
  CHECK(close(pinv(tensor({{1, 1}, {1, 1}}, float64)), full({2, 2}, 0.25, float64), 1e-12));
  CHECK(close(pinv(zeros({2, 3}, float64)), zeros({3, 2}, float64), 1e-12));
  CHECK(close(pinv(tensor({{1, 0}, {0, 0.01}}, float64), 0.1), tensor({{1, 0}, {0, 0}}, float64),
              1e-12));
}

TEST_CASE("norms of a known matrix") {
  const Tensor a = tensor({{3, -1}, {4, 2}}, float64);
  const auto is = [](const Tensor& norm, double value) {
    return std::abs(norm.item<double>() - value) < 1e-12;
  };
  CHECK(is(matrix_norm(a), std::sqrt(30)));
  CHECK(is(matrix_norm(a, 1), 7));
  CHECK(is(matrix_norm(a, -1), 3));
  CHECK(is(matrix_norm(a, inf), 6));
  CHECK(is(matrix_norm(a, -inf), 4));
  CHECK(is(matrix_norm(a, 2), std::sqrt(15 + std::sqrt(125))));
  CHECK(is(matrix_norm(a, -2), std::sqrt(15 - std::sqrt(125))));
  CHECK(is(matrix_norm(a, "nuc"), std::sqrt(15 + std::sqrt(125)) + std::sqrt(15 - std::sqrt(125))));
  CHECK(is(matrix_norm(full({2, 2}, 1e200, float64)), 2e200));
}

TEST_CASE("powers and exponentials of known matrices") {
  const Tensor a = tensor({{1, 1}, {1, 0}}, float64);
  CHECK(close(matrix_power(a, 10), tensor({{89, 55}, {55, 34}}, float64), 1e-12));
  CHECK(close(matrix_power(a, -1), tensor({{0, 1}, {1, -1}}, float64), 1e-12));
  for (double angle : {0.01, 0.2, 0.9, 2.0, 5.0, 50.0}) {
    const Tensor turn = tensor({{0, -1}, {1, 0}}, float64) * angle;
    const double c = std::cos(angle), s = std::sin(angle);
    CHECK(
        close(matrix_exp(turn), tensor({{c, -s}, {s, c}}, float64), 1e-13 * std::max(10.0, angle)));
  }
  CHECK(close(matrix_exp(tensor({{0, 3}, {0, 0}}, float64)), tensor({{1, 3}, {0, 1}}, float64),
              1e-12));
}

TEST_CASE("NaN and infinities come back as NaN") {
  for (double bad : {not_a_number, inf}) {
    const Tensor a = tensor({{1, bad}, {bad, 1}}, float64);
    CHECK(all_nan(inv(a)));
    CHECK(all_nan(solve(a, ones({2}, float64))));
    CHECK(all_nan(det(a)));
    CHECK(all_nan(cholesky(a)));
    CHECK(all_nan(svdvals(a)));
    CHECK(all_nan(svd(a).u));
    CHECK(all_nan(eigh(a).w));
    CHECK(all_nan(qr(a).q));
    CHECK(all_nan(lu(a).l));
    CHECK(all_nan(matrix_exp(a)));
  }
}

TEST_CASE("linear algebra says which matrix is at fault") {
  const Tensor batch = concat({expand(identity(3), {3, 3, 3}), zeros({1, 3, 3}, float64)});
  CHECK_THROWS_WITH_AS(
      inv(batch), "inv: matrix 3 of the batch [4, 3, 3] is singular (pivot 0 is 0)", LinalgError);
  CHECK_THROWS_WITH_AS(solve(ones({2, 2}), ones({2})),
                       "solve: the matrix [2, 2] is singular (pivot 1 is 0)", LinalgError);
  CHECK_THROWS_WITH_AS(cholesky(tensor({{1, 2}, {2, 1}}, float64)),
                       "cholesky: the matrix [2, 2] is not positive-definite (its leading minor of "
                       "order 2 is not positive)",
                       LinalgError);
  CHECK_THROWS_WITH_AS(inv(zeros({2, 3})), "inv: needs square matrices, got [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(svd(zeros({3})), "svd: needs matrices, [..., rows, columns], got [3]",
                       ShapeError);
  CHECK_THROWS_AS(det(arange(4)), DtypeError);
  CHECK_THROWS_WITH_AS(solve(identity(2), zeros({3}, float64)),
                       "solve: the right side [3] does not fit the matrix [2, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(matrix_norm(identity(2), "frob"),
                       "matrix_norm: knows \"fro\", \"nuc\" and the orders 1, -1, 2, -2, inf and "
                       "-inf, not \"frob\"",
                       ValueError);
  CHECK_THROWS_AS(matrix_norm(identity(2), 3), ValueError);
  CHECK_THROWS_AS(pinv(identity(2), -1), ValueError);
}

TEST_CASE("a singular matrix has no log-determinant to differentiate") {
  const Tensor a = ones({2, 2}, float64).requires_grad();
  const auto [sign, logabsdet] = slogdet(a);
  CHECK(sign.item<double>() == 0);
  CHECK(logabsdet.item<double>() == -inf);
  CHECK(all_nan(grad(logabsdet, {a})[0]));
}

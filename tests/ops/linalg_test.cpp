#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

const double inf = std::numeric_limits<double>::infinity();
const double not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor identity(std::int64_t n) { return eye(n, n, float64); }

/// Zeros, but for a 1 at the end of the diagonal.
Tensor as_last(std::int64_t n, Dtype dtype) {
  const Tensor last = (arange(n) == n - 1).to(dtype);
  return unsqueeze(last, 0) * unsqueeze(last, 1);
}

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

TEST_CASE(
    "least squares of full rank, by QR, are those by the pseudo-inverse, with their gradients") {
  for (const Shape& shape : {Shape{7, 3}, Shape{3, 7}, Shape{4, 4}, Shape{2, 5, 3}}) {
    const Tensor a = randn(shape, float64).requires_grad(),
                 b = randn({shape[shape.ndim() - 2], 2}, float64).requires_grad();
    const Tensor x = lstsq(a, b), by_pinv = matmul(pinv(a), b);
    CHECK(close(x, by_pinv, 1e-11));
    const auto slopes = grad(sum(sin(x)), {a, b}), expected = grad(sum(sin(by_pinv)), {a, b});
    CHECK(close(slopes[0], expected[0], 1e-9));
    CHECK(close(slopes[1], expected[1], 1e-9));
  }
  // Of one batch, a matrix of full rank and one that has it no more for this rtol.
  const Tensor a = tensor({{{1, 0}, {0, 1}}, {{1, 0}, {0, 1e-3}}}, float64);
  CHECK(close(lstsq(a, ones({2, 1}, float64), 1e-2), tensor({{{1}, {1}}, {{1}, {0}}}, float64),
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

TEST_CASE("systems, inverses and factors are right at every size, from registers to blocks") {
  for (const Dtype dtype : {float32, float64})
    for (const std::int64_t n : {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 32, 33, 50, 64, 65, 130}) {
      CAPTURE(n);
      const double tolerance = (dtype == float32 ? 2e-6 : 4e-15) * static_cast<double>(n + 10);
      const Tensor a = (randn({n, n}, float64) +
                        std::sqrt(static_cast<double>(n)) * 3.0 * identity(n))
                           .to(dtype),
                   one = identity(n).to(dtype);
      CHECK(close(matmul(inv(a), a), one, tolerance));
      for (const std::int64_t k : {1, 3, 20, 70}) {
        const Tensor b = randn({n, k}, float64).to(dtype);
        CHECK(close(matmul(a, solve(a, b)), b, 10 * tolerance));
      }
      const auto [p, l, u] = lu(a);
      CHECK(close(matmul(p, matmul(l, u)), a, 10 * tolerance));
      CHECK(close(amax(abs(l)), ones({}, dtype), 0));
      const auto [sign, logabsdet] = slogdet(a);
      CHECK(close(logabsdet, sum(log(abs(diagonal(u)))), 100 * tolerance));
      CHECK(close(sign, det(p) * prod(gradtape::sign(diagonal(u))), 0));
      const Tensor positive = matmul(a, transpose(a)), root = cholesky(positive);
      CHECK(close(matmul(root, transpose(root)) / amax(positive), positive / amax(positive),
                  tolerance));
      CHECK(close(triu(root, 1), zeros({n, n}, dtype), 0));
      const Tensor indefinite = positive - 2.0 * amax(positive) * as_last(n, dtype);
      const std::string minor = "order " + std::to_string(n) + " is not";
      CHECK_THROWS_WITH_AS(cholesky(indefinite), doctest::Contains(minor.c_str()), LinalgError);
    }
}

TEST_CASE("triangular systems of every kind and size agree with products") {
  for (const std::int64_t n : {1, 4, 8, 9, 32, 33, 100})
    for (const std::int64_t k : {1, 4, 5, 70})
      for (int kind = 0; kind < 16; ++kind) {
        CAPTURE(n);
        CAPTURE(k);
        CAPTURE(kind);
        const bool is_upper = kind & 1, left = kind & 2, unit = kind & 4, turned = kind & 8;
        const Tensor stored = randn({n, n}, float64) / static_cast<double>(n) + 2.0 * identity(n);
        const Tensor a = turned ? transpose(stored) : stored;  // large ones are not moved
        Tensor read = is_upper ? triu(a, unit ? 1 : 0) : tril(a, unit ? -1 : 0);
        if (unit) read = read + identity(n);
        const Tensor b = randn(left ? Shape{n, k} : Shape{k, n}, float64);
        const Tensor x =
            solve_triangular(a, b, {.upper = is_upper, .left = left, .unitriangular = unit});
        CHECK(close(left ? matmul(read, x) : matmul(x, read), b, 1e-12));
      }
}

TEST_CASE("a small matrix is solved as it is inside a large one") {
  for (const std::int64_t n : {1, 2, 3, 4, 8, 9, 20}) {
    const std::int64_t m = 140;
    const Tensor a = randn({n, n}, float64), b = randn({n, 3}, float64);
    const auto embedded = [&](const Tensor& x, const Tensor& rest) {
      const Tensor right = zeros({n, m - n}, float64);
      return concat({concat({x, right}, 1), concat({transpose(right), rest}, 1)}, 0);
    };
    const Tensor large = embedded(a, identity(m - n));
    CHECK(close(slice(slice(inv(large), 0, 0, n), 1, 0, n), inv(a), 1e-9));
    CHECK(close(slice(solve(large, concat({b, zeros({m - n, 3}, float64)}, 0)), 0, 0, n),
                solve(a, b), 1e-9));
    CHECK(close(det(large), det(a), 1e-9));
    const Tensor positive = matmul(a, transpose(a)) + identity(n);
    CHECK(close(slice(slice(cholesky(embedded(positive, identity(m - n))), 0, 0, n), 1, 0, n),
                cholesky(positive), 1e-12));
  }
}

TEST_CASE(
    "small matrices have their vectors, of every rank and from one end of the range to the other") {
  seed(11);  // matrices of about the same size, whatever the tests before have drawn
  for (const Dtype dtype : {float32, float64})
    for (const double size :
         {1.0, dtype == float32 ? 1e36 : 1e300, dtype == float32 ? 1e-36 : 1e-300})
      for (const Shape& shape :
           {Shape{1, 1}, Shape{2, 2}, Shape{3, 5}, Shape{5, 3}, Shape{6, 6}, Shape{8, 8}})
        for (const int rank : {0, 1, 9}) {
          CAPTURE(size);
          CAPTURE(rank);
          const double tolerance = dtype == float32 ? 1e-5 : 1e-14;
          const auto m = shape[0], n = shape[1];
          const Tensor plain = rank == 9
                                   ? randn(shape, float64)
                                   : matmul(randn({m, rank}, float64), randn({rank, n}, float64)),
                       a = (plain * size).to(dtype);
          const auto orthonormal = [&](const Tensor& q) {
            return close(matmul(transpose(q), q), identity(q.size(-1)).to(dtype), tolerance);
          };
          const auto [u, s, vh] = svd(a);
          CHECK(orthonormal(u));
          CHECK(orthonormal(transpose(vh)));
          CHECK(close(matmul(u * (s / size), vh), a / size, tolerance));
          CHECK(close(svdvals(a) / size, s / size, tolerance));
          CHECK(array_equal(sort(s, 0, {.descending = true}).values, s));
          if (m != n) continue;
          const Tensor b = a + transpose(a);
          const auto [w, v] = eigh(b);
          CHECK(orthonormal(v));
          CHECK(close(matmul(v * (w / size), transpose(v)), b / size, 4 * tolerance));
          CHECK(array_equal(sort(w).values, w));
          CHECK(close(eigvalsh(b) / size, w / size, tolerance));
        }
}

TEST_CASE("a system's gradient is that of its inverse, for one matrix and for batches") {
  for (const Shape& shape : {Shape{3, 3}, Shape{40, 40}, Shape{5, 3, 3}}) {
    const auto n = shape[shape.ndim() - 1];
    const Tensor a = (randn(shape, float64) + 6.0 * identity(n)).requires_grad(),
                 b = randn({n, 2}, float64).requires_grad();
    const auto slopes = [&](const Tensor& x) { return grad(sum(sin(x)), {a, b}); };
    const auto by_solve = slopes(solve(a, b)), by_inverse = slopes(matmul(inv(a), b));
    CHECK(close(by_solve[0], by_inverse[0], 1e-12));
    CHECK(close(by_solve[1], by_inverse[1], 1e-12));
  }
}

TEST_CASE("values alone are those of the whole decomposition, recorded or not") {
  for (const Shape& shape : {Shape{6, 4}, Shape{4, 6}, Shape{5, 5}, Shape{3, 70, 40}}) {
    const Tensor a = randn(shape, float64), x = a.requires_grad();
    CHECK(close(svdvals(a), svdvals(x), 1e-12));
    const auto [u, s, vh] = svd(x);
    CHECK(close(grad(sum(square(svdvals(x))), {x})[0], 2.0 * a, 1e-11));
    CHECK(close(grad(sum(s) + 0.0 * sum(u), {x})[0], grad(sum(svdvals(x)), {x})[0], 1e-11));
  }
  const Tensor a = randn({6, 6}, float64), x = (a + transpose(a)).requires_grad();
  CHECK(close(eigvalsh(x.detach()), eigvalsh(x), 1e-12));
  CHECK(close(grad(sum(square(eigvalsh(x))), {x})[0], 2.0 * x, 1e-11));
}

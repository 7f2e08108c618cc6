// Backward errors of linear algebra: what comes out is exact for a matrix within a few n roundoffs
// of the one that went in, however it is scaled, graded, close to singular or without distinct
// eigenvalues; gradients are finite there, or the matrix is refused.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr std::size_t n = 6;

/// A matrix of numbers that neither overflow nor round here.
struct Matrix {
  std::size_t rows, columns;
  std::vector<long double> x;

  long double operator()(std::size_t i, std::size_t j) const { return x[i * columns + j]; }
};

Matrix matrix(const Tensor& t) {
  const Tensor wide = t.detach().to(float64);
  const auto columns = static_cast<std::size_t>(t.ndim() == 2 ? t.size(1) : 1);
  return {static_cast<std::size_t>(t.size(0)),
          columns,
          {wide.data<double>().begin(), wide.data<double>().end()}};
}

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix y{a.rows, b.columns, std::vector<long double>(a.rows * b.columns)};
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < b.columns; ++j)
      for (std::size_t k = 0; k < a.columns; ++k) y.x[i * b.columns + j] += a(i, k) * b(k, j);
  return y;
}

Matrix operator-(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.x.size(); ++i) a.x[i] -= b.x[i];
  return a;
}

Matrix t(const Matrix& a) {
  Matrix y{a.columns, a.rows, {}};
  for (std::size_t j = 0; j < a.columns; ++j)
    for (std::size_t i = 0; i < a.rows; ++i) y.x.push_back(a(i, j));
  return y;
}

Matrix identity(std::size_t size) {
  Matrix y{size, size, std::vector<long double>(size * size)};
  for (std::size_t i = 0; i < size; ++i) y.x[i * size + i] = 1;
  return y;
}

/// The Frobenius norm.
long double size_of(const Matrix& a) {
  long double total = 0;
  for (const auto v : a.x) total += v * v;
  return std::sqrt(total);
}

/// The residual in units of n roundoffs of `scale`; a comparison with NaN fails.
double in_roundoffs(const Matrix& residual, long double scale, Dtype dtype) {
  const long double u = dtype == float32 ? 0x1p-24L : 0x1p-53L;
  const long double size = size_of(residual);
  return size == 0 ? 0 : static_cast<double>(size / (scale * u * static_cast<long double>(n)));
}

struct Sample {
  std::string name;
  Tensor a;          ///< [n, n], regular
  Tensor symmetric;  ///< [n, n]
  Tensor definite;   ///< [n, n], symmetric and positive definite
};

Tensor orthogonal(std::uint64_t seed) { return qr(sample({n, n}, seed)).q; }

Tensor with_values(const std::vector<double>& values, std::uint64_t left, std::uint64_t right) {
  return matmul(orthogonal(left) * tensor(values), transpose(orthogonal(right)));
}

Tensor symmetric_with(const std::vector<double>& values) {
  const Tensor a = with_values(values, 5, 5);
  return 0.5 * (a + transpose(a));
}

std::vector<Sample> samples(Dtype dtype) {
  const bool narrow = dtype == float32;
  const double tiny = narrow ? 1e-5 : 1e-13, step = narrow ? 1e-2 : 1e-5;
  std::vector<double> graded, near{1, 0.8, 0.5, 0.2, 0.1, tiny};
  for (std::size_t i = 0; i < n; ++i) graded.push_back(std::pow(step, static_cast<double>(i)));
  const std::vector<double> repeated{2, 2, 2, 1, 1, 1}, signs{2, 2, -2, 1, 1, -1}, ones(n, 1.0);
  const Tensor random = sample({n, n}, 1), scale = tensor(graded),
               definite = symmetric_with({3, 2.5, 2, 1.5, 1, 0.5});
  std::vector<Sample> all{
      {"random", random, random + transpose(random), definite},
      {"graded rows", random * unsqueeze(scale, 1),
       (random + transpose(random)) * scale * unsqueeze(scale, 1),
       definite * scale * unsqueeze(scale, 1)},
      {"graded columns", random * scale, symmetric_with(graded), symmetric_with(near)},
      {"nearly singular", with_values(near, 3, 4), symmetric_with(near), symmetric_with(near)},
      {"repeated values", with_values(repeated, 3, 4), symmetric_with(signs),
       symmetric_with(repeated)},
      {"identity", eye(n, float64), eye(n, float64), eye(n, float64)},
      {"diagonal with equal values", diag(tensor(repeated)), diag(tensor(signs)),
       diag(tensor(repeated))},
  };
  const std::size_t count = all.size();
  for (const double factor :
       narrow ? std::vector<double>{1e-30, 1e30} : std::vector<double>{1e-150, 1e150})
    for (std::size_t i = 0; i < count; ++i)
      if (all[i].name.find("graded") == std::string::npos || factor > 1)
        all.push_back({all[i].name + (factor > 1 ? ", huge" : ", tiny"), all[i].a * factor,
                       all[i].symmetric * factor, all[i].definite * factor});
  for (auto& s : all) {
    s.a = s.a.to(dtype);
    s.symmetric = s.symmetric.to(dtype);
    s.definite = s.definite.to(dtype);
  }
  return all;
}

template <class Check> void for_each_sample(Check check) {
  for (const auto dtype : {float64, float32})
    for (const auto& one : samples(dtype)) {
      CAPTURE(one.name);
      CAPTURE(std::string(name(dtype)));
      check(one, dtype);
    }
}

constexpr double few = 10;

}  // namespace

TEST_CASE("systems are solved with a small backward error") {
  for_each_sample([](const Sample& s, Dtype dtype) {
    const Tensor b = sample({n, 2}, 9, float64).to(dtype);
    const Matrix a = matrix(s.a), right = matrix(b);
    const auto residual = [&](const Matrix& of, const Matrix& x) {
      return in_roundoffs(of * x - right, size_of(of) * size_of(x) + size_of(right), dtype);
    };
    CHECK(residual(a, matrix(solve(s.a, b))) <= few);
    CHECK(residual(matrix(s.definite), matrix(cholesky_solve(b, cholesky(s.definite)))) <= few);
    const Matrix inverse = matrix(inv(s.a));
    CHECK(in_roundoffs(a * inverse - identity(n), size_of(a) * size_of(inverse), dtype) <= few);
    const Tensor lower = tril(s.a);
    CHECK(residual(matrix(lower), matrix(solve_triangular(lower, b))) <= few);
  });
}

TEST_CASE("factors multiply to the matrix, and orthonormal ones are orthonormal") {
  for_each_sample([](const Sample& s, Dtype dtype) {
    const Matrix a = matrix(s.a);
    const auto orthonormal = [&](const Matrix& q) {
      return in_roundoffs(t(q) * q - identity(n), 1, dtype);
    };
    const auto product = [&](const Matrix& made, const Matrix& of) {
      return in_roundoffs(made - of, size_of(of), dtype);
    };
    const Lu by_lu = lu(s.a);
    const Matrix l = matrix(by_lu.l), u = matrix(by_lu.u);
    CHECK(in_roundoffs(matrix(by_lu.p) * l * u - a, size_of(l) * size_of(u), dtype) <= few);
    const Matrix root = matrix(cholesky(s.definite));
    CHECK(product(root * t(root), matrix(s.definite)) <= few);
    const Qr by_qr = qr(s.a);
    CHECK(product(matrix(by_qr.q) * matrix(by_qr.r), a) <= few);
    CHECK(orthonormal(matrix(by_qr.q)) <= few);
    const Svd by_svd = svd(s.a);
    const Matrix left = matrix(by_svd.u), right = matrix(by_svd.vh);
    CHECK(product(matrix(by_svd.u * by_svd.s) * right, a) <= few);
    CHECK(orthonormal(left) <= few);
    CHECK(orthonormal(t(right)) <= few);
    const Eigh by_eigh = eigh(s.symmetric);
    CHECK(product(matrix(by_eigh.v * by_eigh.w) * t(matrix(by_eigh.v)), matrix(s.symmetric)) <=
          few);
    CHECK(orthonormal(matrix(by_eigh.v)) <= few);
    // Values alone are those with the vectors, up to their errors.
    CHECK(product(matrix(svdvals(s.a)), matrix(by_svd.s)) <= few);
    CHECK(product(matrix(eigvalsh(s.symmetric)), matrix(by_eigh.w)) <= few);
  });
}

TEST_CASE("least squares and pseudo-inverses have small residuals") {
  for_each_sample([](const Sample& s, Dtype dtype) {
    const Tensor tall = concat({s.a, s.a * 0.5}, 0), b = sample({2 * n, 1}, 9, float64).to(dtype);
    const Matrix a = matrix(tall), right = matrix(b), x = matrix(lstsq(tall, b, 0.0));
    const Matrix rest = right - a * x;
    CHECK(in_roundoffs(t(a) * rest, size_of(a) * (size_of(a) * size_of(x) + size_of(right)),
                       dtype) <= few);
    const Matrix inverse = matrix(pinv(tall, 0.0));
    CHECK(in_roundoffs(a * inverse * a - a, size_of(a) * size_of(a) * size_of(inverse), dtype) <=
          few);
  });
}

TEST_CASE("gradients of linear algebra are finite for every regular matrix, or it is refused") {
  using F = std::function<Tensor(const Tensor&)>;
  const auto total = [](const Tensor& x) {
    const Tensor w = cos(0.7 * arange(0.0, static_cast<double>(x.numel()), 1.0, float64));
    return sum(flatten(x) * w.to(x.dtype()));
  };
  for_each_sample([&](const Sample& s, Dtype dtype) {
    const auto check = [&](const char* what, const Tensor& at, const F& f) {
      CAPTURE(std::string(what));
      for (const bool create_graph : {false, true}) {
        const Tensor x = at.requires_grad();
        try {
          const Tensor g = grad(f(x), {x}, {.create_graph = create_graph})[0];
          // Numbers of these sizes have finite results here: nothing is of a higher degree than 1.
          CHECK(all(isfinite(g)).item<bool>());
        } catch (const LinalgError&) {  // the documented refusal
        }
      }
    };
    const Tensor b = sample({n, 2}, 9, float64).to(dtype);
    check("svd", s.a, [&](auto& x) {
      const Svd y = svd(x);
      return total(square(y.u)) + total(square(y.vh)) + total(log(y.s));
    });
    check("svdvals", s.a, [&](auto& x) { return total(svdvals(x)); });
    check("eigh", s.symmetric, [&](auto& x) {
      const Eigh y = eigh(x);
      return total(square(y.v)) + total(y.w / sum(abs(y.w.detach())));
    });
    check("eigvalsh", s.symmetric, [&](auto& x) { return total(eigvalsh(x)); });
    check("qr", s.a, [&](auto& x) { return total(qr(x).r); });
    check("lu", s.a, [&](auto& x) { return total(lu(x).u); });
    check("cholesky", s.definite, [&](auto& x) { return sum(log(diagonal(cholesky(x)))); });
    check("slogdet", s.a, [&](auto& x) { return slogdet(x).logabsdet; });
    check("inv", s.a, [&](auto& x) { return log(norm(inv(x))); });
    check("solve", s.a, [&](auto& x) { return log(norm(solve(x, b))); });
    check("pinv", s.a, [&](auto& x) { return log(norm(pinv(x, 0.0))); });
    check("lstsq", s.a, [&](auto& x) { return log(norm(lstsq(x, b, 0.0))); });
    for (const double order : {2.0, -2.0, 1.0})
      check("matrix_norm", s.a, [&](auto& x) { return matrix_norm(x, order); });
    check("nuclear norm", s.a, [&](auto& x) { return matrix_norm(x, "nuc"); });
  });
}

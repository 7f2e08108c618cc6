// Matrices, by elimination with row pivots.
#include <gradtape/autograd/ops.hpp>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

constexpr std::size_t n = 4;  // all matrices are 4 x 4

struct Eliminated {
  Numbers x;  ///< a^-1 b
  Numbers pivots;
  bool even = true;  ///< the permutation
};

Eliminated eliminate(Numbers a, Numbers b) {
  const std::size_t k = b.size() / n;
  Eliminated done;
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < n; ++r)
      if (abs(a[r * n + c]) > abs(a[pivot * n + c])) pivot = r;
    if (pivot != c) {
      done.even = !done.even;
      for (std::size_t j = 0; j < n; ++j) std::swap(a[c * n + j], a[pivot * n + j]);
      for (std::size_t j = 0; j < k; ++j) std::swap(b[c * k + j], b[pivot * k + j]);
    }
    done.pivots.push_back(a[c * n + c]);
    for (std::size_t r = c + 1; r < n; ++r) {
      const Real50 factor = a[r * n + c] / a[c * n + c];
      for (std::size_t j = c + 1; j < n; ++j) a[r * n + j] = a[r * n + j] - factor * a[c * n + j];
      for (std::size_t j = 0; j < k; ++j) b[r * k + j] = b[r * k + j] - factor * b[c * k + j];
    }
  }
  for (std::size_t r = n; r-- > 0;)
    for (std::size_t j = 0; j < k; ++j) {
      for (std::size_t c = r + 1; c < n; ++c)
        b[r * k + j] = b[r * k + j] - a[r * n + c] * b[c * k + j];
      b[r * k + j] = b[r * k + j] / a[r * n + r];
    }
  done.x = b;
  return done;
}

Numbers identity(double scale = 1) {
  Numbers y(n * n);
  for (std::size_t i = 0; i < n; ++i) y[i * n + i] = scale;
  return y;
}

Numbers plus(const Numbers& a, const Numbers& b) {
  return map(a, b, [](const Real50& p, const Real50& q) { return p + q; });
}

/// x x^T + s^2 I for s the largest |x|: symmetric and positive definite.
Numbers definite(const Numbers& x, double s) {
  return plus(matmul(x, transposed(x, n), n), identity(s * s));
}

double size_of(const Numbers& x) {
  return static_cast<double>(largest(map(x, [](const Real50& v) { return abs(v); })).value);
}

Numbers cholesky_of(const Numbers& a) {
  Numbers l(n * n);
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = j; i < n; ++i) {
      Numbers terms{a[i * n + j]};
      for (std::size_t k = 0; k < j; ++k) terms.push_back(-(l[i * n + k] * l[j * n + k]));
      const Real50 rest = sum(terms);
      l[i * n + j] = i == j ? sqrt(rest) : rest / l[j * n + j];
    }
  return l;
}

/// The Taylor series of a / 2^k, squared k times.
Numbers exponential(const Numbers& a) {
  const double size = size_of(a) * n;
  int squarings = 0;
  while (std::ldexp(size, -squarings) > 0.5) ++squarings;
  const Numbers x = map(a, [&](const Real50& v) { return v * std::ldexp(1, -squarings); });
  Numbers term = identity(), y = identity();
  for (int i = 1; i < 40; ++i) {
    term = map(matmul(term, x, n), [&](const Real50& v) { return v / i; });
    y = plus(y, term);
  }
  for (int i = 0; i < squarings; ++i) y = matmul(y, y, n);
  return y;
}

}  // namespace

std::vector<Row> linalg_rows() {
  return {
      {"solve",
       [](const Tensors& x) { return solve(x[0], x[1]); },
       [](const Operands& x) { return eliminate(x[0], x[1]).x; },
       {{{4, 4}}, {{4, 2}}}},
      {"inv",
       [](const Tensors& x) { return inv(x[0]); },
       [](const Operands& x) { return eliminate(x[0], identity()).x; },
       {{{4, 4}}}},
      {"det",
       [](const Tensors& x) { return det(x[0]); },
       [](const Operands& x) {
         const auto done = eliminate(x[0], identity());
         Real50 y = done.even ? 1. : -1.;
         for (const auto& pivot : done.pivots) y = y * pivot;
         return Numbers{y};
       },
       {{{4, 4}}}},
      {"slogdet",
       [](const Tensors& x) { return slogdet(x[0]).logabsdet; },
       [](const Operands& x) {
         return Numbers{sum(map(eliminate(x[0], identity()).pivots,
                                [](const Real50& pivot) { return log(abs(pivot)); }))};
       },
       {{{4, 4}}}},
      {"cholesky",
       [](const Tensors& x) {
         const double s = gradtape::amax(gradtape::abs(x[0])).item<double>();
         return cholesky(gradtape::matmul(x[0], transpose(x[0])) + s * s * eye(4, float64));
       },
       [](const Operands& x) { return cholesky_of(definite(x[0], size_of(x[0]))); },
       {{{4, 4}}}},
      {"matrix_exp",
       [](const Tensors& x) { return matrix_exp(x[0]); },
       [](const Operands& x) { return exponential(x[0]); },
       {{{4, 4}}},
       {Size::huge, Size::mixed}},
      {"matrix_power",
       [](const Tensors& x) { return matrix_power(x[0], -2); },
       [](const Operands& x) {
         const Numbers inverse = eliminate(x[0], identity()).x;
         return matmul(inverse, inverse, n);
       },
       {{{4, 4}}},
       {Size::mixed}},
  };
}

}  // namespace gradtape::testing::exact

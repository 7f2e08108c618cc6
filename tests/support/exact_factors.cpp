// Triangular systems and factors of matrices.
#include <gradtape/autograd/ops.hpp>

#include <algorithm>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

constexpr std::size_t m = 4, n = 3;  // rows and columns of the matrices to factor

/// x with l x = b for a lower triangular l: [n, n] and b: [n, k].
Numbers forward_substituted(const Numbers& l, Numbers b) {
  const std::size_t k = b.size() / n;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < k; ++c) {
      Numbers terms{b[i * k + c]};
      for (std::size_t j = 0; j < i; ++j) terms.push_back(-(l[i * n + j] * b[j * k + c]));
      b[i * k + c] = sum(terms) / l[i * n + i];
    }
  return b;
}

Numbers reversed(Numbers a) {
  std::reverse(a.begin(), a.end());
  return a;
}
/// x with u x = b for the upper triangle u of a and b: [n, 1].
Numbers back_substituted(const Numbers& a, const Numbers& b) {
  return reversed(forward_substituted(reversed(a), reversed(b)));
}

struct Triangles {
  Numbers l, u;
};

/// p l u = a with row pivots: [m, n].
Triangles eliminated(Numbers a) {
  Triangles y{Numbers(m * n), Numbers(n * n)};
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < m; ++r)
      if (abs(a[r * n + c]) > abs(a[pivot * n + c])) pivot = r;
    for (std::size_t j = 0; j < n; ++j) std::swap(a[c * n + j], a[pivot * n + j]);
    for (std::size_t j = 0; j < c; ++j) std::swap(y.l[c * n + j], y.l[pivot * n + j]);
    for (std::size_t j = c; j < n; ++j) y.u[c * n + j] = a[c * n + j];
    y.l[c * n + c] = 1.;
    for (std::size_t r = c + 1; r < m; ++r) {
      const Real50 factor = a[r * n + c] / a[c * n + c];
      y.l[r * n + c] = factor;
      for (std::size_t j = c + 1; j < n; ++j) a[r * n + j] = a[r * n + j] - factor * a[c * n + j];
    }
  }
  return y;
}

Real50 dot(const Numbers& a, const Numbers& b) {
  return sum(map(a, b, [](const Real50& p, const Real50& q) { return p * q; }));
}

struct Orthogonal {
  Numbers q, r;
};

/// q r = a with a positive diagonal of r: [m, n], by modified Gram-Schmidt.
Orthogonal orthogonalised(const Numbers& a) {
  const Real50 scale = largest(map(a, [](const Real50& v) { return abs(v); }));
  std::vector<Numbers> columns(n);
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = 0; i < m; ++i) columns[j].push_back(a[i * n + j] / scale);
  Orthogonal y{Numbers(m * n), Numbers(n * n)};
  for (std::size_t k = 0; k < n; ++k) {
    const Real50 size = norm(columns[k], 2);
    y.r[k * n + k] = size * scale;
    for (auto& v : columns[k]) v = v / size;
    for (std::size_t j = k + 1; j < n; ++j) {
      const Real50 along = dot(columns[k], columns[j]);
      y.r[k * n + j] = along * scale;
      for (std::size_t i = 0; i < m; ++i) columns[j][i] = columns[j][i] - along * columns[k][i];
    }
  }
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) y.q[i * n + j] = columns[j][i];
  return y;
}

/// 1 or -1: with which sign qr has each column of q.
Tensor signs(const Tensor& r) { return sign(diagonal(r.detach())); }

using Function = Tensor (*)(const Tensor&);

Row row(const char* name, Function f, const std::function<Numbers(const Operands&)>& reference,
        const Shape& shape) {
  return {name, [f](const Tensors& x) { return f(x[0]); }, reference, {{shape}}, {Size::mixed}};
}

std::vector<Row> triangular_rows() {
  return {
      {"solve_triangular",
       [](const Tensors& x) { return solve_triangular(x[0], x[1]); },
       [](const Operands& x) { return forward_substituted(x[0], x[1]); },
       {{{3, 3}}, {{3, 2}}}},
      {"solve_triangular, right",
       [](const Tensors& x) {
         return solve_triangular(x[0], x[1], {.upper = true, .left = false});
       },
       [](const Operands& x) { return forward_substituted(transposed(x[0], n), x[1]); },
       {{{3, 3}}, {{1, 3}}}},
      {"cholesky_solve",
       [](const Tensors& x) { return cholesky_solve(x[0], x[1]); },
       [](const Operands& x) {
         return back_substituted(transposed(x[1], n), forward_substituted(x[1], x[0]));
       },
       {{{3, 1}}, {{3, 3}}},
       {Size::mixed}},
  };
}

std::vector<Row> matrix_rows() {
  return {
      row(
          "lu, l", [](const Tensor& x) { return lu(x).l; },
          [](const Operands& x) { return eliminated(x[0]).l; }, {4, 3}),
      row(
          "lu, u", [](const Tensor& x) { return lu(x).u; },
          [](const Operands& x) { return eliminated(x[0]).u; }, {4, 3}),
      row(
          "qr, q",
          [](const Tensor& x) {
            const auto [q, r] = qr(x);
            return q * signs(r);
          },
          [](const Operands& x) { return orthogonalised(x[0]).q; }, {4, 3}),
      row(
          "qr, r",
          [](const Tensor& x) {
            const Tensor r = qr(x).r;
            return r * unsqueeze(signs(r), 1);
          },
          [](const Operands& x) { return orthogonalised(x[0]).r; }, {4, 3}),
  };
}

}  // namespace

std::vector<Row> factor_rows() {
  auto all = triangular_rows();
  const auto more = matrix_rows();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace gradtape::testing::exact

// Singular values, eigenvalues, their vectors, and what is made of them.
#include <gradtape/autograd/ops.hpp>

#include <algorithm>
#include <limits>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

using Reals = std::vector<Real>;

constexpr std::size_t m = 4, n = 3;  // rows and columns of all matrices that are not square

/// f with slopes by central differences, which in 50 digits are right to 30; without bounds.
template <class F> Numbers by_differences(const Operands& operands, F f) {
  Reals x, direction;
  Real h = 0;
  for (const auto& operand : operands)
    for (const auto& v : operand) {
      x.push_back(v.value);
      direction.push_back(v.slope);
      if (v.slope != 0) h = largest(map(operand, [](const Real50& w) { return abs(w); })).value;
    }
  h *= Real(1e-17);
  Numbers y;
  for (const auto& v : f(x)) y.emplace_back(v, Real(0), Real(0), Real(0), true);
  if (h == 0) return y;
  const auto moved = [&](const Real& by) {
    Reals z = x;
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += by * direction[i];
    return f(z);
  };
  const Reals ahead = moved(h), behind = moved(-h);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Real slope = (ahead[i] - behind[i]) / (2 * h);
    y[i] = {y[i].value, slope, Real(0), Real(0), true};
  }
  return y;
}

Real size_of(const Reals& x) {
  Real squares = 0;
  for (const auto& v : x) squares += v * v;
  return sqrt(squares);
}

struct Singular {
  Reals u, s, v;  ///< [m, n], descending, [n, n]
};

/// u diag(s) v^T = a: [rows, n], the first element of each column of u positive; one-sided Jacobi.
Singular singular(const Reals& a) {
  const std::size_t rows = a.size() / n;
  Reals w = a, v(n * n, Real(0));
  for (std::size_t i = 0; i < n; ++i) v[i * n + i] = 1;
  const auto product = [&](std::size_t p, std::size_t q) {
    Real total = 0;
    for (std::size_t i = 0; i < rows; ++i) total += w[i * n + p] * w[i * n + q];
    return total;
  };
  const Real enough = std::numeric_limits<Real>::epsilon() * 10;
  for (bool rotated = true; rotated;) {
    rotated = false;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        const Real both = product(p, q), of_p = product(p, p), of_q = product(q, q);
        if (abs(both) <= enough * sqrt(of_p * of_q)) continue;
        rotated = true;
        const Real angle = (of_q - of_p) / (2 * both);
        const Real t = Real(angle < 0 ? -1 : 1) / (abs(angle) + sqrt(1 + angle * angle));
        const Real c = 1 / sqrt(1 + t * t), s = c * t;
        for (Reals* x : {&w, &v})
          for (std::size_t i = 0; i * n < x->size(); ++i) {
            const Real left = (*x)[i * n + p], right = (*x)[i * n + q];
            (*x)[i * n + p] = c * left - s * right;
            (*x)[i * n + q] = s * left + c * right;
          }
      }
  }
  std::vector<std::pair<Real, std::size_t>> order;
  for (std::size_t j = 0; j < n; ++j) order.emplace_back(-sqrt(product(j, j)), j);
  std::sort(order.begin(), order.end());
  Singular y{Reals(rows * n), Reals(n), Reals(n * n)};
  for (std::size_t k = 0; k < n; ++k) {
    const auto [minus_s, j] = order[k];
    y.s[k] = -minus_s;
    const Real divisor = w[j] < 0 ? minus_s : y.s[k];
    for (std::size_t i = 0; i < rows; ++i) y.u[i * n + k] = w[i * n + j] / divisor;
    for (std::size_t i = 0; i < n; ++i) y.v[i * n + k] = v[i * n + j] * (w[j] < 0 ? -1 : 1);
  }
  return y;
}

/// The bounds of y, whose element i belongs to the value i % n of `values`, `norm` being that of
/// the matrix: n^2 |a| for values, n^2 |a| / gap for vectors, and a gap more for derivatives. A gap
/// is the distance to the next value, and to 0 where the matrix is not square.
Numbers with_gaps(Numbers y, const Reals& values, bool vectors, bool square) {
  const Real norm = n * n * size_of(values);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t k = i % n;
    Real gap = square ? norm : values[k];
    for (std::size_t j = 0; j < n; ++j)
      if (j != k) gap = std::min(gap, Real(abs(values[j] - values[k])));
    y[i].value_bound += vectors ? norm / gap : norm;
    y[i].slope_bound += norm / gap / (vectors ? gap : Real(1));
  }
  return y;
}

enum class Part { u, s, vh };

Numbers svd_part(const Operands& x, Part part) {
  const auto of = [part](const Reals& a) {
    const Singular y = singular(a);
    if (part != Part::vh) return part == Part::u ? y.u : y.s;
    return y.v;
  };
  Reals a;
  for (const auto& v : x[0]) a.push_back(v.value);
  return with_gaps(by_differences(x, of), singular(a).s, part != Part::s, false);
}

struct Eigen {
  Reals w, v;
};

/// The eigenvalues of a symmetric matrix, ascending, and its vectors with first elements positive:
/// of a + s I with all positive, the singular ones.
Eigen eigen(const Reals& x) {
  Reals a(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) a[i * n + j] = x[i * n + j] + x[j * n + i];
  const Real shift = 2 * size_of(a);
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] += shift;
  const Singular y = singular(a);
  Eigen e{Reals(n), Reals(n * n)};
  for (std::size_t k = 0; k < n; ++k) {
    e.w[k] = y.s[n - 1 - k] - shift;
    for (std::size_t i = 0; i < n; ++i) e.v[i * n + k] = y.v[i * n + n - 1 - k];
  }
  return e;
}

Numbers eigh_part(const Operands& x, bool vectors) {
  const auto of = [vectors](const Reals& a) { return vectors ? eigen(a).v : eigen(a).w; };
  Reals a;
  for (const auto& v : x[0]) a.push_back(v.value);
  return with_gaps(by_differences(x, of), eigen(a).w, vectors, true);
}

Tensor symmetric(const Tensor& x) { return x + transpose(x); }
Tensor first_signs(const Tensor& columns) { return sign(select(columns.detach(), 0, 0)); }

/// pinv(a), [n, m], times b, [m, 1], unless that is empty.
Reals pseudo_inverse(const Singular& y, const Reals& b) {
  Reals inverse(n * m, Real(0)), x(n, Real(0));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      for (std::size_t k = 0; k < n; ++k)
        inverse[i * m + j] += y.v[i * n + k] / y.s[k] * y.u[j * n + k];
      if (!b.empty()) x[i] += inverse[i * m + j] * b[j];
    }
  return b.empty() ? inverse : x;
}

/// pinv(a) b, or pinv(a) without b. Bounds: n^2 |a| |a^+|^2 |b|; |a^+| times that for
/// derivatives in a, 1 / |b| times for those in b.
Numbers solution(const Operands& x) {
  const auto of = [](const Reals& z) {
    const auto split = z.begin() + static_cast<std::ptrdiff_t>(m * n);
    return pseudo_inverse(singular({z.begin(), split}), {split, z.end()});
  };
  Numbers y = by_differences(x, of);
  Reals a, b;
  bool along_b = false;
  for (const auto& v : x[0]) a.push_back(v.value);
  if (x.size() > 1)
    for (const auto& v : x[1]) {
      b.push_back(v.value);
      along_b = along_b || v.slope != 0;
    }
  const Reals s = singular(a).s;
  const Real size = b.empty() ? Real(1) : size_of(b), inverse = 1 / s[n - 1];
  const Real bound = n * n * size_of(s) * inverse * inverse * size;
  for (auto& v : y) {
    v.value_bound += bound;
    v.slope_bound += along_b ? bound / size : bound * inverse;
  }
  return y;
}

using Function = Tensor (*)(const Tensor&);

Row row(const char* name, Function f, const std::function<Numbers(const Operands&)>& reference,
        const Shape& shape, const std::vector<Size>& unlike = {Size::mixed}) {
  return {name, [f](const Tensors& x) { return f(x[0]); }, reference, {{shape}}, unlike};
}

std::vector<Row> decomposition_rows() {
  return {
      row(
          "svd, u",
          [](const Tensor& x) {
            const Tensor u = svd(x).u;
            return u * first_signs(u);
          },
          [](const Operands& x) { return svd_part(x, Part::u); }, {4, 3}),
      row(
          "svd, s", [](const Tensor& x) { return svd(x).s; },
          [](const Operands& x) { return svd_part(x, Part::s); }, {4, 3}),
      row(
          "svd, vh",
          [](const Tensor& x) {
            const auto [u, s, vh] = svd(x);
            return transpose(vh) * first_signs(u);
          },
          [](const Operands& x) { return svd_part(x, Part::vh); }, {4, 3}),
      row("svdvals", svdvals, [](const Operands& x) { return svd_part(x, Part::s); }, {4, 3}),
      row(
          "eigh, w", [](const Tensor& x) { return eigh(symmetric(x)).w; },
          [](const Operands& x) { return eigh_part(x, false); }, {3, 3}),
      row(
          "eigh, v",
          [](const Tensor& x) {
            const Tensor v = eigh(symmetric(x)).v;
            return v * first_signs(v);
          },
          [](const Operands& x) { return eigh_part(x, true); }, {3, 3}),
      row(
          "eigvalsh", [](const Tensor& x) { return eigvalsh(symmetric(x)); },
          [](const Operands& x) { return eigh_part(x, false); }, {3, 3}),
      row("pinv", [](const Tensor& x) { return pinv(x); }, solution, {4, 3}),
      {"lstsq",
       [](const Tensors& x) { return lstsq(x[0], x[1]); },
       solution,
       {{{4, 3}}, {{4, 1}}},
       {Size::mixed}},
  };
}

std::vector<Row> norm_rows() {
  // The largest sum of |elements| of rows of `width`.
  const auto by_sums = [](const Numbers& x, std::size_t width) {
    Numbers sums;
    for (std::size_t i = 0; i * width < x.size(); ++i)
      sums.push_back(sum(map(row_of(x, i, width), [](const Real50& v) { return abs(v); })));
    return Numbers{*std::max_element(sums.begin(), sums.end())};
  };
  return {
      row(
          "matrix_norm", [](const Tensor& x) { return matrix_norm(x); },
          [](const Operands& x) { return Numbers{norm(x[0], 2)}; }, {4, 3}, {}),
      row(
          "matrix_norm, 1", [](const Tensor& x) { return matrix_norm(x, 1); },
          [by_sums](const Operands& x) { return by_sums(transposed(x[0], n), m); }, {4, 3}, {}),
      row(
          "matrix_norm, inf",
          [](const Tensor& x) { return matrix_norm(x, std::numeric_limits<double>::infinity()); },
          [by_sums](const Operands& x) { return by_sums(x[0], n); }, {4, 3}, {}),
      row(
          "matrix_norm, 2", [](const Tensor& x) { return matrix_norm(x, 2); },
          [](const Operands& x) { return Numbers{svd_part(x, Part::s)[0]}; }, {4, 3}),
      row(
          "matrix_norm, -2", [](const Tensor& x) { return matrix_norm(x, -2); },
          [](const Operands& x) { return Numbers{svd_part(x, Part::s)[n - 1]}; }, {4, 3}),
      row(
          "matrix_norm, nuc", [](const Tensor& x) { return matrix_norm(x, "nuc"); },
          [](const Operands& x) { return Numbers{sum(svd_part(x, Part::s))}; }, {4, 3}),
  };
}

}  // namespace

std::vector<Row> spectrum_rows() {
  auto all = decomposition_rows();
  const auto more = norm_rows();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace gradtape::testing::exact

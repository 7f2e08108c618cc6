#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

/// A matrix far from singular.
Tensor regular(const Tensor& x) { return x + 5.0 * eye(x.size(-1), -1, x.dtype()); }
Tensor symmetrised(const Tensor& x) { return 0.5 * (x + transpose(x)); }
/// A symmetric matrix with eigenvalues that are far apart.
Tensor spread(const Tensor& x) {
  const auto n = x.size(-1);
  const Tensor diagonal = (4 * unsqueeze(arange(n), 1) * eye(n, n, int64)).to(x.dtype());
  return 0.2 * symmetrised(x) + diagonal;
}
/// A matrix of any shape with singular values that are far apart.
Tensor stretched(const Tensor& x) {
  const Tensor diagonal = (3 * (unsqueeze(arange(x.size(-2)), 1) + 1)).to(x.dtype());
  return 0.3 * x + diagonal * eye(x.size(-2), x.size(-1), x.dtype());
}
Tensor inverse_of_sizes(const Tensor& x) { return matrix_power(regular(x), -2); }

const std::vector<std::vector<Shape>> squares{
    {{3, 3}}, {{1, 1}}, {{2, 2, 2}}, {{0, 0}}, {{0, 2, 2}}};
const std::vector<std::vector<Shape>> rectangles{{{3, 3}}, {{4, 2}}, {{2, 4}},    {{2, 3, 2}},
                                                 {{3, 1}}, {{1, 3}}, {{0, 3, 2}}, {{3, 0}}};

// Where an extent of 1 leaves an orthonormal or triangular factor no freedom.
const std::vector<std::vector<Shape>> wide_squares{{{3, 3}}, {{2, 2, 2}}, {{0, 0}}};
const std::vector<std::vector<Shape>> wide_rectangles{
    {{3, 3}}, {{4, 2}}, {{2, 4}}, {{2, 3, 2}}, {{0, 3, 2}}};

OpSample on_squares(const char* name, const char* function, Tensor (*f)(const Tensor&)) {
  return {name, function, [f](Inputs x) { return f(x[0]); }, squares};
}
OpSample on_rectangles(const char* name, const char* function, Tensor (*f)(const Tensor&)) {
  return {name, function, [f](Inputs x) { return f(x[0]); }, rectangles};
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      on_squares("inv", "inv", [](const Tensor& x) { return inv(regular(x)); }),
      {"solve", "solve", [](Inputs x) { return solve(regular(x[0]), x[1]); },
       {{{3, 3}, {3, 2}}, {{3, 3}, {3}}, {{2, 2, 2}, {2, 2}}, {{2, 3, 3}, {3, 2}},
        {{3, 3}, {2, 3, 1}}, {{2, 1, 2, 2}, {3, 2, 1}}, {{0, 0}, {0, 3}}, {{2, 2}, {2, 0}},
        {{0, 2, 2}, {0, 2, 1}}}},
      {"solve_triangular", "solve_triangular",
       [](Inputs x) { return solve_triangular(regular(x[0]), x[1]); },
       {{{3, 3}, {3, 2}}, {{2, 2, 2}, {2, 1}}, {{2, 2}, {3, 2, 1}}, {{0, 0}, {0, 2}}}},
      {"solve_triangular", "solve_triangular",
       [](Inputs x) { return solve_triangular(regular(x[0]), x[1], {.upper = true}); },
       {{{3, 3}, {3, 2}}}},
      {"solve_triangular", "solve_triangular",
       [](Inputs x) { return solve_triangular(x[0], x[1], {.upper = true, .left = false, .unitriangular = true}); },
       {{{3, 3}, {2, 3}}, {{2, 2, 2}, {1, 2}}}},
      {"solve_triangular", "solve_triangular",
       [](Inputs x) { return solve_triangular(regular(x[0]), x[1], {.left = false}); },
       {{{3, 3}, {2, 3}}, {{2, 2}, {0, 2}}}},
      on_squares("cholesky", "cholesky", [](const Tensor& x) { return cholesky(symmetrised(regular(x))); }),
      {"", "cholesky_solve",
       [](Inputs x) { return cholesky_solve(x[0], regular(x[1])); },
       {{{3, 2}, {3, 3}}, {{2, 1}, {2, 2, 2}}, {{0, 2}, {0, 0}}}},
      {"", "cholesky_solve",
       [](Inputs x) { return cholesky_solve(x[0], regular(x[1]), true); }, {{{3, 2}, {3, 3}}}},
      on_squares("det", "det", [](const Tensor& x) { return det(x); }),
      on_squares("slogdet", "slogdet", [](const Tensor& x) { return slogdet(regular(x)).logabsdet; }),
      {"lu", "lu", [](Inputs x) { return lu(stretched(x[0])).l; }, wide_rectangles},
      on_rectangles("lu", "lu", [](const Tensor& x) { return lu(stretched(x)).u; }),
      with_results({"lu", "lu", [](Inputs x) { const auto [p, l, u] = lu(stretched(x[0])); return matmul(l, sin(u)); },
                    {{{3, 3}}, {{4, 2}}, {{2, 4}}}},
                   [](Inputs x) { const auto [p, l, u] = lu(stretched(x[0])); return std::vector<Tensor>{l, u}; }),
      {"qr", "qr", [](Inputs x) { return qr(stretched(x[0])).q; }, wide_rectangles},
      on_rectangles("qr", "qr", [](const Tensor& x) { return qr(stretched(x)).r; }),
      with_results({"qr", "qr", [](Inputs x) { const auto [q, r] = qr(stretched(x[0])); return matmul(q, sin(r)); },
                    {{{3, 3}}, {{4, 2}}, {{2, 4}}}},
                   [](Inputs x) { const auto [q, r] = qr(stretched(x[0])); return std::vector<Tensor>{q, r}; }),
      {"svd", "svd", [](Inputs x) { return svd(stretched(x[0])).u; }, wide_rectangles},
      on_rectangles("svd", "svd", [](const Tensor& x) { return svd(stretched(x)).s; }),
      {"svd", "svd", [](Inputs x) { return svd(stretched(x[0])).vh; }, wide_rectangles},
      with_results({"svd", "svd",
                    [](Inputs x) { const auto [u, s, vh] = svd(stretched(x[0])); return matmul(u * unsqueeze(sin(s), -2), vh); },
                    {{{3, 3}}, {{4, 2}}, {{2, 4}}}},
                   [](Inputs x) { const auto [u, s, vh] = svd(stretched(x[0])); return std::vector<Tensor>{u, s, vh}; }),
      on_rectangles("svdvals", "svdvals", [](const Tensor& x) { return svdvals(stretched(x)); }),
      on_squares("eigh", "eigh", [](const Tensor& x) { return eigh(spread(x)).w; }),
      {"eigh", "eigh", [](Inputs x) { return eigh(spread(x[0])).v; }, wide_squares},
      with_results({"eigh", "eigh",
                    [](Inputs x) { const auto [w, v] = eigh(spread(x[0])); return matmul(v * unsqueeze(sin(w), -2), transpose(v)); },
                    {{{3, 3}}, {{2, 2, 2}}}},
                   [](Inputs x) { const auto [w, v] = eigh(spread(x[0])); return std::vector<Tensor>{w, v}; }),
      on_squares("eigvalsh", "eigvalsh", [](const Tensor& x) { return eigvalsh(spread(x)); }),
      on_rectangles("pinv", "pinv", [](const Tensor& x) { return pinv(stretched(x)); }),
      {"", "lstsq", [](Inputs x) { return lstsq(stretched(x[0]), x[1]); },
       {{{4, 2}, {4, 3}}, {{2, 4}, {2, 1}}, {{3, 3}, {3}}, {{2, 4, 2}, {2, 4}}, {{2, 4, 2}, {4, 1}}}},
      on_rectangles("", "matrix_norm", [](const Tensor& x) { return matrix_norm(x); }),
      on_rectangles("", "matrix_norm", [](const Tensor& x) { return matrix_norm(stretched(x), "nuc"); }),
      {"", "matrix_norm",
       [](Inputs x) { return matrix_norm(stretched(x[0]), 2, {.keepdim = true}); }, {{{3, 3}}, {{2, 4, 2}}}},
      {"", "matrix_norm", [](Inputs x) { return matrix_norm(stretched(x[0]), -2); }, {{{3, 3}}, {{2, 4, 2}}}},
      {"", "matrix_norm", [](Inputs x) { return matrix_norm(x[0], 1, {.row_axis = 2, .column_axis = 0}); },
       {{{3, 2, 4}}}, {{}}, {0}},
      {"", "matrix_norm", [](Inputs x) { return matrix_norm(x[0], -1); }, {{{3, 2}}}, {{}}, {0}},
      {"", "matrix_norm", [](Inputs x) { return matrix_norm(x[0], inf); }, {{{3, 2}}}, {{}}, {0}},
      {"", "matrix_norm", [](Inputs x) { return matrix_norm(x[0], -inf, {.keepdim = true, .row_axis = 0, .column_axis = 1}); },
       {{{3, 2, 2}}}, {{}}, {0}},
      {"", "matrix_power", [](Inputs x) { return matrix_power(x[0], 5); }, squares, {{-1, 1}}},
      on_squares("", "matrix_power", inverse_of_sizes),
      on_squares("matrix_exp", "matrix_exp", [](const Tensor& x) { return matrix_exp(x); }),
      {"matrix_exp", "matrix_exp", [](Inputs x) { return matrix_exp(x[0]); }, {{{2, 2}}}, {{-0.01, 0.01}}},
      {"matrix_exp", "matrix_exp", [](Inputs x) { return matrix_exp(x[0] * tensor(std::vector<double>{0.01, 1, 6}, {3, 1, 1}).to(x[0].dtype())); },
       {{{3, 2, 2}}}, {{-1, 1}}},
  };
}

ValueRows values() {
  return {
      {"", "matrix_power", [] {
         return array_equal(matrix_power(full({2, 2, 2}, 3, float64), 0), expand(eye(2, 2, float64), {2, 2, 2}));
       }},
  };
}

const Family family("linalg", rows, values);

}  // namespace
}  // namespace gradtape::testing

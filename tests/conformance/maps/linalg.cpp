#include "../value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradtape::conformance {
namespace {

using Unary = Tensor (*)(const Tensor&);

/// f(A), as PyTorch calls its first argument there or here.
Function unary(Unary f) {
  return [f](Call& c) -> Value { return f(c.tensor(0, c.kwargs.contains("A") ? "A" : "input")); };
}

Tensor first(Call& c) { return c.tensor(0, c.kwargs.contains("A") ? "A" : "input"); }

Tensor identity_like(const Tensor& x) { return eye(x.size(-1), -1, x.dtype()); }

Shape batches(const Tensor& x) {
  return Shape(
      std::span<const std::int64_t>(x.shape().begin(), static_cast<std::size_t>(x.ndim() - 2)));
}

Shape joined(const Tensor& x, int from, int to) {
  Shape shape;
  for (int axis = from; axis < to; ++axis) shape.push_back(x.size(axis));
  return shape;
}

Tensor triangle(const Tensor& x, bool upper, std::int64_t skip = 0) {
  const Tensor offset = arange(x.size(-1)) - unsqueeze(arange(x.size(-2)), 1);
  return where(upper ? offset >= skip : offset <= -skip, x, 0.0);
}

/// The whole symmetric matrix of which PyTorch reads one triangle.
Tensor from_triangle(const Tensor& a, bool upper) { return upper ? transpose(a) : a; }

bool upper_triangle(Call& c) {
  const std::string uplo = c.text(1, "UPLO", "L");
  return uplo == "U" || uplo == "u";
}

Tensor infos(const Tensor& a) { return zeros(batches(a), int64); }

/// inv_ex and solve_ex: with a number a matrix that says whether it was singular.
Value inv_ex(Call& c) {
  const Tensor a = first(c);
  c.ignore(1, "check_errors");
  return List{inv(a), infos(a)};
}

Tensor solve_of(Call& c) {
  const Tensor a = first(c), b = c.tensor(1, "B");
  if (c.flag(2, "left", true)) return solve(a, b);
  return transpose(solve(transpose(a), transpose(b)));
}

Value solve_ex(Call& c) {
  const Tensor x = solve_of(c);
  c.ignore(3, "check_errors");
  return List{x, infos(first(c))};
}

Value solve_triangular_map(Call& c) {
  return solve_triangular(first(c), c.tensor(1, "B"),
                          {.upper = c.flag(2, "upper"),
                           .left = c.flag(3, "left", true),
                           .unitriangular = c.flag(4, "unitriangular", false)});
}

/// torch.triangular_solve(b, A, upper, transpose, unitriangular) -> solution, the matrix used
Value triangular_solve(Call& c) {
  const Tensor b = c.tensor(0, "b").ndim() ? c.tensor(0, "b") : Tensor();
  const Tensor a = c.tensor(1, "A");
  const bool upper = c.flag(2, "upper", true), turned = c.flag(3, "transpose", false);
  const Tensor x = solve_triangular(
      turned ? transpose(a) : a, b,
      {.upper = upper != turned, .unitriangular = c.flag(4, "unitriangular", false)});
  return List{x, a.detach() + 0.0 * a};
}

Value cholesky_inverse(Call& c) {
  const Tensor l = c.tensor(0, "input");
  const bool upper = c.flag(1, "upper", false);
  return cholesky_solve(identity_like(l), triangle(l, upper), upper);
}

Value cholesky_map(Call& c) {
  const Tensor a = first(c);
  const bool upper = c.flag(1, "upper", false);
  const Tensor l = cholesky(from_triangle(a, upper));
  return upper ? transpose(l) : l;
}

Value logdet(Call& c) {
  const auto [sign, logabsdet] = slogdet(first(c));
  return where(sign < 0.0, std::numeric_limits<double>::quiet_NaN(), logabsdet);
}

Value slogdet_map(Call& c) {
  const auto [sign, logabsdet] = slogdet(first(c));
  return List{sign, logabsdet};
}

Value qr_map(Call& c) {
  const Tensor a = first(c);
  const bool old = c.function == "qr";  // torch.qr(input, some)
  const std::string mode =
      old ? (c.flag(1, "some", true) ? "reduced" : "complete") : c.text(1, "mode", "reduced");
  if (mode == "complete" && a.size(-2) > a.size(-1)) throw Unsupported("qr in mode complete");
  const auto [q, r] = qr(a);
  return mode == "r" ? List{zeros({0}, a.dtype()), r} : List{q, r};
}

Value svd_map(Call& c) {
  const Tensor a = first(c);
  const bool old = c.function == "svd";  // torch.svd(input, some, compute_uv), with V and not Vh
  const bool full = old ? !c.flag(1, "some", true) : c.flag(1, "full_matrices", true);
  if (full && a.size(-1) != a.size(-2)) throw Unsupported("svd with full matrices");
  if (old && !c.flag(2, "compute_uv", true)) throw Unsupported("svd without compute_uv");
  c.ignore(2, "driver");
  const auto [u, s, vh] = svd(a);
  return List{u, s, old ? transpose(vh) : vh};
}

Value svdvals_map(Call& c) {
  c.ignore(1, "driver");
  return svdvals(first(c));
}

Value eigh_map(Call& c) {
  const auto [w, v] = eigh(from_triangle(first(c), upper_triangle(c)));
  return List{w, v};
}

Value eigvalsh_map(Call& c) { return eigvalsh(from_triangle(first(c), upper_triangle(c))); }

Value lu_map(Call& c) {
  if (!c.flag(1, "pivot", true)) throw Unsupported("lu without pivots");
  const auto [p, l, u] = lu(first(c));
  return List{p, l, u};
}

/// A tolerance given as a number or a tensor of one number; fallback where not given.
std::optional<double> tolerance(Call& c, std::size_t i, const std::string& name) {
  if (!c.has(i, name)) return {};
  const Tensor given = c.tensor(i, name);
  if (given.numel() != 1) throw Unsupported(name + " for each matrix");
  return given.item<double>();
}

Value pinv_map(Call& c) {
  const Tensor a = first(c);
  const bool old = c.function == "pinverse";
  const auto rtol = old ? std::optional(c.number(1, "rcond", 1e-15))
                        : tolerance(c, 9, c.kwargs.contains("rcond") ? "rcond" : "rtol");
  c.ignore(9, "hermitian");
  if (c.has(9, "atol")) throw Unsupported("pinv with atol");
  if (!old && c.args.size() == 2) {  // PyTorch's own samples: pinv of a product of two factors
    const Tensor b = c.tensor(1, "rcond");
    if (b.ndim() == 0) return pinv(a, b.item<double>());
    return pinv(matmul(a, transpose(b)), rtol);
  }
  return pinv(a, rtol);
}

/// The number of singular values above the tolerance.
Tensor rank_of(const Tensor& a, std::optional<double> atol, std::optional<double> rtol) {
  const double epsilon = a.dtype() == float32 ? std::numeric_limits<float>::epsilon()
                                              : std::numeric_limits<double>::epsilon();
  const double relative = rtol.value_or(
      atol.value_or(0) > 0 ? 0 : static_cast<double>(std::max(a.size(-1), a.size(-2))) * epsilon);
  const Tensor s = svdvals(a.detach());
  if (s.size(-1) == 0) return zeros(batches(a), int64);
  const Tensor least = maximum(amax(s, -1, {.keepdim = true}) * relative, atol.value_or(0));
  return sum(s > least, -1);
}

Value matrix_rank(Call& c) {
  const Tensor a = first(c);
  c.ignore(9, "hermitian");
  auto atol = tolerance(c, 9, "atol");
  if (c.has(1, "tol")) atol = tolerance(c, 1, "tol");
  return rank_of(a, atol, tolerance(c, 9, "rtol"));
}

Value lstsq_map(Call& c) {
  const Tensor a = first(c), b = c.tensor(1, "B");
  const auto rcond = c.has(2, "rcond") ? std::optional(c.number(2, "rcond")) : std::nullopt;
  const std::string driver = c.text(3, "driver", "gelsy");
  const Tensor x = lstsq(a, b, rcond), rank = rank_of(a, {}, rcond);
  const Tensor none = zeros({0}, a.dtype());
  const bool tall = a.size(-2) > a.size(-1) && driver != "gelsy";
  const Tensor residuals = tall ? sum(square(matmul(a, x) - b).detach(), -2) : none;
  return List{x, residuals, driver == "gels" ? zeros({0}, int64) : rank,
              driver == "gelsd" || driver == "gelss" ? svdvals(a.detach()) : none};
}

Tensor norm_of(const Tensor& a, const Value& ord, MatrixNormOptions options) {
  if (ord.is_none()) return matrix_norm(a, "fro", options);
  if (ord.is<std::string>()) return matrix_norm(a, ord.text("ord"), options);
  return matrix_norm(a, ord.number("ord"), options);
}

Value matrix_norm_map(Call& c) {
  const auto axes = c.integers(2, "dim", std::vector<std::int64_t>{-2, -1});
  const Tensor a = first(c);
  const Tensor y = norm_of(
      a, c.at(1, "ord"),
      {.keepdim = c.flag(3, "keepdim", false), .row_axis = axes.at(0), .column_axis = axes.at(1)});
  c.ignore(4, "dtype");
  return y;
}

Value cond(Call& c) {
  const Tensor a = first(c);
  const Value& p = c.at(1, "p");
  const bool by_values = p.is_none() || (p.is_number() && std::abs(p.number("p")) == 2);
  if (by_values) {
    const Tensor s = svdvals(a), largest = amax(s, -1), smallest = amin(s, -1);
    return !p.is_none() && p.number("p") < 0 ? smallest / largest : largest / smallest;
  }
  return norm_of(a, p, {}) * norm_of(inv(a), p, {});
}

/// Powers 0 ... N - 1 of the elements along a new last axis.
Value vander(Call& c) {
  const Tensor x = c.tensor(0, "x");
  const auto n = c.integer(1, "N", x.size(-1));
  std::vector<Tensor> powers{ones_like(x)};
  while (static_cast<std::int64_t>(powers.size()) < n) powers.push_back(powers.back() * x);
  return stack(powers, -1);
}

Value tensorinv(Call& c) {
  const Tensor a = first(c);
  const auto ind = static_cast<int>(c.integer(1, "ind", 2));
  const Shape rows = joined(a, 0, ind), cols = joined(a, ind, a.ndim());
  Shape shape = cols;
  for (auto extent : rows) shape.push_back(extent);
  return reshape(inv(reshape(a, {rows.numel(), cols.numel()})), shape);
}

Value tensorsolve(Call& c) {
  Tensor a = first(c);
  const Tensor b = c.tensor(1, "B");
  if (c.has(2, "dims")) {  // these axes go last
    std::vector<std::int64_t> order;
    auto last = c.integers(2, "dims");
    for (auto& axis : last) axis = axis < 0 ? axis + a.ndim() : axis;
    for (std::int64_t axis = 0; axis < a.ndim(); ++axis)
      if (std::find(last.begin(), last.end(), axis) == last.end()) order.push_back(axis);
    order.insert(order.end(), last.begin(), last.end());
    a = permute(a, order);
  }
  const Shape shape = joined(a, b.ndim(), a.ndim());
  return reshape(solve(reshape(a, {b.numel(), shape.numel()}), reshape(b, {-1})), shape);
}

/// lu_solve(b, LU, pivots): LU holds both factors, pivots the row exchanges counted from 1.
Value lu_solve(Call& c) {
  const bool old = c.function == "lu_solve";
  const Tensor b = c.tensor(old ? 0 : 2, old ? "b" : "B"), packed = c.tensor(old ? 1 : 0, "LU"),
               pivots = c.tensor(old ? 2 : 1, "pivots");
  const bool left = old || c.flag(3, "left", true), adjoint = !old && c.flag(4, "adjoint", false);
  const auto n = packed.size(-1), count = n ? pivots.numel() / n : 0;
  std::vector<double> p(static_cast<std::size_t>(count * n * n), 0);
  const Tensor exchanges = pivots.to(float64);
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<std::int64_t> order;
    for (std::int64_t row = 0; row < n; ++row) order.push_back(row);
    for (std::int64_t row = 0; row < n; ++row)
      std::swap(order[static_cast<std::size_t>(row)],
                order[static_cast<std::size_t>(
                          exchanges.data<double>()[static_cast<std::size_t>(i * n + row)]) -
                      1]);
    for (std::int64_t row = 0; row < n; ++row)
      p[static_cast<std::size_t>((i * n + order[static_cast<std::size_t>(row)]) * n + row)] = 1;
  }
  const Tensor permutation = tensor(p, packed.shape()).to(packed.dtype());
  const Tensor l = triangle(packed, false, 1) + identity_like(packed), u = triangle(packed, true);
  const Tensor a = matmul(permutation, matmul(l, u));
  const bool turned = adjoint == left;
  const Tensor x = solve(turned ? transpose(a) : a, left ? b : transpose(b));
  return left ? x : transpose(x);
}

/// Slices along dim with a norm above maxnorm are scaled down to it.
Value renorm(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const double p = c.number(1, "p"), most = c.number(3, "maxnorm");
  const auto dim = c.integer(2, "dim") + (c.integer(2, "dim") < 0 ? x.ndim() : 0);
  std::vector<std::int64_t> others;
  for (std::int64_t axis = 0; axis < x.ndim(); ++axis)
    if (axis != dim) others.push_back(axis);
  const ReduceOptions keep{.keepdim = true};
  const Tensor norm = std::isinf(p) ? amax(abs(x), others, keep)
                      : p == 1      ? sum(abs(x), others, keep)
                                    : pow(sum(pow(abs(x), p), others, keep), 1 / p);
  return where(norm > most, x * (most / (norm + 1e-7)), x);
}

Value matrix_power_map(Call& c) { return matrix_power(first(c), c.integer(1, "n")); }

Value cholesky_solve_map(Call& c) {
  const Tensor l = c.tensor(1, c.kwargs.contains("L") ? "L" : "input2");
  return cholesky_solve(c.tensor(0, c.kwargs.contains("B") ? "B" : "input"), l,
                        c.flag(2, "upper", false));
}

Value solve_map(Call& c) { return solve_of(c); }

Mapping functions() {
  return {
      {"inverse", unary(inv)},
      {"linalg.inv", unary(inv)},
      {"linalg.inv_ex", inv_ex},
      {"linalg.solve", solve_map},
      {"linalg.solve_ex", solve_ex},
      {"linalg.solve_triangular", solve_triangular_map},
      {"triangular_solve", triangular_solve},
      {"lu_solve", lu_solve},
      {"linalg.lu_solve", lu_solve},
      {"linalg.cholesky", cholesky_map},
      {"cholesky", cholesky_map},
      {"cholesky_solve", cholesky_solve_map},
      {"cholesky_inverse", cholesky_inverse},
      {"det", unary(det)},
      {"linalg.det", unary(det)},
      {"logdet", logdet},
      {"slogdet", slogdet_map},
      {"linalg.slogdet", slogdet_map},
      {"linalg.lu", lu_map},
      {"qr", qr_map},
      {"linalg.qr", qr_map},
      {"svd", svd_map},
      {"linalg.svd", svd_map},
      {"linalg.svdvals", svdvals_map},
      {"linalg.eigh", eigh_map},
      {"linalg.eigvalsh", eigvalsh_map},
      {"linalg.pinv", pinv_map},
      {"pinverse", pinv_map},
      {"linalg.matrix_rank", matrix_rank},
      {"matrix_rank", matrix_rank},
      {"linalg.lstsq", lstsq_map},
      {"linalg.matrix_norm", matrix_norm_map},
      {"linalg.cond", cond},
      {"linalg.vander", vander},
      {"linalg.tensorinv", tensorinv},
      {"linalg.tensorsolve", tensorsolve},
      {"linalg.matrix_power", matrix_power_map},
      {"matrix_power", matrix_power_map},
      {"matrix_exp", unary(matrix_exp)},
      {"linalg.matrix_exp", unary(matrix_exp)},
      {"renorm", renorm},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance

// Factorizations: Cholesky, LU, QR, SVD and the symmetric eigenproblem.

#include "gradtape/autograd/ops/linalg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "gradtape/autograd/kernels/linalg/factor.hpp"
#include "gradtape/autograd/kernels/linalg/lapack.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/arrange.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/matrix.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/matmul.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

using Tensors = std::span<const Tensor>;
using Needed = std::vector<bool>;

Tensor t(const Tensor& x) { return transpose(x); }

/// The sum of the terms that are defined; undefined where none is.
Tensor plus(const Tensor& a, const Tensor& b) {
  return !a.defined() ? b : !b.defined() ? a : a + b;
}

/// 1 / x, and 0 where x is 0.
Tensor reciprocal_or_zero(const Tensor& x) {
  const Tensor none = x == 0.0;
  return where(none, 0.0, 1.0 / where(none, 1.0, x));
}

/// w_j - w_i at [i, j]
Tensor differences(const Tensor& w) { return unsqueeze(w, -2) - unsqueeze(w, -1); }

[[noreturn]] void no_convergence(const char* op, const Tensor& a, std::int64_t i) {
  fail<LinalgError>(op,
                    fmt::format("the iteration did not converge for {}", describe_matrix(a, i)));
}

/// Throws for the first matrix that LAPACK did not come to an end with.
void need_convergence(const char* op, const Tensor& a, const std::vector<int>& info) {
  for (std::size_t i = 0; i < info.size(); ++i)
    if (info[i]) no_convergence(op, a, static_cast<std::int64_t>(i));
}

/// The gradient of tall_qr: (gq + q sym(r gr^T - gq^T q)) r^-T, where sym copies the lower triangle
/// to the upper.
Tensor qr_gradient(const Qr& f, const Tensor& gq, const Tensor& gr) {
  Tensor m;
  if (gr.defined()) m = matmul(f.r, t(gr));
  if (gq.defined()) m = plus(m, -matmul(t(gq), f.q));
  const Tensor below = tril(m, -1);
  const Tensor sum = plus(gq, matmul(f.q, below + t(tril(m))));
  return solve_triangular(t(f.r), sum, {.left = false});
}

/// q, r with at least as many rows as columns.
Qr tall_qr(const Tensor& a) {
  const Shape batch = batch_shape(a);
  const auto m = a.size(-2), n = a.size(-1);
  const Tensor q = empty(a.shape(), a.dtype()), r = empty(matrices(batch, n, n), a.dtype());
  visit_floating(a.dtype(), "qr", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    T *const to_q = mutable_data<T>(q), *const to_r = mutable_data<T>(r);
    for_each_matrix(batch.numel(), n, [&](std::int64_t i) {
      kernels::qr(from + i * m * n, m, n, to_q + i * m * n, to_r + i * n * n);
    });
  });
  const auto out = record("qr", {q, r}, {a}, [](Tensors g, const Needed&, Tensors factors) {
    return std::vector{qr_gradient({factors[0], factors[1]}, g[0], g[1])};
  });
  return {out[0], out[1]};
}

/// The gradient of tall_lu: with l = [l1; l2] and n rows in l1,
/// p [l1^-T (tril(l1^T gl1, -1) + triu(gu u^T - l2^T gl2)) u^-T; gl2 u^-T].
Tensor lu_gradient(const Lu& f, const Tensor& gl, const Tensor& gu) {
  const auto m = f.l.size(-2), n = f.l.size(-1);
  const Tensor l1 = slice(f.l, -2, 0, n), l2 = slice(f.l, -2, n, m);
  Tensor strict, rest, gl2;
  if (gl.defined()) {
    gl2 = slice(gl, -2, n, m);
    strict = tril(matmul(t(l1), slice(gl, -2, 0, n)), -1);
    if (m > n) rest = -matmul(t(l2), gl2);
  }
  if (gu.defined()) rest = plus(rest, matmul(gu, t(f.u)));
  const Tensor middle = plus(strict, rest.defined() ? triu(rest) : rest);
  const auto over_u = [&](const Tensor& x) { return solve_triangular(t(f.u), x, {.left = false}); };
  const Tensor top =
      over_u(solve_triangular(t(l1), middle, {.upper = true, .unitriangular = true}));
  if (m == n) return matmul(f.p, top);
  const Tensor bottom = gl.defined() ? over_u(gl2) : zeros_like(l2);
  return matmul(f.p, concat({top, bottom}, -2));
}

/// p, l, u with at least as many rows as columns.
Lu tall_lu(const Tensor& a) {
  const Shape batch = batch_shape(a);
  const auto m = a.size(-2), n = a.size(-1);
  const Tensor columns = empty(matrices(batch, 1, m), int64), l = empty(a.shape(), a.dtype()),
               u = empty(matrices(batch, n, n), a.dtype());
  visit_floating(a.dtype(), "lu", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    auto* const to_p = mutable_data<std::int64_t>(columns);
    T *const to_l = mutable_data<T>(l), *const to_u = mutable_data<T>(u);
    for_each_matrix(batch.numel(), n, [&](std::int64_t i) {
      kernels::lu(from + i * m * n, m, n, to_p + i * m, to_l + i * m * n, to_u + i * n * n);
    });
  });
  Tensor p;
  {
    const auto inside = RecordingScope::inside_op();  // the work above is that of lu still
    p = (t(columns) == arange(m)).to(a.dtype());
  }
  const auto out = record("lu", {l, u}, {a}, [p](Tensors g, const Needed&, Tensors factors) {
    return std::vector{lu_gradient({p, factors[0], factors[1]}, g[0], g[1])};
  });
  return {p, out[0], out[1]};
}

/// The values of the SVD; u and vh undefined unless asked for.
Svd svd_values(const char* op, const Tensor& a, bool vectors) {
  const Shape batch = batch_shape(a);
  const auto m = a.size(-2), n = a.size(-1), k = std::min(m, n);
  Shape values = batch;
  values.push_back(k);
  Svd f{{}, empty(values, a.dtype()), {}};
  if (vectors) {
    f.u = empty(matrices(batch, m, k), a.dtype());
    f.vh = empty(matrices(batch, k, n), a.dtype());
  }
  std::vector<int> info(static_cast<std::size_t>(batch.numel()));
  visit_floating(a.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    T *const u = vectors ? mutable_data<T>(f.u) : nullptr,
             *const vh = vectors ? mutable_data<T>(f.vh) : nullptr, *const s = mutable_data<T>(f.s);
    for_each_matrix(batch.numel(), std::max(m, n), [&](std::int64_t i) {
      info[static_cast<std::size_t>(i)] = kernels::svd(
          from + i * m * n, m, n, u ? u + i * m * k : u, s + i * k, vh ? vh + i * k * n : vh);
    });
  });
  need_convergence(op, a, info);
  return f;
}

/// u [skew(u^T gu) / e s + s skew(vh gvh^T) / e + diag(gs)] vh, and what leaves the spaces of u and
/// v where they are not whole; skew(x) = x - x^T, e_ij = s_j^2 - s_i^2. That is divided by as (s_j
/// - s_i) (s_j + s_i), for squares may overflow.
Tensor svd_gradient(const Svd& f, const Tensor& gu, const Tensor& gs, const Tensor& gvh) {
  const Tensor &u = f.u, &s = f.s, &vh = f.vh;
  if (!gu.defined() && !gvh.defined()) return matmul(u * unsqueeze(gs, -2), vh);
  const Tensor row = unsqueeze(s, -2), column = unsqueeze(s, -1);
  const Tensor gaps = reciprocal_or_zero(differences(s)),
               sums = 0.5 * reciprocal_or_zero(0.5 * row + 0.5 * column);
  const auto twisted = [&](const Tensor& x, const Tensor& weight) {
    return masked_mul(masked_mul(x - t(x), gaps), weight * sums);
  };
  Tensor core, outside;
  if (gu.defined()) core = twisted(matmul(t(u), gu), row);
  if (gvh.defined()) core = plus(core, twisted(matmul(vh, t(gvh)), column));
  if (gs.defined()) core = plus(core, as_diagonal(gs));
  if (gu.defined() && u.size(-2) > u.size(-1))
    outside = matmul(masked_mul(gu - matmul(u, matmul(t(u), gu)), reciprocal_or_zero(row)), vh);
  if (gvh.defined() && vh.size(-1) > vh.size(-2))
    outside = plus(outside, matmul(u, masked_mul(gvh - matmul(matmul(gvh, t(vh)), vh),
                                                 reciprocal_or_zero(column))));
  return plus(matmul(matmul(u, core), vh), outside);
}

/// The values of the eigenproblem; v undefined unless asked for.
Eigh eigh_values(const char* op, const Tensor& a, bool vectors) {
  need_square(op, a);
  Shape values = batch_shape(a);
  const auto n = a.size(-1), count = values.numel();
  values.push_back(n);
  Eigh f{empty(values, a.dtype()), {}};
  if (vectors) f.v = empty(a.shape(), a.dtype());
  std::vector<int> info(static_cast<std::size_t>(count));
  visit_floating(a.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    T *const w = mutable_data<T>(f.w), *const v = vectors ? mutable_data<T>(f.v) : nullptr;
    for_each_matrix(count, n, [&](std::int64_t i) {
      info[static_cast<std::size_t>(i)] =
          kernels::eigh(from + i * n * n, n, w + i * n, v ? v + i * n * n : v);
    });
  });
  need_convergence(op, a, info);
  return f;
}

Svd recorded_svd(const char* op, const Tensor& a) {
  const Svd values = svd_values(op, a, true);
  const auto out =
      record(op, {values.u, values.s, values.vh}, {a}, [](Tensors g, const Needed&, Tensors f) {
        return std::vector{svd_gradient({f[0], f[1], f[2]}, g[0], g[1], g[2])};
      });
  return {out[0], out[1], out[2]};
}

/// v (diag(gw) + skew(v^T gv) / (2 e)) v^T with e_ij = w_j - w_i, symmetric to the last bit.
Tensor eigh_gradient(const Eigh& f, const Tensor& gw, const Tensor& gv) {
  if (!gv.defined()) return symmetric(matmul(f.v * unsqueeze(gw, -2), t(f.v)));
  const Tensor x = matmul(t(f.v), gv);
  Tensor core = 0.5 * masked_mul(x - t(x), reciprocal_or_zero(differences(f.w)));
  if (gw.defined()) core = core + as_diagonal(gw);
  return symmetric(matmul(matmul(f.v, core), t(f.v)));
}

Eigh recorded_eigh(const char* op, const Tensor& a) {
  const Eigh values = eigh_values(op, a, true);
  const auto out = record(op, {values.w, values.v}, {a}, [](Tensors g, const Needed&, Tensors f) {
    return std::vector{eigh_gradient({f[0], f[1]}, g[0], g[1])};
  });
  return {out[0], out[1]};
}

}  // namespace

Tensor cholesky(const Tensor& a) {
  need_square("cholesky", a);
  const auto n = a.size(-1), count = batch_shape(a).numel();
  const Tensor l = empty(a.shape(), a.dtype());
  std::vector<int> minors(static_cast<std::size_t>(count));
  visit_floating(a.dtype(), "cholesky", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(a);
    T* const to = mutable_data<T>(l);
    for_each_matrix(count, n, [&](std::int64_t i) {
      minors[static_cast<std::size_t>(i)] = kernels::cholesky(from + i * n * n, n, to + i * n * n);
    });
  });
  for (std::size_t i = 0; i < minors.size(); ++i)
    if (minors[i])
      fail<LinalgError>("cholesky",
                        fmt::format("{} is not positive-definite (its leading minor of order {} is "
                                    "not positive)",
                                    describe_matrix(a, static_cast<std::int64_t>(i)), minors[i]));
  return record("cholesky", l, {a}, {[](const Tensor& g, const Tensor& l) {
                  const Tensor m = matmul(t(l), tril(g));
                  const Tensor halved = 0.5 * (tril(m) + tril(m, -1));
                  const Tensor x = solve_triangular(t(l), halved, {.upper = true});
                  return symmetric(solve_triangular(l, x, {.left = false}));
                }});
}

Qr qr(const Tensor& a) {
  need_matrices("qr", a);
  const auto m = a.size(-2), n = a.size(-1);
  if (m >= n) return tall_qr(a);
  // The leading square gives q; the other columns are seen from there.
  const auto [q, r] = tall_qr(slice(a, -1, 0, m));
  return {q, concat({r, matmul(t(q), slice(a, -1, m, n))}, -1)};
}

Lu lu(const Tensor& a) {
  need_matrices("lu", a);
  const auto m = a.size(-2), n = a.size(-1);
  if (m >= n) return tall_lu(a);
  const auto [p, l, u] = tall_lu(slice(a, -1, 0, m));
  const Tensor rest =
      solve_triangular(l, matmul(t(p), slice(a, -1, m, n)), {.unitriangular = true});
  return {p, l, concat({u, rest}, -1)};
}

Svd svd(const Tensor& a) {
  need_matrices("svd", a);
  return recorded_svd("svd", a);
}

Tensor svdvals(const Tensor& a) {
  need_matrices("svdvals", a);
  // The gradient needs u and vh, and finding them together takes less than once more from a.
  return a.is_tracked() && recording() ? recorded_svd("svdvals", a).s
                                       : svd_values("svdvals", a, false).s;
}

Eigh eigh(const Tensor& a) { return recorded_eigh("eigh", a); }

Tensor eigvalsh(const Tensor& a) {
  return a.is_tracked() && recording() ? recorded_eigh("eigvalsh", a).w
                                       : eigh_values("eigvalsh", a, false).w;
}

}  // namespace gradtape

#include "gradtape/autograd/ops/distance.hpp"

#include <fmt/format.h>

#include <span>
#include <vector>

#include "gradtape/autograd/kernels/linalg/distance.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

void check_exponent(const char* op, double p) {
  if (!(p >= 0)) fail<ValueError>(op, fmt::format("the exponent p must be at least 0, got {}", p));
}

/// ||x||_p along an axis, with slope 0 at 0.
Tensor length(const Tensor& x, double p, std::int64_t axis, bool keepdim) {
  return norm(x, x.size(axis) ? p : 1, axis, {.keepdim = keepdim});
}

/// axis counted from the end of what a and b broadcast to, so that it means the same in both.
std::int64_t shared_axis(const char* op, const Tensor& a, const Tensor& b, std::int64_t axis) {
  const Shape shape = broadcast(a.shape(), b.shape(), op);
  return shape.axis(axis, op) - shape.ndim();
}

}  // namespace

Tensor pairwise_distance(const Tensor& a, const Tensor& b, PairwiseDistanceOptions options) {
  const char* const op = "pairwise_distance";
  check_exponent(op, options.p);
  Tensor x = a, y = b;
  promote_literals(x, y, op);
  shared_axis(op, x, y, -1);
  return length(x - y + options.eps, options.p, -1, options.keepdim);
}

Tensor normalize(const Tensor& x, NormalizeOptions options) {
  need_defined("normalize", x, "x");
  check_exponent("normalize", options.p);
  const auto axis = x.shape().axis(options.axis, "normalize");
  return x / maximum(length(x, options.p, axis, true), options.eps);
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b, CosineSimilarityOptions options) {
  const char* const op = "cosine_similarity";
  Tensor x = a, y = b;
  promote_literals(x, y, op);
  const auto axis = static_cast<int>(shared_axis(op, x, y, options.axis));
  if (-axis > x.ndim()) x = expand(x, broadcast(x.shape(), y.shape(), op));
  if (-axis > y.ndim()) y = expand(y, x.shape());
  if (x.size(axis) != y.size(axis)) {
    const Shape shape = broadcast(x.shape(), y.shape(), op);
    x = expand(x, shape);
    y = expand(y, shape);
  }
  const auto unit = [&](const Tensor& v) {
    return v / maximum(length(v, 2, axis, true), options.eps);
  };
  return sum(unit(x) * unit(y), axis);
}

// ---- cdist ----

namespace {

// Sums of differences, which keep the digits that differences of sums, a sum(w) - w b, would lose.
// Each is what the other's derivative is made of.

Tensor weighted_differences(const Tensor& w, const Tensor& a, const Tensor& b);
Tensor products_with_differences(const Tensor& g, const Tensor& a, const Tensor& b);

template <class Kernel>
Tensor pairs_op(Kernel kernel, const Tensor& x, const Tensor& a, const Tensor& b,
                const Shape& out) {
  const Tensor y = empty(out, a.dtype());
  const auto d = a.size(-1), n = a.size(-2), m = b.size(-2);
  visit_floating(a.dtype(), "cdist", [&](auto zero) {
    using T = decltype(zero);
    const auto read = [](const Tensor& t) { return static_cast<const T*>(t.raw()); };
    const auto count = n && d ? a.numel() / (n * d) : 0;
    kernel(read(x), read(a), read(b), mutable_data<T>(y), kernels::Pairs{count, n, m, d});
  });
  return y;
}

Tensor row_sums(const Tensor& x) { return sum(x, -1, {.keepdim = true}); }

/// sum_j w_ij (a_i - b_j); w: [..., n, m] -> [..., n, d]
Tensor weighted_differences(const Tensor& w, const Tensor& a, const Tensor& b) {
  const auto kernel = [](auto... arguments) { kernels::weighted_differences(arguments...); };
  return record("weighted_differences", pairs_op(kernel, w, a, b, a.shape()), {w, a, b},
                {[a, b](const Tensor& g) { return products_with_differences(g, a, b); },
                 [w](const Tensor& g) { return masked_mul(g, row_sums(w)); },
                 [w](const Tensor& g) { return -matmul(transpose(w), g); }});
}

/// sum_c g_ic (a_ic - b_jc); g: [..., n, d] -> [..., n, m]
Tensor products_with_differences(const Tensor& g, const Tensor& a, const Tensor& b) {
  const auto kernel = [](auto... arguments) { kernels::products_with_differences(arguments...); };
  Shape shape = a.shape();
  shape[shape.ndim() - 1] = b.size(-2);
  return record("products_with_differences", pairs_op(kernel, g, a, b, shape), {g, a, b},
                {[a, b](const Tensor& u) { return weighted_differences(u, a, b); },
                 [g](const Tensor& u) { return masked_mul(row_sums(u), g); },
                 [g](const Tensor& u) { return -matmul(transpose(u), g); }});
}

/// g / distance, and 0 where the distance is 0.
Tensor pull(const Tensor& g, const Tensor& distance) {
  const Tensor zero = distance == 0;
  return where(zero, 0, masked_mul(g, 1 / where(zero, 1, distance)));
}

/// a: [..., n, d], b: [..., m, d] with the same batch
Tensor euclidean(const Tensor& a, const Tensor& b) {
  const auto d = a.size(-1), n = a.size(-2), m = b.size(-2);
  Shape shape = a.shape();
  shape[shape.ndim() - 1] = m;
  const Tensor y = empty(shape, a.dtype());
  visit_floating(a.dtype(), "cdist", [&](auto zero) {
    using T = decltype(zero);
    kernels::euclidean(static_cast<const T*>(a.raw()), static_cast<const T*>(b.raw()),
                       mutable_data<T>(y), {n && m ? y.numel() / (n * m) : 0, n, m, d});
  });
  const auto vjp = [a, b](std::span<const Tensor> g, const std::vector<bool>& needed,
                          std::span<const Tensor> y) {
    const Tensor w = pull(g[0], y[0]);
    return std::vector{needed[0] ? weighted_differences(w, a, b) : Tensor(),
                       needed[1] ? weighted_differences(transpose(w), b, a) : Tensor()};
  };
  return record("cdist", {y}, {a, b}, vjp)[0];
}

}  // namespace

Tensor cdist(const Tensor& a, const Tensor& b, double p) {
  check_exponent("cdist", p);
  Tensor x = a, y = b;
  promote_literals(x, y, "cdist");
  if (x.ndim() < 2 || y.ndim() < 2 || x.size(-1) != y.size(-1))
    fail<ShapeError>("cdist", fmt::format("needs rows of one length, [..., n, d] and [..., m, d], "
                                          "got {} and {}",
                                          describe(a), describe(b)));
  if (p != 2) return length(unsqueeze(x, -2) - unsqueeze(y, -3), p, -1, false);
  const auto batch = [](const Tensor& t) {
    return Shape::trusted(t.shape().begin(), t.ndim() - 2);
  };
  const Shape common = broadcast(batch(x), batch(y), "cdist");
  const auto with_batch = [&](const Tensor& t) {
    Shape shape = common;
    shape.push_back(t.size(-2));
    shape.push_back(t.size(-1));
    return shape == t.shape() ? t : expand(t, shape);
  };
  return euclidean(with_batch(x), with_batch(y));
}

}  // namespace gradtape

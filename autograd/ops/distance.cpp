#include "gradtape/autograd/ops/distance.hpp"

#include <fmt/format.h>

#include <cmath>

#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/kernels/distance.hpp"

namespace gradtape {

using namespace detail;

namespace {

void check_exponent(const char* op, double p) {
  if (!(p >= 0)) fail<ValueError>(op, fmt::format("the exponent p must be at least 0, got {}", p));
}

// Roots and powers have infinite slopes at 0, or infinite second ones. Here 0 is a constant: a
// distance of nothing pulls nowhere.
template <class T> T root_of(const T& x, double p) {
  const auto zero = x == 0.0;
  const T safe = where(zero, T(1.0), x);
  return where(zero, T(0.0), p == 2 ? sqrt(safe) : pow(safe, 1 / p));
}

/// ||x||_p along an axis, with slope 0 at 0.
Tensor norm_along(const Tensor& x, double p, std::int64_t axis, bool keepdim) {
  const ReduceOptions keep{.keepdim = keepdim};
  if (p == 0) return sum(abs(sign(x)), axis, keep);
  if (p == 1 || x.size(axis) == 0) return sum(abs(x), axis, keep);
  if (std::isinf(p)) return amax(abs(x), axis, keep);
  const auto root = formula("root", [p](const auto& s) { return root_of(s, p); });
  if (p == 2) return root(sum(square(x), axis, keep));
  const auto power = formula("abs_power", [p](const auto& v) {
    using T = std::remove_cvref_t<decltype(v)>;
    const auto zero = v == 0.0;
    return where(zero, T(0.0), pow(abs(where(zero, T(1.0), v)), p));
  });
  return root(sum(power(x), axis, keep));
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
  return norm_along(x - y + options.eps, options.p, -1, options.keepdim);
}

Tensor normalize(const Tensor& x, NormalizeOptions options) {
  check_exponent("normalize", options.p);
  const auto axis = x.shape().axis(options.axis, "normalize");
  return x / maximum(norm_along(x, options.p, axis, true), options.eps);
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
    const Tensor squares = sum(square(v), axis, {.keepdim = true});
    return v * rsqrt(maximum(squares, options.eps * options.eps));
  };
  return sum(unit(x) * unit(y), axis);
}

// ---- cdist ----

namespace {

Tensor weighted_differences(const Tensor& w, const Tensor& a, const Tensor& b) {
  if (recording()) return a * sum(w, -1, {.keepdim = true}) - matmul(w, b);
  const Tensor da = empty(a.shape(), a.dtype());
  const auto d = a.size(-1), n = a.size(-2);
  visit_floating(a.dtype(), "cdist", [&](auto zero) {
    using T = decltype(zero);
    const auto read = [](const Tensor& t) { return static_cast<const T*>(t.raw()); };
    kernels::weighted_differences(read(w), read(a), read(b), mutable_data<T>(da),
                                  {n && d ? a.numel() / (n * d) : 0, n, b.size(-2), d});
  });
  return da;
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
  return record(
      "cdist", y, {a, b},
      {[a, b](const Tensor& g, const Tensor& y) { return weighted_differences(pull(g, y), a, b); },
       [a, b](const Tensor& g, const Tensor& y) {
         return weighted_differences(transpose(pull(g, y)), b, a);
       }});
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
  if (p != 2) return norm_along(unsqueeze(x, -2) - unsqueeze(y, -3), p, -1, false);
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

#include "gradtape/autograd/ops/normalisation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/kernels/normalise.hpp"
#include "gradtape/autograd/ops/detail/moments.hpp"
#include "gradtape/autograd/require.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// 1 / sqrt(mean_square(x) + eps), by public ops. Where squares or the slopes of the root over- or
/// underflow, x is divided by the `size` of its group first, which is a constant and comes out
/// again.
template <class F, class Size>
Tensor inverse_root(const Tensor& x, double eps, F mean_square, Size size) {
  const Tensor squares = mean_square(x);
  const double small = x.dtype() == float32 ? 1e-12 : 1e-100;  // its power -5/2 is a number
  Tensor beyond = squares > 1 / small;
  if (eps < small) beyond = logical_or(beyond, squares < small);
  if (!any(beyond).item<bool>()) return rsqrt(squares + eps);
  const Tensor own = size();
  const Tensor unit =
      where(logical_and(beyond, logical_and(own > 0, isfinite(own))), own, 1).detach();
  return rsqrt(mean_square(x / unit) + square(std::sqrt(eps) / unit)) / unit;
}

/// The cotangent of x for that of z, the standardised x, by public ops, which differentiates again.
Tensor standardise_vjp(const Tensor& g, const Tensor& x, const Tensor& z, double eps,
                       kernels::About about, AxisView groups) {
  const Shape grouped{groups.outer, groups.n, groups.inner};
  const Axes own{0, 2};
  const VarOptions options{.keepdim = true, .correction = 0};
  const auto average = [&](const Tensor& t) { return mean(t, own, {.keepdim = true}); };
  const Tensor v = reshape(x, grouped), y = reshape(z, grouped), c = reshape(g, grouped);
  const bool about_mean = about == kernels::About::mean;
  const auto variance = [&](const Tensor& t) {
    return about_mean ? var(t, own, options) : average(square(t));
  };
  const auto size = [&] {
    return about_mean ? stddev(v.detach(), own, options)
                      : amax(abs(v.detach()), own, {.keepdim = true});
  };
  // An infinite element makes the root infinite and all slopes 0, its own z too, which is NaN.
  const Tensor u = about_mean ? y : where(isnan(y), 0, y);
  const Tensor direct =
      (about_mean ? c - average(c) : c) - masked_mul(average(masked_mul(c, u)), u);
  return reshape(masked_mul(direct, inverse_root(v, eps, variance, size)), x.shape());
}

/// (x - mean) / sqrt(var + eps) of every group, times weight, plus bias. These broadcast to x or
/// are undefined; they hold a number for each of `channels`, each for `run` elements in a row.
struct Normalisation {
  const char* op;
  Tensor x, weight, bias;
  double eps;
  AxisView groups;
  std::int64_t channels, run;
  kernels::About about = kernels::About::mean;

  Tensor operator()();
  /// The cotangents of x, weight and bias, in one pass or by public ops.
  std::vector<Tensor> backward(const Tensor& g, const std::vector<bool>& needed) const;
  std::vector<Tensor> recorded_backward(const Tensor& g, const std::vector<bool>& needed) const;

  /// What the kernel found.
  Moments moments{x.dtype(), groups.n};
  Tensor factor = empty({groups.n}, x.dtype());  // 1 / sqrt(var + eps)

 private:
  template <class T, class F> auto with_affine(F f) const {
    const Tensor w = weight.defined() ? weight : ones({channels}, x.dtype()),
                 b = bias.defined() ? bias : zeros({channels}, x.dtype());
    return f(kernels::Affine<T>{elements<T>(w), elements<T>(b), channels, run});
  }
};

std::vector<Tensor> Normalisation::backward(const Tensor& g,
                                            const std::vector<bool>& needed) const {
  std::vector<Tensor> result(3);
  const Tensor* const inputs[] = {&x, &weight, &bias};
  for (std::size_t i = 0; i < 3; ++i)
    if (needed[i]) result[i] = empty(inputs[i]->shape(), x.dtype());
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    const auto to = [&](std::size_t i) { return needed[i] ? mutable_data<T>(result[i]) : nullptr; };
    with_affine<T>([&](const kernels::Affine<T>& affine) {
      kernels::normalise_backward<T>(elements<T>(g), elements<T>(x), about,
                                     moments.frame<const T>(), elements<T>(factor), affine,
                                     {to(0), to(1), to(2)}, groups);
    });
  });
  return result;
}

std::vector<Tensor> Normalisation::recorded_backward(const Tensor& g,
                                                     const std::vector<bool>& needed) const {
  const Tensor z = Normalisation{op, x, {}, {}, eps, groups, channels, run, about}();
  const Tensor of_z = weight.defined() ? masked_mul(g, weight) : g;
  return {needed[0] ? standardise_vjp(of_z, x, z, eps, about, groups) : Tensor(),
          needed[1] ? masked_mul(g, z) : Tensor(), g};
}

Tensor Normalisation::operator()() {
  author::require(op, "eps", eps, author::at_least(0));
  if (x.numel() == 0) {
    const Tensor y = weight.defined() ? x * weight : x;
    return bias.defined() ? y + bias : y;
  }
  Tensor y = empty(x.shape(), x.dtype());
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    with_affine<T>([&](const kernels::Affine<T>& affine) {
      kernels::normalise<T>(elements<T>(x), about, moments.frame<T>(), mutable_data<T>(factor), eps,
                            affine, mutable_data<T>(y), groups);
    });
  });
  std::vector<Tensor> inputs{x};
  for (const Tensor& of_channels : {weight, bias})
    if (of_channels.defined()) inputs.push_back(of_channels);
  const auto vjp = [own = *this](std::span<const Tensor> g, std::vector<bool> needed) {
    if (!own.weight.defined()) needed.insert(needed.begin() + 1, false);
    if (!own.bias.defined()) needed.push_back(false);
    auto of = recording() ? own.recorded_backward(g[0], needed) : own.backward(g[0], needed);
    if (!own.bias.defined()) of.pop_back();
    if (!own.weight.defined()) of.erase(of.begin() + 1);
    return of;
  };
  return record(op, {std::move(y)}, inputs, vjp)[0];
}

/// Throws DtypeError where a defined tensor's dtype is not that of x.
void check_dtypes(const char* op, const Tensor& x, std::initializer_list<Tensor> others) {
  for (const Tensor& other : others)
    if (other.defined()) {
      Tensor a = x, b = other;
      promote_literals(a, b, op);
    }
  visit_floating(x.dtype(), op, [](auto) {});
}

void check_parameter(const char* op, const char* what, const Tensor& given, const Shape& expected) {
  if (given.defined() && given.shape() != expected)
    fail<ShapeError>(
        op, fmt::format("{} {} must have the shape {}", what, describe(given), expected.str()));
}

/// Throws unless the last axes have the extents `normalized`.
void check_last_axes(const char* op, const Tensor& x, const Shape& normalized) {
  const int count = normalized.ndim(), offset = x.ndim() - count;
  bool fits = count > 0 && offset >= 0;
  for (int axis = 0; fits && axis < count; ++axis) fits = x.size(offset + axis) == normalized[axis];
  if (!fits)
    fail<ShapeError>(op, fmt::format("the last axes of {} must have the extents {}", describe(x),
                                     normalized.str()));
}

void check_channels(const char* op, const Tensor& x, int least) {
  if (x.ndim() < least)
    fail<ShapeError>(
        op, fmt::format("needs [n, channels{}], got {}", least > 2 ? ", ..." : "", describe(x)));
}

/// [channels] as it broadcasts to [n, channels, ...].
Tensor per_channel(const Tensor& t, const Tensor& x) {
  if (!t.defined() || x.ndim() == 2) return t;
  Shape shape{t.numel()};
  for (int axis = 2; axis < x.ndim(); ++axis) shape.push_back(1);
  return reshape(t, shape);
}

/// The last axes, of the extents `normalized`, as rows.
AxisView rows_of(const Tensor& x, const Shape& normalized) {
  const auto n = normalized.numel();
  return {1, n ? x.numel() / n : 0, n};
}

/// How many elements of a channel stand in a row.
std::int64_t run_of_channel(const Tensor& x) {
  std::int64_t n = 1;
  for (int axis = 2; axis < x.ndim(); ++axis) n *= x.size(axis);
  return n;
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& normalized, const NormOptions& options) {
  const char* const op = "layer_norm";
  check_last_axes(op, x, normalized);
  check_parameter(op, "weight", options.weight, normalized);
  check_parameter(op, "bias", options.bias, normalized);
  check_dtypes(op, x, {options.weight, options.bias});
  return Normalisation{
      op, x, options.weight, options.bias, options.eps, rows_of(x, normalized), normalized.numel(),
      1}();
}

Tensor group_norm(const Tensor& x, std::int64_t groups, const NormOptions& options) {
  need_defined("group_norm", x, "x");
  const char* const op = "group_norm";
  check_channels(op, x, 2);
  const auto channels = x.size(1);
  if (groups < 1 || channels % groups)
    fail<ValueError>(op, fmt::format("{} groups do not divide the {} channels of {}", groups,
                                     channels, describe(x)));
  check_parameter(op, "weight", options.weight, {channels});
  check_parameter(op, "bias", options.bias, {channels});
  check_dtypes(op, x, {options.weight, options.bias});
  const auto count = x.size(0) * groups;
  const AxisView rows{1, count, count ? x.numel() / count : 0};
  return Normalisation{op,
                       x,
                       per_channel(options.weight, x),
                       per_channel(options.bias, x),
                       options.eps,
                       rows,
                       channels,
                       run_of_channel(x)}();
}

Tensor rms_norm(const Tensor& x, const Shape& normalized, const RmsNormOptions& options) {
  const char* const op = "rms_norm";
  check_last_axes(op, x, normalized);
  check_parameter(op, "weight", options.weight, normalized);
  check_dtypes(op, x, {options.weight});
  const double eps =
      options.eps.value_or(x.dtype() == float32 ? std::numeric_limits<float>::epsilon()
                                                : std::numeric_limits<double>::epsilon());
  return Normalisation{op,
                       x,
                       options.weight,
                       {},
                       eps,
                       rows_of(x, normalized),
                       normalized.numel(),
                       1,
                       kernels::About::zero}();
}

// ---- batches ----

namespace {

/// The statistics of options moved towards those of groups of n elements.
BatchNormResult updated(const Tensor& y, const Moments& moments, const BatchNormOptions& options,
                        std::int64_t n) {
  if (!options.running_mean.defined()) return {y, {}, {}};
  const auto inside = RecordingScope::inside_op();
  const auto channels = options.running_mean.numel();
  const auto old_share = 1 - options.momentum;
  const auto moved = [&](const Tensor& old, const Tensor& of_groups, double factor) {
    const Tensor now = mean(reshape(of_groups, {-1, channels}), 0);
    return (old_share * old + options.momentum * factor * now).detach();
  };
  const auto unbiased = static_cast<double>(n) / static_cast<double>(n - 1);
  return {y, moved(options.running_mean, moments.mean(), 1),
          moved(options.running_var, moments.var(), unbiased)};
}

void check_batch(const char* op, const Tensor& x, const BatchNormOptions& options,
                 std::int64_t values) {
  const Shape channels{x.size(1)};
  check_parameter(op, "weight", options.weight, channels);
  check_parameter(op, "bias", options.bias, channels);
  check_parameter(op, "running_mean", options.running_mean, channels);
  check_parameter(op, "running_var", options.running_var, channels);
  check_dtypes(op, x, {options.weight, options.bias, options.running_mean, options.running_var});
  if (options.running_mean.defined() != options.running_var.defined())
    fail<ValueError>(op, "running_mean and running_var go together");
  if (!options.training && !options.running_mean.defined())
    fail<ValueError>(op, "without training it needs running_mean and running_var");
  if (options.training && values < 2)
    fail<ShapeError>(op, fmt::format("training needs at least two values a channel, {} has {}",
                                     describe(x), values));
}

/// By given statistics. The mean is subtracted first: x scale - mean scale would lose the digits of
/// x that lie far from 0.
BatchNormResult by_running_statistics(const Tensor& x, const BatchNormOptions& options) {
  static const auto shifted =
      formula("normalise_by", [](const auto& x, const auto& mean, const auto& scale,
                                 const auto& shift) { return (x - mean) * scale + shift; });
  Tensor scale = rsqrt(options.running_var + options.eps);
  if (options.weight.defined()) scale = scale * options.weight;
  const Tensor shift = options.bias.defined() ? options.bias : zeros_like(scale);
  return {shifted(x, per_channel(options.running_mean, x), per_channel(scale, x),
                  per_channel(shift, x)),
          options.running_mean, options.running_var};
}

BatchNormResult by_own_statistics(const char* op, const Tensor& x, const BatchNormOptions& options,
                                  AxisView groups) {
  Normalisation normalise{op,
                          x,
                          per_channel(options.weight, x),
                          per_channel(options.bias, x),
                          options.eps,
                          groups,
                          x.size(1),
                          run_of_channel(x)};
  const Tensor y = normalise();
  return updated(y, normalise.moments, options, groups.outer * groups.inner);
}

}  // namespace

BatchNormResult batch_norm(const Tensor& x, const BatchNormOptions& options) {
  need_defined("batch_norm", x, "x");
  const char* const op = "batch_norm";
  check_channels(op, x, 2);
  const auto n = x.size(0), channels = x.size(1);
  const auto inner = n && channels ? x.numel() / (n * channels) : 0;
  check_batch(op, x, options, n * inner);
  return options.training ? by_own_statistics(op, x, options, {n, channels, inner})
                          : by_running_statistics(x, options);
}

BatchNormResult instance_norm(const Tensor& x, const BatchNormOptions& options) {
  need_defined("instance_norm", x, "x");
  const char* const op = "instance_norm";
  check_channels(op, x, 3);
  const auto count = x.size(0) * x.size(1), inner = count ? x.numel() / count : 0;
  check_batch(op, x, options, inner);
  return options.training ? by_own_statistics(op, x, options, {1, count, inner})
                          : by_running_statistics(x, options);
}

Tensor local_response_norm(const Tensor& x, std::int64_t size, LocalResponseNormOptions options) {
  need_defined("local_response_norm", x, "x");
  const char* const op = "local_response_norm";
  visit_floating(x.dtype(), op, [](auto) {});  // or throws
  check_channels(op, x, 2);
  if (size < 1) fail<ValueError>(op, fmt::format("size must be at least 1, got {}", size));
  const auto channels = x.size(1);
  const auto zero_channels = [&](std::int64_t count) {
    Shape shape = x.shape();
    shape[1] = count;
    return zeros(shape, x.dtype());
  };
  // Neighbours further away than there are channels are all zeros.
  const auto before = std::min(size / 2, channels), after = std::min((size - 1) / 2, channels);
  const Tensor squares = concat({zero_channels(before), square(x), zero_channels(after)}, 1);
  Tensor total = slice(squares, 1, 0, channels);
  for (std::int64_t i = 1; i <= before + after; ++i)
    total = total + slice(squares, 1, i, i + channels);
  const double per_neighbour = options.alpha / static_cast<double>(size), k = options.k,
               beta = options.beta;
  const auto divided = formula("local_response_norm", [=](const auto& v, const auto& s) {
    return v * pow(k + per_neighbour * s, -beta);
  });
  return divided(x, total);
}

}  // namespace gradtape

#include "gradtape/nn/loss.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn {
namespace {

bool same_shape(const Tensor& a, const Tensor& b) {
  if (a.ndim() != b.ndim()) return false;
  const auto* extents = a.value_ref()->extents();
  return std::equal(extents, extents + a.ndim(), b.value_ref()->extents());
}

void check_shapes(const char* op, const Tensor& prediction, const Tensor& target) {
  if (same_shape(prediction, target)) return;
  auto cause = fmt::format(
      "prediction {} and target {} must have equal shapes; nothing broadcasts in a loss",
      detail::describe(prediction), detail::describe(target));
  if (prediction.numel() == target.numel())
    cause += fmt::format("; reshape(target, {{{}}}) makes them agree",
                         fmt::join(prediction.shape(), ", "));
  fail<ShapeError>(op, cause);
}

Tensor reduce(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean: return mean(losses);
    case Reduction::sum: return sum(losses);
    default: return losses;
  }
}

// ---- mean squared error ----

constexpr std::int64_t block = 8192;

/// sum (a - b)^2 over one block, in lanes that the compiler turns into registers.
template <class T>
double block_distance(const T* a, const T* b, std::int64_t n) {
  constexpr int lanes = 32;
  T sum[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) sum[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
  for (int k = 0; i < n; ++i, ++k) sum[k] += (a[i] - b[i]) * (a[i] - b[i]);
  return std::accumulate(sum, sum + std::min<std::int64_t>(n, lanes), 0.0);
}

/// sum (a - b)^2, block by block, so that neither length nor number of threads costs accuracy.
template <class T>
double squared_distance(const T* a, const T* b, std::int64_t n) {
  if (n <= block) return block_distance(a, b, n);
  std::vector<double> sums(static_cast<std::size_t>((n + block - 1) / block));
  const auto add_up = [&](std::int64_t begin, std::int64_t end) {
    for (auto k = begin; k < end; ++k)
      sums[static_cast<std::size_t>(k)] =
          block_distance(a + k * block, b + k * block, std::min(block, n - k * block));
  };
  detail::parallel_for(static_cast<std::int64_t>(sums.size()), detail::elementwise_grain / block,
                       add_up);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// d/da of g mean (a - b)^2, which is 2 g (a - b) / n.
Tensor mse_vjp(const Tensor& g, const Tensor& a, const Tensor& b) {
  const double scale = 2.0 / static_cast<double>(a.numel());
  if (recording()) return chain(g, scale * (a - b));
  const Tensor slope = detail::empty(a.shape(), a.dtype());
  detail::visit_floating(a.dtype(), "mse_loss", [&](auto zero) {
    using T = decltype(zero);
    const T factor = static_cast<T>(scale) * *g.data<T>().data();
    const T* x = a.data<T>().data();
    const T* y = b.data<T>().data();
    T* out = detail::mutable_data<T>(slope);
    const auto fill = [=](std::int64_t begin, std::int64_t end) {
      if (factor == 0) return void(std::fill(out + begin, out + end, T(0)));
      for (auto i = begin; i < end; ++i) out[i] = factor * (x[i] - y[i]);
    };
    detail::parallel_for(a.numel(), detail::elementwise_grain, fill);
  });
  return slope;
}

}  // namespace

Tensor mse_loss(const Tensor& prediction, const Tensor& target, LossOptions options) {
  check_shapes("mse_loss", prediction, target);
  if (prediction.dtype() != target.dtype()) {
    Tensor a = prediction, b = target;
    detail::unify(a, b, "mse_loss");
    return mse_loss(a, b, options);
  }
  if (options.reduction != Reduction::mean)
    return reduce(square(prediction - target), options.reduction);

  const auto n = prediction.numel();
  if (n == 0)
    fail<ShapeError>("mse_loss",
                     fmt::format("the mean over nothing, shape {}", prediction.shape().str()));
  const Tensor value = detail::empty({}, prediction.dtype());
  detail::visit_floating(prediction.dtype(), "mse_loss", [&](auto zero) {
    using T = decltype(zero);
    const double total = squared_distance(prediction.data<T>().data(), target.data<T>().data(), n);
    *detail::mutable_data<T>(value) = static_cast<T>(total / static_cast<double>(n));
  });
  return record("mse_loss", value, {prediction, target},
                {[=](const Tensor& g) { return mse_vjp(g, prediction, target); },
                 [=](const Tensor& g) { return mse_vjp(g, target, prediction); }});
}

// ---- binary cross-entropy ----

Tensor bce_with_logits(const Tensor& logits, const Tensor& target, LossOptions options) {
  // Its slope is sigmoid(x) - t, at x = 0 too, which the usual max(x, 0) - x t + log1p(e^-|x|)
  // leaves to ties.
  static const auto losses =
      formula("bce_with_logits", [](auto x, auto t) { return softplus(x) - x * t; });
  check_shapes("bce_with_logits", logits, target);
  return reduce(losses(logits, target), options.reduction);
}

}  // namespace gradtape::nn

#include "gradtape/nn/loss/regression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/loss/check.hpp"

namespace gradtape::nn {

using namespace author;
using namespace detail;

namespace {

constexpr std::int64_t block = 8192;

/// sum (a - b)^2 over one block, in lanes that the compiler turns into registers.
template <class T> double block_distance(const T* a, const T* b, std::int64_t n) {
  constexpr int lanes = 32;
  T sum[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) sum[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
  for (int k = 0; i < n; ++i, ++k) sum[k] += (a[i] - b[i]) * (a[i] - b[i]);
  return std::accumulate(sum, sum + std::min<std::int64_t>(n, lanes), 0.0);
}

/// sum (a - b)^2, block by block, so that neither length nor number of threads costs accuracy.
template <class T> double squared_distance(const T* a, const T* b, std::int64_t n) {
  if (n <= block) return block_distance(a, b, n);
  std::vector<double> sums(static_cast<std::size_t>((n + block - 1) / block));
  const auto add_up = [&](std::int64_t begin, std::int64_t end) {
    for (auto k = begin; k < end; ++k)
      sums[static_cast<std::size_t>(k)] =
          block_distance(a + k * block, b + k * block, std::min(block, n - k * block));
  };
  parallel_for(static_cast<std::int64_t>(sums.size()), elementwise_grain / block, add_up);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// mean (a - b)^2 where the sum overflows and the mean may not.
template <class T> double mean_of_large(const T* a, const T* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * (d / static_cast<double>(n));
  }
  return sum;
}

/// The shape of the losses, where one of both may be 0-d.
Shape wider(const Tensor& prediction, const Tensor& target) {
  return prediction.ndim() > 0 ? prediction.shape() : target.shape();
}

/// d/da of g mean (a - b)^2, which is 2 g (a - b) / n.
Tensor mse_vjp(const Tensor& g, const Tensor& a, const Tensor& b) {
  const double scale = 2.0 / static_cast<double>(a.numel());
  if (recording()) return masked_mul(g, scale * (a - b));
  const Tensor slope = empty(a.shape(), a.dtype());
  visit_floating(a.dtype(), "mse_loss", [&](auto zero) {
    using T = decltype(zero);
    const T factor = static_cast<T>(scale) * *g.data<T>().data();
    const T* x = a.data<T>().data();
    const T* y = b.data<T>().data();
    T* out = mutable_data<T>(slope);
    const auto fill = [=](std::int64_t begin, std::int64_t end) {
      if (factor == 0) return void(std::fill(out + begin, out + end, T(0)));
      for (auto i = begin; i < end; ++i) out[i] = factor * (x[i] - y[i]);
    };
    parallel_for(a.numel(), elementwise_grain, fill);
    count_work(2 * a.numel(), 3 * a.numel() * static_cast<std::int64_t>(sizeof(T)));
  });
  return slope;
}

}  // namespace

Tensor mse_loss(const Tensor& prediction, const Tensor& target, LossOptions options) {
  check_target_or_number("mse_loss", prediction, target);
  if (prediction.dtype() != target.dtype()) {
    Tensor a = prediction, b = target;
    promote_literals(a, b, "mse_loss");
    return mse_loss(a, b, options);
  }
  if (prediction.shape() != target.shape()) {
    const Shape shape = wider(prediction, target);
    return mse_loss(expand(prediction, shape), expand(target, shape), options);
  }
  if (options.reduction != Reduction::mean)
    return reduce("mse_loss", square(prediction - target), options.reduction);

  const auto n = prediction.numel();
  if (n == 0)
    fail<ShapeError>("mse_loss",
                     fmt::format("the mean over nothing, shape {}", prediction.shape().str()));
  const Tensor value = empty({}, prediction.dtype());
  visit_floating(prediction.dtype(), "mse_loss", [&](auto zero) {
    using T = decltype(zero);
    const double total = squared_distance(prediction.data<T>().data(), target.data<T>().data(), n);
    *mutable_data<T>(value) =
        static_cast<T>(std::isfinite(total) ? total / static_cast<double>(n)
                                            : mean_of_large(prediction.data<T>().data(),
                                                            target.data<T>().data(), n));
    count_work(3 * n, 2 * n * static_cast<std::int64_t>(sizeof(T)));
  });
  return record("mse_loss", value, {prediction, target},
                {[=](const Tensor& g) { return mse_vjp(g, prediction, target); },
                 [=](const Tensor& g) { return mse_vjp(g, target, prediction); }});
}

Tensor half_squared_error(const Tensor& prediction, const Tensor& target, LossOptions options) {
  static const auto losses = formula(
      "half_squared_error", [](const auto& a, const auto& b) { return 0.5 * square(a - b); });
  check_target_or_number("half_squared_error", prediction, target);
  return reduce("half_squared_error", losses(prediction, target), options.reduction);
}

Tensor l1_loss(const Tensor& prediction, const Tensor& target, LossOptions options) {
  static const auto losses =
      formula("l1_loss", [](const auto& a, const auto& b) { return abs(a - b); });
  check_target_or_number("l1_loss", prediction, target);
  return reduce("l1_loss", losses(prediction, target), options.reduction);
}

Tensor smooth_l1_loss(const Tensor& prediction, const Tensor& target, SmoothL1Options options) {
  const double beta = options.beta;
  require("smooth_l1_loss", "beta", beta, at_least(0).or_infinity());
  check_target_or_number("smooth_l1_loss", prediction, target);
  if (beta == 0) return l1_loss(prediction, target, {options.reduction});
  const auto losses = formula("smooth_l1_loss", [=](const auto& a, const auto& b) {
    const auto d = a - b, size = abs(d);
    return where(size < beta, 0.5 * (d * (d / beta)), size - 0.5 * beta);  // d^2 may overflow
  });
  return reduce("smooth_l1_loss", losses(prediction, target), options.reduction);
}

Tensor huber_loss(const Tensor& prediction, const Tensor& target, HuberOptions options) {
  const double delta = options.delta;
  require("huber_loss", "delta", delta, above(0).or_infinity());
  check_target_or_number("huber_loss", prediction, target);
  const auto losses = formula("huber_loss", [=](const auto& a, const auto& b) {
    const auto d = a - b, size = abs(d);
    return where(size < delta, 0.5 * square(d), delta * (size - 0.5 * delta));
  });
  return reduce("huber_loss", losses(prediction, target), options.reduction);
}

namespace {

/// One variance for all, an element or a row, made to broadcast to the shape of the losses.
Tensor usable_variance(const Shape& losses, const Tensor& var) {
  const char* const op = "gaussian_nll_loss";
  Shape row = losses, head = row;
  if (row.ndim() > 0) {
    row[row.ndim() - 1] = 1;
    head = Shape::trusted(row.begin(), row.ndim() - 1);
  }
  const Shape own = var.shape();
  if (own.ndim() > 0 && own != losses && own != row && own != head)
    fail<ShapeError>(op, fmt::format("var {} fits neither the elements nor the rows of the losses, "
                                     "{}, nor is it 0-d",
                                     describe(var), losses.str()));
  check_values(op, "var", var, {.remedy = "; a variance is never negative", .nan = true});
  return own.ndim() == 0 || own == losses || own == row ? var : reshape(var, row);
}

}  // namespace

Tensor gaussian_nll_loss(const Tensor& prediction, const Tensor& target, const Tensor& var,
                         GaussianNllOptions options) {
  const double constant = options.full ? 0.9189385332046727 : 0.0;  // log(2 pi) / 2
  const auto losses =
      formula("gaussian_nll_loss", [=](const auto& x, const auto& t, const auto& v) {
        const auto d = x - t;
        return 0.5 * (log(v) + d * (d / v)) + constant;  // d^2 may overflow
      });
  check_target_or_number("gaussian_nll_loss", prediction, target);
  need_defined("gaussian_nll_loss", var, "var");
  const Tensor v = usable_variance(wider(prediction, target), var);
  const Tensor lift = (maximum(v, options.eps) - v).detach();
  return reduce("gaussian_nll_loss", losses(prediction, target, v + lift), options.reduction);
}

Tensor poisson_nll_loss(const Tensor& prediction, const Tensor& target, PoissonNllOptions options) {
  const char* const op = "poisson_nll_loss";
  check_target_or_number(op, prediction, target);
  check_values(op, "target", target, {.remedy = "; a count is never negative"});
  if (!options.log_input)
    check_values(
        op, "prediction", prediction,
        {.remedy = "; a rate is never negative, and its logarithm wants .log_input = true"});
  const auto losses = formula("poisson_nll_loss", [=](const auto& x, const auto& t) {
    using T = std::remove_cvref_t<decltype(x)>;
    // A count of 0 leaves the rate alone, and an infinite rate outweighs its logarithm.
    const T log_rate = options.log_input ? x : log(x + options.eps);
    T loss =
        (options.log_input ? exp(x) : x) - masked_mul(t, where(log_rate > 1e30, T(1e30), log_rate));
    if (!options.full) return loss;
    const auto many = t > 1.0;
    const auto n = where(many, t, T(1.0));
    const double log_tau = 1.8378770664093453;  // log(2 pi)
    return loss + where(many, (n + 0.5) * log(n) - n + 0.5 * log_tau, T(0.0));
  });
  return reduce(op, losses(prediction, target), options.reduction);
}

}  // namespace gradtape::nn

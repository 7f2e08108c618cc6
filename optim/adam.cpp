#include "gradtape/optim/adam.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {
namespace {

using gradtape::detail::elementwise_grain, gradtape::detail::parallel_for;
using gradtape::detail::visit_floating;

void check(const AdamOptions& options) {
  detail::require_non_negative("Adam", "lr", options.lr);
  detail::require(options.beta1 >= 0 && options.beta1 < 1, "Adam", "beta1", options.beta1,
                  "in [0, 1)");
  detail::require(options.beta2 >= 0 && options.beta2 < 1, "Adam", "beta2", options.beta2,
                  "in [0, 1)");
  detail::require_non_negative("Adam", "eps", options.eps);
  detail::require_non_negative("Adam", "weight_decay", options.weight_decay);
}

/// 1 - beta^t, by which the moments fall short of what they estimate.
struct Correction {
  explicit Correction(const AdamOptions& options, std::int64_t t)
      : t(t),
        first(1 - std::pow(options.beta1, static_cast<double>(t))),
        second(1 - std::pow(options.beta2, static_cast<double>(t))) {}
  std::int64_t t;
  double first, second;
};

/// One update of n elements. The corrections are constants of the loop.
template <class T>
void adam(std::int64_t n, T* __restrict w, const T* __restrict g, T* __restrict m, T* __restrict v,
          const AdamOptions& options, const Correction& correction) {
  const T beta1 = static_cast<T>(options.beta1), rest1 = static_cast<T>(1 - options.beta1);
  const T beta2 = static_cast<T>(options.beta2), rest2 = static_cast<T>(1 - options.beta2);
  const T lr = static_cast<T>(options.lr / correction.first);
  const T scale = static_cast<T>(1 / correction.second);
  const T eps = static_cast<T>(options.eps), decay = static_cast<T>(options.weight_decay);
  for (std::int64_t i = 0; i < n; ++i) {
    const T d = g[i] + decay * w[i];
    m[i] = beta1 * m[i] + rest1 * d;
    v[i] = beta2 * v[i] + rest2 * d * d;
    w[i] -= lr * m[i] / (std::sqrt(v[i] * scale) + eps);
  }
}

}  // namespace

Adam::Adam(std::vector<Parameter> parameters, const AdamOptions& options)
    : Optimizer("Adam", std::move(parameters)), options_(options), moments_(parameters_.size()) {
  check(options_);
}

void Adam::step() {
  check(options_);
  Correction correction(options_, 1);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& parameter = parameters_[i];
    const Tensor gradient = detail::gradient(parameter);
    if (!gradient.defined()) continue;
    auto& moments = moments_[i];
    visit_floating(parameter.dtype(), "Adam", [&](auto zero) {
      using T = decltype(zero);
      const T* g = gradient.data<T>().data();
      T* w = static_cast<T*>(parameter.mutable_raw());
      T* m = detail::writable<T>(moments.first, parameter);
      T* v = detail::writable<T>(moments.second, parameter);
      if (++moments.steps != correction.t) correction = Correction(options_, moments.steps);
      const auto update = [&](std::int64_t begin, std::int64_t end) {
        adam(end - begin, w + begin, g + begin, m + begin, v + begin, options_, correction);
      };
      parallel_for(gradient.numel(), elementwise_grain, update);
    });
  }
}

}  // namespace gradtape::optim

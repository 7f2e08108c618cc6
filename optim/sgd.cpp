#include "gradtape/optim/sgd.hpp"

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {
namespace {

using gradtape::detail::elementwise_grain, gradtape::detail::parallel_for;
using gradtape::detail::visit_floating;

void check(const SGDOptions& options) {
  detail::require_non_negative("SGD", "lr", options.lr);
  detail::require_non_negative("SGD", "momentum", options.momentum);
  detail::require_non_negative("SGD", "weight_decay", options.weight_decay);
  detail::require(!options.nesterov || options.momentum > 0, "SGD", "momentum", options.momentum,
                  "positive with nesterov");
}

/// The update without momentum.
template <class T>
void descend(std::int64_t n, T* __restrict w, const T* __restrict g, const SGDOptions& options) {
  const T lr = static_cast<T>(options.lr), decay = static_cast<T>(options.weight_decay);
  for (std::int64_t i = 0; i < n; ++i) w[i] -= lr * (g[i] + decay * w[i]);
}

template <class T>
void descend(std::int64_t n, T* __restrict w, const T* __restrict g, T* __restrict v,
             const SGDOptions& options) {
  const T lr = static_cast<T>(options.lr), decay = static_cast<T>(options.weight_decay);
  const T momentum = static_cast<T>(options.momentum);
  for (std::int64_t i = 0; i < n; ++i) {
    const T d = g[i] + decay * w[i];
    v[i] = momentum * v[i] + d;
    w[i] -= lr * (options.nesterov ? d + momentum * v[i] : v[i]);
  }
}

}  // namespace

SGD::SGD(std::vector<Parameter> parameters, const SGDOptions& options)
    : Optimizer("SGD", std::move(parameters)), options_(options), velocity_(parameters_.size()) {
  check(options_);
}

void SGD::step() {
  check(options_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& parameter = parameters_[i];
    const Tensor gradient = detail::gradient(parameter);
    if (!gradient.defined()) continue;
    visit_floating(parameter.dtype(), "SGD", [&](auto zero) {
      using T = decltype(zero);
      const T* g = gradient.data<T>().data();
      T* w = static_cast<T*>(parameter.mutable_raw());
      T* v = options_.momentum > 0 ? detail::writable<T>(velocity_[i], parameter) : nullptr;
      const auto update = [&](std::int64_t begin, std::int64_t end) {
        if (v)
          descend(end - begin, w + begin, g + begin, v + begin, options_);
        else
          descend(end - begin, w + begin, g + begin, options_);
      };
      parallel_for(gradient.numel(), elementwise_grain, update);
    });
  }
}

}  // namespace gradtape::optim

/// How the update rules go over their parameters. For rules only.
#pragma once

#include <cstring>
#include <type_traits>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {
namespace detail {

/// The elements of a piece of optimizer state, for writing: zeros at first, in the parameter's
/// dtype, and a copy where somebody else has seen the old ones.
template <class T> T* writable(Tensor& state, const Parameter& parameter) {
  if (!state.defined())
    state = zeros(parameter.shape(), dtype_of<T>);
  else if (state.dtype() != dtype_of<T>)
    state = state.to(dtype_of<T>);
  if (!gradtape::detail::is_unique(state)) {
    const Tensor copy = gradtape::detail::empty(state.shape(), dtype_of<T>);
    const auto old = state.data<T>();
    if (!old.empty())
      std::memcpy(gradtape::detail::mutable_data<T>(copy), old.data(), old.size_bytes());
    state = copy;
  }
  return gradtape::detail::mutable_data<T>(state);
}

/// One parameter in a step: its elements, its gradient and its state go through the rule's formula
/// together, in one loop.
template <class T> class Pass {
 public:
  Pass(const Parameter& parameter, const Tensor& gradient)
      : parameter_(parameter), gradient_(gradient) {}

  /// Calls formula(w, g, s...) for each element, which updates w and the elements s of the state
  /// tensors; in place where nobody else holds them.
  template <class F, class... State> void operator()(const F& formula, State&... state) const {
    static_assert((std::is_same_v<State, Tensor> && ...));
    run(formula, writable<T>(state, parameter_)...);
  }

 private:
  template <class F, class... S> void run(const F& formula, S*... state) const {
    const T* g = gradient_.data<T>().data();
    T* w = static_cast<T*>(parameter_.mutable_raw());
    const auto part = [&](std::int64_t begin, std::int64_t end) {
      loop(end - begin, formula, w + begin, g + begin, (state + begin)...);
    };
    gradtape::detail::parallel_for(gradient_.numel(), gradtape::detail::elementwise_grain, part);
  }

  // The formula is copied, so that the compiler sees its constants change in no iteration.
  template <class F, class... S>
  static void loop(std::int64_t n, const F formula, T* __restrict w, const T* __restrict g,
                   S* __restrict... state) {
    for (std::int64_t i = 0; i < n; ++i) formula(w[i], g[i], state[i]...);
  }

  const Parameter& parameter_;
  const Tensor& gradient_;
};

/// 1 - beta^t, by which a running mean that starts at zero falls short.
double shortfall(double beta, std::int64_t t);

/// Throws ValueError unless `ok`: "SGD: lr = -1, but it must be ...".
void require(bool ok, const char* op, const char* option, double value, const char* range);
/// Throws ValueError unless the value is finite and not negative.
void require_non_negative(const char* op, const char* option, double value);
/// Throws ValueError unless the value is in [0, 1): the share that a running mean keeps.
void require_share(const char* op, const char* option, double value);

}  // namespace detail

template <class Options, class State>
template <class F>
void Rule<Options, State>::each(const F& update) {
  for (const auto& options : options_) options.check();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& parameter = parameters_[i];
    const Tensor gradient = parameter.is_frozen() ? Tensor() : parameter.grad();
    if (!gradient.defined()) continue;
    gradtape::detail::visit_floating(parameter.dtype(), Options::rule, [&](auto zero) {
      update(options_[group_[i]], states_[i], detail::Pass<decltype(zero)>(parameter, gradient));
    });
  }
}

}  // namespace gradtape::optim

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

/// The elements that an update goes over: all those of a gradient, or those of some rows.
class Extent {
 public:
  explicit Extent(Tensor gradient) : gradient_(std::move(gradient)) {}
  explicit Extent(const RowGradient& rows) : gradient_(rows.values), rows_(rows.index) {}

  const Tensor& gradient() const { return gradient_; }
  const Tensor& rows() const { return rows_; }  ///< Undefined for all elements.

  /// Calls part(to, from, n), on several threads, for every n elements of the parameter from `to`
  /// that belong to those of the gradient from `from`.
  template <class F> void for_each(const F& part) const {
    run([](const void* f, std::int64_t to, std::int64_t from,
           std::int64_t n) { (*static_cast<const F*>(f))(to, from, n); },
        &part);
  }

 private:
  void run(void (*part)(const void*, std::int64_t, std::int64_t, std::int64_t),
           const void* context) const;

  Tensor gradient_, rows_;
};

/// What a step goes over: the rows of a row gradient, where the rule leaves the others as they are,
/// or else the whole gradient; undefined for a parameter that has none or is frozen.
Extent extent_of(const Parameter& parameter, bool by_rows);

/// One parameter in a step: its elements, its gradient and its state go through the rule's formula
/// together, in one loop.
template <class T> class Pass {
 public:
  Pass(const Parameter& parameter, const Extent& extent) : parameter_(parameter), extent_(extent) {}

  const Parameter& parameter() const { return parameter_; }
  const Tensor& gradient() const { return extent_.gradient(); }
  /// Calls formula(w, d) for each element and that of `direction`, which takes the gradient's
  /// place.
  template <class F> void along(const Tensor& direction, const F& formula) const {
    Pass(parameter_, Extent(direction))(formula);
  }

  /// Calls formula(w, g, s...) for each element, which updates w and the elements s of the state
  /// tensors; in place where nobody else holds them.
  template <class F, class... State> void operator()(const F& formula, State&... state) const {
    static_assert((std::is_same_v<State, Tensor> && ...));
    run(formula, writable<T>(state, parameter_)...);
  }

 private:
  template <class F, class... S> void run(const F& formula, S*... state) const {
    const T* g = extent_.gradient().data<T>().data();
    T* w = static_cast<T*>(parameter_.mutable_raw());
    extent_.for_each([&](std::int64_t to, std::int64_t from, std::int64_t n) {
      loop(n, formula, w + to, g + from, (state + to)...);
    });
  }

  // The formula is copied, so that the compiler sees its constants change in no iteration.
  template <class F, class... S>
  static void loop(std::int64_t n, const F formula, T* __restrict w, const T* __restrict g,
                   S* __restrict... state) {
    for (std::int64_t i = 0; i < n; ++i) formula(w[i], g[i], state[i]...);
  }

  const Parameter& parameter_;
  const Extent& extent_;
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
void Rule<Options, State>::each(const F& update, bool (*by_rows)(const Options&)) {
  for (const auto& options : options_) options.check();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& options = options_[group_[i]];
    const auto& parameter = parameters_[i];
    const auto extent = detail::extent_of(parameter, by_rows && by_rows(options));
    if (!extent.gradient().defined()) continue;
    gradtape::detail::visit_floating(parameter.dtype(), Options::rule, [&](auto zero) {
      update(options, states_[i], detail::Pass<decltype(zero)>(parameter, extent));
    });
  }
}

}  // namespace gradtape::optim

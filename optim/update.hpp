/// The loop of an update rule over its parameters. For rules only.
#pragma once

#include <cstring>
#include <type_traits>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {
namespace detail {

/// The elements of a state tensor for writing: zeros at first, in the parameter's dtype. Elements
/// that another tensor shares, such as a saved state, are copied first.
template <class T> T* writable(Tensor& state, const Parameter& parameter) {
  if (!state.defined())
    state = zeros(parameter.shape(), dtype_of<T>);
  else if (state.dtype() != dtype_of<T>)
    state = state.to(dtype_of<T>);
  if (!author::is_unique(state)) {
    const Tensor copy = author::empty(state.shape(), dtype_of<T>);
    const auto old = state.data<T>();
    if (!old.empty()) std::memcpy(author::mutable_data<T>(copy), old.data(), old.size_bytes());
    state = copy;
  }
  return author::mutable_data<T>(state);
}

/// The elements of a parameter that an update changes: all of them, or some of its rows.
class ParameterSlice {
 public:
  explicit ParameterSlice(Tensor gradient) : gradient_(std::move(gradient)) {}
  explicit ParameterSlice(const RowGradient& rows) : gradient_(rows.values), rows_(rows.index) {}

  const Tensor& gradient() const { return gradient_; }
  const Tensor& rows() const { return rows_; }  ///< Their indices; undefined for all elements.

  /// Calls part(to, from, n), on several threads, so that together the calls cover all elements:
  /// those of the parameter at to ... to + n belong to those of the gradient at from ... from + n.
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

/// What a step changes: with by_rows the rows of a row gradient, if the parameter has one;
/// otherwise all elements. The gradient is undefined for a parameter that has none or is frozen.
ParameterSlice slice_of(const Parameter& parameter, bool by_rows);

/// One parameter in a step: one loop applies the rule's formula to its elements, gradient and
/// state.
template <class T> class Pass {
 public:
  Pass(const Parameter& parameter, const ParameterSlice& slice)
      : parameter_(parameter), slice_(slice) {}

  const Parameter& parameter() const { return parameter_; }
  const Tensor& gradient() const { return slice_.gradient(); }
  /// Calls formula(w, d) for each element w of the parameter and d of `direction`, in place of the
  /// gradient.
  template <class F> void along(const Tensor& direction, const F& formula) const {
    Pass(parameter_, ParameterSlice(direction))(formula);
  }

  /// Calls formula(w, g, s...) for each element, which updates w and the elements s of the state
  /// tensors; in place where no other tensor shares them.
  template <class F, class... State> void operator()(const F& formula, State&... state) const {
    static_assert((std::is_same_v<State, Tensor> && ...));
    run(formula, writable<T>(state, parameter_)...);
  }

 private:
  template <class F, class... S> void run(const F& formula, S*... state) const {
    const T* g = slice_.gradient().data<T>().data();
    T* w = static_cast<T*>(parameter_.mutable_raw());
    slice_.for_each([&](std::int64_t to, std::int64_t from, std::int64_t n) {
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
  const ParameterSlice& slice_;
};

/// 1 - beta^t: what a running mean that starts at zero must be divided by after t steps.
double bias_correction(double beta, std::int64_t t);

}  // namespace detail

template <class Options, class State>
template <class F>
void Rule<Options, State>::each(const F& update, bool (*by_rows)(const Options&)) {
  for (const auto& options : options_) detail::check(options);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& options = options_[group_[i]];
    const auto& parameter = parameters_[i];
    const auto slice = detail::slice_of(parameter, by_rows && by_rows(options));
    if (!slice.gradient().defined()) continue;
    author::visit_floating(parameter.dtype(), Options::rule, [&](auto zero) {
      update(options, states_[i], detail::Pass<decltype(zero)>(parameter, slice));
    });
  }
}

}  // namespace gradtape::optim

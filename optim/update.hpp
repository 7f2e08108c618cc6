/// The loop of an update rule over its parameters. For rules only.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {
namespace detail {

/// The same elements in memory of their own.
Tensor copy_of(const Tensor& x);

/// The elements of a state tensor for writing: zeros at first, in the parameter's dtype. Elements
/// that another tensor shares, such as a saved state, are copied first.
template <class T> T* writable(Tensor& state, const Parameter& parameter) {
  if (!state.defined())
    state = zeros(parameter.shape(), dtype_of<T>);
  else if (state.dtype() != dtype_of<T>)
    state = state.to(dtype_of<T>);
  if (!author::is_unique(state)) state = copy_of(state);
  return author::mutable_data<T>(state);
}

/// The memory that a step needs. Where it may need any, the step is rehearsed first, on copies of
/// the states and without a change of any element: all memory is then there before the first
/// parameter is updated, and a step updates all parameters or, where memory runs out, none.
class StepMemory {
 public:
  /// Whether this is the rehearsal.
  bool rehearses() const { return rehearses_; }
  /// The elements of a state tensor for writing; see writable. A null pointer in a rehearsal.
  template <class T> T* state(Tensor& state, const Parameter& parameter) {
    if (rehearses_) {
      reserve(state, parameter);
      return nullptr;
    }
    if (auto& reserved = reserved_[next_++]; reserved.defined()) state = std::move(reserved);
    return writable<T>(state, parameter);
  }
  /// Makes the elements of a parameter its own, so that writing to them needs no memory.
  static void reserve(const Parameter& parameter) { (void)parameter.mutable_raw(); }

  void begin(bool rehearsal) {
    rehearses_ = rehearsal;
    next_ = 0;
    if (rehearsal) reserved_.clear();
  }

 private:
  void reserve(Tensor& state, const Parameter& parameter);

  bool rehearses_ = false;
  std::size_t next_ = 0;
  author::CachedVector<Tensor>
      reserved_;  // for each use of a state tensor, in order; undefined: not needed
};

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
  Pass(const Parameter& parameter, const ParameterSlice& slice, StepMemory& memory)
      : parameter_(parameter), slice_(slice), memory_(memory) {}

  /// Whether nothing may be changed yet, but what is called with this pass: a rule that allocates
  /// by itself does so now, and keeps it until it is called again.
  bool rehearses() const { return memory_.rehearses(); }

  const Parameter& parameter() const { return parameter_; }
  const Tensor& gradient() const { return slice_.gradient(); }
  /// Calls formula(w, d) for each element w of the parameter and d of `direction`, in place of the
  /// gradient.
  template <class F> void along(const Tensor& direction, const F& formula) const {
    Pass(parameter_, ParameterSlice(direction), memory_)(formula);
  }

  /// Calls formula(w, g, s...) for each element, which updates w and the elements s of the state
  /// tensors; in place where no other tensor shares them.
  template <class F, class... State> void operator()(const F& formula, State&... state) const {
    static_assert((std::is_same_v<State, Tensor> && ...));
    // Braces: from left to right, in the rehearsal too.
    const std::tuple elements{memory_.state<T>(state, parameter_)...};
    if (memory_.rehearses()) return StepMemory::reserve(parameter_);
    std::apply([&](auto*... s) { run(formula, s...); }, elements);
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
  StepMemory& memory_;
};

/// a / b, and 0 where a is 0: without eps nothing moves an element that never had a gradient.
template <class T> T quotient(T a, T b) {
  const T q = a / b;
  return a == 0 ? T(0) : q;
}

/// 1 - beta^t: what a running mean that starts at zero must be divided by after t steps.
double bias_correction(double beta, std::int64_t t);

/// Throws GraphError: not one parameter has a gradient.
[[noreturn]] void refuse_no_gradient(const char* rule);

}  // namespace detail

template <class Options, class State>
template <class F>
void Rule<Options, State>::each(const F& update, bool (*by_rows)(const Options&)) {
  for (const auto& options : options_) detail::check(options);
  author::CachedVector<detail::ParameterSlice> slices;
  slices.reserve(parameters_.size());
  detail::StepMemory memory;
  const auto one = [&](std::size_t i, State& state) {
    author::visit_floating(parameters_[i].dtype(), Options::rule, [&](auto zero) {
      const detail::Pass<decltype(zero)> pass(parameters_[i], slices[i], memory);
      update(options_[group_[i]], state, pass);
    });
  };
  bool any = false;
  memory.begin(true);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    slices.push_back(detail::slice_of(parameters_[i], by_rows && by_rows(options_[group_[i]])));
    if (!slices[i].gradient().defined()) continue;
    any = true;
    State copy = states_[i];
    one(i, copy);
  }
  if (!any) detail::refuse_no_gradient(Options::rule);
  memory.begin(false);
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (slices[i].gradient().defined()) one(i, states_[i]);
}

}  // namespace gradtape::optim

/// Calling what a check is given: functions of one tensor, of several, or of a vector of them.
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// How many tensors F takes, from 1 to 4; 0 for a function of a vector of them. A formula says how
/// many itself; another callable that takes any number counts as a function of one.
template <class F> constexpr std::size_t tensor_arguments() {
  using T = const Tensor&;
  if constexpr (requires { std::integral_constant<std::size_t, F::inputs()>(); })
    return F::inputs();
  else if constexpr (std::is_invocable_v<F&, T>)
    return 1;
  else if constexpr (std::is_invocable_v<F&, T, T>)
    return 2;
  else if constexpr (std::is_invocable_v<F&, T, T, T>)
    return 3;
  else if constexpr (std::is_invocable_v<F&, T, T, T, T>)
    return 4;
  else
    return 0;
}

/// Throws ValueError in the name of `check` unless f is called with as many tensors as it takes.
void check_argument_count(const char* check, std::size_t got, std::size_t wanted);

/// f(x[0], x[1], ...), or f(x).
template <class F> decltype(auto) call_on(const char* check, F& f, const std::vector<Tensor>& x) {
  constexpr auto count = tensor_arguments<F>();
  if constexpr (count == 0) {
    static_assert(std::is_invocable_v<F&, const std::vector<Tensor>&>,
                  "gradtape: a check takes a function of 1 to 4 tensors, each a const Tensor&, or "
                  "of a const std::vector<Tensor>&");
    return f(x);
  } else {
    check_argument_count(check, x.size(), count);
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
      return f(x[I]...);
    }(std::make_index_sequence<count>());
  }
}

/// The tensors of a result: one, a range of them, or a pair or tuple.
template <class Result> std::vector<Tensor> as_tensors(const Result& result) {
  if constexpr (std::is_convertible_v<const Result&, Tensor>) {
    return {Tensor(result)};
  } else if constexpr (requires { std::begin(result) != std::end(result); }) {
    return {std::begin(result), std::end(result)};
  } else {
    static_assert(
        requires { std::tuple_size<Result>::value; },
        "gradtape: what is checked gives a Tensor, or a std::vector, std::array or "
        "std::tuple of them");
    return std::apply([](const auto&... each) { return std::vector<Tensor>{each...}; }, result);
  }
}

}  // namespace gradtape::detail

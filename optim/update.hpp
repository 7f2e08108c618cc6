/// What the update rules have in common. For the sources of optim only.
#pragma once

#include <cstring>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/parameter.hpp"

namespace gradtape::optim::detail {

/// The gradient that a step uses: undefined where the parameter sits it out.
inline Tensor gradient(const Parameter& parameter) {
  return parameter.is_frozen() ? Tensor() : parameter.grad();
}

/// The elements of a piece of optimizer state, for writing: zeros at first, in the parameter's
/// dtype, and a copy where somebody else has seen the old ones.
template <class T>
T* writable(Tensor& state, const Parameter& parameter) {
  if (!state.defined())
    state = zeros(parameter.shape(), dtype_of<T>);
  else if (state.dtype() != dtype_of<T>)
    state = state.to(dtype_of<T>);
  if (!gradtape::detail::is_unique(state)) {
    const Tensor copy = gradtape::detail::empty(state.shape(), dtype_of<T>);
    const auto old = state.data<T>();
    std::memcpy(gradtape::detail::mutable_data<T>(copy), old.data(), old.size_bytes());
    state = copy;
  }
  return gradtape::detail::mutable_data<T>(state);
}

/// Throws ValueError unless `ok`: "SGD: lr = -1, but it must be ...".
void require(bool ok, const char* op, const char* option, double value, const char* range);
/// Throws ValueError unless the value is finite and not negative.
void require_non_negative(const char* op, const char* option, double value);

}  // namespace gradtape::optim::detail

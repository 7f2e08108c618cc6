/// Opt-in: prints tensors, shapes and dtypes with {fmt}.
#pragma once

#include <fmt/format.h>

#include "gradtape/autograd/tensor.hpp"

template <> struct fmt::formatter<gradtape::Tensor> : fmt::formatter<std::string> {
  auto format(const gradtape::Tensor& x, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(x.str(), context);
  }
};
template <> struct fmt::formatter<gradtape::Shape> : fmt::formatter<std::string> {
  auto format(const gradtape::Shape& shape, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(shape.str(), context);
  }
};
template <> struct fmt::formatter<gradtape::Dtype> : fmt::formatter<std::string> {
  auto format(gradtape::Dtype dtype, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(gradtape::name(dtype), context);
  }
};

/// Convolutions with 3x3 kernels by fewer multiplications; for the sources of kernels only.
#pragma once

#include <array>
#include <cstdint>

#include "gradtape/autograd/kernels/spatial/convolution.hpp"

namespace gradtape::kernels::direct {

/// A convolution of two spatial axes with a 3x3 kernel, stride and dilation 1, in one group: of x
/// for y, or of a cotangent for dx. Tap (i, j) of output channel o and input channel c has its
/// weight at first + o out_stride + c in_stride + i row_stride + j column_stride.
struct Filtering {
  std::int64_t outs, ins;
  std::array<std::int64_t, 2> in, out, padding;
  std::int64_t first, out_stride, in_stride, row_stride, column_stride;
};

/// Whether `s` is such a convolution.
bool is_filtering(const ConvShape& s);
Filtering forward_filtering(const ConvShape& s);
Filtering transposed_filtering(const ConvShape& s);

/// y for a batch of a multiple of the lanes of a register. Rounding errors are a few times as large
/// as those of a sum, relative to the largest products of any weight and any input of a window, and
/// what is not finite may be NaN.
template <class T>
void filter_minimally(const Filtering& f, const T* source, const T* weight, const T* bias, T* y,
                      std::int64_t batch);

/// dw for such a batch, where f is the forward filtering; with the same errors.
template <class T>
void filter_weight_gradient(const Filtering& f, const T* g, const T* x, T* dw, std::int64_t batch);

}  // namespace gradtape::kernels::direct

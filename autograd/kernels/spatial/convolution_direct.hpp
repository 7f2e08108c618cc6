/// Convolutions as sums of shifted images, without a matrix of columns; convolution.cpp chooses.
#pragma once

#include "gradtape/autograd/kernels/spatial/convolution.hpp"

namespace gradtape::kernels::direct {

// The three functions of convolution.hpp. Each works in vector registers along the outputs of an
// image, so that it pays where these are enough; see `pays`. All need `possible`.

template <class T>
void convolve(const T* x, const T* weight, const T* bias, T* y, const ConvShape& s);
/// weight must be finite: it meets zeros from outside g.
template <class T>
void convolve_transposed(const T* g, const T* weight, const T* bias, T* dx, const ConvShape& s);
/// Where x or g is not finite, more of dw may be NaN than should be.
template <class T> void convolve_weight_gradient(const T* g, const T* x, T* dw, const ConvShape& s);

/// The three functions, by what they compute.
enum class Result { y, dx, dw };
/// Whether a shape can be computed here: not where it is empty, or where copies would be far larger
/// than the images.
bool possible(const ConvShape& s);
/// Whether that is faster than products with columns: measured, see docs/design.md.
template <class T> bool pays(const ConvShape& s, Result result);

}  // namespace gradtape::kernels::direct

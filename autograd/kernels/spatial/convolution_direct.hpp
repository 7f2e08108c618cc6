/// Convolutions as sums of shifted images, without a matrix of columns; convolution.cpp chooses.
#pragma once

#include "gradtape/autograd/kernels/spatial/convolution.hpp"

namespace gradtape::kernels::direct {

/// How a result is computed: as a product with a matrix of columns, or directly, with neighbouring
/// outputs of an image in the lanes of a register, or one output of several images, where 3x3
/// kernels can do with fewer multiplications.
enum class Way { columns, along, across, winograd };

/// The three functions of convolution.hpp, by what they compute.
enum class Result { y, dx, dw };
/// Whether a shape can be computed directly: not where it is empty, or where copies would be far
/// larger than the images.
bool possible(const ConvShape& s);
/// What should be fastest for a shape, by an estimate; see docs/design.md.
template <class T> Way fastest(const ConvShape& s, Result result);

// The three functions, along or across images. All need `possible`. Images that do not fill a
// register are computed along.

template <class T>
void convolve(const T* x, const T* weight, const T* bias, T* y, const ConvShape& s, Way way);
/// weight must be finite: it meets zeros from outside g.
template <class T>
void convolve_transposed(const T* g, const T* weight, const T* bias, T* dx, const ConvShape& s,
                         Way way);
/// Where x or g is not finite, more of dw may be NaN than should be.
template <class T>
void convolve_weight_gradient(const T* g, const T* x, T* dw, const ConvShape& s, Way way);

}  // namespace gradtape::kernels::direct

/// Normalisation of groups of elements with a scale and a shift, on raw pointers. Memory is passed
/// over once forward and once backward, for as long as a group fits into the cache.
#pragma once

#include <cstdint>

#include "gradtape/autograd/kernels/standardise.hpp"

namespace gradtape::kernels {

/// The scale and shift of each channel; element `at` is of channel (at / run) % channels. A run
/// longer than 1 divides the `inner` of the groups; where it is 1, `channels` is a multiple of
/// `inner`.
template <class T> struct Affine {
  const T* weight;
  const T* bias;
  std::int64_t channels, run;
};

/// About what deviations are taken: layer_norm and its kin, or rms_norm.
enum class About { mean, zero };

/// The frame of every group, factor = 1 / sqrt(variance + eps shrink^2) for each, and
/// y = ((x shrink - center) - rest) factor weight + bias.
template <class T>
void normalise(const T* x, About about, Frame<T> frame, T* factor, double eps, Affine<T> affine,
               T* y, AxisView groups);

/// What normalise_backward writes, null where it is not wanted.
template <class T> struct NormaliseSlopes {
  T* x;
  T* weight;  ///< Of the shape of the weights.
  T* bias;
};
/// The gradients for the cotangent g of y: with z the standardised x and h = g weight,
/// dx = factor shrink (h - mean(h) - z mean(h z)), dweight = sum(g z), dbias = sum(g); about 0
/// there is no mean(h). Where g is 0 throughout a group, its dx is 0.
template <class T>
void normalise_backward(const T* g, const T* x, About about, Frame<const T> frame, const T* factor,
                        Affine<T> affine, NormaliseSlopes<T> to, AxisView groups);

}  // namespace gradtape::kernels

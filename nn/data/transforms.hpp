/// Augmentation: random changes of a sample's input that keep its target right.
///
///     const Dataset augmented = train.map_inputs(random_horizontal_flip())
///                                   .map_inputs(random_crop({.size = {28, 28}, .padding = 2}));
///
/// Every epoch sees other changes. They are fixed by seed, epoch and the number of the sample, so
/// neither the batch size nor the order nor the number of threads changes them.
#pragma once

#include <functional>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::data {

/// What Dataset::map_inputs takes: the input of one sample -> another.
using Transform = std::function<Tensor(const Tensor& input, const Generator& generator)>;

/// Mirrors left and right (the last axis) with probability p. Throws ValueError unless p is in [0,
/// 1]; the transform ShapeError for an input with fewer than 1 axis.
[[nodiscard]] Transform random_horizontal_flip(double p = 0.5);
/// Mirrors up and down (the axis before the last) with probability p likewise; 2 axes at least.
[[nodiscard]] Transform random_vertical_flip(double p = 0.5);

/// Options of random_crop.
struct RandomCropOptions {
  SpatialSize size;         ///< Height and width of the result; one number for both.
  SpatialSize padding = 0;  ///< Rows and columns added on both sides first; one number for both.
  double fill = 0;          ///< What they hold; any number.
};
/// A window of this size at a random place of the padded image.  [..., h, w] -> [..., size]
/// Throws ValueError for sizes below 1 or negative padding; the transform ShapeError for an image
/// that is smaller than the window.
[[nodiscard]] Transform random_crop(const RandomCropOptions& options);

/// Options of gaussian_noise.
struct GaussianNoiseOptions {
  double mean = 0;     ///< Of the noise; any finite number.
  double sigma = 0.1;  ///< Its standard deviation.
};
/// input + noise, normal and independent for each element. Throws ValueError for a sigma that is
/// negative or not finite, and a mean that is not finite; the transform DtypeError unless the input
/// is floating.
[[nodiscard]] Transform gaussian_noise(const GaussianNoiseOptions& options = {});

}  // namespace gradtape::nn::data

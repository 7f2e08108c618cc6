/// Layers that add randomness in training mode only: dropout of elements or whole channels, and
/// noise. In evaluation each returns x.
#pragma once

#include <utility>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Options of Dropout and the layers like it.
struct DropoutOptions {
  Generator generator = {};  ///< Draws the masks.
};

/// The options and the probability as one: nn::Dropout({.p = 0.1}).
struct DropoutWithP {
  double p = 0.5;            ///< The probability that an element is dropped.
  Generator generator = {};  ///< Draws the masks.
};

namespace detail {

/// Base of the dropout layers.
class RandomLayer : public Layer {
 protected:
  /// Throws ValueError unless p is in [0, 1].
  RandomLayer(const char* name, double p, const DropoutOptions& options);
  /// Whether the layer does anything now.
  [[nodiscard]] bool is_active() const { return is_training() && p_ > 0; }

  double p_;
  Generator generator_;
};

/// Dropout of channels over `axes` spatial axes.
class ChannelDropout : public RandomLayer {
 protected:
  ChannelDropout(const char* name, int axes, double p, const DropoutOptions& options)
      : RandomLayer(name, p, options), name_(name), axes_(axes) {}
  Tensor forward(const Tensor& x) const override;

 private:
  const char* name_;
  int axes_;
};

}  // namespace detail

/// In training, each element is 0 with probability p and x / (1 - p) otherwise, so that its
/// expectation is x and evaluation needs no factor ("inverted" dropout; Srivastava et al. 2014 let
/// kept elements be and multiply the weights by 1 - p in evaluation). Throws ValueError unless p is
/// in [0, 1].
class Dropout : public detail::RandomLayer {
 public:
  explicit Dropout(double p = 0.5, const DropoutOptions& options = {})
      : RandomLayer("Dropout", p, options) {}
  explicit Dropout(DropoutWithP options) : Dropout(options.p, {options.generator}) {}

 protected:
  Tensor forward(const Tensor& x) const override;
};

// Dropout of whole channels, as neighbouring pixels are correlated (Tompson et al. 2015). Throw
// ValueError unless p is in [0, 1]; a call ShapeError.

/// Dropout of the channels of x with probability p: [N, C, L] or [C, L]
struct Dropout1d : detail::ChannelDropout {
  explicit Dropout1d(double p = 0.5, const DropoutOptions& options = {})
      : ChannelDropout("Dropout1d", 1, p, options) {}
  explicit Dropout1d(DropoutWithP options) : Dropout1d(options.p, {options.generator}) {}
};
/// Dropout of the channels of x with probability p: [N, C, H, W] or [C, H, W]
struct Dropout2d : detail::ChannelDropout {
  explicit Dropout2d(double p = 0.5, const DropoutOptions& options = {})
      : ChannelDropout("Dropout2d", 2, p, options) {}
  explicit Dropout2d(DropoutWithP options) : Dropout2d(options.p, {options.generator}) {}
};
/// Dropout of the channels of x with probability p: [N, C, D, H, W] or [C, D, H, W]
struct Dropout3d : detail::ChannelDropout {
  explicit Dropout3d(double p = 0.5, const DropoutOptions& options = {})
      : ChannelDropout("Dropout3d", 3, p, options) {}
  explicit Dropout3d(DropoutWithP options) : Dropout3d(options.p, {options.generator}) {}
};

/// Dropout that keeps the mean 0 and the variance 1 of a SELU network's signals: with probability p
/// an element becomes SELU's limit, -1.758, and an affine map of all restores mean and variance
/// (Klambauer et al. 2017, section 3, "new dropout technique"). Throws as Dropout.
class AlphaDropout : public detail::RandomLayer {
 public:
  explicit AlphaDropout(double p = 0.5, const DropoutOptions& options = {})
      : RandomLayer("AlphaDropout", p, options) {}
  explicit AlphaDropout(DropoutWithP options) : AlphaDropout(options.p, {options.generator}) {}

 protected:
  Tensor forward(const Tensor& x) const override;
};

/// AlphaDropout of whole channels, each with probability p.  x: [N, C, ...]. Throws as Dropout; a
/// call ShapeError.
class FeatureAlphaDropout : public detail::RandomLayer {
 public:
  explicit FeatureAlphaDropout(double p = 0.5, const DropoutOptions& options = {})
      : RandomLayer("FeatureAlphaDropout", p, options) {}
  explicit FeatureAlphaDropout(DropoutWithP options)
      : FeatureAlphaDropout(options.p, {options.generator}) {}

 protected:
  Tensor forward(const Tensor& x) const override;
};

/// In training, x + std * eps with standard normal eps: noise on the inputs as regularisation (MIT
/// 6.390 lecture notes, section 6.8.1). Throws ValueError for a std that is negative or not finite.
class GaussianNoise : public Layer {
 public:
  explicit GaussianNoise(double std = 0.1, const DropoutOptions& options = {});

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  double std_;
  Generator generator_;
};

}  // namespace gradtape::nn

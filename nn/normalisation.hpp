/// Normalisation layers: over the batch, the layer, groups of channels or single images.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops/extents.hpp"
#include "gradtape/autograd/ops/normalisation.hpp"
#include "gradtape/nn/function_layer.hpp"

namespace gradtape::nn {

/// Options of BatchNorm1d, BatchNorm2d and BatchNorm3d.
struct BatchNormOptions {
  double eps = 1e-5;  ///< Added to the variance, >= 0.
  /// Weight of a new batch in the running statistics; without a value they are the mean over all
  /// batches so far.
  std::optional<double> momentum = 0.1;
  bool affine = true;               ///< Learn a scale and a shift for each channel.
  bool track_running_stats = true;  ///< If false, evaluation uses the batch's statistics too.
  Dtype dtype = float32;            ///< float32 or float64.
};

/// Options of InstanceNorm1d, InstanceNorm2d and InstanceNorm3d.
struct InstanceNormOptions {
  double eps = 1e-5;                 ///< Added to the variance, >= 0.
  double momentum = 0.1;             ///< Weight of a new batch in the running statistics.
  bool affine = false;               ///< Learn a scale and a shift for each channel.
  bool track_running_stats = false;  ///< Keep running statistics, and use them in evaluation.
  Dtype dtype = float32;             ///< float32 or float64.
};

namespace detail {

/// What the layers with statistics of channels share.
class ChannelNorm : public Layer {
 public:
  const Parameter weight;            ///< [channels], 1 at first; undefined unless affine.
  const Parameter bias;              ///< [channels], 0 at first; undefined unless affine.
  const Buffer running_mean;         ///< [channels], 0 at first; undefined unless tracked.
  const Buffer running_var;          ///< [channels], 1 at first; undefined unless tracked.
  const Buffer num_batches_tracked;  ///< int64, 0 at first; undefined unless tracked.

  /// Resets the running statistics to their initial values.
  void reset_running_stats();

 protected:
  ChannelNorm(const char* name, int axes, std::int64_t channels, const BatchNormOptions& options);
  /// Options of the op, with `momentum` as the weight of this batch.
  [[nodiscard]] gradtape::BatchNormOptions op_options(double momentum) const;
  /// Keeps the running statistics of a training step.
  [[nodiscard]] Tensor keep(const BatchNormResult& result) const;

  const char* name_;
  int axes_;
  std::int64_t channels_;
  double eps_;
  author::Shared<std::optional<double>> momentum_;
};

class BatchNorm : public ChannelNorm {
 public:
  /// The weight of a new batch in the running statistics, as in the options.
  [[nodiscard]] std::optional<double> momentum() const { return *momentum_; }
  /// Sets the momentum of all handles to this layer. Throws ValueError unless in [0, 1].
  void set_momentum(std::optional<double> momentum);

  /// Replaces each sum over the batch, [channels], on the way to the statistics of a training step,
  /// by sum_all(sum), for all handles to this layer: for a batch that is spread over several
  /// processes, whose sums are added there. It is a differentiable op, and called twice a step. An
  /// empty function undoes this. Throws as a call; the sums are of elements, squares and ones.
  void set_sum_over_processes(std::function<Tensor(const Tensor&)> sum_all);

 protected:
  BatchNorm(const char* name, int axes, std::int64_t channels, const BatchNormOptions& options);
  Tensor forward(const Tensor& x) const override;

 private:
  using SumAll = std::function<Tensor(const Tensor&)>;
  /// Of a training step whose batch is spread over processes.
  [[nodiscard]] BatchNormResult spread(const Tensor& x, const gradtape::BatchNormOptions& o) const;

  author::Shared<SumAll> sum_all_;
};

class InstanceNorm : public ChannelNorm {
 protected:
  InstanceNorm(const char* name, int axes, std::int64_t channels,
               const InstanceNormOptions& options);
  Tensor forward(const Tensor& x) const override;
};

}  // namespace detail

// y = (x - mean) / sqrt(var + eps) * weight + bias with the mean and variance of each channel over
// the batch, which enter running statistics; in evaluation with those (Ioffe and Szegedy 2015; the
// MIT 6.390 notes, B.2, divide by sqrt(var) + eps).
// Throw ValueError when made with options out of range; a call throws ShapeError for an input that
// does not fit, and where training finds a single value a channel.

/// Batch normalisation of x: [N, channels] or [N, channels, L]
struct BatchNorm1d : detail::BatchNorm {
  explicit BatchNorm1d(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm1d", 1, channels, options) {}
};
/// Batch normalisation of x: [N, channels, H, W]
struct BatchNorm2d : detail::BatchNorm {
  explicit BatchNorm2d(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm2d", 2, channels, options) {}
};
/// Batch normalisation of x: [N, channels, D, H, W]
struct BatchNorm3d : detail::BatchNorm {
  explicit BatchNorm3d(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm3d", 3, channels, options) {}
};

// As batch normalisation, with the mean and variance of each channel of each sample (Ulyanov et al.
// 2016).
// As in PyTorch, num_batches_tracked stays 0. Throw as batch normalisation.

/// Instance normalisation of x: [N, channels, L] or [channels, L]
struct InstanceNorm1d : detail::InstanceNorm {
  explicit InstanceNorm1d(std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm("InstanceNorm1d", 1, channels, options) {}
};
/// Instance normalisation of x: [N, channels, H, W] or [channels, H, W]
struct InstanceNorm2d : detail::InstanceNorm {
  explicit InstanceNorm2d(std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm("InstanceNorm2d", 2, channels, options) {}
};
/// Instance normalisation of x: [N, channels, D, H, W] or [channels, D, H, W]
struct InstanceNorm3d : detail::InstanceNorm {
  explicit InstanceNorm3d(std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm("InstanceNorm3d", 3, channels, options) {}
};

/// Options of LayerNorm.
struct LayerNormOptions {
  double eps = 1e-5;               ///< Added to the variance, >= 0.
  bool elementwise_affine = true;  ///< Learn a scale and a shift for each element.
  bool bias = true;                ///< Whether the shift is learned too.
  Dtype dtype = float32;           ///< float32 or float64.
};
/// y = (x - mean) / sqrt(var + eps) * weight + bias over the last axes, whose extents are
/// `normalized` (Ba et al. 2016).  x: [..., normalized...], weight, bias: [normalized...]. Throws
/// ValueError when made with options out of range; a call ShapeError.
class LayerNorm : public Layer {
 public:
  explicit LayerNorm(const SpatialSize& normalized, const LayerNormOptions& options = {});

  const Parameter weight;  ///< 1 at first; undefined unless affine.
  const Parameter bias;    ///< 0 at first; undefined where the options leave it out.

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  Shape normalized_;
  double eps_;
};

/// Options of RMSNorm.
struct RMSNormOptions {
  std::optional<double> eps =
      {};  ///< Added to the mean square, >= 0; the dtype's epsilon unless given.
  bool elementwise_affine = true;  ///< Learn a scale for each element.
  Dtype dtype = float32;           ///< float32 or float64.
};
/// y = x / sqrt(mean(x^2) + eps) * weight over the last axes, whose extents are `normalized` (Zhang
/// and Sennrich 2019).  x: [..., normalized...], weight: [normalized...]. Throws as LayerNorm.
class RMSNorm : public Layer {
 public:
  explicit RMSNorm(const SpatialSize& normalized, const RMSNormOptions& options = {});

  const Parameter weight;  ///< 1 at first; undefined unless affine.

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  Shape normalized_;
  std::optional<double> eps_;
};

/// Options of GroupNorm.
struct GroupNormOptions {
  double eps = 1e-5;      ///< Added to the variance, >= 0.
  bool affine = true;     ///< Learn a scale and a shift for each channel.
  Dtype dtype = float32;  ///< float32 or float64.
};
/// y = (x - mean) / sqrt(var + eps) * weight + bias over each of `groups` equal groups of channels
/// (Wu and He 2018).  x: [N, channels, ...], weight, bias: [channels]. Throws ValueError when made
/// with options out of range, or groups that do not divide the channels; a call ShapeError.
class GroupNorm : public Layer {
 public:
  GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& options = {});

  const Parameter weight;  ///< 1 at first; undefined unless affine.
  const Parameter bias;    ///< 0 at first; undefined unless affine.

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  std::int64_t groups_, channels_;
  double eps_;
};

/// x / (k + alpha s)^beta where s is the mean of x^2 over `size` neighbouring channels (op
/// local_response_norm); PyTorch's CrossMapLRN2d for an odd size. Throws ValueError for a size
/// below 1.
struct LocalResponseNorm
    : FunctionLayer<local_response_norm, std::int64_t, LocalResponseNormOptions> {
  explicit LocalResponseNorm(std::int64_t size, LocalResponseNormOptions options = {});
};

namespace detail {

/// While one is alive, a model is in training mode, and its batch normalisations restart their
/// running statistics as the mean over all batches.
class CumulativeStatistics {
 public:
  explicit CumulativeStatistics(Module& model);
  ~CumulativeStatistics();
  CumulativeStatistics(const CumulativeStatistics&) = delete;
  CumulativeStatistics& operator=(const CumulativeStatistics&) = delete;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace detail

/// Recomputes the running statistics of all batch normalisations in a model as means over
/// `batches`, as a model needs whose weights were replaced by an average over training steps
/// (Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization",
/// algorithm 1). A batch is a tensor, or has one as `inputs`. Modes and momenta are restored.
template <std::derived_from<Module> M, class Batches>
void update_batch_norm(M& model, const Batches& batches) {
  const NoGrad no_grad;
  const detail::CumulativeStatistics cumulative(model);
  for (const auto& batch : batches) {
    if constexpr (requires { batch.inputs; })
      model(batch.inputs);
    else
      model(batch);
  }
}

}  // namespace gradtape::nn

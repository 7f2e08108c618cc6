#include "gradtape/nn/normalisation.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

void check_eps(const char* layer, double eps) { require(layer, "eps", eps, at_least(0)); }

void check_momentum(const char* layer, std::optional<double> momentum) {
  if (momentum) require(layer, "momentum", *momentum, closed(0, 1));
}

Shape normalized_shape(const char* layer, const SpatialSize& extents) {
  if (extents.list.empty()) fail<ValueError>(layer, "needs at least one axis to normalise over");
  for (const auto extent : extents.list) require(layer, "normalized", extent, at_least(1));
  return extents.list;
}

/// Throws ShapeError unless the last axes of x have these extents.
void check_last_axes(const char* layer, const Tensor& x, const Shape& normalized) {
  const int leading = x.ndim() - normalized.ndim();
  bool fits = leading >= 0;
  for (int axis = 0; fits && axis < normalized.ndim(); ++axis)
    fits = x.shape()[leading + axis] == normalized[axis];
  const auto text = normalized.str();
  if (!fits) detail::refuse_shape(layer, "[..., " + text.substr(1), x);
}

Shape channels_of(const char* layer, std::int64_t channels) {
  require(layer, "channels", channels, at_least(1));
  return {channels};
}

}  // namespace

namespace detail {

ChannelNorm::ChannelNorm(const char* name, int axes, std::int64_t channels,
                         const BatchNormOptions& o)
    : weight(o.affine ? parameter("weight", ones(channels_of(name, channels), o.dtype))
                      : Parameter()),
      bias(o.affine ? parameter("bias", zeros({channels}, o.dtype)) : Parameter()),
      running_mean(o.track_running_stats
                       ? buffer("running_mean", zeros(channels_of(name, channels), o.dtype))
                       : Buffer()),
      running_var(o.track_running_stats ? buffer("running_var", ones({channels}, o.dtype))
                                        : Buffer()),
      num_batches_tracked(o.track_running_stats ? buffer("num_batches_tracked", zeros({}, int64))
                                                : Buffer()),
      name_(name),
      axes_(axes),
      channels_(channels),
      eps_(o.eps),
      momentum_(Shared<std::optional<double>>::make(o.momentum)) {
  require(name, "channels", channels, at_least(1));
  check_eps(name, o.eps);
  if (!is_floating(o.dtype))
    fail<DtypeError>(
        name, fmt::format("dtype must be float32 or float64, got {}", gradtape::name(o.dtype)));
  check_momentum(name, o.momentum);
}

void ChannelNorm::reset_running_stats() {
  if (!running_mean.defined()) return;
  running_mean.set(zeros_like(running_mean));
  running_var.set(ones_like(running_var));
  num_batches_tracked.set(zeros({}, int64));
}

gradtape::BatchNormOptions ChannelNorm::op_options(double momentum) const {
  return {.weight = weight,
          .bias = bias,
          .running_mean = running_mean,
          .running_var = running_var,
          .training = is_training() || !running_mean.defined(),
          .momentum = momentum,
          .eps = eps_};
}

Tensor ChannelNorm::keep(const BatchNormResult& result) const {
  if (is_training() && running_mean.defined()) {
    running_mean.set(result.running_mean);
    running_var.set(result.running_var);
  }
  return result.y;
}

BatchNorm::BatchNorm(const char* name, int axes, std::int64_t channels,
                     const BatchNormOptions& options)
    : ChannelNorm(name, axes, channels, options), sum_all_(Shared<SumAll>::make()) {}

void BatchNorm::set_sum_over_processes(std::function<Tensor(const Tensor&)> sum_all) {
  *sum_all_ = std::move(sum_all);
}

BatchNormResult BatchNorm::spread(const Tensor& x, const gradtape::BatchNormOptions& o) const {
  std::vector<std::int64_t> axes, per_channel(static_cast<std::size_t>(x.ndim()), 1);
  for (int axis = 0; axis < x.ndim(); ++axis)
    if (axis != 1) axes.push_back(axis);
  per_channel[1] = channels_;
  const auto wide = [&](const Tensor& of_channels) { return reshape(of_channels, per_channel); };
  const double own = static_cast<double>(x.numel()) / static_cast<double>(channels_);
  // The number of elements of a channel goes along with the sums.
  const Tensor sums = (*sum_all_)(concat({sum(x, axes), full({1}, own, x.dtype())}));
  const Tensor count = narrow(sums, 0, channels_, 1).detach();
  const double n = count.to(float64).item<double>();
  if (n < 2)
    fail<ShapeError>(name_, fmt::format("training needs more than one value a channel, got {} over "
                                        "all processes",
                                        n));
  const Tensor mean = narrow(sums, 0, 0, channels_) / count;
  const Tensor centred = x - wide(mean);
  const Tensor var = (*sum_all_)(sum(square(centred), axes)) / count;
  Tensor y = centred / wide(sqrt(var + eps_));
  if (weight.defined()) y = y * wide(weight) + wide(bias);
  BatchNormResult result;
  result.y = y;
  if (running_mean.defined()) {
    const NoGrad no_grad;
    const auto mixed = [&](const Tensor& before, const Tensor& batch) {
      return before * (1 - o.momentum) + batch.detach() * o.momentum;
    };
    result.running_mean = mixed(running_mean, mean);
    result.running_var = mixed(running_var, var * (n / (n - 1)));
  }
  return result;
}

void BatchNorm::set_momentum(std::optional<double> momentum) {
  check_momentum(name_, momentum);
  *momentum_ = momentum;
}

Tensor BatchNorm::forward(const Tensor& x) const {
  const bool fits = x.ndim() == axes_ + 2 || (axes_ == 1 && x.ndim() == 2);
  if (!fits || x.shape()[1] != channels_) {
    static constexpr const char* expected[] = {"[N, {0}] or [N, {0}, L]", "[N, {0}, H, W]",
                                               "[N, {0}, D, H, W]"};
    refuse_shape(name_, fmt::format(fmt::runtime(expected[axes_ - 1]), channels_), x);
  }
  const bool updates = is_training() && running_mean.defined();
  const auto batches = updates ? num_batches_tracked.tensor().item<std::int64_t>() + 1 : 1;
  const auto options = op_options(momentum_->value_or(1 / static_cast<double>(batches)));
  // A batch of nothing has no statistics: the running ones stay.
  const Tensor y = options.training && *sum_all_        ? keep(spread(x, options))
                   : options.training && x.numel() == 0 ? x
                                                        : keep(batch_norm(x, options));
  if (updates) num_batches_tracked.set(full({}, batches, int64));
  return y;
}

struct CumulativeStatistics::Before {
  std::vector<std::pair<Module*, bool>> modes;
  std::vector<std::pair<BatchNorm*, std::optional<double>>> momenta;
};

CumulativeStatistics::CumulativeStatistics(Module& model) : before_(std::make_unique<Before>()) {
  model.apply([this](Module& module) {
    before_->modes.emplace_back(&module, module.is_training());
    auto* norm = dynamic_cast<BatchNorm*>(&module);
    if (!norm) return;
    before_->momenta.emplace_back(norm, norm->momentum());
    norm->reset_running_stats();
    norm->set_momentum(std::nullopt);
  });
  model.train();
}

CumulativeStatistics::~CumulativeStatistics() {
  for (const auto& [norm, momentum] : before_->momenta) norm->set_momentum(momentum);
  // parents first, for train() reaches what is below
  for (auto at = before_->modes.rbegin(); at != before_->modes.rend(); ++at)
    at->first->train(at->second);
}

InstanceNorm::InstanceNorm(const char* name, int axes, std::int64_t channels,
                           const InstanceNormOptions& o)
    : ChannelNorm(name, axes, channels,
                  {o.eps, o.momentum, o.affine, o.track_running_stats, o.dtype}) {}

Tensor InstanceNorm::forward(const Tensor& x) const {
  check_image(name_, x, channels_, axes_);
  const auto options = op_options(**momentum_);
  if (x.ndim() == axes_ + 2) return keep(instance_norm(x, options));
  return squeeze(keep(instance_norm(unsqueeze(x, 0), options)), 0);
}

}  // namespace detail

LayerNorm::LayerNorm(const SpatialSize& normalized, const LayerNormOptions& options)
    : weight(
          options.elementwise_affine
              ? parameter("weight", ones(normalized_shape("LayerNorm", normalized), options.dtype))
              : Parameter()),
      bias(options.elementwise_affine && options.bias
               ? parameter("bias", zeros(normalized_shape("LayerNorm", normalized), options.dtype))
               : Parameter()),
      normalized_(normalized_shape("LayerNorm", normalized)),
      eps_(options.eps) {
  check_eps("LayerNorm", options.eps);
}

Tensor LayerNorm::forward(const Tensor& x) const {
  check_last_axes("LayerNorm", x, normalized_);
  return layer_norm(x, normalized_, {.weight = weight, .bias = bias, .eps = eps_});
}

RMSNorm::RMSNorm(const SpatialSize& normalized, const RMSNormOptions& options)
    : weight(options.elementwise_affine
                 ? parameter("weight", ones(normalized_shape("RMSNorm", normalized), options.dtype))
                 : Parameter()),
      normalized_(normalized_shape("RMSNorm", normalized)),
      eps_(options.eps) {
  check_eps("RMSNorm", options.eps.value_or(0));
}

Tensor RMSNorm::forward(const Tensor& x) const {
  check_last_axes("RMSNorm", x, normalized_);
  return rms_norm(x, normalized_, {.weight = weight, .eps = eps_});
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& options)
    : weight(options.affine
                 ? parameter("weight", ones(channels_of("GroupNorm", channels), options.dtype))
                 : Parameter()),
      bias(options.affine ? parameter("bias", zeros({channels}, options.dtype)) : Parameter()),
      groups_(groups),
      channels_(channels),
      eps_(options.eps) {
  require("GroupNorm", "channels", channels, at_least(1));
  require("GroupNorm", "groups", groups, at_least(1));
  if (channels % groups)
    fail<ValueError>("GroupNorm",
                     fmt::format("groups = {} must divide channels = {}", groups, channels));
  check_eps("GroupNorm", options.eps);
}

Tensor GroupNorm::forward(const Tensor& x) const {
  if (x.ndim() < 2 || x.shape()[1] != channels_)
    detail::refuse_shape("GroupNorm", fmt::format("[N, {}, ...]", channels_), x);
  return group_norm(x, groups_, {.weight = weight, .bias = bias, .eps = eps_});
}

LocalResponseNorm::LocalResponseNorm(std::int64_t size, LocalResponseNormOptions options)
    : FunctionLayer(size, options) {
  require("LocalResponseNorm", "size", size, at_least(1));
}

}  // namespace gradtape::nn

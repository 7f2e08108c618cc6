#include <gradtape/nn/normalisation.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

template <class L> MadeLayer batch_norm(Call& c) {
  nn::BatchNormOptions options{.eps = c.number(1, "eps", 1e-5),
                               .affine = c.flag(3, "affine", true),
                               .track_running_stats = c.flag(4, "track_running_stats", true)};
  const bool given = c.args.size() > 2 || c.kwargs.contains("momentum");
  if (c.has(2, "momentum"))
    options.momentum = c.number(2, "momentum");
  else if (given)  // None
    options.momentum = std::nullopt;
  return made(L(c.integer(0, "num_features"), options));
}

template <class L> MadeLayer instance_norm(Call& c) {
  const bool given = c.args.size() > 2 || c.kwargs.contains("momentum");
  return made(L(c.integer(0, "num_features"),
                {.eps = c.number(1, "eps", 1e-5),
                 .momentum = c.number(2, "momentum", given ? 0.0 : 0.1),  // PyTorch's None means 0
                 .affine = c.flag(3, "affine", false),
                 .track_running_stats = c.flag(4, "track_running_stats", false)}));
}

MadeLayer layer_norm(Call& c) {
  return made(nn::LayerNorm(c.integers(0, "normalized_shape"),
                            {.eps = c.number(1, "eps", 1e-5),
                             .elementwise_affine = c.flag(2, "elementwise_affine", true),
                             .bias = c.flag(3, "bias", true)}));
}

MadeLayer rms_norm(Call& c) {
  nn::RMSNormOptions options{.elementwise_affine = c.flag(2, "elementwise_affine", true)};
  if (c.has(1, "eps")) options.eps = c.number(1, "eps");
  return made(nn::RMSNorm(c.integers(0, "normalized_shape"), options));
}

MadeLayer group_norm(Call& c) {
  return made(
      nn::GroupNorm(c.integer(0, "num_groups"), c.integer(1, "num_channels"),
                    {.eps = c.number(2, "eps", 1e-5), .affine = c.flag(3, "affine", true)}));
}

MadeLayer local_response_norm(Call& c) {
  return made(nn::LocalResponseNorm(
      c.integer(0, "size"),
      {c.number(1, "alpha", 1e-4), c.number(2, "beta", 0.75), c.number(3, "k", 1)}));
}

MadeLayer cross_map(Call&) {
  throw Unsupported(
      "CrossMapLRN2d: PyTorch's gradient contradicts its values (the window is shifted)");
}

LayerMap family_layers() {
  return {
      {"BatchNorm1d", batch_norm<nn::BatchNorm1d>},
      {"BatchNorm2d", batch_norm<nn::BatchNorm2d>},
      {"BatchNorm3d", batch_norm<nn::BatchNorm3d>},
      {"CrossMapLRN2d", cross_map},
      {"GroupNorm", group_norm},
      {"InstanceNorm1d", instance_norm<nn::InstanceNorm1d>},
      {"InstanceNorm2d", instance_norm<nn::InstanceNorm2d>},
      {"InstanceNorm3d", instance_norm<nn::InstanceNorm3d>},
      {"LayerNorm", layer_norm},
      {"LocalResponseNorm", local_response_norm},
      {"RMSNorm", rms_norm},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance

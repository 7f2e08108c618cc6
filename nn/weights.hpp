/// The parameters of a model in two groups, for weight decay on one of them.
#pragma once

#include <vector>

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// What weight decay is for: matrices, kernels and tables of Linear, convolutions, recurrent
/// layers, attention, Embedding and the like, and what a module of your own has in their place.
///
///     optim::SGD sgd(nn::weights(model), {.lr = 0.1, .weight_decay = 1e-4});
///     sgd.add_group(nn::biases(model), {.lr = 0.1});
///
/// That is every parameter of two or more axes, and one of fewer axes whose name contains "weight";
/// but neither one whose name contains "bias", nor any of BatchNorm, InstanceNorm, GroupNorm,
/// LayerNorm, RMSNorm and PReLU, where "weight" is a scale or a slope. Names are those given to
/// parameter(), without a path. Each once, in the order of parameters(); one that several modules
/// register counts as in the first.
[[nodiscard]] std::vector<Parameter> weights(const Module& model);

/// All other parameters: biases, scales and shifts of normalisations, slopes of PReLU, widths of
/// RBF, numbers and vectors of your own. With weights(model) they are parameters().
[[nodiscard]] std::vector<Parameter> biases(const Module& model);

}  // namespace gradtape::nn

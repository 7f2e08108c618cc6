/// How large activations and gradients are from layer to layer of a model.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// One call of a layer. Both norms are root mean squares, sqrt(mean x^2) over all elements, so that
/// layers of different widths compare.
struct OutputNorms {
  std::string path;   ///< Of the layer in the model, "encoder.0".
  std::string kind;   ///< "Linear"
  Shape shape;        ///< Of the output.
  double activation;  ///< Of the output.
  /// Of the loss's gradient with respect to the output: 0 where the loss does not depend on it,
  /// none where it is not tracked, as that of a Flatten before the first parameter.
  std::optional<double> gradient;
};

/// Runs `loss` once and tells how large the output of every leaf layer is, and the gradient with
/// respect to it; in the order of the run, a layer that is called twice twice.
///
///     std::cout << nn::layer_norms(model, [&] { return nn::cross_entropy(model(x), y); });
///
/// Leaf layers are modules without children, of kind Layer or such as use `call`; those of a model
/// that are registered. Of a layer with several results (LSTM) it is the first. No grad() changes;
/// the model runs as it stands, so Dropout draws and BatchNorm in training updates its running
/// statistics as in any other run. The graph is kept. Throws GraphError unless `loss` gives one
/// tracked element, and what it throws.
[[nodiscard]] std::vector<OutputNorms> layer_norms(Module& model,
                                                   const std::function<Tensor()>& loss);

/// A table, one line a call:
///
///     layer  kind    output   activation  gradient
///     0      Linear  [32, 8]  0.5743      0.01242
[[nodiscard]] std::string str(const std::vector<OutputNorms>& norms);
/// Writes str(norms).
std::ostream& operator<<(std::ostream& out, const std::vector<OutputNorms>& norms);

}  // namespace gradtape::nn

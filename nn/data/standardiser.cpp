#include "gradtape/nn/data/standardiser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::data {

using namespace author;

namespace {

/// Broadcasting would take x of some other shapes too, and standardise the wrong things.
void check_features(const Tensor& x, const Standardiser& standardiser, const char* op) {
  const auto shape = x.shape(), sample = standardiser.mean.shape();
  if (shape.ndim() != sample.ndim() + 1 ||
      !std::equal(sample.begin(), sample.end(), shape.begin() + 1))
    fail<ShapeError>(
        op, fmt::format("x must be samples of shape {}, got {}", sample.str(), describe(x)));
}

}  // namespace

Standardiser Standardiser::fit(const Tensor& x) {
  if (x.ndim() == 0 || x.size(0) == 0)
    fail<ShapeError>("Standardiser::fit",
                     fmt::format("x must have samples along axis 0, got {}", describe(x)));
  const NoGrad no_grad;
  // not by a variance of 0, which rounding can miss
  const Tensor constant = amax(x, 0) == amin(x, 0);
  return {.mean = gradtape::mean(x, 0),
          .scale = where(constant, 1.0, sqrt(var(x, 0, {.correction = 0})))};
}

Tensor Standardiser::apply(const Tensor& x) const {
  check_features(x, *this, "Standardiser::apply");
  return (x - mean) / scale;
}

Dataset Standardiser::apply(const Dataset& dataset) const {
  if (const Batch* tensors = dataset.source().tensors())
    return {apply(tensors->inputs), tensors->targets};
  return dataset.map_batches([standardiser = *this](Batch batch) {
    return Batch{standardiser.apply(batch.inputs), std::move(batch.targets)};
  });
}

Tensor Standardiser::invert(const Tensor& x) const {
  check_features(x, *this, "Standardiser::invert");
  return x * scale + mean;
}

}  // namespace gradtape::nn::data

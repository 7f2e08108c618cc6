/// Where the samples of a data set come from.
#pragma once

#include <cstdint>
#include <span>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::data {

/// One sample, of any shapes.
struct Sample {
  Tensor input, target;
};

/// Some samples: inputs [size, ...], targets [size, ...].
struct Batch {
  Tensor inputs, targets;
};

/// A numbered row of samples. Loaders call it from several threads at once, so what it does must
/// depend on its arguments only; derive from it where Dataset::from_function does not suffice.
class Source {
 public:
  virtual ~Source() = default;

  /// The number of samples.
  virtual std::int64_t size() const = 0;
  /// Sample i, for i in [0, size()). What is random in it comes from `generator`, which is this
  /// sample's own.
  virtual Sample sample(std::int64_t i, Generator& generator) const = 0;
  /// The samples at `index`, each with its generator; made one by one and stacked unless a source
  /// knows better. Throws ShapeError where they differ in shape, DtypeError in dtype.
  virtual Batch batch(std::span<const std::int64_t> index, std::span<Generator> generators) const;
  /// All samples, where they lie in memory; a null pointer where they do not.
  virtual const Batch* tensors() const { return nullptr; }
};

}  // namespace gradtape::nn::data

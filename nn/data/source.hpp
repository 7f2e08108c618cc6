/// Where the samples of a data set come from.
#pragma once

#include <cstdint>
#include <span>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::data {

/// One sample, of any shapes.
struct Sample {
  Tensor input, target;  ///< Without the axis of the batch.
};

/// Some samples: inputs [size, ...], targets [size, ...].
struct Batch {
  Tensor inputs, targets;
};

/// A numbered sequence of samples. Loaders call it from several threads at once, so what it does
/// must depend on its arguments only; derive from it where Dataset::from_function does not suffice.
class Source {
 public:
  virtual ~Source() = default;

  /// The number of samples.
  virtual std::int64_t size() const = 0;
  /// Sample i, for i in [0, size()). Draws random numbers from `generator`, which belongs
  /// to this sample.
  virtual Sample sample(std::int64_t i, const Generator& generator) const = 0;
  /// The samples at `index`, each with its generator; made one by one and stacked unless a source
  /// overrides this. Throws ShapeError where they differ in shape, DtypeError in dtype.
  virtual Batch batch(std::span<const std::int64_t> index,
                      std::span<const Generator> generators) const;
  /// All samples if they are in memory, else a null pointer.
  virtual const Batch* tensors() const { return nullptr; }
};

}  // namespace gradtape::nn::data

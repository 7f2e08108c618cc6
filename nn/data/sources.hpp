/// The sources behind Dataset. Private to nn/data/.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "gradtape/nn/data/dataset.hpp"

namespace gradtape::nn::data::detail {

using SourcePointer = std::shared_ptr<const Source>;

SourcePointer tensor_source(Batch all);
SourcePointer function_source(std::int64_t size,
                              std::function<Sample(std::int64_t, const Generator&)> f);
SourcePointer selected_source(Dataset base, const Tensor& index);
SourcePointer mapped_source(Dataset base, std::function<Sample(Sample, const Generator&)> f);
SourcePointer batch_mapped_source(Dataset base, std::function<Batch(Batch, const Generator&)> f);
SourcePointer concatenated_source(std::vector<Dataset> parts);

/// The generator of a sample in an epoch. A sample that is drawn for the k-th time in one epoch has
/// the stream i + k * size.
inline Generator sample_generator(const Generator& epoch, std::int64_t stream) {
  return epoch.split(static_cast<std::uint64_t>(stream));
}

/// index with the negative ones counted from the end. Throws ShapeError, DtypeError, ValueError.
Tensor checked_index(const Tensor& index, std::int64_t size);

}  // namespace gradtape::nn::data::detail

#include "gradtape/nn/data/batches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/ops.hpp"

namespace gradtape::nn::data {

Batches::Batches(Dataset dataset, const BatchOptions& options)
    : dataset_(std::move(dataset.inputs), std::move(dataset.targets)),  // checks the extents again
      batch_size_(options.size) {
  if (batch_size_ < 1)
    fail<ValueError>("batches", fmt::format("size must be at least 1, got {}", batch_size_));
  const auto n = dataset_.size();
  count_ = n / batch_size_ + (n % batch_size_ != 0 && !options.drop_last);
  if (options.shuffle) {
    auto generator = Generator(options.seed).split(options.epoch);
    order_ = randperm(n, generator);
  }
}

Batch Batches::operator[](std::int64_t i) const {
  if (i < 0 || i >= count_)
    fail<ValueError>("batches", fmt::format("batch {} is out of range for {} batches", i, count_));
  const auto start = i * batch_size_;
  const auto stop = start + std::min(batch_size_, dataset_.size() - start);
  if (!order_.defined())
    return {slice(dataset_.inputs, 0, start, stop), slice(dataset_.targets, 0, start, stop)};
  auto [inputs, targets] = dataset_.select(slice(order_, 0, start, stop));
  return {std::move(inputs), std::move(targets)};
}

Batches batches(const Dataset& dataset, const BatchOptions& options) {
  return Batches(dataset, options);
}

}  // namespace gradtape::nn::data

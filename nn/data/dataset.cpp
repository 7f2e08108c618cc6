#include "gradtape/nn/data/dataset.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/data/batches.hpp"
#include "gradtape/nn/data/sources.hpp"

namespace gradtape::nn::data {

namespace {

template <class F> void need_function(const char* op, const F& f) {
  if (!f) fail<ValueError>(op, "got an empty function");
}

}  // namespace

Dataset::Dataset(Tensor inputs, Tensor targets)
    : Dataset(detail::tensor_source({std::move(inputs), std::move(targets)})) {}

Dataset::Dataset(std::shared_ptr<const Source> source) : source_(std::move(source)) {
  if (!source_) fail<ValueError>("Dataset", "the source is a null pointer");
}

Dataset Dataset::from_function(std::int64_t size, std::function<Sample(std::int64_t)> f) {
  need_function("from_function", f);
  return from_function(size, [f = std::move(f)](std::int64_t i, const Generator&) { return f(i); });
}

Dataset Dataset::from_function(std::int64_t size,
                               std::function<Sample(std::int64_t, const Generator&)> f) {
  need_function("from_function", f);
  return Dataset(detail::function_source(size, std::move(f)));
}

const Source& Dataset::source() const {
  static const auto none = detail::function_source(0, nullptr);
  return source_ ? *source_ : *none;
}

std::int64_t Dataset::size() const { return source().size(); }

Sample Dataset::sample(const Generator& generator) const {
  if (size() == 0) fail<ValueError>("Dataset", "there is no sample to draw: the data set is empty");
  const auto i = static_cast<std::int64_t>(generator.below(static_cast<std::uint64_t>(size())));
  return source().sample(i, Generator(generator.next()));
}

Sample Dataset::at(std::int64_t i) const {
  if (i < 0 || i >= size())
    fail<ValueError>("Dataset", fmt::format("sample {} is out of range for {} samples", i, size()));
  const auto generator = detail::sample_generator(Generator(0).split(0), i);
  return source().sample(i, generator);
}

Batch Dataset::all() const {
  if (const Batch* tensors = source().tensors()) return *tensors;
  if (size() == 0) return {zeros({0}), zeros({0})};
  return Batches(*this, {.size = size()})[0];
}

Dataset Dataset::cache() const {
  auto [inputs, targets] = all();
  return {std::move(inputs), std::move(targets)};
}

Dataset Dataset::select(const Tensor& index) const {
  const auto indices = detail::checked_index(index, size());
  if (const Batch* tensors = source().tensors())
    return {index_select(tensors->inputs, 0, indices), index_select(tensors->targets, 0, indices)};
  return Dataset(detail::selected_source(*this, indices));
}

Dataset Dataset::map(std::function<Sample(Sample)> f) const {
  need_function("map", f);
  return map([f = std::move(f)](Sample sample, const Generator&) { return f(std::move(sample)); });
}

Dataset Dataset::map(std::function<Sample(Sample, const Generator&)> f) const {
  need_function("map", f);
  return Dataset(detail::mapped_source(*this, std::move(f)));
}

Dataset Dataset::map_inputs(std::function<Tensor(const Tensor&, const Generator&)> f) const {
  need_function("map_inputs", f);
  return map([f = std::move(f)](Sample sample, const Generator& generator) {
    return Sample{f(sample.input, generator), std::move(sample.target)};
  });
}

Dataset Dataset::map_batches(std::function<Batch(Batch)> f) const {
  need_function("map_batches", f);
  return map_batches(
      [f = std::move(f)](Batch batch, const Generator&) { return f(std::move(batch)); });
}

Dataset Dataset::map_batches(std::function<Batch(Batch, const Generator&)> f) const {
  need_function("map_batches", f);
  return Dataset(detail::batch_mapped_source(*this, std::move(f)));
}

Dataset concat(const std::vector<Dataset>& parts) {
  std::vector<Tensor> inputs, targets;
  for (const auto& part : parts)
    if (const Batch* tensors = part.source().tensors()) {
      inputs.push_back(tensors->inputs);
      targets.push_back(tensors->targets);
    }
  if (!parts.empty() && inputs.size() == parts.size())
    return {gradtape::concat(inputs), gradtape::concat(targets)};
  return Dataset(detail::concatenated_source(parts));
}

}  // namespace gradtape::nn::data

#include "gradtape/nn/data/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::data {

using namespace author;

namespace {

/// Stacks one tensor of each sample; they must be alike.
Tensor stacked(std::span<const Sample> samples, std::span<const std::int64_t> index,
               Tensor Sample::*part, const char* what) {
  std::vector<Tensor> parts;
  parts.reserve(samples.size());
  for (std::size_t k = 0; k < samples.size(); ++k) {
    const Tensor& x = samples[k].*part;
    if (!x.defined())
      fail<ValueError>("Dataset", fmt::format("sample {} has no {}", index[k], what));
    const Tensor& first = parts.empty() ? x : parts[0];
    if (x.shape() != first.shape())
      fail<ShapeError>("Dataset",
                       fmt::format("sample {} has the {} {}, where sample {} has {}; the samples "
                                   "of a batch must have one shape",
                                   index[k], what, describe(x), index[0], describe(first)));
    if (x.dtype() != first.dtype())
      fail<DtypeError>("Dataset",
                       fmt::format("sample {} has the {} dtype {}, where sample {} has "
                                   "{}",
                                   index[k], what, name(x.dtype()), index[0], name(first.dtype())));
    parts.push_back(x);
  }
  const Tensor all = stack(parts);
  return all.is_weak() ? all.to(all.dtype() == float64 ? float32 : all.dtype()) : all;  // literals
}

class TensorSource : public Source {
 public:
  explicit TensorSource(Batch all) : all_(std::move(all)) {
    const auto &x = all_.inputs, &y = all_.targets;
    if (x.ndim() == 0 || y.ndim() == 0 || x.size(0) != y.size(0))
      fail<ShapeError>("Dataset", fmt::format("inputs {} and targets {} must have as many samples "
                                              "along axis 0",
                                              describe(x), describe(y)));
  }
  std::int64_t size() const override { return all_.inputs.size(0); }
  Sample sample(std::int64_t i, const Generator&) const override {
    return {select(all_.inputs, 0, i), select(all_.targets, 0, i)};
  }
  Batch batch(std::span<const std::int64_t> index, std::span<const Generator>) const override {
    const Tensor i = tensor(index, {static_cast<std::int64_t>(index.size())});
    return {index_select(all_.inputs, 0, i), index_select(all_.targets, 0, i)};
  }
  const Batch* tensors() const override { return &all_; }

 private:
  Batch all_;
};

class FunctionSource : public Source {
 public:
  FunctionSource(std::int64_t size, std::function<Sample(std::int64_t, const Generator&)> f)
      : size_(size), f_(std::move(f)) {
    require("Dataset::from_function", "size", size, at_least(0));
  }
  std::int64_t size() const override { return size_; }
  Sample sample(std::int64_t i, const Generator& generator) const override {
    const GeneratorScope scope(generator);
    return f_(i, generator);
  }

 private:
  std::int64_t size_;
  std::function<Sample(std::int64_t, const Generator&)> f_;
};

/// A source over another: some of its samples, or all after a function. Chains of them may be
/// longer than the stack is deep, so they are walked and destroyed in loops.
class DerivedSource : public Source {
 public:
  explicit DerivedSource(Dataset base) : base_(std::move(base)), size_(base_.size()) {}
  ~DerivedSource() override {
    static thread_local std::vector<Dataset>* ended = nullptr;  // by the outermost of these
    try {
      if (ended) {
        ended->push_back(std::move(base_));
        return;
      }
      std::vector<Dataset> bases;
      bases.push_back(std::move(base_));
      ended = &bases;
      while (!bases.empty()) {
        const Dataset base = std::move(bases.back());
        bases.pop_back();
      }
    } catch (const std::bad_alloc&) {  // base_ ends with this, then
    }
    ended = nullptr;
  }
  std::int64_t size() const override { return size_; }

  const Source& base() const { return base_.source(); }
  /// The number in the base of sample i.
  virtual std::int64_t in_base(std::int64_t i) const { return i; }

 protected:
  Dataset base_;
  std::int64_t size_;
};

class SelectedSource : public DerivedSource {
 public:
  SelectedSource(Dataset base, Tensor index)
      : DerivedSource(std::move(base)), index_(std::move(index)) {
    size_ = index_.numel();
  }
  Sample sample(std::int64_t i, const Generator& generator) const override;
  Batch batch(std::span<const std::int64_t> index,
              std::span<const Generator> generators) const override;
  std::int64_t in_base(std::int64_t i) const override {
    return index_.data<std::int64_t>()[static_cast<std::size_t>(i)];
  }

 private:
  Tensor index_;
};

class MappedSource : public DerivedSource {
 public:
  MappedSource(Dataset base, std::function<Sample(Sample, const Generator&)> f)
      : DerivedSource(std::move(base)), f_(std::move(f)) {}
  Sample sample(std::int64_t i, const Generator& generator) const override;
  Sample mapped(Sample sample, const Generator& generator) const {
    const GeneratorScope scope(generator);
    return f_(std::move(sample), generator);
  }

 private:
  std::function<Sample(Sample, const Generator&)> f_;
};

class BatchMappedSource : public DerivedSource {
 public:
  BatchMappedSource(Dataset base, std::function<Batch(Batch, const Generator&)> f)
      : DerivedSource(std::move(base)), f_(std::move(f)) {}
  Sample sample(std::int64_t i, const Generator& generator) const override {
    const auto [inputs, targets] = batch({&i, 1}, {&generator, 1});
    return {select(inputs, 0, 0), select(targets, 0, 0)};
  }
  Batch batch(std::span<const std::int64_t> index,
              std::span<const Generator> generators) const override;
  Batch mapped(Batch before, const Generator& generator) const {
    const GeneratorScope scope(generator);
    const auto n = before.inputs.size(0);
    auto after = f_(std::move(before), generator);
    for (const Tensor* x : {&after.inputs, &after.targets})
      if (!x->defined() || x->ndim() == 0 || x->size(0) != n)
        fail<ShapeError>("Dataset::map_batches",
                         fmt::format("the function must return {} samples along axis 0, as many "
                                     "as it got, not {}",
                                     n, x->defined() ? describe(*x) : "an undefined tensor"));
    return after;
  }

 private:
  std::function<Batch(Batch, const Generator&)> f_;
};

/// Sample i of a chain of selected and mapped sources.
Sample sample_through(const DerivedSource& top, std::int64_t i, const Generator& generator) {
  std::vector<const MappedSource*> maps;
  const Source* source = &top;
  for (;;) {
    const auto* const map = dynamic_cast<const MappedSource*>(source);
    if (!map && !dynamic_cast<const SelectedSource*>(source)) break;
    const auto& layer = static_cast<const DerivedSource&>(*source);
    if (map) maps.push_back(map);
    i = layer.in_base(i);
    source = &layer.base();
  }
  auto sample = source->sample(i, generator);
  for (auto map = maps.rbegin(); map != maps.rend(); ++map)
    sample = (*map)->mapped(std::move(sample), generator);
  return sample;
}

/// The samples at `index` of a chain of selected and batch-mapped sources.
Batch batch_through(const DerivedSource& top, std::span<const std::int64_t> index,
                    std::span<const Generator> generators) {
  std::vector<const BatchMappedSource*> maps;
  std::vector<std::int64_t> chosen(index.begin(), index.end());
  const Source* source = &top;
  for (;;) {
    const auto* const map = dynamic_cast<const BatchMappedSource*>(source);
    if (!map && !dynamic_cast<const SelectedSource*>(source)) break;
    const auto& layer = static_cast<const DerivedSource&>(*source);
    if (map)
      maps.push_back(map);
    else
      for (auto& i : chosen) i = layer.in_base(i);
    source = &layer.base();
  }
  auto batch = source->batch(chosen, generators);
  const Generator generator = generators.empty() ? Generator(0) : generators.front();
  for (auto map = maps.rbegin(); map != maps.rend(); ++map)
    batch = (*map)->mapped(std::move(batch), generator);
  return batch;
}

Sample SelectedSource::sample(std::int64_t i, const Generator& generator) const {
  return sample_through(*this, i, generator);
}
Batch SelectedSource::batch(std::span<const std::int64_t> index,
                            std::span<const Generator> generators) const {
  return batch_through(*this, index, generators);
}
Sample MappedSource::sample(std::int64_t i, const Generator& generator) const {
  return sample_through(*this, i, generator);
}
Batch BatchMappedSource::batch(std::span<const std::int64_t> index,
                               std::span<const Generator> generators) const {
  return batch_through(*this, index, generators);
}

class ConcatenatedSource : public Source {
 public:
  explicit ConcatenatedSource(std::vector<Dataset> parts) : parts_(std::move(parts)) {
    std::int64_t n = 0;
    for (const auto& part : parts_) stops_.push_back(n += part.size());
  }
  std::int64_t size() const override { return stops_.empty() ? 0 : stops_.back(); }
  Sample sample(std::int64_t i, const Generator& generator) const override {
    const auto part = std::upper_bound(stops_.begin(), stops_.end(), i) - stops_.begin();
    const auto& source = parts_[static_cast<std::size_t>(part)].source();
    return source.sample(i - (stops_[static_cast<std::size_t>(part)] - source.size()), generator);
  }

 private:
  std::vector<Dataset> parts_;
  std::vector<std::int64_t> stops_;  // where each part ends
};

}  // namespace

Batch Source::batch(std::span<const std::int64_t> index,
                    std::span<const Generator> generators) const {
  std::vector<Sample> samples;
  samples.reserve(index.size());
  for (std::size_t k = 0; k < index.size(); ++k) samples.push_back(sample(index[k], generators[k]));
  return {stacked(samples, index, &Sample::input, "input"),
          stacked(samples, index, &Sample::target, "target")};
}

namespace detail {

SourcePointer tensor_source(Batch all) { return std::make_shared<TensorSource>(std::move(all)); }
SourcePointer function_source(std::int64_t size,
                              std::function<Sample(std::int64_t, const Generator&)> f) {
  return std::make_shared<FunctionSource>(size, std::move(f));
}
SourcePointer selected_source(Dataset base, const Tensor& index) {
  return std::make_shared<SelectedSource>(std::move(base), index);
}
SourcePointer mapped_source(Dataset base, std::function<Sample(Sample, const Generator&)> f) {
  return std::make_shared<MappedSource>(std::move(base), std::move(f));
}
SourcePointer batch_mapped_source(Dataset base, std::function<Batch(Batch, const Generator&)> f) {
  return std::make_shared<BatchMappedSource>(std::move(base), std::move(f));
}
SourcePointer concatenated_source(std::vector<Dataset> parts) {
  return std::make_shared<ConcatenatedSource>(std::move(parts));
}

Tensor checked_index(const Tensor& index, std::int64_t size) {
  if (index.ndim() != 1)
    fail<ShapeError>("Dataset::select", fmt::format("index must be [m], got {}", describe(index)));
  std::vector<std::int64_t> indices;
  for (const auto i : index.data<std::int64_t>()) {
    if (i < -size || i >= size)
      fail<ValueError>("Dataset::select",
                       fmt::format("index {} is out of range for {} samples", i, size));
    indices.push_back(i < 0 ? i + size : i);
  }
  return tensor(indices);
}

}  // namespace detail
}  // namespace gradtape::nn::data

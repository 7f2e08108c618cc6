#include "gradtape/nn/data/batches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/data/sources.hpp"

namespace gradtape::nn::data {

using namespace author;

namespace {

void check(const Dataset& dataset, const BatchOptions& options) {
  require("batches", "size", options.size, at_least(1));
  if (!options.weights.defined()) {
    if (options.draws)
      fail<ValueError>("batches", "draws are those of weights, and there are none");
    return;
  }
  if (options.shuffle)
    fail<ValueError>("batches",
                     "samples that weights draw come in random order: leave out shuffle");
  if (options.weights.shape() != Shape{dataset.size()})
    fail<ShapeError>("batches", fmt::format("weights must be [{}], one for each sample, got {}",
                                            dataset.size(), describe(options.weights)));
}

}  // namespace

std::int64_t detail::batch_count(std::int64_t samples, std::int64_t size, bool drop_last) {
  return samples / size + (samples % size != 0 && !drop_last);
}

Batches::Batches(Dataset dataset, const BatchOptions& options, const Shard& shard,
                 std::int64_t start)
    : dataset_(std::move(dataset)),
      epoch_(Generator(options.seed).split(options.epoch)),
      shard_(shard),
      batch_size_(options.size),
      start_(start),
      length_(dataset_.size()) {
  check(dataset_, options);
  const auto generator = epoch_.clone();
  if (options.weights.defined())
    draw(options);
  else if (options.shuffle)
    order_ = randperm(length_, generator);
  require("batches", "start", start, closed(0, static_cast<double>(length_)));
  count_ = detail::batch_count(length_ - start, batch_size_, options.drop_last);
  check_shard();
}

void Batches::check_shard() const {
  require("batches", "shard.count", shard_.count, at_least(1));
  require("batches", "shard.index", shard_.index, half_open(0, static_cast<double>(shard_.count)));
  if (count_ == 0) return;
  const auto last = std::min(batch_size_, length_ - start_ - (count_ - 1) * batch_size_);
  if (last < shard_.count)
    fail<ValueError>("batches",
                     fmt::format("the last of {} batches has {} of {} samples, too few "
                                 "for {} shards; take another size than {}, or drop_last",
                                 count_, last, length_ - start_, shard_.count, batch_size_));
}

void Batches::draw(const BatchOptions& options) {
  const auto n = dataset_.size();
  length_ = options.draws.value_or(n);
  const auto generator = epoch_.clone();
  order_ = n == 0 && length_ == 0 ? arange(0)
                                  : multinomial(options.weights, length_,
                                                {.replacement = options.replacement}, generator);
  std::vector<std::int64_t> times(static_cast<std::size_t>(n)), streams;
  for (const auto i : order_.data<std::int64_t>())
    streams.push_back(i + n * times[static_cast<std::size_t>(i)]++);
  streams_ = tensor(streams);
}

Batch Batches::operator[](std::int64_t i) const {
  if (i < 0 || i >= count_)
    fail<ValueError>("batches", fmt::format("batch {} is out of range for {} batches", i, count_));
  const auto whole = start_ + i * batch_size_;
  const auto samples = std::min(batch_size_, length_ - whole);
  const auto start = whole + shard_.begin(samples), stop = whole + shard_.end(samples);
  const auto& source = dataset_.source();
  const Batch* const tensors = source.tensors();
  if (tensors && !order_.defined())
    return {slice(tensors->inputs, 0, start, stop), slice(tensors->targets, 0, start, stop)};
  const Tensor index = order_.defined()
                           ? slice(order_, 0, start, stop)
                           : arange(static_cast<double>(start), static_cast<double>(stop));
  if (tensors)
    return {index_select(tensors->inputs, 0, index), index_select(tensors->targets, 0, index)};
  const Tensor streams = streams_.defined() ? slice(streams_, 0, start, stop) : index;
  std::vector<Generator> generators;
  for (const auto stream : streams.data<std::int64_t>())
    generators.push_back(detail::sample_generator(epoch_, stream));
  return source.batch(index.data<std::int64_t>(), generators);
}

Batches batches(const Dataset& dataset, const BatchOptions& options) {
  return Batches(dataset, options);
}

}  // namespace gradtape::nn::data

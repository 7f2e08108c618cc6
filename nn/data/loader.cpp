#include "gradtape/nn/data/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/data/prefetcher.hpp"

namespace gradtape::nn::data {

using namespace author;

Loader::Loader(Dataset dataset, const BatchOptions& batches, const LoaderOptions& options)
    : dataset_(std::move(dataset)),
      batches_(batches),
      options_(options),
      length_(batches.draws.value_or(dataset_.size())),
      epoch_(batches.epoch) {
  (void)Batches(dataset_, batches, options.shard);  // refuses what does not fit
  require("Loader", "threads", options.threads, at_least(0));
  require("Loader", "prefetch", options.prefetch, at_least(1));
}

void Loader::set_epoch(std::uint64_t epoch) {
  epoch_ = epoch;
  start_ = position_ = 0;
}

std::int64_t Loader::size() const {
  return detail::batch_count(length_ - start_, batches_.size, batches_.drop_last);
}

std::int64_t Loader::batch_samples() const {
  const std::int64_t position = position_;
  return position == 0 ? 0
                       : std::min(batches_.size, length_ - start_ - (position - 1) * batches_.size);
}

StateDict Loader::state_dict() const {
  return {{"seed", state_entry(static_cast<std::int64_t>(batches_.seed))},
          {"epoch", state_entry(static_cast<std::int64_t>(epoch_.load()))},
          {"position", state_entry(position_.load())},
          {"start", state_entry(start_.load())},
          {"samples", state_entry(dataset_.size())},
          {"batch_size", state_entry(batches_.size)}};
}

void Loader::load_state_dict(const StateDict& state) {
  StateReader reader("Loader", state);
  const auto seed = reader.integer("seed"), epoch = reader.integer("epoch"),
             samples = reader.integer("samples"), batch_size = reader.integer("batch_size");
  auto position = reader.integer("position");
  auto start = reader.has("start") ? reader.integer("start") : 0;
  reader.finish();
  if (samples != dataset_.size())
    fail<ValueError>("Loader", fmt::format("the state is that of a loader with samples {}, this "
                                           "one has {}",
                                           samples, dataset_.size()));
  require("Loader", "batch_size", batch_size, at_least(1));
  require("Loader", "start", start, closed(0, static_cast<double>(length_)));
  const bool resized = batch_size != batches_.size;  // drop_last may have been another too, then
  const auto size =
      detail::batch_count(length_ - start, batch_size, batches_.drop_last && !resized);
  if (position < 0 || position > size)
    fail<ValueError>("Loader",
                     fmt::format("position {} is out of range for {} batches", position, size));
  if (resized) {
    start = position == size ? length_ : start + position * batch_size;
    position = 0;
  }
  (void)Batches(dataset_, batches_, options_.shard, start);  // refuses what does not fit
  batches_.seed = static_cast<std::uint64_t>(seed);
  epoch_ = static_cast<std::uint64_t>(epoch);
  start_ = start;
  position_ = position;
}

Loader::Iterator::Iterator(Loader& loader)
    : loader_(&loader), epoch_(loader.epoch()), start_(loader.start_) {
  auto options = loader.batches_;
  options.epoch = epoch_;
  ahead_ = std::make_shared<detail::Prefetcher>(
      Batches(loader.dataset_, options, loader.options_.shard, start_), loader.position(),
      loader.options_);
  advance();
}

void Loader::Iterator::advance() {
  batch_ = {};  // its memory, before the next one is waited for
  const auto ahead = std::exchange(ahead_, nullptr);  // the end, if this throws
  if (ahead->next(batch_)) {
    loader_->epoch_ = epoch_;
    loader_->start_ = start_;
    loader_->position_ = ahead->taken();
    ahead_ = ahead;
  } else if (ahead->at_end()) {
    loader_->set_epoch(epoch_ + 1);
  }
}

}  // namespace gradtape::nn::data

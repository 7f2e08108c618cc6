#include "gradtape/nn/data/loader.hpp"

#include <fmt/format.h>

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
      size_(Batches(dataset_, batches).size()),
      epoch_(batches.epoch) {
  require("Loader", "threads", options.threads, at_least(0));
  require("Loader", "prefetch", options.prefetch, at_least(1));
}

void Loader::set_epoch(std::uint64_t epoch) {
  epoch_ = epoch;
  position_ = 0;
}

StateDict Loader::state_dict() const {
  return {{"seed", state_entry(static_cast<std::int64_t>(batches_.seed))},
          {"epoch", state_entry(static_cast<std::int64_t>(epoch_.load()))},
          {"position", state_entry(position_.load())},
          {"samples", state_entry(dataset_.size())},
          {"batch_size", state_entry(batches_.size)}};
}

void Loader::load_state_dict(const StateDict& state) {
  StateReader reader("Loader", state);
  const auto seed = reader.integer("seed"), epoch = reader.integer("epoch"),
             position = reader.integer("position");
  const auto same = [&](const char* name, std::int64_t own) {
    if (const auto saved = reader.integer(name); saved != own)
      fail<ValueError>("Loader", fmt::format("the state is that of a loader with {} {}, this one "
                                             "has {}",
                                             name, saved, own));
  };
  same("samples", dataset_.size());
  same("batch_size", batches_.size);
  reader.finish();
  if (position < 0 || position > size_)
    fail<ValueError>("Loader",
                     fmt::format("position {} is out of range for {} batches", position, size_));
  batches_.seed = static_cast<std::uint64_t>(seed);
  epoch_ = static_cast<std::uint64_t>(epoch);
  position_ = position;
}

Loader::Iterator::Iterator(Loader& loader) : loader_(&loader), epoch_(loader.epoch()) {
  auto options = loader.batches_;
  options.epoch = epoch_;
  ahead_ = std::make_shared<detail::Prefetcher>(Batches(loader.dataset_, options),
                                                loader.position(), loader.options_);
  advance();
}

void Loader::Iterator::advance() {
  batch_ = {};  // its memory, before the next one is waited for
  const auto ahead = std::exchange(ahead_, nullptr);  // the end, if this throws
  if (ahead->next(batch_)) {
    loader_->epoch_ = epoch_;
    loader_->position_ = ahead->taken();
    ahead_ = ahead;
  } else if (ahead->at_end()) {
    loader_->set_epoch(epoch_ + 1);
  }
}

}  // namespace gradtape::nn::data

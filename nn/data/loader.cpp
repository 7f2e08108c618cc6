#include "gradtape/nn/data/loader.hpp"

#include <fmt/format.h>

#include <utility>

#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/data/prefetcher.hpp"

namespace gradtape::nn::data {

Loader::Loader(Dataset dataset, const BatchOptions& batches, const LoaderOptions& options)
    : dataset_(std::move(dataset)),
      batches_(batches),
      options_(options),
      size_(Batches(dataset_, batches).size()),
      epoch_(batches.epoch) {
  if (options.threads < 0)
    fail<ValueError>("Loader", fmt::format("threads must be at least 0, got {}", options.threads));
  if (options.prefetch < 1)
    fail<ValueError>("Loader",
                     fmt::format("prefetch must be at least 1, got {}", options.prefetch));
}

void Loader::set_epoch(std::uint64_t epoch) {
  epoch_ = epoch;
  position_ = 0;
}

StateDict Loader::state_dict() const {
  return {{"seed", entry(static_cast<std::int64_t>(batches_.seed))},
          {"epoch", entry(static_cast<std::int64_t>(epoch_.load()))},
          {"position", entry(position_.load())},
          {"samples", entry(dataset_.size())},
          {"batch_size", entry(batches_.size)}};
}

void Loader::load_state_dict(const StateDict& state) {
  gradtape::detail::StateReader reader("Loader", state);
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

Loader::Iterator::Iterator(Loader& loader) : loader_(&loader) {
  auto options = loader.batches_;
  options.epoch = loader.epoch();
  ahead_ = std::make_shared<detail::Prefetcher>(Batches(loader.dataset_, options),
                                                loader.position(), loader.options_);
  advance();
}

void Loader::Iterator::advance() {
  batch_ = {};  // its memory, before the next one is waited for
  try {
    if (ahead_->next(batch_)) {
      ++loader_->position_;
      return;
    }
  } catch (...) {
    ahead_.reset();
    throw;
  }
  if (ahead_->at_end()) loader_->set_epoch(loader_->epoch() + 1);
  ahead_.reset();
}

}  // namespace gradtape::nn::data

#include "gradtape/nn/data/prefetcher.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::data::detail {

using namespace author;

namespace {

/// The same batch in blocks of this thread. Small blocks go to the free list of the thread that
/// drops them: those of a worker would pile up there, as the worker takes fresh ones.
Batch adopted(const Batch& batch) {
  const auto adopt = [](const Tensor& x) { return alias(x, x.shape()); };
  return {adopt(batch.inputs), adopt(batch.targets)};
}

}  // namespace

Prefetcher::Prefetcher(Batches batches, std::int64_t first, const LoaderOptions& options)
    : batches_(std::move(batches)), stop_(options.stop), taken_(first), claimed_(first) {
  const auto left = batches_.size() - first;
  const auto threads = std::min<std::int64_t>(options.threads, left);
  slots_.resize(static_cast<std::size_t>(std::min(threads * options.prefetch, left)));
  limit_ = first + static_cast<std::int64_t>(slots_.size());
  start(static_cast<int>(threads));
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  room_.notify_all();
}

void Prefetcher::start(int threads) {
  threads_.reserve(static_cast<std::size_t>(threads));
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::exception&) {  // no more threads, or no memory for one: fewer, or none, do
  }
}

void Prefetcher::work() {
  const Serial serial;
  std::unique_lock lock(mutex_);
  for (;;) {
    room_.wait(lock, [&] { return ending_ || claimed_ < limit_; });
    if (ending_) break;
    const auto i = claimed_++;
    auto spent = std::exchange(spent_, {});
    lock.unlock();
    spent.clear();
    Slot made{.ready = true};
    try {
      const NoGrad no_grad;
      made.batch = batches_[i];
    } catch (...) {
      made.error = std::current_exception();
    }
    lock.lock();
    if (ending_) break;
    slot(i) = std::move(made);
    ready_.notify_one();
  }
  // as in `adopted`: what came from workers ends with one
  const auto slots = std::exchange(slots_, {});
  const auto spent = std::exchange(spent_, {});
  lock.unlock();
}

bool Prefetcher::next(Batch& batch) {
  if (at_end() || stop_.stop_requested()) return false;
  const NoGrad no_grad;
  if (threads_.empty()) {
    batch = batches_[taken_];
    ++taken_;
    return true;
  }
  std::unique_lock lock(mutex_);
  ready_.wait(lock, stop_, [&] { return slot(taken_).ready; });
  if (stop_.stop_requested()) return false;
  const Slot made = std::exchange(slot(taken_), {});
  if (made.error) std::rethrow_exception(made.error);
  batch = adopted(made.batch);
  spent_.push_back(made.batch);
  ++taken_;
  limit_ = std::min(limit_ + 1, batches_.size());
  room_.notify_one();
  return true;
}

}  // namespace gradtape::nn::data::detail

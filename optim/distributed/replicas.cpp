#include "gradtape/optim/distributed/detail/replicas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "gradtape/autograd/ops/index.hpp"

namespace gradtape::distributed::detail {

namespace {

constexpr const char* op = "DataParallel";
constexpr std::int64_t whole_gradient = -1;  // in place of a number of rows

double seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

Replicas::Replicas(std::shared_ptr<Channel> channel, const std::vector<Parameter>& parameters,
                   const DataParallelOptions& options)
    : channel_(std::move(channel)), parameters_(parameters), options_(options) {
  using namespace author;
  require(op, "bucket_mb", options.bucket_mb, above(0).or_infinity());
  require(op, "first_bucket_mb", options.first_bucket_mb, above(0).or_infinity());
  require(op, "verify_every", options.verify_every, at_least(0));
  destinations_.resize(parameters_.size());
  if (channel_->size() == 1) return;
  give_values_of_root();
  verify();
  follower_.emplace(*this);
  if (options.progress_thread && channel_->serves_threads())
    thread_ = std::thread([this] { run_progress(); });
}

Replicas::~Replicas() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
  // MPI may still read and write the buffers of a pass that was broken off.
  if (complete_ < next_) new std::vector<Bucket>(std::move(buckets_));
}

void Replicas::set_samples(std::int64_t samples, std::optional<std::int64_t> total) {
  using namespace author;
  if (total) require(op, "total", *total, at_least(1));
  require(op, "samples", samples, total ? closed(0, static_cast<double>(*total)) : at_least(0));
  samples_ = samples;
  total_ = total;
  samples_known_ = true;
  if (channel_->size() > 1) return;
  if (total)
    follower_.emplace(*this);
  else
    follower_.reset();
}

/// The part of the mean over all samples that this rank's loss is.
double Replicas::share() const {
  if (total_) return static_cast<double>(samples_) / static_cast<double>(*total_);
  if (!samples_known_) return 1 / static_cast<double>(channel_->size());
  return static_cast<double>(samples_) / static_cast<double>(all_samples_);
}

double Replicas::started(const Tape& tape) {
  if (!uses_parameters(tape)) return 1;  // another model's
  if (channel_->size() == 1) return share();
  if (phase_ == Phase::sending)
    fail<GraphError>(
        op,
        "a second backward pass without synchronize(): call it after each, or make all "
        "passes but the last while no_sync() lives");
  refuse_stale();
  if (held_ == 0) {
    begin(&tape);
    return share();
  }
  if (samples_known_ && !total_)
    fail<ValueError>(op,
                     "while no_sync() lives, the ranks do not tell each other their samples; give "
                     "set_samples the total over all ranks and micro-batches too");
  phase_ = Phase::accumulating;
  return share();
}

bool Replicas::uses_parameters(const Tape& tape) const {
  std::unordered_set<const void*> leaves;
  for (std::size_t i = 0; i < tape.size() && tape.is_leaf(i); ++i) leaves.insert(tape.id(i));
  return std::any_of(parameters_.begin(), parameters_.end(), [&](const Parameter& parameter) {
    return leaves.contains(parameter.tensor().node_ref().get());
  });
}

/// Refuses gradients that are there before the first pass: those of the step before are sums over
/// ranks already, and would be added up once more.
void Replicas::refuse_stale() const {
  if (phase_ != Phase::idle) return;
  for (const auto& parameter : parameters_)
    if (parameter.has_grad())
      fail<GraphError>(op,
                       fmt::format("'{}' has a gradient before backward(); drop the last step's "
                                   "with zero_grad(), and add gradients up while no_sync() "
                                   "lives",
                                   parameter.name()));
}

std::size_t Replicas::index_of(const Tape& tape, std::size_t leaf) const {
  const auto found = index_.find(tape.id(leaf));
  return found == index_.end() ? none : found->second;
}

/// What this rank's gradients will be made of: of those that are there, and of those that the pass
/// brings.
std::vector<Replicas::Use> Replicas::own_uses(const Tape* tape) {
  std::vector<Use> uses(parameters_.size());
  index_.clear();
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const Parameter& parameter = parameters_[p];
    destinations_[p] = {};
    if (const void* id = parameter.tensor().node_ref().get()) index_[id] = p;
    if (parameter.has_grad())
      (parameter.row_gradient().defined() ? uses[p].rows : uses[p].whole) = 1;
  }
  if (!tape) return uses;
  const auto leaves = tape->leaf_uses();
  std::vector<std::pair<std::size_t, std::size_t>> completions;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const auto p = index_of(*tape, i);
    if (p == none) continue;
    destinations_[p].awaited = true;
    (leaves[i].rows_only ? uses[p].rows : uses[p].whole) = 1;
    completions.emplace_back(leaves[i].first_user, p);
  }
  if (order_.empty()) {
    std::sort(completions.rbegin(), completions.rend());
    for (const auto& [user, p] : completions) order_.push_back(p);
  }
  return uses;
}

void Replicas::begin(const Tape* tape) {
  const bool first = order_.empty();
  auto uses = own_uses(tape);
  // How many ranks use each parameter, by rows and as a whole; then the samples.
  const auto count = parameters_.size();
  std::vector<std::int64_t> told;
  for (const auto& use : uses) told.push_back((use.rows << 32) + use.whole);
  told.push_back(samples_);
  channel_->sum("the start of a pass", told);
  for (std::size_t p = 0; p < count; ++p) uses[p] = {told[p] & 0xffffffff, told[p] >> 32};
  all_samples_ = told[count];
  if (samples_known_ && !total_ && all_samples_ == 0)
    fail<ValueError>(op, "all ranks have 0 samples");
  if (first) take_order_of_root();
  last_ = {};
  {
    const std::lock_guard lock(mutex_);
    lay_out(uses);
    phase_ = Phase::sending;
  }
  fill_what_is_there();
}

/// Gradients are sent in the order in which rank 0 has them first; those that it does not have,
/// last registered first.
void Replicas::take_order_of_root() {
  const auto count = parameters_.size();
  std::vector<std::int64_t> order(order_.begin(), order_.end());
  order.resize(count, -1);
  channel_->broadcast("the order of gradients", order.data(),
                      static_cast<std::int64_t>(count * sizeof(order[0])));
  std::vector<bool> listed(count);
  order_.clear();
  for (const auto p : order) {
    if (p < 0) continue;
    order_.push_back(static_cast<std::size_t>(p));
    listed[static_cast<std::size_t>(p)] = true;
  }
  for (std::size_t p = count; p-- > 0;)
    if (!listed[p]) order_.push_back(p);
}

void Replicas::lay_out(const std::vector<Use>& uses) {
  buckets_.clear();
  by_rows_.clear();
  next_ = complete_ = 0;
  for (const auto p : order_) {
    if (uses[p].whole > 0)
      add_to_bucket(p);
    else if (uses[p].rows > 0)
      by_rows_.push_back(p);
  }
  for (auto& bucket : buckets_) bucket.allocate(options_.reduction);
}

void Replicas::add_to_bucket(std::size_t p) {
  constexpr double mb = 1 << 20;
  const auto dtype = parameters_[p].dtype();
  const double limit =
      mb * (buckets_.size() <= 1 ? std::min(options_.first_bucket_mb, options_.bucket_mb)
                                 : options_.bucket_mb);
  const auto bytes = parameters_[p].numel() * static_cast<std::int64_t>(size_of(dtype));
  if (buckets_.empty() || buckets_.back().dtype() != dtype ||
      static_cast<double>(buckets_.back().bytes() + bytes) > limit)
    buckets_.emplace_back(*channel_, dtype);
  destinations_[p].bucket = buckets_.size() - 1;
  destinations_[p].place = buckets_.back().size();
  buckets_.back().add(p, parameters_[p]);
}

/// Gradients that this rank's pass does not bring: those of micro-batches before, and zeros.
void Replicas::fill_what_is_there() {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const auto& to = destinations_[p];
    if (to.bucket != none && !to.awaited)
      buckets_[to.bucket].fill(to.place, parameters_[p].grad(), {});
  }
  send();
}

void Replicas::completed(const Tape& tape, std::size_t i, const Tensor& g,
                         const RowGradient& rows) {
  if (phase_ != Phase::sending) return;
  const auto p = index_of(tape, i);
  if (p == none || destinations_[p].bucket == none) return;
  Tensor more = g;
  if (rows.defined()) {
    const NoGrad no_grad;
    more = index_add(g.defined() ? g : zeros(parameters_[p].shape(), parameters_[p].dtype()), 0,
                     rows.index, rows.values);
  }
  buckets_[destinations_[p].bucket].fill(destinations_[p].place, parameters_[p].grad(), more);
  send();
}

void Replicas::send() {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  for (; next_ < buckets_.size() && buckets_[next_].full(); ++next_) {
    if (next_ == 0) first_sent_ = Clock::now();
    buckets_[next_].start();
  }
  advance();
  if (complete_ < next_) work_.notify_one();
}

/// Whether all buckets are complete. With the mutex.
bool Replicas::advance() {
  // Sums are started in order, but complete as their messages come.
  bool all = true;
  for (std::size_t b = complete_; b < next_; ++b) {
    const bool done = buckets_[b].advance();
    all = all && done;
    if (all) complete_ = b + 1;
  }
  if (complete_ < buckets_.size()) return false;
  if (last_.seconds == 0 && !buckets_.empty()) {
    last_complete_ = Clock::now();
    last_.seconds = seconds(last_complete_ - first_sent_);
  }
  return true;
}

void Replicas::run_progress() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stop_ || (complete_ < next_ && !error_); });
    if (stop_) return;
    try {
      advance();
    } catch (...) {
      error_ = std::current_exception();
    }
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    lock.lock();
  }
}

void Replicas::finish_buckets() {
  const auto start = Clock::now();
  if (next_ < buckets_.size())
    fail<GraphError>(op, fmt::format("the backward pass has not brought all gradients of bucket {} "
                                     "{}: did it throw?",
                                     next_, buckets_[next_].names()));
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const auto what =
        fmt::format("bucket {} of {} {}", b + 1, buckets_.size(), buckets_[b].names());
    channel_->wait(what, [&] {
      const std::lock_guard lock(mutex_);
      if (error_) std::rethrow_exception(error_);
      advance();
      return complete_ > b;
    });
  }
  last_.seconds_waited = std::max(0.0, seconds(last_complete_ - start));
  last_.buckets = buckets_.size();
  for (const auto& bucket : buckets_) {
    last_.bytes_sent += bucket.bytes_sent();
    last_.bytes_reduced += bucket.bytes();
    for (std::size_t k = 0; k < bucket.size(); ++k)
      parameters_[bucket.parameter(k)].set_grad(bucket.sum(k));
  }
}

/// Sparse lookups: the rows of all ranks where that is less to send than whole tables.
void Replicas::finish_rows() {
  if (by_rows_.empty()) return;
  const auto ranks = static_cast<std::size_t>(channel_->size());
  std::vector<std::int64_t> own;
  for (const auto p : by_rows_) {
    const RowGradient rows = parameters_[p].row_gradient();
    // A Watch has made rows whole.
    const std::int64_t without = parameters_[p].has_grad() ? whole_gradient : 0;
    own.push_back(rows.defined() ? rows.index.numel() : without);
  }
  const auto start = Clock::now();
  const auto counts = channel_->all_gather("the number of rows", own);
  for (std::size_t k = 0; k < by_rows_.size(); ++k) {
    const Parameter& table = parameters_[by_rows_[k]];
    std::vector<std::int64_t> of_ranks;
    std::int64_t total = 0;
    bool by_rows = true;
    for (std::size_t r = 0; r < ranks; ++r) {
      of_ranks.push_back(counts[r * own.size() + k]);
      total += of_ranks.back();
      by_rows = by_rows && of_ranks.back() != whole_gradient;
    }
    const auto what = fmt::format("the rows of '{}'", table.name());
    const auto whole = table.numel() * static_cast<std::int64_t>(size_of(table.dtype()));
    if (by_rows && total * row_bytes(table) < 2 * whole) {
      table.set_grad(gathered_rows(*channel_, what, table.row_gradient(), of_ranks, table));
      last_.bytes_sent += own[k] * row_bytes(table) * (channel_->size() - 1);
      last_.bytes_reduced += total * row_bytes(table);
    } else {
      const Tensor gradient = table.grad();
      table.set_grad(reduced(*channel_, what,
                             gradient.defined() ? gradient : zeros_like(table.tensor().detach())));
      last_.bytes_sent += 2 * whole * (channel_->size() - 1) / channel_->size();
      last_.bytes_reduced += whole;
    }
  }
  last_.seconds_waited += seconds(Clock::now() - start);
}

void Replicas::synchronize() {
  if (channel_->size() == 1) return;
  if (held_ > 0) fail<GraphError>(op, "synchronize() while no_sync() lives");
  if (phase_ != Phase::sending) begin(nullptr);
  finish_buckets();
  finish_rows();
  {
    const std::lock_guard lock(mutex_);
    buckets_.clear();
    next_ = complete_ = 0;
  }
  phase_ = Phase::idle;
  if (options_.verify_every > 0 && ++calls_ % options_.verify_every == 0) verify();
}

}  // namespace gradtape::distributed::detail

/// Replicas: what DataParallel does while backward() runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "gradtape/optim/distributed/detail/buckets.hpp"

namespace gradtape::distributed::detail {

/// Follows the passes of its thread. At the start of one the ranks tell each other which parameters
/// they will have gradients of, so that all lay out the same buckets; a full bucket is sent at
/// once, buckets in their order.
class Replicas {
 public:
  Replicas(std::shared_ptr<Channel> channel, const std::vector<Parameter>& parameters,
           const DataParallelOptions& options);
  ~Replicas();
  Replicas(const Replicas&) = delete;
  Replicas& operator=(const Replicas&) = delete;

  void set_samples(std::int64_t samples, std::optional<std::int64_t> total);
  void hold(bool held) { held_ += held ? 1 : -1; }
  void synchronize();
  void verify() const;
  const Communication& last() const { return last_; }

 private:
  using Clock = std::chrono::steady_clock;

  /// What a parameter's gradient is made of, on one rank or, added up, on all.
  struct Use {
    std::int64_t whole = 0, rows = 0;
  };
  /// Where a parameter's gradient goes in this pass.
  struct Destination {
    std::size_t bucket = none, place = 0;
    bool awaited = false;  // this pass of this rank will bring it
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// Follows passes for it: on one rank only where their seeds are to be scaled.
  class Follower final : public LeafWatch {
   public:
    explicit Follower(Replicas& replicas) : replicas_(replicas) {}
    double started(const Tape& tape) override { return replicas_.started(tape); }
    void completed(const Tape& tape, std::size_t i, const Tensor& g,
                   const RowGradient& rows) override {
      replicas_.completed(tape, i, g, rows);
    }

   private:
    Replicas& replicas_;
  };

  double started(const Tape& tape);
  void completed(const Tape& tape, std::size_t i, const Tensor& g, const RowGradient& rows);

  void give_values_of_root();
  double share() const;
  bool uses_parameters(const Tape& tape) const;
  void refuse_stale() const;
  /// Lays out buckets for what the ranks use; `tape`: of this rank's pass, if there is one.
  void begin(const Tape* tape);
  std::vector<Use> own_uses(const Tape* tape);
  void take_order_of_root();
  void lay_out(const std::vector<Use>& uses);
  void add_to_bucket(std::size_t parameter);
  void fill_what_is_there();
  /// Starts the buckets that are full and whose turn it is, and lets the others go on.
  void send();
  bool advance();
  void run_progress();
  void finish_buckets();
  void finish_rows();
  std::size_t index_of(const Tape& tape, std::size_t leaf) const;

  std::shared_ptr<Channel> channel_;
  std::vector<Parameter> parameters_;
  DataParallelOptions options_;
  std::int64_t samples_ = 1;
  std::optional<std::int64_t> total_;
  bool samples_known_ = false;
  int held_ = 0;
  std::int64_t calls_ = 0;

  std::optional<Follower> follower_;

  // of this pass
  enum class Phase { idle, accumulating, sending };
  Phase phase_ = Phase::idle;
  std::int64_t all_samples_ = 0;
  std::unordered_map<const void*, std::size_t> index_;  // of parameters, by id on a tape
  std::vector<std::size_t> order_;                      // in which gradients are complete
  std::vector<Destination> destinations_;               // by parameter
  std::vector<std::size_t> by_rows_;                    // parameters
  std::vector<Bucket> buckets_;
  std::size_t next_ = 0, complete_ = 0;  // buckets
  Clock::time_point first_sent_, last_complete_;
  Communication last_;

  // the progress thread
  std::mutex mutex_;  // of the buckets
  std::condition_variable work_;
  bool stop_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace gradtape::distributed::detail

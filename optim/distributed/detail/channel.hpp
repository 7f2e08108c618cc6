/// Channel: the connection to the other ranks, and the watchdog of everything that waits for them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gradtape/optim/distributed/detail/mpi.hpp"

namespace gradtape::distributed::detail {

/// A communicator of all ranks of the program's own, so that no message meets the user's.
class Channel {
 public:
  explicit Channel(const WorldOptions& options);
  /// Finalises MPI where the constructor initialised it; where an exception destroys it, ends all
  /// ranks once the program has had time to print what it caught.
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// That of a World.
  static Channel& of(const World& world) { return *world.channel_; }
  static std::shared_ptr<Channel> shared(const World& world) { return world.channel_; }

  int rank() const { return rank_; }
  int size() const { return size_; }
  MPI_Comm comm() const { return comm_; }
  /// The same ranks again, for what is under way while the program goes on.
  MPI_Comm stream() const { return stream_; }
  /// Whether any thread may call MPI at any time.
  bool serves_threads() const { return threads_; }
  std::string str() const;

  /// Calls done() until it is true. Throws DistributedError after the timeout: which ranks wait for
  /// `what` as well, which wait for something else, which do not wait at all.
  void wait(const std::string& what, const std::function<bool()>& done);
  /// The same for requests of MPI.
  void wait(const std::string& what, std::span<MPI_Request> requests);

  // On all ranks; `what` is for the watchdog.
  void barrier(const std::string& what);
  void broadcast(const std::string& what, void* bytes, std::int64_t count, int root = 0);
  std::string broadcast(const std::string& what, std::string bytes);
  /// A tensor of any shape and dtype, which the other ranks need not know.
  Tensor broadcast(const std::string& what, const Tensor& x, int root);
  /// Every rank's bytes.
  std::vector<std::string> all_gather(const std::string& what, const std::string& bytes);
  /// Every rank's numbers, of the same count.
  template <class T>
  std::vector<T> all_gather(const std::string& what, const std::vector<T>& values) {
    std::vector<T> all(values.size() * static_cast<std::size_t>(size_));
    const int count = mpi_count(static_cast<std::int64_t>(values.size()));
    MPI_Request request;
    check_mpi(MPI_Iallgather(values.data(), count, mpi_type<T>(), all.data(), count, mpi_type<T>(),
                             comm_, &request),
              "MPI_Iallgather");
    wait(what, {&request, 1});
    return all;
  }
  /// Sums of integers, in place.
  void sum(const std::string& what, std::vector<std::int64_t>& values);
  /// Throws DistributedError on all ranks where what they say differs, such as shape and dtype of
  /// what they bring to a sum.
  void require_same(const std::string& what, const std::string& said);
  /// For the messages of one exchange: even, with the next odd one, and the same on all ranks that
  /// have asked as often.
  int next_tag() { return tag_ = (tag_ + 2) % 30000; }
  /// Throws DistributedError on all ranks with the first rank's complaint, if there is one.
  void agree(const char* op, const std::string& complaint);

 private:
  using Clock = std::chrono::steady_clock;

  /// "ranks 0 and 2 wait for it too, rank 1 does not wait for any".
  std::string roll_call(const std::string& what);
  /// Answers the roll calls of ranks that have waited too long, and notes what they wait for.
  void hear(const std::string& what);
  void tell(int rank, char kind, const std::string& what);

  int rank_ = 0, size_ = 1;
  bool threads_ = false, initialised_here_ = false;
  int exceptions_;  // in flight at construction
  double timeout_;
  int tag_ = 0;
  MPI_Comm comm_ = MPI_COMM_NULL, stream_ = MPI_COMM_NULL;
  std::map<int, std::string> waiting_;              // what other ranks have said to wait for
  std::vector<std::unique_ptr<std::string>> told_;  // messages, kept until the end
};

}  // namespace gradtape::distributed::detail

/// Sums over ranks in the order of ranks, while the program goes on.
#pragma once

#include <string>
#include <vector>

#include "gradtape/optim/distributed/detail/channel.hpp"

namespace gradtape::distributed::detail {

/// Sums one buffer over all ranks in place. Each rank gets everybody's part of one slice, adds
/// these in the order of ranks and sends the sum to all: the bits do not depend on who came first,
/// and every rank sends 2 (R - 1) / R of the buffer, which is the least (Patarasuk and Yuan 2009,
/// "Bandwidth optimal all-reduce algorithms", section 3).
class OrderedSum {
 public:
  /// `buffer`: float32 or float64, held by nobody else; `tag`: even, the same on all ranks and not
  /// that of another sum under way.
  OrderedSum(Channel& channel, Tensor buffer, int tag)
      : channel_(channel), buffer_(std::move(buffer)), tag_(tag) {}

  void start();
  /// Goes on as far as what has arrived allows. Whether the sum is complete.
  bool advance();
  std::int64_t bytes_sent() const { return bytes_sent_; }

 private:
  std::int64_t slice_begin(int rank) const { return buffer_.numel() * rank / channel_.size(); }
  std::int64_t slice_size(int rank) const { return slice_begin(rank + 1) - slice_begin(rank); }
  template <class T> void exchange_parts();
  template <class T> void add_parts();
  template <class T> void exchange_sums();
  template <class T> void send(const T* from, std::int64_t n, int to, int tag);
  template <class T> void receive(T* into, std::int64_t n, int from, int tag);
  bool arrived();

  enum class Phase { idle, parts, sums, complete };

  Channel& channel_;
  Tensor buffer_, parts_;  // parts_: of this rank's slice, the other ranks', in their order
  int tag_;
  Phase phase_ = Phase::idle;
  std::vector<MPI_Request> requests_;
  std::int64_t bytes_sent_ = 0;
};

/// The sum over all ranks of x, of one shape and any dtype but bool. Throws DistributedError where
/// ranks differ in shape or dtype, DtypeError for bool.
Tensor reduced(Channel& channel, const std::string& what, const Tensor& x);

}  // namespace gradtape::distributed::detail

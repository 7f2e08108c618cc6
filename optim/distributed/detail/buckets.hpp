/// Buckets: gradients on their way to the other ranks, many in one message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gradtape/optim/distributed/data_parallel.hpp"
#include "gradtape/optim/distributed/detail/reduction.hpp"

namespace gradtape::distributed::detail {

/// Gradients of one dtype that are summed together. Full once every one of them is there.
class Bucket {
 public:
  Bucket(Channel& channel, Dtype dtype) : channel_(&channel), dtype_(dtype) {}

  /// A place for the gradient of parameter number `index`.
  void add(std::size_t index, const Parameter& parameter);
  /// Makes the buffer, once all places are there.
  void allocate(Reduction reduction);

  /// Puts `gradient` + `more` in the place; undefined ones count as zeros.
  void fill(std::size_t place, const Tensor& gradient, const Tensor& more);
  bool full() const { return filled_ == places_.size(); }

  void start();
  bool started() const { return started_; }
  /// Whether the sums are there.
  bool advance();
  /// The sum at a place, in the parameter's shape; where it is the only one, the buffer itself.
  Tensor sum(std::size_t place) const;

  std::size_t size() const { return places_.size(); }
  std::size_t parameter(std::size_t place) const { return places_[place].parameter; }
  Dtype dtype() const { return dtype_; }
  std::int64_t bytes() const { return elements_ * static_cast<std::int64_t>(size_of(dtype_)); }
  std::int64_t bytes_sent() const;
  /// "('fc2.bias' ... 'fc1.weight')".
  const std::string& names() const { return names_; }

 private:
  struct Place {
    std::size_t parameter;
    Shape shape;
    std::int64_t begin;  // in the buffer
  };

  Channel* channel_;
  Dtype dtype_;
  std::vector<Place> places_;
  std::string names_;
  std::int64_t elements_ = 0;
  std::size_t filled_ = 0;
  bool started_ = false, complete_ = false;
  Tensor buffer_;
  std::unique_ptr<OrderedSum> sum_;         // for rank_order
  MPI_Request request_ = MPI_REQUEST_NULL;  // for mpi_allreduce
};

/// The rows of all ranks, in their order; `counts`: how many each has. `rows`: of this one,
/// undefined where it has none; of the gradient of `table` [n, d].
RowGradient gathered_rows(Channel& channel, const std::string& what, const RowGradient& rows,
                          const std::vector<std::int64_t>& counts, const Parameter& table);
/// How many bytes a row of the gradient of `table` takes, with its number.
std::int64_t row_bytes(const Parameter& table);

}  // namespace gradtape::distributed::detail

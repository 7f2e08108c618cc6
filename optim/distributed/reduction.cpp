#include "gradtape/optim/distributed/detail/reduction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace gradtape::distributed::detail {

using author::mutable_data;

void OrderedSum::start() {
  author::visit_floating(buffer_.dtype(), "a sum over ranks",
                         [this](auto zero) { exchange_parts<decltype(zero)>(); });
  phase_ = Phase::parts;
}

bool OrderedSum::arrived() {
  int all = 0;
  check_mpi(
      MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &all, MPI_STATUSES_IGNORE),
      "MPI_Testall");
  if (all) requests_.clear();
  return all != 0;
}

bool OrderedSum::advance() {
  if (phase_ == Phase::parts && arrived()) {
    author::visit_floating(buffer_.dtype(), "a sum over ranks", [this](auto zero) {
      add_parts<decltype(zero)>();
      exchange_sums<decltype(zero)>();
    });
    phase_ = Phase::sums;
  }
  if (phase_ == Phase::sums && arrived()) phase_ = Phase::complete;
  return phase_ == Phase::complete;
}

template <class T> void OrderedSum::send(const T* from, std::int64_t n, int to, int tag) {
  if (n == 0) return;
  requests_.emplace_back();
  check_mpi(
      MPI_Isend(from, mpi_count(n), mpi_type<T>(), to, tag, channel_.stream(), &requests_.back()),
      "MPI_Isend");
  bytes_sent_ += n * static_cast<std::int64_t>(sizeof(T));
}

template <class T> void OrderedSum::receive(T* into, std::int64_t n, int from, int tag) {
  if (n == 0) return;
  requests_.emplace_back();
  check_mpi(
      MPI_Irecv(into, mpi_count(n), mpi_type<T>(), from, tag, channel_.stream(), &requests_.back()),
      "MPI_Irecv");
}

template <class T> void OrderedSum::exchange_parts() {
  const int own = channel_.rank(), ranks = channel_.size();
  const auto n = slice_size(own);
  parts_ = author::empty({n * (ranks - 1)}, buffer_.dtype());
  T* parts = mutable_data<T>(parts_);
  const T* const buffer = mutable_data<T>(buffer_);
  // Each rank begins with its right neighbour, so that not all send to rank 0 first.
  for (int step = 1; step < ranks; ++step) {
    const int from = (own - step + ranks) % ranks, to = (own + step) % ranks;
    receive(parts + n * (from < own ? from : from - 1), n, from, tag_);
    send(buffer + slice_begin(to), slice_size(to), to, tag_);
  }
}

template <class T> void OrderedSum::add_parts() {
  constexpr std::int64_t block = 2048;
  std::array<T, block> sum;
  const int own = channel_.rank(), ranks = channel_.size();
  const auto n = slice_size(own);
  const T* const parts = mutable_data<T>(parts_);
  T* const slice = mutable_data<T>(buffer_) + slice_begin(own);
  for (std::int64_t at = 0; at < n; at += block) {
    const auto length = std::min(block, n - at);
    for (int rank = 0; rank < ranks; ++rank) {
      const T* const part =
          rank == own ? slice + at : parts + n * (rank < own ? rank : rank - 1) + at;
      if (rank == 0)
        std::copy_n(part, length, sum.begin());
      else
        for (std::int64_t i = 0; i < length; ++i) sum[static_cast<std::size_t>(i)] += part[i];
    }
    std::copy_n(sum.begin(), length, slice + at);
  }
  parts_ = {};
}

template <class T> void OrderedSum::exchange_sums() {
  const int own = channel_.rank(), ranks = channel_.size();
  T* const buffer = mutable_data<T>(buffer_);
  for (int step = 1; step < ranks; ++step) {
    const int from = (own - step + ranks) % ranks, to = (own + step) % ranks;
    receive(buffer + slice_begin(from), slice_size(from), from, tag_ + 1);
    send<T>(buffer + slice_begin(own), slice_size(own), to, tag_ + 1);
  }
}

Tensor reduced(Channel& channel, const std::string& what, const Tensor& x) {
  author::need_defined(what.c_str(), x, "the tensor");
  if (x.dtype() == bool_) fail<DtypeError>(what, "of bool is not defined; convert to int64");
  if (channel.size() == 1) return x.detach();
  channel.require_same(what, fmt::format("{} {}", x.shape().str(), gradtape::name(x.dtype())));
  Tensor sum = author::empty(x.shape(), x.dtype());
  if (const auto n = static_cast<std::size_t>(x.numel()))
    std::memcpy(mutable_data<char>(sum), x.raw(), n * size_of(x.dtype()));
  if (x.dtype() == int64) {
    MPI_Request request;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, mutable_data<std::int64_t>(sum), mpi_count(x.numel()),
                             MPI_INT64_T, MPI_SUM, channel.comm(), &request),
              "MPI_Iallreduce");
    channel.wait(what, {&request, 1});
    return sum;
  }
  OrderedSum reduction(channel, sum, channel.next_tag());
  reduction.start();
  channel.wait(what, [&] { return reduction.advance(); });
  return sum;
}

}  // namespace gradtape::distributed::detail

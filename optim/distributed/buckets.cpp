#include "gradtape/optim/distributed/detail/buckets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "gradtape/autograd/ops/shape.hpp"

namespace gradtape::distributed::detail {

using author::mutable_data;

void Bucket::add(std::size_t index, const Parameter& parameter) {
  places_.push_back({index, parameter.shape(), elements_});
  elements_ += parameter.numel();
  if (places_.size() == 1)
    names_ = fmt::format("('{}')", parameter.name());
  else
    names_ = fmt::format("{} '{}')", names_.substr(0, names_.find('\'', 2) + 1) + " ...",
                         parameter.name());
}

void Bucket::allocate(Reduction reduction) {
  buffer_ = author::empty({elements_}, dtype_);
  if (reduction == rank_order)
    sum_ = std::make_unique<OrderedSum>(*channel_, buffer_, channel_->next_tag());
}

void Bucket::fill(std::size_t place, const Tensor& gradient, const Tensor& more) {
  const auto& [parameter, shape, begin] = places_[place];
  const auto n = shape.numel();
  author::visit_floating(dtype_, "DataParallel", [&, first = begin](auto zero) {
    using T = decltype(zero);
    T* const to = mutable_data<T>(buffer_) + first;
    if (!gradient.defined() && !more.defined()) {
      std::fill_n(to, n, T(0));
    } else if (!gradient.defined() || !more.defined()) {
      std::copy_n((gradient.defined() ? gradient : more).data<T>().data(), n, to);
    } else {
      const T* const a = gradient.data<T>().data();
      const T* const b = more.data<T>().data();
      for (std::int64_t i = 0; i < n; ++i) to[i] = a[i] + b[i];
    }
  });
  ++filled_;
}

void Bucket::start() {
  started_ = true;
  if (sum_) return sum_->start();
  check_mpi(MPI_Iallreduce(MPI_IN_PLACE, mutable_data<void>(buffer_), mpi_count(elements_),
                           mpi_type(dtype_), MPI_SUM, channel_->stream(), &request_),
            "MPI_Iallreduce");
}

bool Bucket::advance() {
  if (complete_) return true;
  if (sum_) return complete_ = sum_->advance();
  int done = 0;
  check_mpi(MPI_Test(&request_, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return complete_ = done != 0;
}

Tensor Bucket::sum(std::size_t place) const {
  const auto& [parameter, shape, begin] = places_[place];
  const NoGrad no_grad;
  if (places_.size() == 1) return reshape(buffer_, shape);  // no copy
  Tensor result = author::empty(shape, dtype_);
  const auto width = size_of(dtype_);
  if (const auto n = static_cast<std::size_t>(shape.numel()))
    std::memcpy(mutable_data<char>(result),
                static_cast<const char*>(buffer_.raw()) + static_cast<std::size_t>(begin) * width,
                n * width);
  return result;
}

std::int64_t Bucket::bytes_sent() const {
  // What MPI sends is its own affair; its algorithms come close to the minimum.
  const auto ranks = channel_->size();
  return sum_ ? sum_->bytes_sent() : 2 * bytes() * (ranks - 1) / ranks;
}

std::int64_t row_bytes(const Parameter& table) {
  return 8 + table.shape()[1] * static_cast<std::int64_t>(size_of(table.dtype()));
}

RowGradient gathered_rows(Channel& channel, const std::string& what, const RowGradient& rows,
                          const std::vector<std::int64_t>& counts, const Parameter& table) {
  const auto width = table.shape()[1];
  std::int64_t total = 0;
  for (const auto count : counts) total += count;
  RowGradient all{author::empty({total}, int64), author::empty({total, width}, table.dtype())};
  const auto gather = [&](const Tensor& part, const Tensor& whole, std::int64_t items,
                          MPI_Datatype type) {
    const Parts layout(counts, items);
    MPI_Request request;
    check_mpi(MPI_Iallgatherv(part.defined() ? part.raw() : nullptr,
                              layout.lengths[static_cast<std::size_t>(channel.rank())], type,
                              mutable_data<void>(whole), layout.lengths.data(),
                              layout.starts.data(), type, channel.comm(), &request),
              "MPI_Iallgatherv");
    channel.wait(what, {&request, 1});
  };
  gather(rows.index, all.index, 1, MPI_INT64_T);
  gather(rows.values, all.values, width, mpi_type(table.dtype()));
  return all;
}

}  // namespace gradtape::distributed::detail

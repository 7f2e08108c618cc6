#include "gradtape/nn/metric/mean.hpp"

#include <fmt/format.h>

#include "gradtape/nn/metric/sums.hpp"

namespace gradtape::nn::metric {

Tensor detail::sums(std::initializer_list<double> values) {
  return tensor(std::span<const double>(values.begin(), values.size()));
}

std::span<const double> detail::checked_sums(const char* op, const Tensor& state,
                                             std::int64_t count) {
  if (state.dtype() != float64)
    fail<DtypeError>(op, "a state must be float64, got " + author::describe(state));
  if (state.shape() != Shape{count})
    fail<ShapeError>(op,
                     fmt::format("a state must be [{}], got {}", count, author::describe(state)));
  return state.data<double>();
}

Tensor Mean::state() const { return detail::sums({sum_, weight_}); }

void Mean::set_state(const Tensor& state) {
  const auto sums = detail::checked_sums("Mean", state, 2);
  sum_ = sums[0];
  weight_ = sums[1];
}

}  // namespace gradtape::nn::metric

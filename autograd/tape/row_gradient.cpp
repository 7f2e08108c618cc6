#include "gradtape/autograd/row_gradient.hpp"

#include <algorithm>

#include "gradtape/autograd/kernels/sort/sort.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {
namespace {

/// One looked up row: of the table, and of the values of which part.
struct Use {
  std::int64_t row;
  std::size_t part;
  std::int64_t at;
};

/// All uses by row; those of one row in the order in which they came.
std::vector<Use> by_row(const std::vector<RowGradient>& parts, std::int64_t rows) {
  std::vector<Use> uses;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    std::int64_t at = 0;
    for (const auto row : parts[p].index.data<std::int64_t>())
      uses.push_back({row < 0 ? row + rows : row, p, at++});
  }
  const auto earlier = [](const Use& a, const Use& b) { return a.row < b.row; };
  if (std::is_sorted(uses.begin(), uses.end(), earlier)) return uses;
  std::vector<std::int64_t> keys, order(uses.size());
  keys.reserve(uses.size());
  for (const auto& use : uses) keys.push_back(use.row);
  const auto count = static_cast<std::int64_t>(uses.size());
  kernels::argsort(keys.data(), order.data(), {1, count, 1}, kernels::Order::ascending, count);
  std::vector<Use> sorted;
  sorted.reserve(uses.size());
  for (const auto at : order) sorted.push_back(uses[static_cast<std::size_t>(at)]);
  return sorted;
}

bool is_ascending(const Tensor& index) {
  const auto rows = index.data<std::int64_t>();
  const auto not_below = [](std::int64_t a, std::int64_t b) { return a >= b; };
  return (rows.empty() || rows[0] >= 0) &&
         std::adjacent_find(rows.begin(), rows.end(), not_below) == rows.end();
}

}  // namespace

RowGradient joined(const std::vector<RowGradient>& parts, const Shape& table) {
  if (parts.size() == 1 && is_ascending(parts[0].index)) return parts[0];
  const auto uses = by_row(parts, table[0]);
  std::vector<std::int64_t> rows;
  std::vector<std::size_t> first;  // use of each row
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (i > 0 && uses[i].row == uses[i - 1].row) continue;
    rows.push_back(uses[i].row);
    first.push_back(i);
  }
  first.push_back(uses.size());
  const auto count = static_cast<std::int64_t>(rows.size()), width = table[1];
  const Tensor sums = empty({count, width}, parts[0].values.dtype());
  visit_floating(sums.dtype(), "row_gradient", [&](auto zero) {
    using T = decltype(zero);
    std::vector<const T*> from;
    for (const auto& part : parts) from.push_back(part.values.data<T>().data());
    T* to = mutable_data<T>(sums);
    const auto sum = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        auto use = first[static_cast<std::size_t>(k)];
        std::copy_n(from[uses[use].part] + uses[use].at * width, width, to + k * width);
        for (++use; use < first[static_cast<std::size_t>(k) + 1]; ++use)
          for (std::int64_t j = 0; j < width; ++j)
            to[k * width + j] += from[uses[use].part][uses[use].at * width + j];
      }
    };
    parallel_for(count,
                 std::max<std::int64_t>(1, elementwise_grain / std::max<std::int64_t>(1, width)),
                 sum);
  });
  return {tensor(rows, {count}), sums};
}

Tensor to_dense(const RowGradient& rows, std::int64_t count) {
  return index_select_backward(rows.values, 0, rows.index, count);
}

Tensor dense_sum(const Tensor& gradient, const std::vector<RowGradient>& parts,
                 const Shape& table) {
  const NoGrad no_grad;
  const RowGradient all = joined(parts, table);
  return gradient.defined() ? index_add(gradient, 0, all.index, all.values)
                            : to_dense(all, table[0]);
}

}  // namespace gradtape::detail

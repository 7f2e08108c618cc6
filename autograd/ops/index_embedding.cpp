#include "gradtape/autograd/ops/index.hpp"

#include <fmt/format.h>

#include <span>
#include <unordered_map>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

Tensor one_hot(const Tensor& index, std::int64_t classes, Dtype dtype) {
  need_defined("one_hot", index, "index");
  if (classes < 1)
    fail<ValueError>("one_hot", fmt::format("needs at least one class, got {}", classes));
  const auto* const hot = checked_label("one_hot", index, classes);
  Shape shape = index.shape();
  shape.push_back(classes);
  (void)shape.numel("one_hot");
  const Tensor y = zeros(shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    auto* const to = mutable_data<decltype(zero)>(y);
    for (std::int64_t i = 0; i < index.numel(); ++i) to[i * classes + hot[i]] = 1;
  });
  return record("one_hot", y, {}, {});
}

namespace {

/// The vjp of a sparse lookup: the rows looked up, without those of the padding.
struct LookupRows {
  Tensor index;
  std::int64_t padding;  // -1 for none

  RowGradient operator()(const Tensor& g) const {
    if (padding < 0) return {index, g};
    const Tensor others = nonzero(index != padding);
    const Tensor at = reshape(others, {others.size(0)});
    return {index_select(index, 0, at), index_select(g, 0, at)};
  }
};

Tensor lookup_by_rows(const Tensor& table, const Tensor& index, std::int64_t padding) {
  Tensor rows;
  {
    const auto inside = RecordingScope::inside_op();
    rows = index_select(table, 0, index);
  }
  return record("embedding", rows, {table}, {LookupRows{index, padding}});
}

/// What the gradient of each lookup is multiplied with: [k, 1].
Tensor slopes(std::span<const std::int64_t> index, std::int64_t padding, bool by_frequency,
              Dtype dtype) {
  std::unordered_map<std::int64_t, double> uses;
  if (by_frequency)
    for (const auto i : index) ++uses[i];
  std::vector<double> slope;
  for (const auto i : index) slope.push_back(i == padding ? 0 : by_frequency ? 1 / uses[i] : 1);
  return tensor(slope, {static_cast<std::int64_t>(slope.size()), 1}).to(dtype);
}

}  // namespace

Tensor embedding(const Tensor& table, const Tensor& index, const EmbeddingOptions& options) {
  need_defined("embedding", table, "table");
  if (table.ndim() != 2)
    fail<ShapeError>("embedding", fmt::format("the table must be [n, d], got {}", describe(table)));
  const auto count = table.size(0);
  checked_label("embedding", index, count);
  if (options.padding_idx && (*options.padding_idx < -count || *options.padding_idx >= count))
    fail<ValueError>("embedding", fmt::format("padding_idx {} is out of range for {} rows",
                                              *options.padding_idx, count));
  auto padding = options.padding_idx.value_or(-1);
  if (options.padding_idx && padding < 0) padding += count;
  Shape shape = index.shape();
  shape.push_back(table.size(1));
  const Tensor flat = reshape(index, {index.numel()});
  Tensor rows =
      options.sparse ? lookup_by_rows(table, flat, padding) : index_select(table, 0, flat);
  if ((options.padding_idx || options.scale_grad_by_freq) && rows.is_tracked() && recording()) {
    const Tensor slope =
        slopes(flat.data<std::int64_t>(), padding, options.scale_grad_by_freq, table.dtype());
    rows = record("embedding", rows.detach(), {rows},
                  {elementwise_vjp{[slope](const Tensor& g) { return masked_mul(g, slope); }}});
  }
  return reshape(rows, shape);
}

}  // namespace gradtape

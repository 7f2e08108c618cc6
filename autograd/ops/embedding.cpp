#include <fmt/format.h>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

Tensor one_hot(const Tensor& index, std::int64_t classes, Dtype dtype) {
  if (classes < 1)
    fail<ValueError>("one_hot", fmt::format("needs at least one class, got {}", classes));
  const auto* const hot = checked_index("one_hot", index, classes);
  Shape shape = index.shape();
  shape.push_back(classes);
  const Tensor y = zeros(shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    auto* const to = mutable_data<decltype(zero)>(y);
    for (std::int64_t i = 0; i < index.numel(); ++i)
      to[i * classes + (hot[i] < 0 ? hot[i] + classes : hot[i])] = 1;
  });
  return record("one_hot", y, {}, {});
}

namespace {

/// The vjp of a sparse lookup in a table that is a leaf.
struct SparseRows {
  Tensor index;
  Ref<Node> table;

  Tensor operator()(const Tensor& g) const {
    if (!takes_rows(*table.get())) return index_select_backward(g, 0, index, table->shape()[0]);
    add_rows(*table.get(), index, g);
    return {};
  }
};

Tensor sparse_rows(const Tensor& table, const Tensor& index) {
  Tensor rows;
  {
    const InsideOp inside;
    rows = index_select(table, 0, index);
  }
  return record("embedding", rows, {table}, {SparseRows{index, table.node_ref()}});
}

}  // namespace

Tensor embedding(const Tensor& table, const Tensor& index, const EmbeddingOptions& options) {
  if (table.ndim() != 2)
    fail<ShapeError>("embedding", fmt::format("the table must be [n, d], got {}", describe(table)));
  const auto count = table.size(0);
  const auto* const looked_up = checked_index("embedding", index, count);
  Shape shape = index.shape();
  const Tensor flat = reshape(index, {index.numel()});
  Tensor rows =
      options.sparse && table.is_leaf() ? sparse_rows(table, flat) : index_select(table, 0, flat);
  shape.push_back(table.size(1));
  const bool scaled = options.padding_idx || options.scale_grad_by_freq;
  if (options.padding_idx && (*options.padding_idx < -count || *options.padding_idx >= count))
    fail<ValueError>("embedding", fmt::format("padding_idx {} is out of range for {} rows",
                                              *options.padding_idx, count));
  if (scaled && rows.is_tracked() && recording()) {
    const auto row = [&](std::int64_t i) {
      return static_cast<std::size_t>(i < 0 ? i + count : i);
    };
    std::vector<double> uses(static_cast<std::size_t>(count)), scale;
    for (std::int64_t i = 0; i < index.numel(); ++i) ++uses[row(looked_up[i])];
    for (std::int64_t i = 0; i < index.numel(); ++i) {
      const bool padding = options.padding_idx && row(*options.padding_idx) == row(looked_up[i]);
      scale.push_back(padding ? 0 : options.scale_grad_by_freq ? 1 / uses[row(looked_up[i])] : 1);
    }
    const Tensor slope = tensor(scale, {index.numel(), 1}).to(table.dtype());
    rows = record("embedding", rows.detach(), {rows},
                  {elementwise_vjp{[slope](const Tensor& g) { return chain(g, slope); }}});
  }
  return reshape(rows, shape);
}

}  // namespace gradtape

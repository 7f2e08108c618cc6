#include "gradtape/autograd/ops/shape.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/kernels/strided.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/axis_view.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// `parts` side by side along an axis of a fresh tensor of `shape`; `rows` of it for each part.
Tensor join(const char* op, const std::vector<Tensor>& parts, const std::vector<std::int64_t>& rows,
            const Shape& shape, int axis) {
  const auto to = axis_view(shape, axis);
  Tensor y = empty(shape, parts[0].dtype(), op);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto chunk = rows[i] * to.inner;
    const kernels::CopyAxis axes[] = {{to.outer, chunk, to.n * to.inner}, {chunk, 1, 1}};
    const auto bytes = size_of(y.dtype());
    auto* const target =
        mutable_data<char>(y) + start * to.inner * static_cast<std::int64_t>(bytes);
    if (parts[i].numel()) kernels::copy(parts[i].raw(), target, bytes, axes);
    start += rows[i];
  }
  return y;
}

/// Throws unless there are parts, of one dtype; literals adopt it.
std::vector<Tensor> unified(const char* op, std::vector<Tensor> parts) {
  if (parts.empty()) fail<ShapeError>(op, "needs at least one tensor");
  promote_literals(parts.data(), parts.size(), op);
  return parts;
}

}  // namespace

Tensor concat(const std::vector<Tensor>& given, std::int64_t axis) {
  const auto parts = unified("concat", given);
  Shape shape = parts[0].shape();
  const int a = shape.axis(axis, "concat");
  shape[a] = 0;
  std::vector<std::int64_t> rows;
  std::vector<Vjp> vjps;
  for (const auto& part : parts) {
    Shape own = part.shape();
    const auto extent = own.ndim() == shape.ndim() ? own[a] : -1;
    if (extent >= 0) own[a] = shape[a];
    if (own != shape)
      fail<ShapeError>("concat", fmt::format("{} and {} differ off axis {}", describe(parts[0]),
                                             describe(part), axis));
    const auto start = shape[a], stop = start + extent;
    vjps.emplace_back([a, start, stop](const Tensor& g) { return slice(g, a, start, stop); });
    rows.push_back(extent);
    shape[a] = stop;
    (void)shape.numel("concat");
  }
  return record("concat", join("concat", parts, rows, shape, a), parts, std::move(vjps));
}

Tensor stack(const std::vector<Tensor>& given, std::int64_t axis) {
  const auto parts = unified("stack", given);
  const Shape own = parts[0].shape();
  const int ndim = own.ndim() + 1, a = axis_of_result("stack", axis, ndim, parts[0]);
  Shape shape;
  for (int i = 0; i < ndim; ++i)
    shape.push_back(i == a ? static_cast<std::int64_t>(parts.size()) : own[i - (i > a)]);
  std::vector<Vjp> vjps;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].shape() != own)
      fail<ShapeError>(
          "stack", fmt::format("shapes differ: {} and {}", describe(parts[0]), describe(parts[i])));
    vjps.emplace_back(
        [a, i](const Tensor& g) { return select(g, a, static_cast<std::int64_t>(i)); });
  }
  return record("stack", join("stack", parts, std::vector<std::int64_t>(parts.size(), 1), shape, a),
                parts, std::move(vjps));
}

namespace {

/// `parts` of x as the outputs of one op, whose vjp joins their cotangents: O(x) for all of them
/// together.
template <class Join>
std::vector<Tensor> record_parts(const char* op, const Tensor& x, std::vector<Tensor> parts,
                                 Join join) {
  std::vector<Shape> shapes;
  for (const auto& part : parts) shapes.push_back(part.shape());
  return record(op, std::move(parts), {x},
                [shapes = std::move(shapes), dtype = x.dtype(), join](std::span<const Tensor> g,
                                                                      const std::vector<bool>&) {
                  std::vector<Tensor> all(g.begin(), g.end());
                  for (std::size_t i = 0; i < all.size(); ++i)
                    if (!all[i].defined()) all[i] = zeros(shapes[i], dtype);
                  return std::vector<Tensor>{join(all)};
                });
}

std::vector<Tensor> split_rows(const char* op, const Tensor& x,
                               const std::vector<std::int64_t>& sizes, int axis) {
  std::vector<Tensor> parts;
  {
    const auto inside = RecordingScope::inside_op();
    std::int64_t start = 0;
    for (auto size : sizes) {
      parts.push_back(slice(x, axis, start, start + size).detach());
      start += size;
    }
  }
  return record_parts(op, x, std::move(parts),
                      [axis](const std::vector<Tensor>& g) { return concat(g, axis); });
}

/// `extent` in parts of `size`; one empty part where there is nothing to split.
std::vector<std::int64_t> even_sizes(std::int64_t extent, std::int64_t size) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t start = 0; start < extent; start += size)
    sizes.push_back(std::min(size, extent - start));
  if (sizes.empty()) sizes.push_back(0);
  return sizes;
}

}  // namespace

std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t axis) {
  need_defined("split", x, "x");
  if (size < 1)
    fail<ValueError>("split", fmt::format("needs parts of at least one row, got {}", size));
  const int a = x.shape().axis(axis, "split");
  return split_rows("split", x, even_sizes(x.shape()[a], size), a);
}

std::vector<Tensor> split(const Tensor& x, const IntegerList& sizes, std::int64_t axis) {
  need_defined("split", x, "x");
  const int a = x.shape().axis(axis, "split");
  std::int64_t left = x.shape()[a];
  bool fits = !sizes.empty();
  for (auto size : sizes) {
    fits = fits && size >= 0 && size <= left;
    left -= fits ? size : 0;
  }
  if (!fits || left != 0)
    fail<ValueError>("split", fmt::format("sizes [{}] do not add up to axis {} of {}",
                                          fmt::join(sizes, ", "), axis, describe(x)));
  return split_rows("split", x, sizes.list, a);
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, std::int64_t axis) {
  need_defined("chunk", x, "x");
  if (count < 1) fail<ValueError>("chunk", fmt::format("needs at least one part, got {}", count));
  const int a = x.shape().axis(axis, "chunk");
  const auto extent = x.shape()[a];
  if (extent == 0)
    return split_rows("chunk", x, std::vector<std::int64_t>(static_cast<std::size_t>(count)), a);
  return split_rows("chunk", x, even_sizes(extent, (extent - 1) / count + 1), a);
}

std::vector<Tensor> unbind(const Tensor& x, std::int64_t axis) {
  need_defined("unbind", x, "x");
  const int a = x.shape().axis(axis, "unbind");
  const auto extent = x.shape()[a];
  if (extent == 0) return {};
  std::vector<Tensor> rows;
  {
    const auto inside = RecordingScope::inside_op();
    for (std::int64_t i = 0; i < extent; ++i) rows.push_back(select(x, a, i).detach());
  }
  return record_parts("unbind", x, std::move(rows),
                      [a](const std::vector<Tensor>& g) { return stack(g, a); });
}

}  // namespace gradtape

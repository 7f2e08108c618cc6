#include "gradtape/autograd/ops/arrange.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/kernels/strided.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// Rows added before and after those of one axis; negative ones are cut off.
struct Width {
  int axis;
  std::int64_t before, after;
};

std::vector<Width> checked_widths(const Tensor& x, const IntegerList& widths) {
  const int ndim = x.ndim();
  if (widths.size() % 2 || widths.size() > 2 * static_cast<std::size_t>(ndim))
    fail<ValueError>("pad", fmt::format("needs (before, after) of at most the {} axes of {}, got "
                                        "{} widths",
                                        ndim, describe(x), widths.size()));
  std::vector<Width> list;
  constexpr std::int64_t most = std::int64_t{1} << 40;
  for (std::size_t i = 0; i < widths.size(); i += 2) {
    const Width width{ndim - 1 - static_cast<int>(i / 2), widths[i], widths[i + 1]};
    if (std::max(std::abs(width.before), std::abs(width.after)) > most)
      fail<ValueError>("pad", fmt::format("({}, {}) is too wide", width.before, width.after));
    if (x.shape()[width.axis] + width.before + width.after < 0)
      fail<ValueError>("pad", fmt::format("({}, {}) cuts more than there is along axis {} of {}",
                                          width.before, width.after, width.axis, describe(x)));
    if (width.before || width.after) list.push_back(width);
  }
  return list;
}

/// x with the rows of negative widths cut off, which leaves the others.
Tensor cut(const Tensor& x, std::vector<Width>& widths) {
  Tensor y = x;
  for (auto& width : widths) {
    const auto extent = y.shape()[width.axis];
    // A cut at one end may exceed the rows where the other end adds as many.
    const auto first = std::min(extent, std::max<std::int64_t>(-width.before, 0));
    const auto last = extent - std::min(extent - first, std::max<std::int64_t>(-width.after, 0));
    y = slice(y, width.axis, first, last);
    width.before = width.before + first;
    width.after = width.after + (extent - last);
  }
  return y;
}

Tensor pad_constant(const Tensor& given, std::vector<Width> widths, double value) {
  const Tensor x = cut(given, widths);
  Shape shape = x.shape();
  for (const auto& width : widths) shape[width.axis] += width.before + width.after;
  if (shape == x.shape()) return x;
  (void)shape.numel("pad");
  const Tensor y = full(shape, value, x.dtype());
  const Strides from = strides_of(x.shape()), to = strides_of(shape);
  std::array<kernels::CopyAxis, max_ndim> axes;
  for (int axis = 0; axis < shape.ndim(); ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    axes[i] = {x.shape()[axis], from[i], to[i]};
  }
  std::int64_t offset = 0;
  for (const auto& width : widths)
    offset += width.before * to[static_cast<std::size_t>(width.axis)];
  if (x.numel())
    kernels::copy(x.raw(),
                  mutable_data<char>(y) + offset * static_cast<std::int64_t>(size_of(x.dtype())),
                  size_of(x.dtype()), {axes.data(), static_cast<std::size_t>(shape.ndim())});
  return record("pad", y, {x}, {[widths, own = x.shape()](const Tensor& g) {
                  Tensor inside = g;
                  for (const auto& width : widths)
                    inside =
                        slice(inside, width.axis, width.before, width.before + own[width.axis]);
                  return inside;
                }});
}

/// The row of an axis of `extent` that stands at place i of the padded axis, counted from the first
/// row.
std::int64_t source(PadMode mode, std::int64_t i, std::int64_t extent) {
  if (mode == PadMode::replicate) return std::clamp<std::int64_t>(i, 0, extent - 1);
  if (mode == PadMode::circular) return (i + extent) % extent;
  return i < 0 ? -i : i >= extent ? 2 * (extent - 1) - i : i;
}

void need_rows(PadMode mode, const Tensor& x, const Width& width) {
  const auto extent = x.shape()[width.axis], widest = std::max(width.before, width.after);
  const bool fits = mode == PadMode::replicate  ? extent > 0
                    : mode == PadMode::circular ? widest <= extent && extent > 0
                                                : widest < extent;
  if (fits || widest <= 0) return;
  fail<ValueError>("pad", fmt::format("{} of ({}, {}) needs more rows than axis {} of {} has",
                                      mode == PadMode::replicate  ? "replicate"
                                      : mode == PadMode::circular ? "circular"
                                                                  : "reflect",
                                      width.before, width.after, width.axis, describe(x)));
}

}  // namespace

Tensor pad(const Tensor& x, const IntegerList& widths, const PadOptions& options) {
  auto list = checked_widths(x, widths);
  if (options.mode == PadMode::constant) return pad_constant(x, std::move(list), options.value);
  // The border is made of what a cut leaves, except that a mirror sees beyond the cut.
  Tensor y = options.mode == PadMode::circular ? cut(x, list) : x;
  for (const auto& width : list) {
    need_rows(options.mode, y, width);
    const auto extent = y.shape()[width.axis];
    const Tensor rows = empty({width.before + extent + width.after}, int64, "pad");
    auto* next = mutable_data<std::int64_t>(rows);
    for (auto i = -width.before; i < extent + width.after; ++i)
      *next++ = source(options.mode, i, extent);
    y = index_select(y, width.axis, rows);
  }
  return y;
}

}  // namespace gradtape

#include "gradtape/autograd/ops/index.hpp"

#include <fmt/format.h>

#include <vector>

#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

void need_mask(const char* op, const Tensor& mask) {
  need_defined(op, mask, "mask");
  if (mask.dtype() != bool_)
    fail<DtypeError>(op, fmt::format("the mask must be bool, got {}; compare, as in x != 0",
                                     name(mask.dtype())));
}

/// The row-major positions of the elements that are not 0.
std::vector<std::int64_t> positions(const Tensor& x) {
  std::vector<std::int64_t> found;
  count_work(0, x.numel() * static_cast<std::int64_t>(size_of(x.dtype())));
  visit_dtype(x.dtype(), [&](auto zero) {
    const auto elements = x.data<decltype(zero)>();
    for (std::size_t i = 0; i < elements.size(); ++i)
      if (elements[i] != zero) found.push_back(static_cast<std::int64_t>(i));
  });
  return found;
}

}  // namespace

namespace detail {

Tensor true_positions(const Tensor& mask) { return tensor(positions(mask)); }

}  // namespace detail

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) {
  need_defined("masked_fill", x, "x");
  need_defined("masked_fill", value, "value");
  need_mask("masked_fill", mask);
  if (value.ndim() != 0)
    fail<ShapeError>("masked_fill",
                     fmt::format("the value must be a scalar, got {}; see where", describe(value)));
  return where(mask, value, x);
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  need_defined("masked_select", x, "x");
  need_mask("masked_select", mask);
  const Shape shape = broadcast(x.shape(), mask.shape(), "masked_select");
  const Tensor flat = reshape(expand(x, shape), {shape.numel()});
  return index_select(flat, 0, true_positions(expand(mask, shape)));
}

Tensor nonzero(const Tensor& x) {
  need_defined("nonzero", x, "x");
  const auto found = positions(x);
  const Shape shape = x.shape();
  const auto ndim = static_cast<std::size_t>(shape.ndim());
  std::vector<std::int64_t> places(found.size() * ndim);
  for (std::size_t row = 0; row < found.size(); ++row) {
    auto rest = found[row];
    for (std::size_t axis = ndim; axis-- > 0;) {
      const auto extent = shape[static_cast<int>(axis)];
      places[row * ndim + axis] = rest % extent;
      rest /= extent;
    }
  }
  return tensor(places, {static_cast<std::int64_t>(found.size()), shape.ndim()});
}

}  // namespace gradtape

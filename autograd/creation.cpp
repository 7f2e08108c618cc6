#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

using namespace detail;

NestedList::NestedList(double floating, std::int64_t integer, Dtype dtype)
    : floats{floating}, integers{integer}, dtype(dtype) {}

NestedList::NestedList(std::initializer_list<NestedList> items) {
  if (items.size() == 0) dtype = float32;
  shape.push_back(static_cast<std::int64_t>(items.size()));
  for (const auto& item : items) {
    if (&item == items.begin()) {
      for (auto extent : item.shape) shape.push_back(extent);
    } else if (item.shape != items.begin()->shape) {
      fail<ShapeError>("tensor", fmt::format("ragged braces: an item of shape {} beside one of {}", item.shape.str(),
                                             items.begin()->shape.str()));
    }
    floats.insert(floats.end(), item.floats.begin(), item.floats.end());
    integers.insert(integers.end(), item.integers.begin(), item.integers.end());
    const bool first = &item == items.begin();
    if (first || item.dtype == float32 || (item.dtype == int64 && dtype == bool_)) dtype = item.dtype;
  }
}

Tensor tensor(const NestedList& values) { return tensor(values, values.dtype); }

Tensor tensor(const NestedList& values, Dtype dtype) {
  const Tensor x = empty(values.shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    const bool exact = values.dtype != float32;
    for (std::size_t i = 0; i < values.floats.size(); ++i)
      mutable_data<T>(x)[i] = exact ? static_cast<T>(values.integers[i]) : static_cast<T>(values.floats[i]);
  });
  return x;
}

Tensor full(const Shape& shape, double value, Dtype dtype) {
  const Tensor x = empty(shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(mutable_data<T>(x), x.numel(), static_cast<T>(value));
  });
  return x;
}

Tensor zeros(const Shape& shape, Dtype dtype) { return full(shape, 0, dtype); }
Tensor ones(const Shape& shape, Dtype dtype) { return full(shape, 1, dtype); }
Tensor zeros_like(const Tensor& like) { return full(like.shape(), 0, like.dtype()); }
Tensor ones_like(const Tensor& like) { return full(like.shape(), 1, like.dtype()); }
Tensor full_like(const Tensor& like, double value) { return full(like.shape(), value, like.dtype()); }

Tensor arange(double start, double stop, double step, Dtype dtype) {
  if (step == 0 || !std::isfinite(step) || !std::isfinite(start) || !std::isfinite(stop))
    fail<ValueError>("arange", fmt::format("start {}, stop {} and step {} must be finite, and step not 0", start, stop, step));
  const auto count = std::max(0.0, std::ceil((stop - start) / step));
  const Tensor x = empty({static_cast<std::int64_t>(count)}, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (std::int64_t i = 0; i < x.numel(); ++i) mutable_data<T>(x)[i] = static_cast<T>(start + static_cast<double>(i) * step);
  });
  return x;
}

Tensor arange(std::int64_t stop) { return arange(0, static_cast<double>(stop)); }

Tensor linspace(double start, double stop, std::int64_t count, Dtype dtype) {
  if (count < 0) fail<ValueError>("linspace", fmt::format("count must not be negative, got {}", count));
  const Tensor x = empty({count}, dtype);
  visit_floating(dtype, "linspace", [&](auto zero) {
    using T = decltype(zero);
    for (std::int64_t i = 0; i < count; ++i)  // from both ends, so that stop is hit exactly
      mutable_data<T>(x)[i] = static_cast<T>(
          i < count / 2 || count == 1 ? start + (stop - start) / static_cast<double>(std::max<std::int64_t>(count - 1, 1)) * static_cast<double>(i)
                        : stop - (stop - start) / static_cast<double>(count - 1) * static_cast<double>(count - 1 - i));
  });
  return x;
}

Tensor eye(std::int64_t n, std::int64_t m, Dtype dtype) {
  if (m < 0) m = n;
  const Tensor x = zeros({n, m}, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (std::int64_t i = 0; i < std::min(n, m); ++i) mutable_data<T>(x)[i * m + i] = T(1);
  });
  return x;
}

}  // namespace gradtape

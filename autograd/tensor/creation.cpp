#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gradtape/autograd/creation.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

NestedList::NestedList(std::initializer_list<NestedList> items) {
  shape.push_back(static_cast<std::int64_t>(items.size()));
  if (items.size() == 0) {
    dtype = float32;
    return;
  }
  const Shape& first = items.begin()->shape;
  for (const auto extent : first) shape.push_back(extent);
  for (const auto& item : items) {
    if (item.shape != first)
      fail<ShapeError>("tensor", fmt::format("ragged braces: an item of shape {} beside one of {}",
                                             item.shape.str(), first.str()));
    floats.insert(floats.end(), item.floats.begin(), item.floats.end());
    integers.insert(integers.end(), item.integers.begin(), item.integers.end());
    // The widest of bool, int64, float32.
    if (item.dtype == float32 || dtype == bool_) dtype = item.dtype;
  }
}

namespace detail {

Tensor from_braces(const NestedList& values, Dtype dtype) {
  const Tensor x = empty(values.shape, dtype, "tensor");
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* out = mutable_data<T>(x);
    if (values.dtype == float32)
      for (const double value : values.floats) *out++ = convert<T>(value, "tensor");
    else
      for (const std::int64_t value : values.integers) *out++ = convert<T>(value, "tensor");
  });
  return x;
}

Filling::Filling(const Shape& shape, Dtype dtype) : tensor_(empty(shape, dtype, "tensor")) {}

void Filling::check_row(std::int64_t extent, int axis) const {
  const auto others = tensor_.shape()[axis];
  if (extent != others)
    fail<ShapeError>("tensor", fmt::format("ragged rows: one of {} along axis {} beside one of {}",
                                           extent, axis, others));
}

void Filling::check_count(std::int64_t count) const {
  if (count != tensor_.numel())
    fail<ShapeError>("tensor", fmt::format("shape {} takes {} values, got {}",
                                           tensor_.shape().str(), tensor_.numel(), count));
}

template <class T> void Filling::append(const T* elements, std::size_t count) {
  visit_dtype(tensor_.dtype(), [&](auto zero) {
    using To = decltype(zero);
    std::transform(elements, elements + count, mutable_data<To>(tensor_) + filled_,
                   [](T element) { return convert<To>(element, "tensor"); });
  });
  filled_ += static_cast<std::int64_t>(count);
}
template void Filling::append(const float*, std::size_t);
template void Filling::append(const double*, std::size_t);
template void Filling::append(const std::int64_t*, std::size_t);
template void Filling::append(const bool*, std::size_t);

}  // namespace detail

Tensor tensor(std::initializer_list<NestedList> values) {
  const NestedList list(values);
  return from_braces(list, list.dtype);
}

Tensor tensor(std::initializer_list<NestedList> values, Dtype dtype) {
  return from_braces(values, dtype);
}

namespace {

Tensor filled(const char* op, const Shape& shape, double value, Dtype dtype) {
  const Tensor x = empty(shape, dtype, op);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T element = convert<T>(value, op);
    T* const out = mutable_data<T>(x);
    // Not std::fill, which compilers vectorise at -O3 only.
    parallel_for(x.numel(), elementwise_grain, [=](std::int64_t begin, std::int64_t end) {
#pragma omp simd
      for (std::int64_t i = begin; i < end; ++i) out[i] = element;
    });
  });
  return x;
}

}  // namespace

Tensor full(const Shape& shape, double value, Dtype dtype) {
  return filled("full", shape, value, dtype);
}
Tensor zeros(const Shape& shape, Dtype dtype) { return filled("zeros", shape, 0, dtype); }
Tensor ones(const Shape& shape, Dtype dtype) { return filled("ones", shape, 1, dtype); }
Tensor zeros_like(const Tensor& like) { return zeros(like.shape(), like.dtype()); }
Tensor ones_like(const Tensor& like) { return ones(like.shape(), like.dtype()); }
Tensor full_like(const Tensor& like, double value) {
  return full(like.shape(), value, like.dtype());
}

namespace {

/// The 1-d tensor of f(0) ... f(count - 1), where f gives a double.
template <class F> Tensor tabulate(const char* op, std::int64_t count, Dtype dtype, F f) {
  const Tensor x = empty({count}, dtype, op);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* const out = mutable_data<T>(x);
    for (std::int64_t i = 0; i < count; ++i) out[i] = convert<T>(f(static_cast<double>(i)), op);
  });
  return x;
}

}  // namespace

Tensor arange(double start, double stop, double step, Dtype dtype) {
  const double count = std::max(0.0, std::ceil((stop - start) / step));
  if (step == 0 || !std::isfinite(start + stop + step) || count >= 0x1p53)
    fail<ValueError>("arange", fmt::format("start {}, stop {} and step {} give no finite range",
                                           start, stop, step));
  return tabulate("arange", static_cast<std::int64_t>(count), dtype,
                  [=](double i) { return start + i * step; });
}

Tensor arange(std::int64_t stop) { return arange(0, static_cast<double>(stop)); }

Tensor linspace(double start, double stop, std::int64_t count, Dtype dtype) {
  if (count < 0)
    fail<ValueError>("linspace", fmt::format("count must not be negative, got {}", count));
  if (!is_floating(dtype))
    fail<DtypeError>("linspace", fmt::format("needs float32 or float64, got {}", name(dtype)));
  const double last = std::max(1.0, static_cast<double>(count) - 1);
  return tabulate("linspace", count, dtype, [=](double i) {  // from the nearer end: both are exact
    return 2 * i < last ? start + (stop - start) * i / last
                        : stop - (stop - start) * (last - i) / last;
  });
}

Tensor eye(std::int64_t n, std::int64_t m, Dtype dtype) {
  if (n < 0)
    fail<ShapeError>("eye", fmt::format("the number of rows must not be negative, got {}", n));
  if (m < 0) m = n;
  const Tensor x = filled("eye", {n, m}, 0, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* const out = mutable_data<T>(x);
    for (std::int64_t i = 0; i < std::min(n, m); ++i) out[i * m + i] = T(1);
  });
  return x;
}

}  // namespace gradtape

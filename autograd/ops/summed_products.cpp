#include "gradtape/autograd/ops/detail/summed_products.hpp"

#include <algorithm>

#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/reduce.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/ops/detail/map.hpp"
#include "gradtape/autograd/runtime/parallel_items.hpp"

namespace gradtape::detail {
namespace {

constexpr auto product = [](const auto& g, const auto& d) { return masked_mul(g, d); };

/// The products of `count` elements, which fill registers.
template <class T> void multiply(const T* g, const T* a, T* to, std::int64_t count) {
  const Kernel& kernel = floating_kernels<2, decltype(product)>[static_cast<std::size_t>(
      std::is_same_v<T, float> ? float32 : float64)];
  const auto bytes = static_cast<std::int64_t>(kernel.register_bytes);
  const void* const in[] = {g, a};
  const std::int64_t stride[] = {bytes, bytes};
  void* const out[] = {to};
  constexpr auto size = static_cast<std::int64_t>(sizeof(T));
  count_work(count, 2 * count * size);
  kernel.registers(&product, in, stride, out, count * size / bytes);
}

template <class T>
void sum_in_pieces(const T* g, const T* a, T* y, std::int64_t rows, std::int64_t width) {
  const auto most = elementwise_grain / width, pieces = (rows + most - 1) / most;
  const kernels::Scratch<T> sums(pieces * width);
  parallel_items(pieces, 1, [&](std::int64_t piece) {
    const auto first = piece * most, count = std::min(most, rows - first);
    const kernels::Scratch<T> products(count * width);
    multiply<T>(g + first * width, a + first * width, products, count * width);
    kernels::sum<T, T>(products, sums + piece * width, {1, count, width});
  });
  kernels::sum<T, T>(sums, y, {1, pieces, width});
}

}  // namespace

bool repeats_rows(const Tensor& a, const Tensor& b) {
  const auto n = b.numel(), bytes = n * static_cast<std::int64_t>(size_of(a.dtype()));
  if (a.numel() <= 2 * elementwise_grain || n >= elementwise_grain / 8 || n < 2 ||
      bytes % static_cast<std::int64_t>(library_register_bytes) != 0 || b.ndim() > a.ndim())
    return false;
  for (int axis = 0; axis < b.ndim(); ++axis)
    if (b.size(axis) != a.size(a.ndim() - b.ndim() + axis)) return false;
  return is_floating(a.dtype());
}

Tensor summed_products(const Tensor& g, const Tensor& a, const Shape& shape) {
  if (recording() || g.shape() != a.shape()) return masked_mul(g, a);
  const Tensor y = empty(shape, g.dtype());
  const auto width = y.numel();
  const bool finite = visit_floating(g.dtype(), "masked_mul", [&](auto zero) {
    using T = decltype(zero);
    sum_in_pieces(g.data<T>().data(), a.data<T>().data(), mutable_data<T>(y), g.numel() / width,
                  width);
    return kernels::all_finite(mutable_data<T>(y), width);
  });
  return finite ? y : masked_mul(g, a);
}

}  // namespace gradtape::detail

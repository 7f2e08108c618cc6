#include "gradtape/autograd/ops/detail/map.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "gradtape/autograd/ops/detail/strided.hpp"

namespace gradtape::detail {

void refuse_operand(const char* op, const Tensor& b, std::int64_t at, const char* because) {
  fail<ValueError>(op, fmt::format("b {} holds {} at [{}], {}", describe(b),
                                   b.data<std::int64_t>()[static_cast<std::size_t>(at)],
                                   fmt::join(index_of(at, b.shape()), ", "), because));
}

Tensor times_slope(const SlopeCode& slope, const Tensor& g,
                   std::initializer_list<const Tensor*> x) {
  if (recording()) return masked_mul(g, slope.by_ops(x.begin()));
  const Tensor* in[Loop::max_operands] = {&g};
  std::size_t count = 1;
  for (const Tensor* input : x) in[count++] = input;
  return map_tensors("masked_mul", {slope.product, &slope, slope.operations}, in, count);
}

Tensor unary(const char* name, const Kernel* value, const SlopeCode& slope, bool from_output,
             const Tensor& x) {
  const Tensor* const in[] = {&x};
  Tensor y = map_tensors(name, {value, &slope, 1}, in, 1);
  return record_lazily(name, std::move(y), {x}, [&]() -> std::array<Vjp, 1> {
    if (from_output)
      return {elementwise_vjp{
          [&slope](const Tensor& g, const Tensor& y) { return times_slope(slope, g, {&y}); }}};
    return {elementwise_vjp{[&slope, x](const Tensor& g) { return times_slope(slope, g, {&x}); }}};
  });
}

}  // namespace gradtape::detail

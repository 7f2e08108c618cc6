#include <cmath>
#include <vector>

#include "gradtape/autograd/kernels/attention.hpp"
#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/ops/detail/attention.hpp"
#include "gradtape/autograd/ops/detail/composed_vjp.hpp"
#include "gradtape/autograd/ops/detail/matrix.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape::detail {
namespace {

/// Calls f(operands) for the kernels.
template <class F> void with_operands(const AttentionCall& call, const F& f) {
  const auto batch = batch_shape(call.q);
  std::vector<std::int64_t> start;
  kernels::ScoreMask mask;
  if (const Tensor& m = call.mask; m.defined()) {
    const auto rows = m.ndim() > 1 ? m.size(-2) : 1, columns = m.size(-1);
    start = batch_offsets(m.ndim() > 1 ? batch_shape(m) : Shape{}, batch);
    for (auto& offset : start) offset *= rows * columns;
    mask = {m.raw(), m.dtype() != bool_, start.data(), rows > 1 ? columns : 0, columns > 1 ? 1 : 0};
  }
  visit_floating(call.q.dtype(), attention_op, [&](auto zero) {
    using T = decltype(zero);
    f(kernels::AttentionOperands<T>{elements<T>(call.q), elements<T>(call.k), elements<T>(call.v),
                                    batch.numel(), call.q.size(-2), call.k.size(-2),
                                    call.q.size(-1), call.v.size(-1), static_cast<T>(call.scale()),
                                    call.options.causal, mask});
  });
}

std::vector<Tensor> backward(const AttentionCall& call, const Tensor& g,
                             const std::vector<bool>& needed) {
  const auto made = [&](const Tensor& x, std::size_t i) {
    return needed[i] ? empty(x.shape(), x.dtype()) : Tensor();
  };
  const Tensor dq = made(call.q, 0), dk = made(call.k, 1), dv = made(call.v, 2);
  with_operands(call, [&]<class T>(const kernels::AttentionOperands<T>& x) {
    kernels::attention_backward(x, elements<T>(g), mutable_elements<T>(dq), mutable_elements<T>(dk),
                                mutable_elements<T>(dv));
  });
  return {dq, dk, dv};
}

}  // namespace

double AttentionCall::scale() const {
  return options.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
}

bool surely_finite(const Tensor& x) {
  const auto inside = RecordingScope::inside_op();
  return std::isfinite(sum(x).item<double>());
}

bool blocked_attention_serves(const AttentionCall& call) {
  const auto& [q, k, v, mask, options, scores] = call;
  const auto batch = batch_shape(q);
  return options.dropout == 0 && !(mask.defined() && mask.is_tracked()) &&
         batch == batch_shape(k) && batch == batch_shape(v) && scores.numel() > 0 &&
         q.numel() > 0 && v.numel() > 0 && is_floating(q.dtype()) &&
         kernels::fits_blas(q.size(-2), k.size(-2), std::max(q.size(-1), v.size(-1))) &&
         surely_finite(q) && surely_finite(k) && surely_finite(v);
}

Tensor blocked_attention(const AttentionCall& call) {
  Shape shape = call.q.shape();
  shape[shape.ndim() - 1] = call.v.size(-1);
  const Tensor y = empty(shape, call.q.dtype(), attention_op);
  with_operands(call, [&]<class T>(const kernels::AttentionOperands<T>& x) {
    kernels::attention(x, mutable_data<T>(y));
  });
  const auto vjp = [call](std::span<const Tensor> g, const std::vector<bool>& needed) {
    if (!recording() && surely_finite(g[0])) return backward(call, g[0], needed);
    const auto composed = [&call](const std::vector<Tensor>& x) {
      AttentionCall again = call;
      again.q = x[0], again.k = x[1], again.v = x[2];
      return std::vector<Tensor>{composed_attention(again).output};
    };
    return composed_vjp(composed, {call.q, call.k, call.v}, g, needed);
  };
  return record(attention_op, {y}, {call.q, call.k, call.v}, vjp)[0];
}

}  // namespace gradtape::detail

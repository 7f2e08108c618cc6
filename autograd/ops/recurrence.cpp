#include "gradtape/autograd/ops/recurrence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/kernels/recurrence.hpp"
#include "gradtape/autograd/kernels/reduce.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/ops/detail/composed_vjp.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape::detail {
namespace {

using kernels::Recurrence;
using Tensors = std::vector<Tensor>;

// ---- by public ops ----

RecurrentState lstm_step(const Tensor& sums, const RecurrentState& state,
                         const Tensor& projection) {
  static const auto next_c = formula(
      "lstm", [](auto i, auto f, auto g, auto c) { return sigmoid(f) * c + sigmoid(i) * tanh(g); });
  static const auto next_h = formula("lstm", [](auto o, auto c) { return sigmoid(o) * tanh(c); });
  const auto gates = chunk(sums, 4, -1);
  const Tensor c = next_c(gates[0], gates[1], gates[2], state.c), h = next_h(gates[3], c);
  return {projection.defined() ? linear(h, projection) : h, c};
}

Tensor gru_step(const Tensor& input, const Tensor& sums, const Tensor& h) {
  const auto x = chunk(input, 3, -1), s = chunk(sums, 3, -1);
  const Tensor n = tanh(x[2] + sigmoid(x[0] + s[0]) * s[2]);
  return n + sigmoid(x[1] + s[1]) * (h - n);
}

RecurrentState step(Recurrence kind, const Tensor& input, const RecurrentState& state,
                    const RecurrentCall& call) {
  const Tensor sums = linear(state.h, call.weight, call.bias);
  switch (kind) {
    case Recurrence::rnn_tanh:
      return {tanh(input + sums), {}};
    case Recurrence::rnn_relu:
      return {relu(input + sums), {}};
    case Recurrence::lstm:
      return lstm_step(input + sums, state, call.projection);
    default:
      return {gru_step(input, sums, state.h), {}};
  }
}

RecurrentResult composed(Recurrence kind, const RecurrentCall& call) {
  const auto inputs = unbind(call.input);
  const std::size_t steps = inputs.size();
  Tensors valid, states(steps);
  if (call.lengths.defined())
    valid =
        unbind(reshape(arange(call.input.size(0)), {-1, 1, 1}) < reshape(call.lengths, {-1, 1}));
  RecurrentState state = call.initial;
  for (std::size_t k = 0; k < steps; ++k) {
    const std::size_t t = call.reverse ? steps - 1 - k : k;
    RecurrentState next = step(kind, inputs[t], state, call);
    if (!valid.empty()) {
      next.h = where(valid[t], next.h, state.h);
      if (next.c.defined()) next.c = where(valid[t], next.c, state.c);
    }
    states[t] = next.h;
    state = std::move(next);
  }
  return {stack(states), state};
}

// ---- fused ----

template <class T>
kernels::RecurrenceOperands<T> operands(Recurrence kind, const RecurrentCall& call) {
  return {kind,
          call.input.size(0),
          call.input.size(1),
          call.initial.h.size(1),
          call.reverse,
          elements<std::int64_t>(call.lengths),
          elements<T>(call.input),
          elements<T>(call.weight),
          elements<T>(call.bias),
          elements<T>(call.initial.h),
          elements<T>(call.initial.c)};
}

/// What the backward pass needs besides the op's inputs and results; see RecurrenceStates.
struct Kept {
  Tensor c, sums;
};

template <class T> kernels::RecurrenceStates<T> states(const Tensor& h, const Kept& kept) {
  return {kept.sums.size(0) == h.size(0), mutable_elements<T>(h), mutable_elements<T>(kept.c),
          mutable_elements<T>(kept.sums)};
}

/// The inputs that are differentiable, and back.
Tensors inputs_of(const RecurrentCall& call) {
  Tensors x{call.input, call.weight, call.initial.h};
  if (call.initial.c.defined()) x.push_back(call.initial.c);
  if (call.bias.defined()) x.push_back(call.bias);
  return x;
}
RecurrentCall with_inputs(RecurrentCall call, const Tensors& x) {
  call.input = x[0], call.weight = x[1], call.initial.h = x[2];
  std::size_t next = 3;
  if (call.initial.c.defined()) call.initial.c = x[next++];
  if (call.bias.defined()) call.bias = x[next++];
  return call;
}

Tensors results_of(const RecurrentResult& y) {
  Tensors all{y.h, y.last.h};
  if (y.last.c.defined()) all.push_back(y.last.c);
  return all;
}

Tensors backward(Recurrence kind, const RecurrentCall& call, const Kept& kept,
                 std::span<const Tensor> g, const std::vector<bool>& needed, const Tensor& h) {
  const auto like = [](const Tensor& x) {
    return x.defined() ? empty(x.shape(), x.dtype()) : Tensor();
  };
  const Tensor of_input = like(call.input),
               of_sums = kind == Recurrence::gru ? like(call.input) : of_input;
  const RecurrentCall gradients{of_input,
                                {like(call.initial.h), like(call.initial.c)},
                                needed[1] ? like(call.weight) : Tensor(),
                                needed.back() ? like(call.bias) : Tensor()};
  visit_floating(h.dtype(), "recurrence", [&](auto zero) {
    using T = decltype(zero);
    const auto x = operands<T>(kind, call);
    kernels::recurrence_backward<T>(
        x, states<T>(h, kept),
        {elements<T>(g[0]), elements<T>(g[1]), g.size() > 2 ? elements<T>(g[2]) : nullptr,
         mutable_elements<T>(of_input), mutable_elements<T>(of_sums),
         mutable_elements<T>(gradients.initial.h), mutable_elements<T>(gradients.initial.c)});
    if (gradients.weight.defined())
      kernels::recurrence_weight_gradient(x, elements<T>(h), elements<T>(of_sums),
                                          mutable_elements<T>(gradients.weight));
    if (gradients.bias.defined())
      kernels::sum(elements<T>(of_sums), mutable_elements<T>(gradients.bias),
                   {1, x.steps * x.batch, of_sums.size(-1)});
  });
  return inputs_of(gradients);
}

RecurrentResult fused(const char* op, Recurrence kind, const RecurrentCall& call) {
  const Tensors x = inputs_of(call);
  const bool kept_all =
      recording() && std::ranges::any_of(x, [](const Tensor& t) { return t.is_tracked(); });
  const auto steps = call.input.size(0), n = call.input.size(1), hidden = call.initial.h.size(1);
  const auto room = kept_all ? steps : 1;
  const Dtype dtype = call.input.dtype();
  const Tensor h = empty({steps, n, hidden}, dtype, op);
  const Kept kept{kind == Recurrence::lstm ? empty({room, n, hidden}, dtype, op) : Tensor(),
                  empty({room, n, call.input.size(2)}, dtype, op)};
  constexpr std::int64_t many = 8;  // steps that pay for moving the weight
  const Tensor transposed = steps < many ? Tensor() : transpose(call.weight.detach());
  visit_floating(dtype, op, [&](auto zero) {
    using T = decltype(zero);
    kernels::recurrence(operands<T>(kind, call), elements<T>(transposed), states<T>(h, kept));
  });
  const auto at_end = [&](const Tensor& all) {
    const auto t = call.reverse ? 0 : all.size(0) - 1;
    return alias(all, {n, hidden}, t * n * hidden);
  };
  RecurrentResult y{h, {at_end(h), {}}};
  if (kept.c.defined()) y.last.c = at_end(kept.c);
  const auto vjp = [kind, call, kept](std::span<const Tensor> g, const std::vector<bool>& needed,
                                      std::span<const Tensor> outputs) {
    if (!recording()) return backward(kind, call, kept, g, needed, outputs[0]);
    const auto by_ops = [&](const Tensors& x) {
      return results_of(composed(kind, with_inputs(call, x)));
    };
    return composed_vjp(by_ops, inputs_of(call), g, needed);
  };
  const Tensors all = record(op, results_of(y), x, vjp);
  return {all[0], {all[1], all.size() > 2 ? all[2] : Tensor()}};
}

void check(const char* op, Recurrence kind, const RecurrentCall& call) {
  need_defined(op, call.input, "input");
  need_defined(op, call.weight, "weight");
  need_defined(op, call.initial.h, "h");
  const auto& [h, c] = call.initial;
  const Shape input = call.input.shape();
  const auto gates = kernels::gate_count(kind), hidden = input.ndim() == 3 ? input[2] / gates : 0;
  const bool projected = call.projection.defined() && call.projection.ndim() == 2;
  const auto width = projected ? call.projection.size(0) : hidden;
  const auto is = [](const Tensor& x, const Shape& wanted) {
    return !x.defined() || x.shape() == wanted;
  };
  const bool fits = input.ndim() == 3 && input[0] > 0 && input[2] == gates * hidden &&
                    is(call.weight, {input[2], width}) && is(h, {input[1], width}) &&
                    is(c, {input[1], hidden}) && (kind != Recurrence::lstm || c.defined()) &&
                    is(call.bias, {input[2]}) && is(call.projection, {width, hidden}) &&
                    is(call.lengths, {input[1]});
  if (!fits)
    fail<ShapeError>(op,
                     fmt::format("needs input [T, N, {0} hidden] of at least one step, weight "
                                 "[{0} hidden, width of h] and a state of N rows; got {1}, "
                                 "{2} and h {3}",
                                 gates, describe(call.input), describe(call.weight), describe(h)));
  for (const Tensor* x : {&call.weight, &h, &c, &call.bias, &call.projection})
    if (x->defined() && x->dtype() != call.input.dtype())
      fail<DtypeError>(op, fmt::format("dtypes do not mix: input is {}, {} is {}",
                                       name(call.input.dtype()), describe(*x), name(x->dtype())));
  visit_floating(call.input.dtype(), op, [](auto) {});  // or throws
  if (call.lengths.defined() && call.lengths.dtype() != int64)
    fail<DtypeError>(op, fmt::format("lengths are int64, got {}", name(call.lengths.dtype())));
}

/// Projections, and extents that BLAS cannot count, go by public ops.
RecurrentResult run(const char* op, Recurrence kind, RecurrentCall call) {
  if (kind != Recurrence::lstm) call.initial.c = {};
  check(op, kind, call);
  const auto rows = call.input.size(0) * call.input.size(1);
  const bool fits = kernels::fits_blas(rows, call.weight.size(0), call.weight.size(1));
  return call.projection.defined() || !fits ? composed(kind, call) : fused(op, kind, call);
}

}  // namespace

RecurrentResult rnn(const RecurrentCall& call, bool relu) {
  return run("rnn", relu ? Recurrence::rnn_relu : Recurrence::rnn_tanh, call);
}
RecurrentResult lstm(const RecurrentCall& call) { return run("lstm", Recurrence::lstm, call); }
RecurrentResult gru(const RecurrentCall& call) { return run("gru", Recurrence::gru, call); }

}  // namespace gradtape::detail

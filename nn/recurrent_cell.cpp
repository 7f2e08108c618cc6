#include "gradtape/nn/recurrent_cell.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/ops/recurrence.hpp"
#include "gradtape/nn/init.hpp"

namespace gradtape::nn {

using namespace author;

namespace detail {
namespace {

/// A run of one step, from rows or a single sample.
RecurrentCall one_step(const Tensor& gates, const LSTMState& state,
                       const RecurrentWeights& weights) {
  const auto row_of = [](const Tensor& x) { return x.ndim() == 1 ? unsqueeze(x, 0) : x; };
  return {.input = unsqueeze(row_of(gates), 0),
          .initial = {row_of(state.h), state.c.defined() ? row_of(state.c) : state.c},
          .weight = weights.hh};
}
/// The state after it, as the gates have it.
Tensor as(const Tensor& gates, const Tensor& state) {
  return gates.ndim() == 1 ? squeeze(state, {0}) : state;
}

}  // namespace

Tensor input_gates(const Tensor& x, const RecurrentWeights& weights, bool both_biases) {
  if (!weights.bias_ih.defined()) return linear(x, weights.ih);
  return linear(x, weights.ih,
                both_biases ? weights.bias_ih + weights.bias_hh : weights.bias_ih.tensor());
}

void check_sizes(const char* layer, std::int64_t in, std::int64_t hidden) {
  if (in < 1 || hidden < 1)
    fail<ValueError>(layer, fmt::format("needs at least one input and one hidden unit, got in = "
                                        "{}, hidden = {}",
                                        in, hidden));
  constexpr auto most = std::numeric_limits<std::int64_t>::max() / 4;  // gates
  if (hidden > most)
    fail<ValueError>(layer, fmt::format("hidden = {} is too large for any memory", hidden));
}

void check_dtype(const char* layer, const char* name, const Tensor& x, const Parameter& weight) {
  if (x.dtype() != weight.dtype())
    fail<DtypeError>(layer,
                     fmt::format("{} is {}, but the weights are {}; convert one with .to()", name,
                                 gradtape::name(x.dtype()), gradtape::name(weight.dtype())));
}

void check_together(const char* layer, const LSTMState& state) {
  if (state.h.defined() != state.c.defined())
    fail<ValueError>(layer,
                     fmt::format("the state has {} but no {}; give both or none",
                                 state.h.defined() ? "h" : "c", state.h.defined() ? "c" : "h"));
}

RecurrentCell::RecurrentCell(const Description& description, const Generator& generator)
    : weights([&] {
        const auto& [layer, gates, in, hidden, bias, dtype] = description;
        check_sizes(layer, in, hidden);
        const double bound = 1 / std::sqrt(static_cast<double>(hidden));
        const auto made = [&, dtype = dtype](const char* name, const Shape& shape) {
          return parameter(name, init::Uniform{-bound, bound}(shape, dtype, generator));
        };
        const auto rows = gates * hidden;
        RecurrentWeights made_weights{
            made("weight_ih", {rows, in}), made("weight_hh", {rows, hidden}), {}, {}, {}};
        if (bias) {
          made_weights.bias_ih = made("bias_ih", {rows});
          made_weights.bias_hh = made("bias_hh", {rows});
        }
        return made_weights;
      }()),
      description_(description) {}

void RecurrentCell::check_input(const Tensor& x) const {
  const auto in = description_.in;
  if (x.ndim() < 1 || x.ndim() > 2 || x.size(-1) != in)
    fail<ShapeError>(description_.layer,
                     fmt::format("needs x [N, {}] or [{}], got {}", in, in, describe(x)));
  check_dtype(description_.layer, "x", x, weights.ih);
}

Tensor RecurrentCell::state_or_zeros(const char* name, const Tensor& state, const Tensor& x) const {
  const auto hidden = description_.hidden;
  const Shape want = x.ndim() == 1 ? Shape{hidden} : Shape{x.size(0), hidden};
  if (!state.defined()) return zeros(want, x.dtype());
  if (state.shape() != want)
    fail<ShapeError>(description_.layer, fmt::format("needs {} {} for x {}, got {}", name,
                                                     want.str(), describe(x), describe(state)));
  check_dtype(description_.layer, name, state, weights.hh);
  return state;
}

}  // namespace detail

RNNCell::RNNCell(std::int64_t in, std::int64_t hidden, const RNNCellOptions& options)
    : RecurrentCell({"RNNCell", 1, in, hidden, options.bias, options.dtype}, options.generator),
      nonlinearity_(options.nonlinearity) {}

Tensor RNNCell::operator()(const Tensor& x, const Tensor& h) const {
  return call(x, [&](const Tensor& input) {
    check_input(input);
    const Tensor gates = detail::input_gates(input, weights, true);
    const auto call = detail::one_step(gates, {state_or_zeros("h", h, input), {}}, weights);
    return detail::as(gates, rnn(call, nonlinearity_ == Nonlinearity::relu).last.h);
  });
}

LSTMCell::LSTMCell(std::int64_t in, std::int64_t hidden, const LSTMCellOptions& options)
    : RecurrentCell({"LSTMCell", 4, in, hidden, options.bias, options.dtype}, options.generator) {}

LSTMState LSTMCell::operator()(const Tensor& x, const LSTMState& state) const {
  LSTMState next;
  next.h = call(x, [&](const Tensor& input) {
    check_input(input);
    detail::check_together("LSTMCell", state);
    const Tensor gates = detail::input_gates(input, weights, true);
    const auto [h, c] =
        lstm(detail::one_step(
                 gates, {state_or_zeros("h", state.h, input), state_or_zeros("c", state.c, input)},
                 weights))
            .last;
    next.c = detail::as(gates, c);
    return detail::as(gates, h);
  });
  return next;
}

GRUCell::GRUCell(std::int64_t in, std::int64_t hidden, const GRUCellOptions& options)
    : RecurrentCell({"GRUCell", 3, in, hidden, options.bias, options.dtype}, options.generator) {}

Tensor GRUCell::operator()(const Tensor& x, const Tensor& h) const {
  return call(x, [&](const Tensor& input) {
    check_input(input);
    const Tensor gates = detail::input_gates(input, weights, false);
    auto call = detail::one_step(gates, {state_or_zeros("h", h, input), {}}, weights);
    if (weights.bias_hh.defined()) call.bias = weights.bias_hh;
    return detail::as(gates, gru(call).last.h);
  });
}

}  // namespace gradtape::nn

#include "gradtape/nn/recurrent_cell.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/formula.hpp"
#include "gradtape/nn/init.hpp"

namespace gradtape::nn {

using namespace author;

namespace detail {
namespace {}  // namespace

Tensor input_gates(const Tensor& x, const RecurrentWeights& weights, bool both_biases) {
  if (!weights.bias_ih.defined()) return linear(x, weights.ih);
  return linear(x, weights.ih,
                both_biases ? weights.bias_ih + weights.bias_hh : weights.bias_ih.tensor());
}

Tensor rnn_step(const Tensor& input_gates, const Tensor& h, const RecurrentWeights& weights,
                Nonlinearity nonlinearity) {
  const Tensor s = input_gates + linear(h, weights.hh);
  return nonlinearity == Nonlinearity::tanh ? tanh(s) : relu(s);
}

LSTMState lstm_step(const Tensor& input_gates, const LSTMState& state,
                    const RecurrentWeights& weights) {
  static const auto next_c = formula("lstm_c", [](auto i, auto f, auto g, auto c) {
    return sigmoid(f) * c + sigmoid(i) * tanh(g);
  });
  static const auto next_h = formula("lstm_h", [](auto o, auto c) { return sigmoid(o) * tanh(c); });
  const auto gates = chunk(input_gates + linear(state.h, weights.hh), 4, -1);
  const Tensor c = next_c(gates[0], gates[1], gates[2], state.c);
  const Tensor h = next_h(gates[3], c);
  return {weights.hr.defined() ? linear(h, weights.hr) : h, c};
}

Tensor gru_step(const Tensor& input_gates, const Tensor& h, const RecurrentWeights& weights) {
  static const auto candidate = formula(
      "gru_n", [](auto xr, auto hr, auto xn, auto hn) { return tanh(xn + sigmoid(xr + hr) * hn); });
  static const auto next_h = formula(
      "gru_h", [](auto xz, auto hz, auto n, auto h) { return n + sigmoid(xz + hz) * (h - n); });
  const auto x = chunk(input_gates, 3, -1);
  const auto s = chunk(linear(h, weights.hh, weights.bias_hh), 3, -1);
  return next_h(x[1], s[1], candidate(x[0], s[0], x[2], s[2]), h);
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
    return detail::rnn_step(detail::input_gates(input, weights, true),
                            state_or_zeros("h", h, input), weights, nonlinearity_);
  });
}

LSTMCell::LSTMCell(std::int64_t in, std::int64_t hidden, const LSTMCellOptions& options)
    : RecurrentCell({"LSTMCell", 4, in, hidden, options.bias, options.dtype}, options.generator) {}

LSTMState LSTMCell::operator()(const Tensor& x, const LSTMState& state) const {
  LSTMState next;
  next.h = call(x, [&](const Tensor& input) {
    check_input(input);
    detail::check_together("LSTMCell", state);
    next = detail::lstm_step(
        detail::input_gates(input, weights, true),
        {state_or_zeros("h", state.h, input), state_or_zeros("c", state.c, input)}, weights);
    return next.h;
  });
  return next;
}

GRUCell::GRUCell(std::int64_t in, std::int64_t hidden, const GRUCellOptions& options)
    : RecurrentCell({"GRUCell", 3, in, hidden, options.bias, options.dtype}, options.generator) {}

Tensor GRUCell::operator()(const Tensor& x, const Tensor& h) const {
  return call(x, [&](const Tensor& input) {
    check_input(input);
    return detail::gru_step(detail::input_gates(input, weights, false),
                            state_or_zeros("h", h, input), weights);
  });
}

}  // namespace gradtape::nn

#include "gradtape/nn/recurrent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/detail/layer.hpp"
#include "gradtape/nn/init.hpp"

namespace gradtape::nn {

using namespace author;

namespace detail {

Recurrent::Recurrent(Description description, Dtype dtype, const Generator& generator)
    : description_(std::move(description)) {
  const auto& d = description_;
  check_sizes(d.layer, d.in, d.hidden);
  require(d.layer, "num_layers", d.num_layers, at_least(1));
  require(d.layer, "proj_size", d.proj_size, at_least(0));
  require(d.layer, "proj_size", d.proj_size, below(static_cast<double>(d.hidden), "hidden"));
  require(d.layer, "dropout", d.dropout, closed(0, 1));

  const double bound = 1 / std::sqrt(static_cast<double>(d.hidden));
  const auto rows = d.gates * d.hidden, out = d.proj_size ? d.proj_size : d.hidden;
  const int directions = d.bidirectional ? 2 : 1;
  for (std::int64_t layer = 0; layer < d.num_layers; ++layer)
    for (int direction = 0; direction < directions; ++direction) {
      const auto made = [&](const char* name, const Shape& shape) {
        return parameter(fmt::format("{}_l{}{}", name, layer, direction ? "_reverse" : ""),
                         init::Uniform{-bound, bound}(shape, dtype, generator));
      };
      auto& w = weights_.emplace_back();
      w.ih = made("weight_ih", {rows, layer ? directions * out : d.in});
      w.hh = made("weight_hh", {rows, out});
      if (d.bias) w.bias_ih = made("bias_ih", {rows});
      if (d.bias) w.bias_hh = made("bias_hh", {rows});
      if (d.proj_size) w.hr = made("weight_hr", {out, d.hidden});
    }
}

const RecurrentWeights& Recurrent::weights(std::int64_t layer, bool reverse) const {
  const auto& d = description_;
  if (layer < 0 || layer >= d.num_layers || (reverse && !d.bidirectional))
    fail<ValueError>(d.layer, fmt::format("there is no layer {}{}; it has {} layers, {}", layer,
                                          reverse ? " reversed" : "", d.num_layers,
                                          d.bidirectional ? "both ways" : "forward only"));
  return weights_[static_cast<std::size_t>(d.bidirectional ? 2 * layer + reverse : layer)];
}

/// A batch as the walk takes it, with the time axis first.
struct Recurrent::Batch {
  Tensor x;                  ///< [T, N, in], zeros after the end of a sequence.
  Tensor lengths;            ///< As given; undefined where all have full length.
  Tensor valid;              ///< Then bool [T, N, 1]: before the end.
  std::vector<Tensor> h, c;  ///< First states, [N, out] and [N, hidden], by layer and direction.
};

Recurrent::Batch Recurrent::checked(const Tensor& x, const LSTMState& initial,
                                    const Tensor& lengths) const {
  const auto& d = description_;
  const bool single = x.ndim() == 2;
  if ((x.ndim() != 3 && !single) || x.size(-1) != d.in)
    fail<ShapeError>(d.layer,
                     fmt::format("needs x [{}, {}] for a batch or [T, {}] for one sequence, got {}",
                                 d.batch_first ? "N, T" : "T, N", d.in, d.in, describe(x)));
  check_dtype(d.layer, "x", x, weights_[0].ih);
  Batch batch;
  batch.x = single ? unsqueeze(x, 1) : d.batch_first ? transpose(x, 0, 1) : x;
  const auto steps = batch.x.size(0), n = batch.x.size(1);
  if (steps < 1)
    fail<ShapeError>(d.layer, fmt::format("needs at least one step, got {}", describe(x)));

  const auto states = [&](const char* name, const Tensor& state, std::int64_t width) {
    const auto count = static_cast<std::int64_t>(weights_.size());
    if (!state.defined()) return std::vector<Tensor>(weights_.size(), zeros({n, width}, x.dtype()));
    const Shape want = single ? Shape{count, width} : Shape{count, n, width};
    if (state.shape() != want)
      fail<ShapeError>(d.layer, fmt::format("needs {} {} for x {}, got {}", name, want.str(),
                                            describe(x), describe(state)));
    check_dtype(d.layer, name, state, weights_[0].hh);
    return unbind(single ? unsqueeze(state, 1) : state);
  };
  batch.h = states("h", initial.h, d.proj_size ? d.proj_size : d.hidden);
  batch.c = states("c", initial.c, d.hidden);

  if (!lengths.defined()) return batch;
  if (lengths.dtype() != int64)
    fail<DtypeError>(d.layer, fmt::format("lengths are int64, got {}", name(lengths.dtype())));
  if (single || lengths.shape() != Shape{n})
    fail<ShapeError>(d.layer, fmt::format("needs one length for each sequence of a batch, [N]; got "
                                          "{} for x {}",
                                          describe(lengths), describe(x)));
  bool full = true;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto length = lengths.data<std::int64_t>()[static_cast<std::size_t>(i)];
    if (length < 1 || length > steps)
      fail<ValueError>(
          d.layer, fmt::format("lengths[{}] = {}, but it must be in [1, {}]", i, length, steps));
    full = full && length == steps;
  }
  if (full) return batch;
  batch.lengths = lengths;
  batch.valid = reshape(arange(steps), {steps, 1, 1}) < reshape(lengths, {n, 1});
  batch.x = where(batch.valid, batch.x, 0);  // so that not even a NaN there reaches a gradient
  return batch;
}

LSTMOutput Recurrent::run_direction(const Tensor& x, const LSTMState& initial, const Batch& batch,
                                    std::size_t index) const {
  const auto& w = weights_[index];
  const bool reverse = description_.bidirectional && index % 2 == 1;
  RecurrentCall call{.input = input_gates(x, w, description_.folds_biases),
                     .initial = {initial.h, initial.c},
                     .weight = w.hh,
                     .reverse = reverse,
                     .lengths = batch.lengths};
  if (w.bias_hh.defined() && !description_.folds_biases) call.bias = w.bias_hh;
  if (w.hr.defined()) call.projection = w.hr;
  const auto [h, last] = steps(call);
  return {batch.valid.defined() ? where(batch.valid, h, 0) : h, {last.h, last.c}};
}

LSTMOutput Recurrent::run(const Tensor& x, const LSTMState& initial, const Tensor& lengths) const {
  const auto& d = description_;
  const Batch batch = checked(x, initial, lengths);
  const std::size_t directions = d.bidirectional ? 2 : 1;
  Tensor layer = batch.x;
  std::vector<Tensor> h, c;
  for (std::size_t first = 0; first < weights_.size(); first += directions) {
    if (first > 0 && d.dropout > 0 && is_training())
      layer = dropout(layer, d.dropout, d.dropout_generator);
    std::vector<Tensor> outputs;
    for (std::size_t i = first; i < first + directions; ++i) {
      const auto [output, state] = run_direction(layer, {batch.h[i], batch.c[i]}, batch, i);
      outputs.push_back(output);
      h.push_back(state.h);
      if (state.c.defined()) c.push_back(state.c);
    }
    layer = d.bidirectional ? concat(outputs, -1) : outputs[0];
  }
  const bool single = x.ndim() == 2;
  const auto joined = [&](const std::vector<Tensor>& states) {
    if (states.empty()) return Tensor();
    return single ? squeeze(stack(states), {1}) : stack(states);
  };
  return {single          ? squeeze(layer, {1})
          : d.batch_first ? transpose(layer, 0, 1)
                          : layer,
          {joined(h), joined(c)}};
}

}  // namespace detail

RNN::RNN(std::int64_t in, std::int64_t hidden, const RNNOptions& options)
    : Recurrent(
          {"RNN", 1, true, in, hidden, options.num_layers, 0, options.bias, options.batch_first,
           options.bidirectional, options.dropout, options.dropout_generator},
          options.dtype, options.generator),
      nonlinearity_(options.nonlinearity) {}

RNNOutput RNN::operator()(const Tensor& x, const Tensor& h, const Tensor& lengths) const {
  return call(x, [&](const Tensor& input) {
    const auto [output, state] = run(input, {h, {}}, lengths);
    return RNNOutput{output, state.h};
  });
}

RecurrentResult RNN::steps(const RecurrentCall& call) const {
  return rnn(call, nonlinearity_ == Nonlinearity::relu);
}

LSTM::LSTM(std::int64_t in, std::int64_t hidden, const LSTMOptions& options)
    : Recurrent(
          {"LSTM", 4, true, in, hidden, options.num_layers, options.proj_size, options.bias,
           options.batch_first, options.bidirectional, options.dropout, options.dropout_generator},
          options.dtype, options.generator) {}

LSTMOutput LSTM::operator()(const Tensor& x, const LSTMState& state, const Tensor& lengths) const {
  return call(x, [&](const Tensor& input) {
    detail::check_together("LSTM", state);
    return run(input, state, lengths);
  });
}

RecurrentResult LSTM::steps(const RecurrentCall& call) const { return lstm(call); }

GRU::GRU(std::int64_t in, std::int64_t hidden, const GRUOptions& options)
    : Recurrent(
          {"GRU", 3, false, in, hidden, options.num_layers, 0, options.bias, options.batch_first,
           options.bidirectional, options.dropout, options.dropout_generator},
          options.dtype, options.generator) {}

RNNOutput GRU::operator()(const Tensor& x, const Tensor& h, const Tensor& lengths) const {
  return call(x, [&](const Tensor& input) {
    const auto [output, state] = run(input, {h, {}}, lengths);
    return RNNOutput{output, state.h};
  });
}

RecurrentResult GRU::steps(const RecurrentCall& call) const { return gru(call); }

}  // namespace gradtape::nn

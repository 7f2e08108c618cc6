#include <gradtape/nn/recurrent.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

constexpr std::size_t keyword_only = 100;

/// The options that all three layers have.
template <class Options> Options common(Call& c) {
  Options options;
  options.num_layers = c.integer(2, "num_layers", 1);
  options.bias = c.flag(3, "bias", true);
  options.batch_first = c.flag(4, "batch_first", false);
  options.dropout = c.number(5, "dropout", 0);
  options.bidirectional = c.flag(6, "bidirectional", false);
  return options;
}

nn::Nonlinearity nonlinearity(Call& c, std::size_t i) {
  const auto name = c.text(i, "nonlinearity", "tanh");
  if (name != "tanh" && name != "relu") throw Unsupported("the nonlinearity " + name);
  return name == "tanh" ? nn::Nonlinearity::tanh : nn::Nonlinearity::relu;
}

/// A state of h and c, which PyTorch takes as a pair and cases list one after the other.
nn::LSTMState state(Call& c) {
  if (c.has(1, "hx") && c.at(1, "hx").is<List>()) {
    const auto pair = c.at(1, "hx").tensors("hx");
    return {pair.at(0), pair.at(1)};
  }
  return {c.tensor_or_none(1, "hx"), c.tensor_or_none(2, "cx")};
}

template <class L> MadeLayer called_with_h(const L& layer) {
  return made(layer, [layer](Call& c) -> Value {
    const auto [output, h] = layer(c.tensor(0, "input"), c.tensor_or_none(1, "hx"));
    return List{output, h};
  });
}

template <class L> MadeLayer cell_with_h(const L& cell) {
  return made(cell, [cell](Call& c) -> Value {
    return cell(c.tensor(0, "input"), c.tensor_or_none(1, "hx"));
  });
}

MadeLayer rnn(Call& c) {
  auto options = common<nn::RNNOptions>(c);
  options.nonlinearity = nonlinearity(c, keyword_only);
  return called_with_h(nn::RNN(c.integer(0, "input_size"), c.integer(1, "hidden_size"), options));
}

MadeLayer gru(Call& c) {
  return called_with_h(
      nn::GRU(c.integer(0, "input_size"), c.integer(1, "hidden_size"), common<nn::GRUOptions>(c)));
}

MadeLayer lstm(Call& c) {
  auto options = common<nn::LSTMOptions>(c);
  options.proj_size = c.integer(7, "proj_size", 0);
  const nn::LSTM layer(c.integer(0, "input_size"), c.integer(1, "hidden_size"), options);
  return made(layer, [layer](Call& call) -> Value {
    const auto [output, last] = layer(call.tensor(0, "input"), state(call));
    return List{output, last.h, last.c};
  });
}

MadeLayer rnn_cell(Call& c) {
  return cell_with_h(
      nn::RNNCell(c.integer(0, "input_size"), c.integer(1, "hidden_size"),
                  {.bias = c.flag(2, "bias", true), .nonlinearity = nonlinearity(c, 3)}));
}

MadeLayer gru_cell(Call& c) {
  return cell_with_h(nn::GRUCell(c.integer(0, "input_size"), c.integer(1, "hidden_size"),
                                 {.bias = c.flag(2, "bias", true)}));
}

MadeLayer lstm_cell(Call& c) {
  const nn::LSTMCell cell(c.integer(0, "input_size"), c.integer(1, "hidden_size"),
                          {.bias = c.flag(2, "bias", true)});
  return made(cell, [cell](Call& call) -> Value {
    const auto [h, next] = cell(call.tensor(0, "input"), state(call));
    return List{h, next};
  });
}

LayerMap family_layers() {
  return {{"GRU", gru}, {"GRUCell", gru_cell}, {"LSTM", lstm}, {"LSTMCell", lstm_cell},
          {"RNN", rnn}, {"RNNCell", rnn_cell}};
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance

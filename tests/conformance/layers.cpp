#include "layers.hpp"

#include <gradtape/nn/nn.hpp>

#include "expression.hpp"

namespace gradtape::conformance {
namespace {

template <class L> MadeLayer made(const L& layer) {
  if constexpr (std::is_invocable_r_v<Tensor, const L&, const Tensor&>)
    return {layer, [layer](const Tensor& x) -> Tensor { return layer(x); }};
  else
    return {layer, nullptr};
}

MadeLayer linear(Call& c) {
  return made(nn::Linear(c.integer(0, "in_features"), c.integer(1, "out_features"),
                         {.bias = c.flag(2, "bias", true)}));
}

/// in, hidden and what RNN, LSTM and GRU have in common.
template <class L, class Options> MadeLayer recurrent_with(Call& c, Options options) {
  options.num_layers = c.integer(2, "num_layers", 1);
  options.bias = c.flag(3, "bias", true);
  options.batch_first = c.flag(4, "batch_first", false);
  options.dropout = c.number(5, "dropout", 0.0);
  options.bidirectional = c.flag(6, "bidirectional", false);
  if constexpr (requires { options.proj_size; }) options.proj_size = c.integer(7, "proj_size", 0);
  return made(L(c.integer(0, "input_size"), c.integer(1, "hidden_size"), options));
}

template <class L, class Options> MadeLayer recurrent(Call& c) {
  return recurrent_with<L>(c, Options{});
}

nn::Nonlinearity nonlinearity(Call& c, std::size_t i) {
  const auto name = c.text(i, "nonlinearity", "tanh");
  if (name != "tanh" && name != "relu") throw Unsupported("the nonlinearity " + name);
  return name == "tanh" ? nn::Nonlinearity::tanh : nn::Nonlinearity::relu;
}

MadeLayer rnn(Call& c) {
  constexpr std::size_t keyword_only = 99;
  return recurrent_with<nn::RNN>(c, nn::RNNOptions{.nonlinearity = nonlinearity(c, keyword_only)});
}

template <class L, class Options> MadeLayer cell(Call& c) {
  Options options{.bias = c.flag(2, "bias", true)};
  if constexpr (requires { options.nonlinearity; }) options.nonlinearity = nonlinearity(c, 3);
  return made(L(c.integer(0, "input_size"), c.integer(1, "hidden_size"), options));
}

template <class L> MadeLayer dropout(Call& c) {
  c.ignore(1, "inplace");
  return made(L(c.number(0, "p", 0.5)));
}

}  // namespace

const LayerMap& layers() {
  static const LayerMap map = {
      {"Linear", linear},
      {"Dropout", dropout<nn::Dropout>},
      {"RNN", rnn},
      {"LSTM", recurrent<nn::LSTM, nn::LSTMOptions>},
      {"GRU", recurrent<nn::GRU, nn::GRUOptions>},
      {"RNNCell", cell<nn::RNNCell, nn::RNNCellOptions>},
      {"LSTMCell", cell<nn::LSTMCell, nn::LSTMCellOptions>},
      {"GRUCell", cell<nn::GRUCell, nn::GRUCellOptions>},
  };
  return map;
}

MadeLayer make_layer(const std::string& name, Call& arguments) {
  const auto found = layers().find(name);
  if (found == layers().end()) throw Unsupported("no equivalent of nn." + name);
  arguments.function = "nn." + name;  // for messages
  const MadeLayer layer = found->second(arguments);
  arguments.check_all_read();
  return layer;
}

MadeLayer make_layer(const std::string& expression) {
  const auto start = expression.starts_with("torch.") ? 6u : 0u;
  const auto open = expression.find('(');
  if (expression.substr(start, 3) != "nn." || open == expression.npos)
    throw Unsupported("the layer " + expression);
  const auto name = expression.substr(start + 3, open - start - 3);
  std::optional<MadeLayer> layer;
  const Function constructor = [&](Call& call) {
    layer.emplace(make_layer(name, call));
    return Value();
  };
  evaluate("layer" + expression.substr(open), {{"layer", constructor}});
  return layer.value();
}

}  // namespace gradtape::conformance

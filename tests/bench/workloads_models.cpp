// Models and their training.
#include "workloads.hpp"

namespace bench {

namespace nn = side::nn;

namespace {

using Loss = Tensor (*)(const Tensor&, const Tensor&);

const Loss classification = [](const Tensor& x, const Tensor& y) {
  return side::cross_entropy(x, y);
};
const Loss squared_error = [](const Tensor& x, const Tensor& y) { return side::mse_loss(x, y); };

/// Training of `net` on one batch.
template <class Net, class MakeOptimizer>
Case train(const Net& module, MakeOptimizer make_optimizer, const Input& x, const Input& y,
           Loss loss) {
  const side::Model net = model(module);
  const Tensor inputs = input(x, "x"), targets = input(y, "y");
  return training(net.variables, make_optimizer(list(net.variables)),
                  [=] { return loss(net.forward(inputs), targets); });
}

using Variables = std::vector<side::Variable>;

auto small_mlp() {
  return nn::Sequential(nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 64), nn::ReLU(),
                        nn::Linear(64, 10));
}

auto lenet() {
  return nn::Sequential(side::conv_layer(1, 6, 5, 2), nn::ReLU(), nn::MaxPool2d(2),
                        side::conv_layer(6, 16, 5), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                        nn::Linear(400, 120), nn::ReLU(), nn::Linear(120, 84), nn::ReLU(),
                        nn::Linear(84, 10));
}

Case w2() {
  return train(
      nn::Sequential(nn::Linear(2, 8), nn::Tanh(), nn::Linear(8, 1)),
      [](const Variables& p) { return side::sgd(p, 0.1); }, constant({1, 2}), constant({1, 1}),
      squared_error);
}

Case w3() {
  return train(
      small_mlp(), [](const Variables& p) { return side::sgd(p, 0.01, 0.9); }, constant({32, 64}),
      indices({32}, 10), classification);
}

Case w4() {
  return train(
      nn::Sequential(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 256), nn::ReLU(),
                     nn::Linear(256, 10)),
      [](const Variables& p) { return side::adam(p, 1e-3); }, constant({128, 784}),
      indices({128}, 10), classification);
}

Case w5() {
  return train(
      nn::Sequential(nn::Linear(1024, 2048), nn::GELU(), nn::Linear(2048, 2048), nn::GELU(),
                     nn::Linear(2048, 1024)),
      [](const Variables& p) { return side::adam(p, 1e-3); }, constant({256, 1024}),
      constant({256, 1024}), squared_error);
}

Case w6() {
  return train(
      lenet(), [](const Variables& p) { return side::sgd(p, 0.01); }, constant({64, 1, 28, 28}),
      indices({64}, 10), classification);
}

Case w7() {
  auto conv1 = side::conv_layer(64, 64, 3, 1, false), conv2 = side::conv_layer(64, 64, 3, 1, false);
  auto norm1 = nn::BatchNorm2d(64), norm2 = nn::BatchNorm2d(64);
  std::map<std::string, side::Variable> variables;
  side::add(variables, conv1, "conv1.");
  side::add(variables, conv2, "conv2.");
  side::add(variables, norm1, "norm1.");
  side::add(variables, norm2, "norm2.");
  const auto optimizer = side::sgd(list(variables), 0.01);
  const Tensor x = input(normal({16, 64, 32, 32}), "x");
  return training(variables, optimizer, [=]() mutable {
    side::clear_gradient(x);
    const Tensor h = relu(side::call(norm1, side::call(conv1, x)));
    return mean(relu(side::call(norm2, side::call(conv2, h)) + x));
  });
}

// Pre-norm, causal attention of 4 heads.
Case w8() {
  auto ln1 = side::layer_norm_layer(256), ln2 = side::layer_norm_layer(256);
  auto qkv = nn::Linear(256, 768), proj = nn::Linear(256, 256), f1 = nn::Linear(256, 1024),
       f2 = nn::Linear(1024, 256);
  std::map<std::string, side::Variable> variables;
  side::add(variables, ln1, "ln1.");
  side::add(variables, ln2, "ln2.");
  side::add(variables, qkv, "qkv.");
  side::add(variables, proj, "proj.");
  side::add(variables, f1, "f1.");
  side::add(variables, f2, "f2.");
  const auto optimizer = side::adamw(list(variables), 1e-4);
  const Tensor x = input(constant({8, 128, 256}), "x"), y = input(constant({8, 128, 256}), "y");
  return training(variables, optimizer, [=]() mutable {
    const auto heads = side::split_heads(side::call(qkv, side::call(ln1, x)), 4);
    const Tensor mixed = side::attention(heads[0], heads[1], heads[2], true);
    const Tensor r = x + side::call(proj, side::join_heads(mixed));
    const Tensor out = r + side::call(f2, gelu(side::call(f1, side::call(ln2, r))));
    return side::mse_loss(out, y);
  });
}

/// A recurrent net as a loop over 64 steps; `cell` makes the next h, and c, of the sum of gates.
template <class Cell> Case recurrent_loop(std::int64_t gates, const Cell& cell) {
  constexpr std::int64_t steps = 64, batch = 32, in = 64, hidden = 128;
  std::map<std::string, side::Variable> v;
  const auto add = [&](const std::string& name, const Extents& shape) {
    v[name] = side::variable(normal(shape), name);
  };
  add("wx", {gates * hidden, in});
  add("b", {gates * hidden});
  add("wh", {gates * hidden, hidden});
  add("wo", {1, hidden});
  add("bo", {1});
  const auto wx = v["wx"], b = v["b"], wh = v["wh"], wo = v["wo"], bo = v["bo"];
  const Tensor x = input(constant({steps, batch, in}), "x"), y = input(constant({batch, 1}), "y"),
               start = input(constant({batch, hidden}, 0), "h");
  return training(v, side::sgd(list(v), 0.01), [=] {
    Tensor h = start, c = start;
    for (std::int64_t t = 0; t < steps; ++t)
      cell(side::linear(side::select(x, 0, t), wx, b) + matmul(h, side::transpose(wh, 0, 1)), h, c);
    return side::mse_loss(side::linear(h, wo, bo), y);
  });
}

Case w9() {
  return recurrent_loop(1, [](const Tensor& gates, Tensor& h, Tensor&) { h = tanh(gates); });
}

// The LSTM's cell op by op.
Case w9b_ops() {
  return recurrent_loop(4, [](const Tensor& gates, Tensor& h, Tensor& c) {
    const auto k = chunk(gates, 4, 1);
    c = sigmoid(k[1]) * c + sigmoid(k[0]) * tanh(k[2]);
    h = sigmoid(k[3]) * tanh(c);
  });
}

/// The same, on our side in two formulas.
Case w9b() {
#ifdef BENCH_LIBTORCH
  return w9b_ops();
#else
  const auto next_c = gradtape::formula("w9b_c", [](auto i, auto f, auto g, auto c) {
    return sigmoid(f) * c + sigmoid(i) * tanh(g);
  });
  const auto next_h =
      gradtape::formula("w9b_h", [](auto o, auto c) { return sigmoid(o) * tanh(c); });
  return recurrent_loop(4, [=](const Tensor& gates, Tensor& h, Tensor& c) {
    const auto k = chunk(gates, 4, 1);
    c = next_c(k[0], k[1], k[2], c);
    h = next_h(k[3], c);
  });
#endif
}

/// A layer of the library, trained to small outputs.
template <class Module> Case layer(const Module& module, const Extents& shape) {
  const side::Model net = model(module);
  const Tensor x = input(constant(shape), "x");
  return training(net.variables, side::sgd(list(net.variables), 0.01),
                  [=] { return mean(square(net.forward(x))); });
}

Case lstm() { return layer(nn::LSTM(64, 128), {64, 32, 64}); }
Case gru() { return layer(nn::GRU(64, 128), {64, 32, 64}); }
Case encoder() { return layer(side::encoder_layer(256, 4, 1024), {128, 8, 256}); }

template <class Module> Case infer(const Module& module, const Extents& shape) {
  const side::Model net = model(module);
  initialise(net.variables);
  const Tensor x = input(constant(shape), "x");
  return inference([=] { return net.forward(x); });
}

Case infer_mlp() { return infer(small_mlp(), {1, 64}); }
Case infer_lenet() { return infer(lenet(), {1, 1, 28, 28}); }

}  // namespace

Table model_workloads() {
  return {{"W2_tiny_mlp", w2},
          {"W3_small_mlp", w3},
          {"W4_mnist_mlp", w4},
          {"W5_big_mlp", w5},
          {"W6_lenet", w6},
          {"W7_residual_block", w7},
          {"W8_transformer_block", w8},
          {"W9_rnn_loop", w9},
          {"W9b_lstm_loop", w9b},
          {"W9bops_lstm_loop", w9b_ops},
          {"nn_LSTM_64x32x64_128", lstm},
          {"nn_GRU_64x32x64_128", gru},
          {"TransformerEncoderLayer", encoder},
          {"infer_mlp_batch1", infer_mlp},
          {"infer_lenet_batch1", infer_lenet}};
}

}  // namespace bench

// The workloads of peer_libtorch.cpp on gradtape: same shapes, losses, optimizers and gradients,
// float32.
#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>
#include <gradtape/nn/activation.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/loss.hpp>
#include <gradtape/nn/normalisation.hpp>
#include <gradtape/nn/sequential.hpp>
#include <gradtape/optim/optim.hpp>

#include "harness.hpp"

using namespace gradtape;

namespace {

Tensor leaf(const Shape& shape) { return randn(shape).requires_grad(); }

void w1() {
  const Tensor x = full({}, 0.5).requires_grad();
  const Tensor c = full({}, 0.99);
  const auto forward = [&] {
    Tensor y = x;
    for (int i = 0; i < 250; ++i) {
      y = y * c;
      y = y + c;
      y = tanh(y);
      y = sin(y);
    }
    return y;
  };
  const auto step = [&] {
    x.zero_grad();
    forward().backward();
  };
  bench::measure("W1_scalar_chain", step, 1000);
  bench::measure("W1fwd_scalar_chain", forward, 1000);
  const NoGrad guard;
  bench::measure("W1nograd_scalar_chain", forward, 1000);
}

template <class Loss>
void train(const char* name, const nn::Sequential& net, optim::Optimizer& optimizer,
           const Tensor& x, const Tensor& y, Loss loss) {
  bench::measure(name, [&] {
    const Tensor l = loss(net(x), y);
    optimizer.zero_grad();
    l.backward();
    optimizer.step();
  });
}

const auto mean_squared_error = [](const Tensor& a, const Tensor& b) { return nn::mse_loss(a, b); };
const auto classification = [](const Tensor& a, const Tensor& b) {
  return nn::cross_entropy(a, b);
};

void w2() {
  const nn::Sequential net(nn::Linear(2, 8), nn::Tanh(), nn::Linear(8, 1));
  optim::SGD sgd(net.parameters(), {.lr = 0.1});
  train("W2_tiny_mlp", net, sgd, randn({1, 2}), randn({1, 1}), mean_squared_error);
}

void w3() {
  const nn::Sequential net(nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 64), nn::ReLU(),
                           nn::Linear(64, 10));
  optim::SGD sgd(net.parameters(), {.lr = 0.01, .momentum = 0.9});
  train("W3_small_mlp", net, sgd, randn({32, 64}), randint(0, 10, {32}), classification);
}

void w4() {
  const nn::Sequential net(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 256), nn::ReLU(),
                           nn::Linear(256, 10));
  optim::Adam adam(net.parameters(), {.lr = 1e-3});
  train("W4_mnist_mlp", net, adam, randn({128, 784}), randint(0, 10, {128}), classification);
}

// Pre-norm, causal attention of 4 heads.
struct TransformerBlock : nn::Module {
  Tensor operator()(const Tensor& x) const {
    const auto heads = unbind(permute(unflatten(qkv(ln1(x)), -1, {3, 4, -1}), {2, 0, 3, 1, 4}));
    const Tensor mixed =
        scaled_dot_product_attention(heads[0], heads[1], heads[2], {.causal = true});
    const Tensor r = x + proj(flatten(transpose(mixed, 1, 2), 2));
    return r + f2(gelu(f1(ln2(r))));
  }

  nn::LayerNorm ln1 = child("ln1", nn::LayerNorm(256)), ln2 = child("ln2", nn::LayerNorm(256));
  nn::Linear qkv = child("qkv", nn::Linear(256, 768)), proj = child("proj", nn::Linear(256, 256));
  nn::Linear f1 = child("f1", nn::Linear(256, 1024)), f2 = child("f2", nn::Linear(1024, 256));
};

void w8() {
  const TransformerBlock block;
  optim::AdamW adam(block.parameters(), {.lr = 1e-4});
  const Tensor x = randn({8, 128, 256}), y = randn({8, 128, 256});
  bench::measure("W8_transformer_block", [&] {
    const Tensor l = nn::mse_loss(block(x), y);
    adam.zero_grad();
    l.backward();
    adam.step();
  });
}

/// A recurrent net as a loop over 64 steps; `cell` makes the next h, and c, of the sum of gates.
template <class Cell> void recurrent_loop(const char* name, std::int64_t gates, const Cell& cell) {
  constexpr std::int64_t steps = 64, batch = 32, in = 64, hidden = 128;
  const auto variable = [](const char* variable_name, const Shape& shape) {
    return Parameter(0.1 * randn(shape), variable_name);
  };
  const Parameter wx = variable("wx", {gates * hidden, in}), b = variable("b", {gates * hidden}),
                  wh = variable("wh", {gates * hidden, hidden}), wo = variable("wo", {1, hidden}),
                  bo = variable("bo", {1});
  optim::SGD sgd({wx, wh, b, wo, bo}, {.lr = 0.01});
  const Tensor x = randn({steps, batch, in}), y = randn({batch, 1});
  bench::measure(name, [&] {
    Tensor h = zeros({batch, hidden}), c = h;
    for (std::int64_t t = 0; t < steps; ++t)
      cell(linear(select(x, 0, t), wx, b) + linear(h, wh), h, c);
    const Tensor l = nn::mse_loss(linear(h, wo, bo), y);
    sgd.zero_grad();
    l.backward();
    sgd.step();
  });
}

void w9() {
  recurrent_loop("W9_rnn_loop", 1,
                 [](const Tensor& gates, Tensor& h, Tensor&) { h = tanh(gates); });
}

void w9b() {
  const auto next_c = formula("w9b_c", [](auto i, auto f, auto g, auto c) {
    return sigmoid(f) * c + sigmoid(i) * tanh(g);
  });
  const auto next_h = formula("w9b_h", [](auto o, auto c) { return sigmoid(o) * tanh(c); });
  recurrent_loop("W9b_lstm_loop", 4, [&](const Tensor& gates, Tensor& h, Tensor& c) {
    const auto k = chunk(gates, 4, 1);
    c = next_c(k[0], k[1], k[2], c);
    h = next_h(k[3], c);
  });
}

// The same without formulas, op by op.
void w9b_ops() {
  recurrent_loop("W9bops_lstm_loop", 4, [](const Tensor& gates, Tensor& h, Tensor& c) {
    const auto k = chunk(gates, 4, 1);
    c = sigmoid(k[1]) * c + sigmoid(k[0]) * tanh(k[2]);
    h = sigmoid(k[3]) * tanh(c);
  });
}

template <class F> void elementwise(const char* name, F f) {
  constexpr std::int64_t n = 4000000;
  const Tensor a = leaf({n}), b = leaf({n}), c = leaf({n});
  bench::measure(name, [&] {
    const Tensor l = mean(f(a, b, c));
    for (const auto& x : {a, b, c}) x.zero_grad();
    l.backward();
  });
}

void w10() {
  elementwise("W10_elementwise",
              formula("w10", [](auto a, auto b, auto c) { return tanh(a * b + c) * sigmoid(a); }));
}

// The same without a formula, op by op.
void w10_ops() {
  elementwise("W10ops_elementwise", [](const Tensor& a, const Tensor& b, const Tensor& c) {
    return tanh(a * b + c) * sigmoid(a);
  });
}

void deep_chain(const char* workload, int nodes, int repetitions, BackwardOptions options) {
  const Tensor x = full({}, 0.5).requires_grad();
  const Tensor c = full({}, 1e-6);
  Tensor y;
  bench::measure_phases(
      workload, "_deep_chain", nodes, repetitions,
      [&] {
        x.zero_grad();
        y = x;
        for (int i = 0; i < nodes; ++i) y = y + c;
      },
      [&] { y.backward(options); }, [&] { y = Tensor(); });
}

void w15() { deep_chain("W15", 1000000, 5, {.retain_graph = true}); }

// The backprop theorem in numbers: the time for a node does not depend on how many there are.
void nodes() {
  deep_chain("nodes1e3", 1000, 10000, {});
  deep_chain("nodes1e4", 10000, 1000, {});
  deep_chain("nodes1e5", 100000, 100, {});
  deep_chain("nodes1e6", 1000000, 10, {});
}

void w16() {
  const Tensor x = randn({10000, 30}), y = randint(0, 2, {10000, 1}).to(float32);
  const Parameter w(randn({1, 30}) * 0.01, "w"), b(randn({1}) * 0.01, "b");
  optim::SGD sgd({w, b}, {.lr = 0.1});
  bench::measure("W16_logreg", [&] {
    const Tensor l = nn::bce_with_logits(linear(x, w, b), y);
    sgd.zero_grad();
    l.backward();
    sgd.step();
  });
}

void prepare(int threads) {
  set_num_threads(threads);
  seed(1);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, prepare,
                    {{"W1_scalar_chain", w1},
                     {"W2_tiny_mlp", w2},
                     {"W3_small_mlp", w3},
                     {"W4_mnist_mlp", w4},
                     {"W8_transformer_block", w8},
                     {"W9_rnn_loop", w9},
                     {"W9b_lstm_loop", w9b},
                     {"W9bops_lstm_loop", w9b_ops},
                     {"W10_elementwise", w10},
                     {"W10ops_elementwise", w10_ops},
                     {"W15_deep_chain", w15},
                     {"W16_logreg", w16},
                     {"nodes_deep_chain", nodes}});
}

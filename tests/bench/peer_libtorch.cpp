// The peer: the same workloads on LibTorch (CPU, float32). Usage and output: harness.hpp.
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "harness.hpp"

using torch::Tensor;

static Tensor R(at::IntArrayRef s) { return torch::randn(s); }
static Tensor P(at::IntArrayRef s, double sc = 1) {
  return (torch::randn(s) * sc).requires_grad_(true);
}

static void w1() {
  auto x = torch::tensor(0.5f).requires_grad_(true);
  auto c = torch::tensor(0.99f);
  auto fwd = [&] {
    Tensor y = x;
    for (int i = 0; i < 250; i++) {
      y = y * c;
      y = y + c;
      y = torch::tanh(y);
      y = torch::sin(y);
    }
    return y;
  };
  bench::measure(
      "W1_scalar_chain",
      [&] {
        x.mutable_grad() = Tensor();
        fwd().backward();
      },
      1000);
  bench::measure(
      "W1fwd_scalar_chain", [&] { auto y = fwd(); }, 1000);
  torch::NoGradGuard ng;
  bench::measure(
      "W1nograd_scalar_chain", [&] { auto y = fwd(); }, 1000);
}
template <class Net, class Opt, class Loss>
static void train(const std::string& name, Net net, Opt& opt, Tensor x, Tensor y, Loss loss) {
  bench::measure(name, [&] {
    auto l = loss(net(x), y);
    opt.zero_grad();
    l.backward();
    opt.step();
  });
}
static void w2() {
  torch::nn::Sequential net(torch::nn::Linear(2, 8), torch::nn::Tanh(), torch::nn::Linear(8, 1));
  torch::optim::SGD opt(net->parameters(), 0.1);
  train(
      "W2_tiny_mlp", [&](Tensor x) { return net->forward(x); }, opt, R({1, 2}), R({1, 1}),
      [](Tensor a, Tensor b) { return torch::mse_loss(a, b); });
}
static void w3() {
  torch::nn::Sequential net(torch::nn::Linear(64, 64), torch::nn::ReLU(), torch::nn::Linear(64, 64),
                            torch::nn::ReLU(), torch::nn::Linear(64, 10));
  torch::optim::SGD opt(net->parameters(), torch::optim::SGDOptions(0.01).momentum(0.9));
  train(
      "W3_small_mlp", [&](Tensor x) { return net->forward(x); }, opt, R({32, 64}),
      torch::randint(10, {32}, torch::kLong),
      [](Tensor a, Tensor b) { return torch::cross_entropy_loss(a, b); });
}
static void w4() {
  torch::nn::Sequential net(torch::nn::Linear(784, 512), torch::nn::ReLU(),
                            torch::nn::Linear(512, 256), torch::nn::ReLU(),
                            torch::nn::Linear(256, 10));
  torch::optim::Adam opt(net->parameters(), torch::optim::AdamOptions(1e-3));
  train(
      "W4_mnist_mlp", [&](Tensor x) { return net->forward(x); }, opt, R({128, 784}),
      torch::randint(10, {128}, torch::kLong),
      [](Tensor a, Tensor b) { return torch::cross_entropy_loss(a, b); });
}
static void w5() {
  torch::nn::Sequential net(torch::nn::Linear(1024, 2048), torch::nn::GELU(),
                            torch::nn::Linear(2048, 2048), torch::nn::GELU(),
                            torch::nn::Linear(2048, 1024));
  torch::optim::Adam opt(net->parameters(), torch::optim::AdamOptions(1e-3));
  train(
      "W5_big_mlp", [&](Tensor x) { return net->forward(x); }, opt, R({256, 1024}), R({256, 1024}),
      [](Tensor a, Tensor b) { return torch::mse_loss(a, b); });
}
static void w6() {
  torch::nn::Sequential net(
      torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 6, 5).padding(2)), torch::nn::ReLU(),
      torch::nn::MaxPool2d(2), torch::nn::Conv2d(torch::nn::Conv2dOptions(6, 16, 5)),
      torch::nn::ReLU(), torch::nn::MaxPool2d(2), torch::nn::Flatten(), torch::nn::Linear(400, 120),
      torch::nn::ReLU(), torch::nn::Linear(120, 84), torch::nn::ReLU(), torch::nn::Linear(84, 10));
  torch::optim::SGD opt(net->parameters(), 0.01);
  train(
      "W6_lenet", [&](Tensor x) { return net->forward(x); }, opt, R({64, 1, 28, 28}),
      torch::randint(10, {64}, torch::kLong),
      [](Tensor a, Tensor b) { return torch::cross_entropy_loss(a, b); });
}
static void w7() {
  auto mk = [] {
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(64, 64, 3).padding(1).bias(false));
  };
  auto c1 = mk(), c2 = mk();
  torch::nn::BatchNorm2d b1(64), b2(64);
  std::vector<Tensor> ps;
  for (auto* m : {(torch::nn::Module*)c1.get(), (torch::nn::Module*)c2.get(),
                  (torch::nn::Module*)b1.get(), (torch::nn::Module*)b2.get()})
    for (auto& p : m->parameters()) ps.push_back(p);
  torch::optim::SGD opt(ps, 0.01);
  auto x = R({16, 64, 32, 32}).requires_grad_(true);
  bench::measure("W7_resnet_block", [&] {
    auto h = torch::relu(b1(c1(x)));
    auto y = torch::relu(b2(c2(h)) + x);
    auto l = y.mean();
    opt.zero_grad();
    x.mutable_grad() = Tensor();
    l.backward();
    opt.step();
  });
}
static void w8() {
  const int B = 8, T = 128, D = 256, H = 4, Dh = D / H;
  torch::nn::LayerNorm ln1(torch::nn::LayerNormOptions({D})), ln2(torch::nn::LayerNormOptions({D}));
  torch::nn::Linear qkv(D, 3 * D), proj(D, D), f1(D, 4 * D), f2(4 * D, D);
  std::vector<Tensor> ps;
  for (auto* m :
       {(torch::nn::Module*)ln1.get(), (torch::nn::Module*)ln2.get(), (torch::nn::Module*)qkv.get(),
        (torch::nn::Module*)proj.get(), (torch::nn::Module*)f1.get(), (torch::nn::Module*)f2.get()})
    for (auto& p : m->parameters()) ps.push_back(p);
  torch::optim::AdamW opt(ps, torch::optim::AdamWOptions(1e-4));
  auto mask = torch::ones({T, T}, torch::kBool).triu(1);
  auto x = R({B, T, D}), y = R({B, T, D});
  const float ninf = -std::numeric_limits<float>::infinity();
  bench::measure("W8_transformer_block", [&] {
    auto h = ln1(x);
    auto z = qkv(h).view({B, T, 3, H, Dh}).permute({2, 0, 3, 1, 4});
    auto q = z[0], k = z[1], v = z[2];
    auto a = torch::matmul(q * (1.0 / std::sqrt((double)Dh)), k.transpose(-2, -1))
                 .masked_fill(mask, ninf);
    a = torch::softmax(a, -1);
    auto o = torch::matmul(a, v).transpose(1, 2).reshape({B, T, D});
    auto r = x + proj(o);
    auto out = r + f2(torch::gelu(f1(ln2(r))));
    auto l = torch::mse_loss(out, y);
    opt.zero_grad();
    l.backward();
    opt.step();
  });
}
static void w9(bool lstm) {
  const int B = 32, T = 64, I = 64, H = 128, G = lstm ? 4 * H : H;
  auto wx = P({I, G}, 0.1), wh = P({H, G}, 0.1), b = P({G}, 0.1), wo = P({H, 1}, 0.1),
       bo = P({1}, 0.1);
  torch::optim::SGD opt({wx, wh, b, wo, bo}, 0.01);
  auto x = R({T, B, I}), y = R({B, 1});
  auto step = [&] {
    auto h = torch::zeros({B, H}), c = torch::zeros({B, H});
    for (int t = 0; t < T; t++) {
      auto g = torch::addmm(b, x[t], wx) + torch::matmul(h, wh);
      if (!lstm) {
        h = torch::tanh(g);
      } else {
        auto k = g.chunk(4, 1);
        c = torch::sigmoid(k[1]) * c + torch::sigmoid(k[0]) * torch::tanh(k[2]);
        h = torch::sigmoid(k[3]) * torch::tanh(c);
      }
    }
    auto l = torch::mse_loss(torch::addmm(bo, h, wo), y);
    opt.zero_grad();
    l.backward();
    opt.step();
  };
  bench::measure(lstm ? "W9b_lstm_loop" : "W9_rnn_loop", step);
}
static void w10() {
  const int64_t N = 4000000;
  auto a = P({N}), b = P({N}), c = P({N});
  bench::measure("W10_elementwise", [&] {
    auto l = (torch::tanh(a * b + c) * torch::sigmoid(a)).mean();
    a.mutable_grad() = b.mutable_grad() = c.mutable_grad() = Tensor();
    l.backward();
  });
}
static void w11() {
  auto x = P({4096, 1000});
  auto t = torch::randint(1000, {4096}, torch::kLong);
  bench::measure("W11_softmax_ce", [&] {
    auto l = torch::nll_loss(torch::log_softmax(x, 1), t);
    x.mutable_grad() = Tensor();
    l.backward();
  });
}
static void w12() {
  auto x = P({2048, 1024}), g = P({1024}), b = P({1024});
  bench::measure("W12_layernorm_prims", [&] {
    auto d = x - x.mean(at::IntArrayRef{1}, true);
    auto v = torch::square(d).mean(at::IntArrayRef{1}, true);
    auto l = (d * torch::rsqrt(v + 1e-5) * g + b).sum();
    x.mutable_grad() = g.mutable_grad() = b.mutable_grad() = Tensor();
    l.backward();
  });
}
static void w13() {
  auto w = P({50000, 128});
  auto idx = torch::randint(50000, {4096}, torch::kLong);
  torch::optim::SGD opt({w}, 0.01);
  bench::measure("W13_embedding", [&] {
    auto l = torch::embedding(w, idx).sum();
    opt.zero_grad();
    l.backward();
    opt.step();
  });
}
static void w14() {
  std::vector<Tensor> ps;
  for (int i = 0; i < 50; i++) {
    ps.push_back(P({200000}));
    ps[i].mutable_grad() = R({200000});
  }
  torch::optim::Adam opt(ps, torch::optim::AdamOptions(1e-3));
  bench::measure("W14_adam_step_10M", [&] { opt.step(); });
}
static void w15() {
  const int N = 1000000;
  auto x = torch::tensor(0.5f).requires_grad_(true);
  auto c = torch::tensor(1e-6f);
  Tensor y;
  bench::measure_phases(
      "W15", "_deep_chain", N, 5,
      [&] {
        x.mutable_grad() = Tensor();
        y = x;
        for (int i = 0; i < N; i++) y = y + c;
      },
      [&] { y.backward({}, /*retain_graph=*/true); }, [&] { y = Tensor(); });
}
static void w16() {
  auto X = R({10000, 30}), y = torch::randint(2, {10000, 1}).to(torch::kFloat);
  auto w = P({30, 1}, 0.01), b = P({1}, 0.01);
  torch::optim::SGD opt({w, b}, 0.1);
  bench::measure("W16_logreg", [&] {
    auto l = torch::binary_cross_entropy_with_logits(torch::addmm(b, X, w), y);
    opt.zero_grad();
    l.backward();
    opt.step();
  });
}

static void prepare(int threads) {
  at::set_num_threads(threads);
  at::set_num_interop_threads(1);
  torch::manual_seed(1);
}

int main(int argc, char** argv) {
  return bench::run(argc, argv, prepare,
                    {{"W1_scalar_chain", w1},
                     {"W2_tiny_mlp", w2},
                     {"W3_small_mlp", w3},
                     {"W4_mnist_mlp", w4},
                     {"W5_big_mlp", w5},
                     {"W6_lenet", w6},
                     {"W7_resnet_block", w7},
                     {"W8_transformer_block", w8},
                     {"W9_rnn_loop", [] { w9(false); }},
                     {"W9b_lstm_loop", [] { w9(true); }},
                     {"W10_elementwise", w10},
                     {"W11_softmax_ce", w11},
                     {"W12_layernorm_prims", w12},
                     {"W13_embedding", w13},
                     {"W14_adam_step_10M", w14},
                     {"W15_deep_chain", w15},
                     {"W16_logreg", w16}});
}

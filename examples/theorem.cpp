// The backprop theorem: time against N, and the counted work of the gradients of three models.
//
// For a function computed by N operations, reverse mode computes the whole gradient with O(N) (Baur
// and Strassen 1983). The chart shows time against N for a graph of scalar operations; the tables
// count the work of every op, forward and backward.
// usage: theorem [folder for theorem.svg and tape.html]
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

using namespace gradtape;

namespace {

Tensor mlp_loss() {
  const nn::Sequential mlp{nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 256), nn::ReLU(),
                           nn::Linear(256, 10)};
  return nn::cross_entropy(mlp(randn({64, 784})), randint(0, 10, {64}));
}

/// Two strided convolutions, then a linear classifier of the channels' means.
Tensor cnn_loss() {
  const Tensor images = randn({16, 1, 28, 28});
  const Tensor w1 = (randn({16, 1, 5, 5}) / 5.0).requires_grad("conv1"),
               w2 = (randn({32, 16, 3, 3}) / 12.0).requires_grad("conv2"),
               w3 = randn({10, 32}).requires_grad("classifier");
  const Tensor a = relu(conv2d(images, w1, {}, {.stride = 2, .padding = 2}));
  const Tensor b = relu(conv2d(a, w2, {}, {.stride = 2, .padding = 1}));
  return nn::cross_entropy(linear(mean(b, {2, 3}), w3), randint(0, 10, {16}));
}

/// Pre-norm attention and a feed-forward layer, each around a residual connection. x: [n, time, d]
Tensor transformer_loss() {
  const std::int64_t n = 4, time = 32, d = 64, heads = 4;
  const auto weight = [](std::int64_t out, std::int64_t in, const char* name) {
    return (randn({out, in}) / std::sqrt(static_cast<double>(in))).requires_grad(name);
  };
  const Tensor q = weight(d, d, "q"), k = weight(d, d, "k"), v = weight(d, d, "v"),
               o = weight(d, d, "o"), up = weight(4 * d, d, "up"), down = weight(d, 4 * d, "down");
  const auto split = [&](const Tensor& x) {
    return transpose(reshape(x, {n, time, heads, d / heads}), 1, 2);
  };
  const auto attend = [&](const Tensor& x) {
    const Tensor mixed = scaled_dot_product_attention(split(linear(x, q)), split(linear(x, k)),
                                                      split(linear(x, v)), {.causal = true});
    return linear(reshape(transpose(mixed, 1, 2), {n, time, d}), o);
  };
  const Tensor x = randn({n, time, d});
  const Tensor h = x + attend(layer_norm(x, {d}));
  const Tensor y = h + linear(gelu(linear(layer_norm(h, {d}), up)), down);
  return mean(square(y));
}

/// The work of the backward pass over that of the forward pass.
double show(const char* what, const Tensor& loss) {
  const auto c = cost(loss);
  fmt::print("{}: {} nodes\n{}\n", what, c.total.nodes, c.str());
  return c.total.ratio();
}

/// Seconds for recording and differentiating y = y h + y h, N operations in all: a graph with
/// 2^(N/3) paths.
double seconds(std::int64_t operations) {
  const Tensor h = full({}, 0.5).requires_grad();
  const auto start = std::chrono::steady_clock::now();
  Tensor y = h;
  for (std::int64_t i = 0; i < operations / 3; ++i) y = y * h + y * h;
  y.backward();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Time against N, both on logarithmic axes, with the line of proportional growth through the last
/// point.
void save_picture(const std::string& path, const optim::Series& measured) {
  const double slope = measured.y.back() / measured.x.back();
  double least = slope, most = slope;
  for (std::size_t i = 0; i < measured.x.size(); ++i) {
    least = std::min(least, measured.y[i] / measured.x[i]);
    most = std::max(most, measured.y[i] / measured.x[i]);
  }
  const double first = measured.x.front(), last = measured.x.back();
  const optim::Series proportional{.name = "proportional to N",
                                   .x = {first, last},
                                   .y = {slope * first, slope * last},
                                   .mark = optim::Mark::dashes,
                                   .colour = "grey"};
  optim::save_chart(
      path, {proportional, measured},
      {.title = fmt::format("forward and backward: {:.0f} to {:.0f} ns for an operation",
                            1e9 * least, 1e9 * most),
       .x_label = "operations N of y = y h + y h, repeated",
       .y_label = "seconds",
       .log_x = true,
       .log_y = true});
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  seed(1);
  fmt::print("{:>10}  {:>12}  {:>8}\n", "N", "seconds", "ns / N");
  optim::Series measured{.name = "measured", .mark = optim::Mark::points};
  for (std::int64_t n = 100; n <= 10'000'000; n *= 10) {
    double best = seconds(n);
    for (std::int64_t repeat = 0; repeat < std::min<std::int64_t>(20, 10'000'000 / n); ++repeat)
      best = std::min(best, seconds(n));
    measured.x.push_back(static_cast<double>(n));
    measured.y.push_back(best);
    fmt::print("{:>10}  {:>12.3g}  {:>8.1f}\n", n, best, 1e9 * best / static_cast<double>(n));
  }
  fmt::print("\n");

  double worst = show("MLP 784-256-256-10, batch 64", mlp_loss());
  worst = std::max(worst, show("CNN, batch 16", cnn_loss()));
  {
    Trace trace;
    const Tensor loss = transformer_loss();
    worst = std::max(worst, show("transformer block, batch 4 x 32", loss));
    trace.save_html(folder + "/tape.html", loss);
  }
  fmt::print("largest ratio of backward to forward work: {:.2f}\n", worst);

  save_picture(folder + "/theorem.svg", measured);
  fmt::print("{0}/theorem.svg shows time against N, {0}/tape.html steps through the block\n",
             folder);
  return worst <= 4 ? 0 : 1;
}

// The backprop theorem: time against N, and the counted work of the gradients of three models.
//
// For a function computed by N operations, reverse mode computes the whole gradient with O(N) (Baur
// and Strassen 1983). The chart shows time against N for a graph of scalar operations; the tables
// count the work of every op, forward and backward.
// usage: theorem [folder for theorem.svg and tape.html]
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/nn/nn.hpp>

#include <chrono>
#include <cmath>
#include <vector>

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

struct Point {
  double operations, seconds;
};

/// Time against N, both on logarithmic axes, with the line of proportional growth through the last
/// point.
std::string chart(const std::vector<Point>& points) {
  const double width = 640, height = 420, margin = 70;
  const double low_x = 2, high_x = std::log10(points.back().operations);
  const double high_y = std::ceil(std::log10(points.back().seconds)), low_y = high_y - 6;
  const auto x = [&](double log) {
    return margin + (log - low_x) / (high_x - low_x) * (width - 2 * margin);
  };
  const auto y = [&](double log) {
    return height - margin - (log - low_y) / (high_y - low_y) * (height - 2 * margin);
  };
  const auto line = [](double x0, double y0, double x1, double y1, const char* style) {
    return fmt::format("<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' {}/>\n", x0, y0, x1,
                       y1, style);
  };
  const auto label = [](double x, double y, const char* anchor, const std::string& text) {
    return fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>\n", x, y, anchor,
                       text);
  };
  std::string svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' font-family='sans-serif' "
      "font-size='13' fill='#1d2733'>\n<rect width='100%' height='100%' fill='white'/>\n",
      width, height);
  for (double k = low_x; k <= high_x; ++k) {
    svg += line(x(k), y(low_y), x(k), y(high_y), "stroke='#e3e8ed'");
    svg += label(x(k), y(low_y) + 20, "middle",
                 fmt::format("10<tspan dy='-5' font-size='9'>{}</tspan>", k));
  }
  for (double k = low_y; k <= high_y; ++k) {
    svg += line(x(low_x), y(k), x(high_x), y(k), "stroke='#e3e8ed'");
    svg += label(x(low_x) - 8, y(k) + 4, "end",
                 fmt::format("10<tspan dy='-5' font-size='9'>{}</tspan>", k));
  }
  const auto& last = points.back();
  const double offset = std::log10(last.seconds) - std::log10(last.operations);
  svg += line(x(low_x), y(low_x + offset), x(high_x), y(high_x + offset),
              "stroke='#b3541e' stroke-dasharray='5 4'");
  for (const auto& p : points)
    svg += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='4.5' fill='#1769aa'/>\n",
                       x(std::log10(p.operations)), y(std::log10(p.seconds)));
  svg += label(width / 2, height - 22, "middle", "operations N of y = y h + y h, repeated");
  svg += label(width / 2, 32, "middle",
               fmt::format("forward and backward: {:.0f} ns for an operation, whatever N",
                           1e9 * last.seconds / last.operations));
  svg += fmt::format(
      "<text transform='translate(20 {}) rotate(-90)' text-anchor='middle'>seconds</text>\n",
      height / 2);
  return svg + "</svg>\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  seed(1);
  fmt::print("{:>10}  {:>12}  {:>8}\n", "N", "seconds", "ns / N");
  std::vector<Point> points;
  for (std::int64_t n = 100; n <= 10'000'000; n *= 10) {
    double best = seconds(n);
    for (std::int64_t repeat = 0; repeat < std::min<std::int64_t>(20, 10'000'000 / n); ++repeat)
      best = std::min(best, seconds(n));
    points.push_back({static_cast<double>(n), best});
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

  write_file(folder + "/theorem.svg", chart(points));
  fmt::print("{0}/theorem.svg shows time against N, {0}/tape.html steps through the block\n",
             folder);
  return worst <= 4 ? 0 : 1;
}

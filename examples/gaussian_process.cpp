// Gaussian-process regression: scales and noise that make the data most likely, through cholesky.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <cmath>
#include <numbers>

#include "report.hpp"

using namespace gradtape;
namespace colour = optim::colour;
using std::numbers::pi;

/// Functions whose values at any points are jointly normal, with a covariance that falls with the
/// distance. Rasmussen and Williams 2006, "Gaussian processes for machine learning", chapters 2
/// and 5. The logarithms of the hyper-parameters are learned, which keeps them positive.
struct GaussianProcess : nn::Module {
  Parameter log_length = parameter("log_length", zeros({}, float64));
  Parameter log_amplitude = parameter("log_amplitude", zeros({}, float64));
  Parameter log_noise = parameter("log_noise", zeros({}, float64));

  /// amplitude^2 exp(-(a - b)^2 / (2 length^2)).  a: [n], b: [m] -> [n, m]
  Tensor covariance(const Tensor& a, const Tensor& b) const {
    const Tensor distance = (unsqueeze(a, 1) - b) / exp(log_length);
    return exp(2.0 * log_amplitude - square(distance) / 2.0);
  }

  /// That of noisy values y at x, as a Cholesky factor.
  Tensor factor(const Tensor& x) const {
    return cholesky(covariance(x, x) + exp(2.0 * log_noise) * eye(x.size(0), -1, float64));
  }

  /// log p(y | x): equation 2.30.
  Tensor log_likelihood(const Tensor& x, const Tensor& y) const {
    const Tensor l = factor(x);
    const Tensor white = solve_triangular(l, unsqueeze(y, 1));
    return -sum(square(white)) / 2.0 - sum(log(diagonal(l))) -
           std::log(2 * pi) / 2 * static_cast<double>(x.size(0));
  }

  struct Prediction {
    Tensor mean, deviation;
  };
  /// The function at new points, given its noisy values y at x: algorithm 2.1.
  Prediction predict(const Tensor& x, const Tensor& y, const Tensor& points) const {
    const Tensor l = factor(x);
    const Tensor white = solve_triangular(l, covariance(x, points));
    const Tensor mean = matmul(transpose(white), solve_triangular(l, unsqueeze(y, 1)));
    return {flatten(mean), sqrt(exp(2.0 * log_amplitude) - sum(square(white), 0))};
  }
};

Tensor truth(const Tensor& x) { return sin(2.0 * x) + x / 2.0; }

/// Prediction and its band of two standard deviations.
optim::Chart picture(const std::string& title, const GaussianProcess& process, const Tensor& x,
                     const Tensor& y) {
  using optim::Mark;
  const NoGrad no_grad;
  const Tensor points = linspace(-4, 4, 161, float64);
  const auto [mean, deviation] = process.predict(x, y, points);
  return {.series =
              {{.name = "95 %",
                .x = points,
                .y = mean - 2.0 * deviation,
                .mark = Mark::band,
                .colour = colour::pale_blue,
                .upper = mean + 2.0 * deviation,
                .opacity = 0.7},
               {.name = "truth",
                .x = points,
                .y = truth(points),
                .mark = Mark::dashes,
                .colour = colour::grey},
               {.name = "prediction", .x = points, .y = mean, .colour = colour::blue},
               {.name = "samples", .x = x, .y = y, .mark = Mark::points, .colour = colour::orange}},
          .options = {.title = title,
                      .x_label = "x",
                      .y_label = "y",
                      .x_limits = {-4, 4},
                      .y_limits = {-4, 4},
                      .legend = true}};
}

int main() {
  // 24 samples with a gap between them. Their noise is normal, but comes from no random numbers, so
  // that the same program in PyTorch has the same.
  const Tensor number = arange(0, 24, 1, float64);
  const Tensor x = where(number < 12.0, number / 5.0 - 3.5, number / 5.0 - 1.5);
  const Tensor y = truth(x) + 0.2 * erfinv(2.0 * remainder((number + 0.5) * 0.618, 1.0) - 1.0) *
                                  std::numbers::sqrt2;

  GaussianProcess process;
  const auto check = gradcheck([&](const Tensor& v) { return process.log_likelihood(x, v); }, y,
                               {.order = 2, .parameters = process.parameters()});
  fmt::print("gradients of the likelihood: {}\n", check ? "right" : check.message);
  if (!check) return 1;
  const auto before = picture("before: all scales 1", process, x, y);

  optim::LBFGS lbfgs(process.parameters(),
                     {.max_iter = 100, .line_search = optim::LineSearch::strong_wolfe});
  lbfgs.step([&] { return -process.log_likelihood(x, y); });
  optim::save_picture("gaussian_process.svg",
                      {before, picture("after: the most likely scales", process, x, y)}, 2);

  const auto value = [](const Tensor& log) { return std::exp(log.item<double>()); };
  return report(
      {{"log marginal likelihood", process.log_likelihood(x, y).item<double>(), -14.43, -14.44},
       {"length scale", value(process.log_length), 0.9889, 0.98},
       {"amplitude", value(process.log_amplitude), 1.749, 1.74},
       {"noise", value(process.log_noise), 0.216, 0.22}});
}

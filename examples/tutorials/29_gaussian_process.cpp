// %% tags=["program"]
// A Gaussian process whose scales are learned by making the data most likely.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;
using namespace gradtape::optim;

int main() {
// %% [markdown]
// # 29. A Gaussian process by marginal likelihood
//
// A network fitted to 24 points says one number for each question, however far from the points it
// is. A *Gaussian process* says how sure it is, too. Its three parameters are found by the
// derivative of a likelihood that goes through a Cholesky factorization.
//
// This chapter goes beyond the notes, by Rasmussen and Williams (2006), "Gaussian processes for
// machine learning" (free at gaussianprocess.org/gpml): (2.30), (5.9), algorithm 2.1.
//
// ## Functions as random numbers
//
// Suppose that the values of an unknown function at any points are jointly normal, with mean 0 and
// a covariance that falls with the distance of two points $a$ and $b$:
//
// $$k(a, b) = s^2 \exp\left(-\frac{(a - b)^2}{2 \ell^2}\right).$$
//
// The *length scale* $\ell$ says how far a value reaches, the *amplitude* $s$ how large the values
// are. A measurement $y_i$ at $x_i$ has normal noise of deviation $\sigma$ on top, so that of all
// $n$ the covariance is the matrix $K$ with $K_{ij} = k(x_i, x_j) + \sigma^2 [i = j]$. The scales
// are kept as logarithms, $p = (\log \ell, \log s, \log \sigma)$, so that they stay positive.

// %%
/// k(a, b).  a: [n], b: [m], p: [3] -> [n, m]
const auto covariance = [](const Tensor& a, const Tensor& b, const Tensor& p) {
  const Tensor distance = (unsqueeze(a, 1) - b) / exp(p[0]);
  return exp(2.0 * p[1] - square(distance) / 2.0);
};
const auto matrix_K = [&](const Tensor& x, const Tensor& p) {
  return covariance(x, x, p) + exp(2.0 * p[2]) * eye(x.size(0), -1, float64);
};
const auto true_function = [](const Tensor& x) { return sin(2.0 * x) + x / 2.0; };
seed(29);  // the data: 24 values with noise of 0.2, and a gap in the middle
const Tensor x = concat({linspace(-3.5, -1.3, 12, float64), linspace(0.9, 3.1, 12, float64)}, 0);
const Tensor y = true_function(x) + 0.2 * randn({24}, float64);

// %% [markdown]
// ## How likely are the data?
//
// Their density under the model is that of a normal distribution (equation 2.30):
//
// $$\log p(y \mid x) = \underbrace{-\tfrac12\, y^\top K^{-1} y}_{\text{fit}}
// \;\underbrace{-\, \tfrac12 \log |K|}_{\text{simplicity}} \;-\; \tfrac n2 \log 2\pi.$$
//
// With the Cholesky factor, $K = L L^\top$, the fit is the squared length of $L^{-1} y$, and
// $\tfrac12 \log |K|$ is the sum of the logarithms on the diagonal of $L$. No inverse is computed.

// %%
struct Likelihood { Tensor fit, simplicity, total; };
const auto likelihood = [&](const Tensor& p) {
  const Tensor L = cholesky(matrix_K(x, p));
  const Tensor white = solve_triangular(L, unsqueeze(y, 1));
  const Tensor fit = -0.5 * sum(square(white)), simplicity = -sum(log(diagonal(L)));
  return Likelihood{fit, simplicity, fit + simplicity - 12 * std::log(2 * std::numbers::pi)};
};
const auto log_likelihood = [&](const Tensor& p) { return likelihood(p).total; };
const Tensor all_one = zeros({3}, float64);  // all logarithms are 0
fmt::print("all scales 1: log p(y | x) = {:.3f}\n", log_likelihood(all_one).item());

// %% [markdown]
// ## Its gradient, by the book and by the tape
//
// Equation 5.9 has the derivative in closed form, with $\alpha = K^{-1} y$:
//
// $$\frac{\partial}{\partial p_j} \log p(y \mid x) = \tfrac12 \operatorname{tr}\left(
// (\alpha \alpha^\top - K^{-1}) \frac{\partial K}{\partial p_j}\right).$$
//
// The tape goes back through `cholesky` and `solve_triangular` instead, once for all scales.

// %%
const auto gradient_by_book = [&](const Tensor& p) {
  const Tensor inverse = inv(matrix_K(x, p)), alpha = matmul(inverse, y);
  const Tensor W = outer(alpha, alpha) - inverse, k = covariance(x, x, p);
  const Tensor by_length = k * square(unsqueeze(x, 1) - x) / exp(2.0 * p[0]);
  const Tensor by_amplitude = 2.0 * k, by_noise = 2.0 * exp(2.0 * p[2]) * eye(24, -1, float64);
  return stack({sum(W * by_length), sum(W * by_amplitude), sum(W * by_noise)}) / 2.0;
};
const Tensor by_tape = grad_of(log_likelihood, all_one), by_book = gradient_by_book(all_one);
fmt::print("by log length, log amplitude, log noise: {:.4f}\n",
           fmt::join(by_tape.values<double>(), " "));
const double gap = amax(abs(by_tape - by_book)).item();
fmt::print("tape and book differ by less than 1e-12: {}; gradcheck, to second order: {}\n",
           gap < 1e-12, name(gradcheck(log_likelihood, all_one, {.order = 2}).verdict));

// %% [markdown]
// ## The most likely scales
//
// **Predict before you run on:** L-BFGS climbs the likelihood from three starts: all scales 1, a
// length of 10, and one of 100. Do they find the same scales? Which of them has the best *fit*?

// %%
std::vector<Tensor> optima;
fmt::print("start   length  amplitude  noise     log p      fit  simplicity\n");
for (const double length : {1.0, 10.0, 100.0}) {
  const Parameter p(log(tensor({length, 1.0, 1.0}, float64)), "p");
  LBFGS lbfgs({p}, {.max_iter = 100, .line_search = LineSearch::strong_wolfe});
  lbfgs.step([&] { return -log_likelihood(p); });
  optima.push_back(p.tensor().detach());
  const Tensor scales = exp(optima.back());
  const Likelihood l = likelihood(optima.back());
  const auto reach = scales[1].item() < 0.01 ? "any" : fmt::format("{:.2f}", scales[0].item());
  fmt::print("{:>5}   {:>6}  {:>9.2f}  {:>5.2f}  {:>8.3f}  {:>7.3f}  {:>10.2f}\n", length, reach,
             scales[1].item(), scales[2].item(), l.total.item(), l.fit.item(), l.simplicity.item());
}

// %% [markdown]
// Three starts, three explanations of the same data: a function that moves with noise of 0.18; a
// slow wave with noise of 0.57; and nothing but noise of 1.04. The fit is $-12 = -\tfrac n2$ each
// time (exercise 1), so it does not decide. The simplicity does: $-\log |K|$ is large where a model
// allows few functions. The first explanation is $e^{14}$ times as likely as the second.
//
// ## What the process says (algorithm 2.1)
//
// Given the data, the function at a new point $x_*$ is normal again, with $k_* = k(x, x_*)$:
//
// $$\text{mean} = k_*^\top K^{-1} y, \qquad
// \text{variance} = k(x_*, x_*) - k_*^\top K^{-1} k_*.$$

// %%
const Tensor p = optima[0];
struct Prediction { Tensor mean, deviation; };  // of the function, without the noise
const auto predict = [&](const Tensor& points, const Tensor& scales) {
  const Tensor L = cholesky(matrix_K(x, scales));
  const Tensor white = solve_triangular(L, covariance(x, points, scales));
  const Tensor mean = matmul(transpose(white), solve_triangular(L, unsqueeze(y, 1)));
  return Prediction{flatten(mean), sqrt(exp(2.0 * scales[1]) - sum(square(white), 0))};
};
const Tensor line = linspace(-5, 5, 201, float64);
const Prediction best = predict(line, p);
const Tensor inside = abs(true_function(line) - best.mean) < 1.96 * best.deviation;
const double covered = mean(inside.to(float64)).item();
fmt::print("the true function is within the 95 % band at {:.0f} % of the points\n", 100 * covered);
fmt::print("deviation among data, in the gap, outside: {:.2f}\n",
           fmt::join(best.deviation[tensor({50, 100, 200})].values<double>(), ", "));

const Tensor new_x = 7.0 * rand({2000}, float64) - 3.5;  // new measurements: how likely are they?
const Tensor new_y = true_function(new_x) + 0.2 * randn({2000}, float64);
const Series truth{.name = "truth", .x = line, .y = true_function(line), .mark = Mark::dashes,
                   .colour = colour::grey};
const Series data{.name = "data", .x = x, .y = y, .mark = Mark::points, .colour = colour::orange,
                  .size = 3};
std::vector<double> densities;
std::vector<Chart> charts;
for (const char* title : {"the most likely scales", "the slow wave", "nothing but noise"}) {
  const Tensor& scales = optima[charts.size()];
  const Prediction at_new = predict(new_x, scales), q = predict(line, scales);
  const Tensor variance = square(at_new.deviation) + exp(2.0 * scales[2]);
  const Tensor z2 = square(new_y - at_new.mean) / variance, band = 1.96 * q.deviation;
  densities.push_back(mean(-0.5 * (z2 + log(2 * std::numbers::pi * variance))).item());
  const Series around{.name = "95 %", .x = line, .y = q.mean - band, .mark = Mark::band,
                      .colour = colour::pale_blue, .upper = q.mean + band, .opacity = 0.7};
  const Series middle{.name = "mean", .x = line, .y = q.mean, .colour = colour::blue};
  charts.push_back({{around, truth, middle, data},
                    {.title = title, .width = 460, .height = 280, .y_limits = {-5, 5},
                     .legend = true}});
}
fmt::print("mean log density of new data: {:.2f}\n", fmt::join(densities, ", "));
save_picture("29_gaussian_process.svg", charts);

// %% [markdown]
// The likelihood of the 24 points ranks as that of the new ones does, although no point was held
// out to find it. And where there are no data the band opens by itself.
//
// ## What was learnt
//
// - The likelihood balances fit against simplicity, so it chooses scales without validation data.
// - The tape differentiates through a Cholesky factorization, and agrees with the book's formula.
// - A likelihood can have several maxima: start from several scales.
//
// ## Exercises: fill in `29_gaussian_process_exercises.cpp`
//
// 1. Add the derivatives by $\log s$ and $\log \sigma$: what is it by $y^\top K^{-1} y$ and $n$?
// 2. With a single measurement $K$ is a number. Write mean and variance at $x_*$ without a matrix.
// 3. Write the covariance of a function with period 2: the distance becomes
//    $\tfrac{2}{\pi} \sin(\tfrac{\pi}{2} (a - b))$.
//
// Next: [writing an op, and proving it](30_writing_an_op.md).

// %% tags=["program"]
return report({{"log likelihood, the best scales", log_likelihood(p).item(), -11.54, -11.55},
               {"gradient by tape and by book", gap, 0, 1e-12},
               {"points where the truth is in the band", covered, 0.95, 0.8}});
}

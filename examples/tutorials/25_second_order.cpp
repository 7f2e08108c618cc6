// %% tags=["program"]
// Second order: Newton's method, a network's Hessian, and a network whose loss is an equation.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 25. Second order
//
// A gradient is computed by ops, so it can be differentiated again. The second derivatives say how
// the loss *bends*. The chapter uses them three times: for Newton's method, to look at a small
// network's Hessian, and to train a network whose loss is a differential equation. The notes stop
// at first order (MIT 6.390 notes, 6.7.1; CS229 deep-learning notes, (1.3)).
//
// Let $J(\theta)$ be a loss with $n$ parameters, $g = \nabla J$ its gradient and $H$ its Hessian,
// the symmetric matrix $H_{ij} = \partial^2 J / \partial \theta_i \partial \theta_j$. Near $\theta$
//
// $$J(\theta + s) \approx J(\theta) + g^{\mathsf T} s + \tfrac12 s^{\mathsf T} H s. \tag{1}$$
//
// ## Newton's method
//
// If $H$ has positive eigenvalues only, the right side of (1) is least at $s = -H^{-1} g$. Newton's
// method takes that step again and again, here for logistic regression with three weights.
//
// **Predict before you run on:** close to the minimum the error of a step is proportional to the
// *square* of the error before. How many steps from 0.04 to the last digit of a double?
//
// And along an eigenvector with eigenvalue $\lambda$, descent multiplies the error by
// $1 - \eta \lambda$. It shrinks only while $\eta < 2 / \lambda_{\max}$: we try both sides of it.

// %%
seed(1);
const Tensor points = randn({200, 3}, float64);
const Tensor labels = bernoulli(sigmoid(matmul(points, tensor({1.5, -2.0, 0.5}, float64))));
const auto logistic = [&](const Tensor& weights) {
  return nn::bce_with_logits(matmul(points, weights), labels);
};
const auto newton_step = [](const auto& loss, const Tensor& w) {
  return w - solve(hessian(loss, w), grad_of(loss, w));
};
Tensor best = zeros({3}, float64);
for (int i = 0; i < 12; ++i) best = newton_step(logistic, best);
std::vector<double> newton_distance, descent_distance;
Tensor w = zeros({3}, float64);
for (; norm(w - best).item() > 1e-12; w = newton_step(logistic, w))
  newton_distance.push_back(norm(w - best).item());
fmt::print("Newton, distance to the minimum: {:.1e}, below 1e-12\n",
           fmt::join(newton_distance, " "));
const Tensor curvature = eigvalsh(hessian(logistic, best));
const double flattest = curvature[0].item(), steepest = curvature[-1].item();
const double rate = 2 / (flattest + steepest);  // the best fixed one for a quadratic of these
w = zeros({3}, float64);
for (; norm(w - best).item() > 1e-6; w = w - rate * grad_of(logistic, w))
  descent_distance.push_back(norm(w - best).item());
fmt::print("gradient descent at its best rate, {:.1f}: {} steps to 1e-6\n", rate,
           descent_distance.size());
fmt::print("eigenvalues {:.4f} ... {:.4f}\n", flattest, steepest);
for (const double share : {0.95, 1.05}) {
  w = best + 0.01 * ones({3}, float64);
  for (int i = 0; i < 300; ++i) w = w - share * 2 / steepest * grad_of(logistic, w);
  fmt::print("rate {} * 2 / largest: 0.017 -> {:.2f} in 300 steps\n", share, norm(w - best).item());
}

// %% [markdown]
// ## Newton's trap
//
// The step solves $g + H s = 0$, so it goes to *any* flat place. $f(x, y) = x^2 + y^4/4 - y^2/2$
// has minima at $(0, \pm 1)$ and a saddle at $(0, 0)$, where one eigenvalue is negative.

// %%
const auto saddle = [](const Tensor& p) {
  return square(p[0]) + square(square(p[1])) / 4.0 - square(p[1]) / 2.0;
};
Tensor by_newton = tensor({1.0, 0.3}, float64), by_descent = by_newton;
for (int i = 0; i < 6; ++i) by_newton = newton_step(saddle, by_newton);
for (int i = 0; i < 100; ++i) by_descent = by_descent - 0.3 * grad_of(saddle, by_descent);
fmt::print("from (1, 0.3): Newton to y = {:.3f}, descent to y = {:.3f}\n",
           std::abs(by_newton[1].item()), by_descent[1].item());

// %% [markdown]
// ## The Hessian of a network
//
// A network with 10 tanh units and 41 parameters learns whether two coordinates have the same sign.
// Its whole Hessian is small enough to look at. For a large one nobody writes $H$ down. A product
// $H v$ costs about two gradients, since $H v = \nabla (g^{\mathsf T} v)$; repeating
// $v \leftarrow H v / \|H v\|$ (power iteration) finds the eigenvalue of largest size.

// %%
seed(2);
const Tensor plane = rand({40, 2}, float64) * 2.0 - 1.0;
const Tensor same_sign = (at(plane, {range(), 0}) * at(plane, {range(), 1}) > 0.0).to(float64);
const auto network_loss = [&](const Tensor& p) {
  const Tensor hidden = tanh(linear(plane, reshape(p[range(0, 20)], {10, 2}), p[range(20, 30)]));
  return nn::bce_with_logits(matmul(hidden, p[range(30, 40)]) + p[40], same_sign);
};
Tensor p = 0.7 * randn({41}, float64);
std::vector<optim::Series> spectra;
double by_power = 0, by_matrix = 0;
for (int step = 0; step <= 3000; ++step) {
  if (step % 1000 == 0) {
    const Tensor eigenvalues = eigvalsh(hessian(network_loss, p));
    Tensor v = ones({41}, float64);
    for (int i = 0; i < 40; ++i) {
      v = hvp(network_loss, p, v);
      v = v / norm(v);
    }
    by_power = dot(v, hvp(network_loss, p, v)).item(), by_matrix = eigenvalues[-1].item();
    fmt::print("step {:4}: loss {:.4f}, eigenvalues {:7.4f} ... {:.4f}, by power iteration {:.4f}; "
               "{} of 41 within 0.01 of 0\n", step, network_loss(p).item(), eigenvalues[0].item(),
               by_matrix, by_power, sum((abs(eigenvalues) < 0.01).to(int64)).item<int>());
    if (step % 3000 == 0)
      spectra.push_back({.name = fmt::format("step {}", step), .y = flip(eigenvalues),
                         .mark = optim::Mark::points, .size = step == 0 ? 6.0 : 3.5});
  }
  p = p - 0.5 * grad_of(network_loss, p);
}
optim::save_picture("25_second_order.svg",
    {{{{.name = "Newton", .y = newton_distance}, {.name = "descent", .y = descent_distance}},
      {.title = "Distance to the minimum by steps", .x_label = "steps", .log_y = true, .width = 480,
       .height = 340, .legend = true}},
     {spectra, {.title = "Eigenvalues of the network's Hessian", .x_label = "from the largest on",
                .width = 480, .height = 340, .legend = true}}});

// %% [markdown]
// At the start the loss bends down in many directions: a saddle is the usual place, not a minimum.
// After training most eigenvalues are near 0. That is why Newton's step, which divides by them, is
// not used as it is.
//
// ## A network whose loss is an equation
//
// Derivatives by the *input* are as easy. Let $u(x)$ be a network with the boundary values built
// in, $u(x) = x (1 - x)\, N(x)$. It is to solve
//
// $$u'' + u^2 = r(x), \quad u(0) = u(1) = 0, \qquad
//   r(x) = \sin^2 \pi x - \pi^2 \sin \pi x, \tag{2}$$
//
// of which the solution is $\sin \pi x$. The loss is the mean square of $u'' + u^2 - r$ over 40
// points. Such a network is called *physics-informed* (Raissi et al. 2019). L-BFGS, which learns
// about the curvature from the last steps, is the usual optimizer.

// %%
seed(1);
const double pi = std::numbers::pi;
const nn::LinearOptions exact{.dtype = float64};
const nn::Sequential inner(nn::Linear(1, 16, exact), nn::Tanh(), nn::Linear(16, 16, exact),
                           nn::Tanh(), nn::Linear(16, 1, exact));
const auto u = [&](const Tensor& x) { return x * (1.0 - x) * inner(x); };
const auto residual = [&](const Tensor& at_points) {
  const Tensor x = at_points.detach().requires_grad("x");
  const Tensor value = u(x), sine = sin(pi * x);
  // each u depends on its own x only, so the gradient of the sum has all slopes
  const Tensor slope = grad(sum(value), {x}, {.create_graph = true})[0];
  const Tensor bend = grad(sum(slope), {x}, {.create_graph = true})[0];
  return bend + square(value) - (square(sine) - pi * pi * sine);
};
const Tensor inside = unsqueeze(linspace(0, 1, 40, float64), 1);
const Tensor fine = unsqueeze(linspace(0, 1, 201, float64), 1);
const auto equation = [&] { return mean(square(residual(inside))); };
const auto largest_error = [&] {
  const NoGrad no_grad;
  return max(abs(u(fine) - sin(pi * fine))).item();
};
optim::LBFGS lbfgs(inner.parameters(),
                   {.max_iter = 200, .line_search = optim::LineSearch::strong_wolfe});
lbfgs.step(equation);
fmt::print("largest error below 1e-3: {}\n", largest_error() < 1e-3);

// %% [markdown]
// It is about $2 \cdot 10^{-5}$, after some 80 evaluations. Adam is at ten times that after 1,500.
//
// ## What was learnt
//
// - Newton squares its error near a minimum, but is drawn to any flat place.
// - The largest eigenvalue bounds the learning rate; products $H v$ find it without the matrix.
// - Derivatives of derivatives are ordinary losses: a network can be trained on an equation.
//
// ## Exercises: fill in `25_second_order_exercises.cpp`
//
// 1. Write $H v$ by `grad` twice, without `hvp`.
// 2. Newton on $\sum_i (x_i - i)^2 / 2$: how many steps does it need from anywhere? Why?
// 3. Add $\mu I$ to $H$ at the saddle, $\mu = 2$. Where does that step (Levenberg's) end?
//
// Next: [a variational autoencoder](26_vae.md).

// %% tags=["program"]
return report({{"Newton's distance after 5 steps", newton_distance[5], 4.9e-4, 6e-4},
               {"steps of descent", static_cast<double>(descent_distance.size()), 45, 60},
               {"power iteration, off by", std::abs(by_power - by_matrix), 0, 1e-3},
               {"largest error of u is below 1e-3", largest_error() < 1e-3 ? 1.0 : 0.0, 1, 1}});
}

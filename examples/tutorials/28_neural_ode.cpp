// %% tags=["program"]
// An ODE with a network inside: learning a force by differentiating through the solver.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "report.hpp"

using namespace gradtape;
using namespace gradtape::optim;

int main() {
// %% [markdown]
// # 28. An ODE with a network inside
//
// Physics often comes as a differential equation of which one term is unknown: a friction, a rate
// of growth, a force. Here that term is a network. The solver is made of tensor operations, so the
// tape runs straight through it, and the network learns from measured *positions* a *force* that
// nobody ever measured. This chapter goes beyond the notes: it follows Chen et al. (2018), "Neural
// ordinary differential equations", (1) to (5), and needs chapters 1 and 8.
//
// ## A solver is a function like any other
//
// The equation is $\frac{dy}{dt} = f(y)$ with $y(0)$ given. The classical method of Runge and Kutta
// goes ahead by a step $h$ with four slopes; its error shrinks like $h^4$:
//
// $$k_1 = f(y),\quad k_2 = f(y + \tfrac h2 k_1),\quad k_3 = f(y + \tfrac h2 k_2),\quad
// k_4 = f(y + h k_3),\qquad y \leftarrow y + \tfrac h6 (k_1 + 2 k_2 + 2 k_3 + k_4).$$
//
// A test: $\frac{dy}{dt} = a y$ from $y(0) = 1$ gives $y(1) = e^a$, and the derivative of that by
// $a$ is $e^a$ too. How far off is the derivative of the *solver*, at $a = 1$?

// %%
const auto rk4_step = [](const auto& f, const Tensor& y, double h) {
  const Tensor k1 = f(y), k2 = f(y + h / 2 * k1), k3 = f(y + h / 2 * k2), k4 = f(y + h * k3);
  return y + h / 6 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
};
std::vector<double> growth_errors;
for (const int steps : {4, 8, 16, 32}) {
  const Tensor a = tensor(1.0, float64).requires_grad("a");
  const auto growth = [&](const Tensor& v) { return a * v; };
  Tensor y = tensor(1.0, float64);
  for (int i = 0; i < steps; ++i) y = rk4_step(growth, y, 1.0 / steps);
  growth_errors.push_back(std::abs(grad(y, {a})[0].item() - std::exp(1.0)));
  fmt::print("{:>2} steps: dy(1)/da is off by {:.2e}\n", steps, growth_errors.back());
}
fmt::print("the last halving divides the error by {:.1f}\n", growth_errors[2] / growth_errors[3]);

// %% [markdown]
// By 16, as $h^4$ promises: the derivative is as good as the solution.
//
// ## A pendulum whose force is unknown
//
// The state is $y = (\theta, \omega)$, the angle and its speed. That $\frac{d\theta}{dt} = \omega$
// we know. The force becomes a network: $\frac{d\omega}{dt} = F_p(\theta, \omega)$. The true one,
// which only makes the data, is $-\sin\theta - 0.2\,\omega$, with friction. Six pendulums are
// released at rest, and their angles are read off every quarter of a second for six seconds, with
// an error of 0.02.

// %%
const auto true_slope = [](const Tensor& y) {  // y: [n, 2], as all states here
  const Tensor theta = at(y, {range(), 0}), omega = at(y, {range(), 1});
  return stack({omega, -sin(theta) - 0.2 * omega}, 1);
};
const nn::LinearOptions doubles{.dtype = float64};
seed(28);
const nn::Sequential force(nn::Linear(2, 16, doubles), nn::Tanh(), nn::Linear(16, 1, doubles));
const auto slope = [&](const Tensor& y) {
  return concat({at(y, {range(), range(1, 2)}), force(y)}, 1);
};

/// The angles at times 0, 0.25, ... of n pendulums at rest at first: [n, span + 1].  theta: [n]
const auto swing = [&](const auto& f, const Tensor& theta, int span) {
  Tensor y = stack({theta, zeros_like(theta)}, 1);
  std::vector<Tensor> angles{theta};
  for (int i = 0; i < span; ++i) {
    for (int half = 0; half < 2; ++half) y = rk4_step(f, y, 0.125);
    angles.push_back(at(y, {range(), 0}));
  }
  return stack(angles, 1);
};
const Tensor releases = linspace(-2.5, 2.5, 6, float64);
const Tensor truth = swing(true_slope, releases, 48);  // twelve seconds, of which six are measured
const Tensor readings = at(truth, {range(), range(0, 25)}) + 0.02 * randn({6, 25}, float64);

// %% [markdown]
// The loss is the mean squared distance of the solved angles from the readings. Over six seconds a
// wrong force leads so far astray that the gradient tells little, so we begin with the first
// seconds and let the span grow. The optimizer is L-BFGS (chapter 25).

// %%
for (const int span : {6, 12, 24}) {
  LBFGS lbfgs(force.parameters(), {.max_iter = 60, .line_search = LineSearch::strong_wolfe});
  const Tensor seen = at(readings, {range(), range(0, span + 1)});
  const auto loss = [&] { return nn::mse_loss(swing(slope, releases, span), seen); };
  const double before = lbfgs.step(loss);
  fmt::print("{:.1f} s, {:>4} nodes on the tape: root of the mean squared error {:.3f} -> {:.3f}\n",
             span / 4.0, Tape(loss()).size(), std::sqrt(before), std::sqrt(loss().item()));
}

// %% [markdown]
// It ends near 0.02, the error of the readings. Now the obvious network without any physics: it
// gets the release and the time, and says the angle.

// %%
const nn::Sequential plain(nn::Linear(2, 32, doubles), nn::Tanh(), nn::Linear(32, 32, doubles),
                           nn::Tanh(), nn::Linear(32, 1, doubles));
const auto plain_angles = [&](int count) {  // at times 0, 0.25, ...: [6, count]
  const Tensor t = arange(0, count, 1, float64) / 12.0;
  return reshape(plain(stack({repeat_interleave(releases, count), tile(t, {6})}, 1)), {6, count});
};
Adam adam(plain.parameters(), {.lr = 0.01});
Schedule schedule(adam, cosine_schedule(1500));
for (int epoch = 0; epoch < 1500; ++epoch, schedule.step()) {
  const Tensor loss = nn::mse_loss(plain_angles(25), readings);
  adam.zero_grad();
  loss.backward();
  adam.step();
}

// %% [markdown]
// **Predict before you run on:** both have seen the seconds 0 to 6. How far from the true angles
// will each be in the seconds 6 to 12?

// %%
const Tensor by_force = swing(slope, releases, 48).detach(), by_plain = plain_angles(49).detach();
const auto distance = [&](const Tensor& angles, int from, int to) {
  return std::sqrt(mean(square(at(angles - truth, {range(), range(from, to)}))).item());
};
fmt::print("                     0 to 6 s   6 to 12 s\n");
const std::vector<std::pair<const char*, Tensor>> both{{"force", by_force}, {"angle", by_plain}};
for (const auto& [name, angles] : both)
  fmt::print("network as {}        {:.3f}       {:.3f}\n", name, distance(angles, 0, 25),
             distance(angles, 25, 49));
const Tensor theta = linspace(-3.2, 3.2, 129, float64);
const Tensor learned = flatten(force(stack({theta, zeros_like(theta)}, 1)).detach());
const double force_error = amax(abs(learned + sin(theta))[abs(theta) <= 2.5]).item();
fmt::print("largest error of the force at rest, up to the widest release: {:.2f}\n", force_error);

// %% [markdown]
// The plain network is nearly as good where it was trained, and useless beyond. The force does not
// depend on time, and by friction the later states are among those seen before, so what was learned
// about them still holds. And it can be read like a result of physics:

// %%
const Tensor seconds = arange(0, 12.25, 0.25, float64);
const std::vector<Series> angles{
    {.name = "truth", .x = seconds, .y = truth[0], .colour = colour::grey, .size = 5},
    {.name = "as force", .x = seconds, .y = by_force[0], .colour = colour::blue},
    {.name = "as angle", .x = seconds, .y = by_plain[0], .colour = colour::orange},
    {.name = "readings", .x = at(seconds, {range(0, 25)}), .y = readings[0], .mark = Mark::points,
     .colour = colour::dark, .size = 2.5}};
const std::vector<Series> forces{
    {.name = "truth", .x = theta, .y = -sin(theta), .colour = colour::grey, .size = 5},
    {.name = "learned force", .x = theta, .y = learned, .colour = colour::blue}};
save_picture("28_neural_ode.svg",
    {{angles, {.title = "trained on six seconds, asked for twelve", .x_label = "seconds",
               .y_label = "angle", .width = 460, .height = 280, .legend = true}},
     {forces, {.title = "the force at rest; released up to 2.5", .x_label = "angle",
               .y_label = "force", .width = 460, .height = 280, .legend = true}}});

// %% [markdown]
// ## The gradient without a tape
//
// The tape of a long solution is long. There is another way to the same gradient: an ODE for the
// cotangent $a(t) = \partial L / \partial y(t)$ of the state, the *adjoint* equation (Chen et al.,
// equations 4 and 5),
//
// $$\frac{da}{dt} = -a^\top \frac{\partial f}{\partial y}, \qquad
// \frac{dL}{dp} = \int_0^{t_1} a^\top \frac{\partial f}{\partial p}\, dt,$$
//
// solved backwards from $a(t_1)$, together with $y$, which is computed once more instead of being
// kept (exercise 3). It needs no memory that grows with time, but has an error of its own; the
// tape's gradient is exact for what the program computes. Chapter 31 has a way that is both.
//
// ## What was learnt
//
// - A solver is made of tensor operations; its gradient is as accurate as its solution.
// - What is known goes into the equation; the network learns only what is unknown.
// - The gradient of an ODE obeys an ODE. Solving that saves the tape and costs exactness.
//
// ## Exercises: fill in `28_neural_ode_exercises.cpp`
//
// 1. Write Euler's step, $y \leftarrow y + h f(y)$. By which factor does halving the step divide
//    the error of its derivative?
// 2. Write the midpoint step, $y \leftarrow y + h f(y + \tfrac h2 f(y))$. And now?
// 3. For $\frac{dy}{dt} = a y$ and $L = y(1)$ write the slopes of $y$, the cotangent, the integral.
//
// Next: [a Gaussian process by marginal likelihood](29_gaussian_process.md).

// %% tags=["program"]
return report({{"error of derivative / 16", growth_errors[2] / growth_errors[3] / 16, 0.97, 0.9},
               {"angles by the force, 6 to 12 s", distance(by_force, 25, 49), 0.008, 0.03},
               {"angles by the plain network, 6 to 12 s", distance(by_plain, 25, 49), 0.8, 0.3},
               {"largest error of the force", force_error, 0.05, 0.2}});
}

// %% tags=["program"]
// Exclusive or: what a line cannot do, a hidden layer by hand, and how often descent finds one.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 5. Exclusive or
//
// Four points are the smallest data set that a linear model cannot fit and a network can. The
// network's solution can be written down by hand, so this is also the place to ask how often
// gradient descent finds one.
//
// It follows the Goodfellow et al. chapter 6 slides, "Learning XOR" to "Gradient-Based Learning".
//
// ## What a line makes of it
//
// XOR is 1 where exactly one of two bits is. The four inputs are the rows of the *design matrix*
// $X$, the set of them is $\mathbb{X}$, and the slides' cost is the mean squared error over them:
//
// $$J(\theta) = \frac14 \sum_{x \in \mathbb{X}} (f^*(x) - f(x; \theta))^2$$
//
// where $f^*$ is XOR. First try the linear model $f(x; w, b) = x^\top w + b$.

// %%
const Tensor X = tensor({{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}}, float64);
const Tensor y = tensor({0.0, 1.0, 1.0, 0.0}, float64);
const Tensor with_one = concat({X, ones({4, 1}, float64)}, 1);
const Tensor line = lstsq(with_one, y);  // w1, w2, b
const double line_J = nn::mse_loss(matmul(with_one, line), y).item();
fmt::print("w = 0 to 1e-12: {}, b = {:.4f}, J = {:.4f}\n",
           max(abs(slice(line, 0, 0, 2))).item() < 1e-12, line[2].item(), line_J);

const Parameter descended(tensor({0.7, -0.4, 0.1}, float64), "line");
optim::SGD line_sgd({descended}, {.lr = 0.5});
for (int step = 0; step < 500; ++step) {
  line_sgd.zero_grad();
  nn::mse_loss(matmul(with_one, descended), y).backward();
  line_sgd.step();
}
const double line_sgd_difference = max(abs(descended - line)).item();
fmt::print("gradient descent ends there too: {}\n", line_sgd_difference < 1e-12);

// %% [markdown]
// The best line says $\frac12$ to everything. With $x_1 = 0$ the output must grow with $x_2$,
// with $x_1 = 1$ it must shrink; a linear model has one slope for both.
//
// ## A hidden layer, by hand
//
// The slides chain two functions: $h = f^{(1)}(x; W, c)$ computes *hidden units*, and
// $y = f^{(2)}(h; w, b)$ is a linear model again, but of $h$. The first must not be linear, or
// the whole would be. So it is $h = g(W^\top x + c)$ with the ReLU $g(z) = \max\{0, z\}$, element
// by element:
//
// $$f(x; W, c, w, b) = w^\top \max\{0, W^\top x + c\} + b$$
//
// The slides state a solution. For all four inputs at once it reads
// $\operatorname{ReLU}(X W + c)\, w + b$.

// %%
const Tensor W = tensor({{1.0, 1.0}, {1.0, 1.0}}, float64), c = tensor({0.0, -1.0}, float64);
const Tensor w = tensor({1.0, -2.0}, float64);
const double b = 0;
const Tensor XW = matmul(X, W), z = XW + c, h = relu(z), f = matmul(h, w) + b;
std::cout << "X W =\n" << XW << "\nX W + c =\n" << z << "\n";
std::cout << "h = ReLU(X W + c) =\n" << h << "\nf = " << f << "\n";
const double hand_J = nn::mse_loss(f, y).item();
const Tensor misprinted = index_put(h, {2, 0}, tensor(2.0, float64));  // the slide's row 3: [2 0]
std::cout << "J = " << hand_J << "\nwith the slide's h: f = " << matmul(misprinted, w) + b << "\n";

// %% [markdown]
// The slide prints $[2\ \ 0]$ in the third row of $h$. It must be $[1\ \ 0]$, from $X W + c$
// above; with the printed row the output would be 2.
//
// In the plane of $x$ no line parts the classes. In the plane of $h$ the inputs $(0, 1)$ and
// $(1, 0)$ lie on the same spot, and the line $h_1 - 2 h_2 = \frac12$ has them on one side. The
// colours in the first picture are $f$ between the four points.

// %%
const optim::ChartOptions x_plane{
    .title = "The plane of x, and f in colours", .x_label = "x1", .y_label = "x2", .width = 360,
    .x_limits = {-0.5, 1.5}, .y_limits = {-0.5, 1.5}, .equal_units = true, .legend = true};
const optim::ChartOptions h_plane{
    .title = "The plane of h", .x_label = "h1", .y_label = "h2", .width = 360,
    .x_limits = {-0.5, 2.5}, .y_limits = {-0.5, 1.5}, .equal_units = true, .legend = true};
const Tensor cells = optim::grid(x_plane, 80, 80).to(float64);
const Tensor between = reshape(matmul(relu(matmul(cells, W) + c), w) + b, {80, 80});
const std::vector<std::string> names{"XOR = 0", "XOR = 1"};
const auto in_x = optim::points(X, y.to(int64), names, {.size = 7});
auto in_h = optim::points(h, y.to(int64), names, {.size = 7});
in_h.push_back({.name = "f = 1/2", .x = {-0.5, 2.5}, .y = {-0.5, 1.0}, .mark = optim::Mark::dashes,
                .colour = optim::colour::dark});
const optim::Field colours = optim::field(between, {.low = -0.5, .high = 1.5});
optim::save_picture("05_xor.svg", {{in_x, x_plane, colours}, {in_h, h_plane}});

// %% [markdown]
// ## Learned
//
// Now gradient descent is to find the weights. The slides advise: small random weights, and biases
// 0 or small and positive. The same network as a module:

// %%
struct Xor : nn::Module {
  nn::Linear hidden, output;  // Linear keeps W^T
  Xor(std::int64_t units, double bias)
      : hidden(child("hidden", nn::Linear(2, units, {.weight_init = nn::init::Normal{0, 0.7},
                                                     .bias_init = nn::init::Constant{bias},
                                                     .dtype = float64}))),
        output(child("output", nn::Linear(units, 1, {.weight_init = nn::init::Normal{0, 0.7},
                                                     .bias_init = nn::init::Zeros{},
                                                     .dtype = float64}))) {}
  Tensor operator()(const Tensor& x) const { return flatten(output(relu(hidden(x)))); }
};
const auto learn = [&](const Xor& model) {
  optim::SGD sgd(model.parameters(), {.lr = 0.1});
  for (int step = 0; step < 3000; ++step) {
    const Tensor J = nn::mse_loss(model(X), y);
    sgd.zero_grad();
    J.backward();
    sgd.step();
  }
  return nn::mse_loss(model(X), y).item();
};

// %% [markdown]
// **Predict before you run on:** two units are enough, as the solution by hand shows. Of 20
// random starts, how many reach it? What changes with hidden biases of 0.1, or with eight units?

// %%
struct Starts {
  std::vector<double> costs = {};
  int solved = 0;  // starts that reached J < 0.01
  int dead = 0;    // of the others, those with a unit that is off for all four inputs
};
const auto twenty_starts = [&](std::int64_t units, double bias) {
  Starts all;
  for (std::uint64_t start = 1; start <= 20; ++start) {
    seed(start);
    const Xor model(units, bias);
    all.costs.push_back(learn(model));
    const Tensor highest = amax(relu(model.hidden(X)), {0});  // of each unit over the four inputs
    if (all.costs.back() < 0.01) ++all.solved;
    else if (min(highest).item() == 0) ++all.dead;
  }
  std::sort(all.costs.begin(), all.costs.end());
  return all;
};
const Starts two = twenty_starts(2, 0), biased = twenty_starts(2, 0.1), eight = twenty_starts(8, 0);
fmt::print("2 units:             {:2} of 20 solved, {} dead\n", two.solved, two.dead);
fmt::print("2 units, biases 0.1: {:2} of 20 solved, {} dead\n", biased.solved, biased.dead);
fmt::print("8 units:             {:2} of 20 solved, {} dead\n", eight.solved, eight.dead);
fmt::print("2 units, J of each start: {:.3f}\n", fmt::join(two.costs, " "));
optim::save_picture("05_starts.svg",
    {{{{.name = "2 units", .y = two.costs, .mark = optim::Mark::bars},
       {.name = "8 units", .y = eight.costs, .mark = optim::Mark::bars}},
      {.title = "J after 3,000 steps, 20 starts", .x_label = "starts, best first", .y_label = "J",
       .width = 420, .height = 260, .legend = true}}});

// %% [markdown]
// "Dead" counts the failed starts with a unit that is off for all four inputs. It has no gradient
// (chapter 2), and the unit that is left cannot do it alone. The failures stop at three heights. At
// $\frac14$ the network says $\frac12$ to everything, as the line does. At $\frac16$ one point is
// right and the other three get their mean. At $\frac18$ two points are right and the other two
// get $\frac12$.
//
// A small positive bias keeps some units alive. Spare units help most: enough of them survive.
// Without convexity, the slides warn, there is no promise, and the start matters.
//
// ## What was learnt
//
// - A hidden layer moves the points to where a line can part them.
// - That a network can represent a solution does not mean that descent finds it.
// - Small positive biases help against dead units, and spare units help more.
//
// ## Exercises: fill in `05_xor_exercises.cpp`
//
// 1. Find a start of two units that ends with a dead one, and say which unit it is.
// 2. Solve XOR with two tanh units by hand: choose $W$, $c$, $w$ and $b$.
// 3. Replace the ReLU by the identity: which $w'$ has the linear model $x^\top w'$ that comes out?
//
// Next: [backprop by hand](06_backprop_by_hand.md).

// %% tags=["program"]
return report({{"J of the line", line_J, 0.25, 0.2500001},
               {"line by descent, difference", line_sgd_difference, 0, 1e-12},
               {"J of the solution by hand", hand_J, 0, 0},
               {"solved, 2 units", static_cast<double>(two.solved), 6, 4},
               {"solved, 2 units with biases 0.1", static_cast<double>(biased.solved), 9, 7},
               {"solved, 8 units", static_cast<double>(eight.solved), 20, 17}});
}

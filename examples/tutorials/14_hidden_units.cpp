// %% tags=["program"]
// Hidden units beyond ReLU: absolute value, leaky, PReLU, maxout, RBF, hard tanh; what each draws.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 14. Units that learn their shape
//
// An activation need not be fixed. Some units learn the slope of one side, some the whole bend, and
// some answer to a place. This chapter checks each formula, then gives all of them the same task.
//
// It follows the pages "Hidden Units" of the slides to Goodfellow et al., chapter 6. Their symbols:
// $x$ is the unit's input, $z = W^T x + b$ the pre-activations, $h$ what the units give.
//
// ## A slope for the negative side
//
// ReLU gives nothing, and passes no gradient, for $z < 0$. Three units mend that with a slope
// $\alpha$ there:
//
// $$h_i = \max(0, z_i) + \alpha_i \min(0, z_i).$$
//
// *Absolute value rectification* fixes $\alpha = -1$, so that $h = |z|$. *Leaky ReLU* fixes a small
// value, 0.01. *PReLU* learns $\alpha_i$. Its gradient is what the formula says,
// $\partial h_i / \partial \alpha_i = \min(0, z_i)$, added up over the examples.

// %%
seed(14);
const Tensor z = 2.0 * randn({50, 3}, float64);  // 50 examples, 3 units
const auto rectifier = [](const Tensor& t, const Tensor& alpha) {
  return maximum(t, 0.0) + alpha * minimum(t, 0.0);
};
const Tensor alphas = tensor({0.25, -0.5, 0.9}, float64);
const auto apart = [](const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); };
const double rectifiers = apart(abs(z), rectifier(z, tensor(-1.0, float64))) +
                          apart(leaky_relu(z), rectifier(z, tensor(0.01, float64))) +
                          apart(prelu(z, alphas), rectifier(z, alphas));
const Tensor of_alphas = grad_of([&](const Tensor& t) { return sum(prelu(z, t)); }, alphas);
fmt::print("abs, leaky_relu and prelu are the formula: {}\n", rectifiers == 0 ? "yes" : "no");
fmt::print("the gradient of alpha is the sum of min(0, z) to 1e-12: {}\n",
           apart(of_alphas, sum(minimum(z, 0.0), 0)) < 1e-12 ? "yes" : "no");

// %% [markdown]
// ## Maxout
//
// A *maxout* unit takes the largest of $k$ pre-activations, its *pieces*: $h_i = \max_j z_{ij}$
// with $z_{ij} = w_{ij}^T x + b_{ij}$. Straight pieces of which the highest counts make a convex
// curve, and the weights say which one: with two pieces, ReLU and the absolute value are among
// them. `nn::Maxout` keeps the pieces of a unit next to each other in one linear layer.

// %%
const nn::Maxout maxout_unit(2, 3, 4, {.dtype = float64});  // 3 units of 4 pieces each
const Tensor inputs = randn({50, 2}, float64);
const Tensor pieces = reshape(maxout_unit.linear(inputs), {50, 3, 4});
fmt::print("maxout is the largest of its pieces: {}\n",
           apart(maxout_unit(inputs), amax(pieces, 2)) == 0 ? "yes" : "no");

// %% [markdown]
// ## Radial basis functions
//
// An *RBF* unit has a template $w_{:,i}$ and a width $\sigma_i$, and answers to inputs near the
// template:
//
// $$h_i = \exp\left(-\frac 1 {\sigma_i^2} \|w_{:,i} - x\|^2\right).$$
//
// `nn::RBF` calls the templates `centers`, one in a row, and learns both. Its formula is here too,
// and `gradcheck` on it. The table shows the price of answering to a place: far from every template
// the unit is 0, and so is its gradient.

// %%
const nn::RBF rbf_unit(2, 3, {.width = 0.8, .dtype = float64});
const Tensor centers = rbf_unit.centers.tensor().detach();
const Tensor widths = rbf_unit.widths.tensor().detach();
const Tensor to_centers = unsqueeze(inputs, 1) - unsqueeze(centers, 0);  // [50, 3, 2]
const Tensor by_formula = exp(-sum(square(to_centers), 2) / square(widths));
fmt::print("RBF is the formula to 1e-14: {}\n",
           apart(rbf_unit(inputs), by_formula) < 1e-14 ? "yes" : "no");
const GradcheckResult rbf_check = gradcheck(
    [](const std::vector<Tensor>& t) { return rbf(t[0], t[1], t[2]); },
    {slice(inputs, 0, 0, 5), centers, widths});
fmt::print("gradcheck of x, centers and widths: {}\n", name(rbf_check.verdict));

double far_slope = 0;
for (const double distance : {0.5, 1.0, 3.0, 6.0}) {
  const Tensor at = tensor({distance, 0.0}, float64);
  const auto one_unit = [](const Tensor& t) { return sum(rbf(t, zeros({1, 2}, float64))); };
  far_slope = norm(grad_of(one_unit, at)).item();
  fmt::print("at {:3} widths from the template: h = {:.1e}, |dh/dx| = {:.1e}\n", distance,
             one_unit(at).item(), far_slope);
}

// %% [markdown]
// ## Hard tanh
//
// $h = \max(-1, \min(1, z))$: shaped like tanh, but of three straight lines and cheap. Outside
// $[-1, 1]$ its slope is exactly 0.

// %%
const double hard_tanh = apart(hardtanh(z), maximum(minimum(z, 1.0), -1.0));
fmt::print("hardtanh is the formula: {}\n", hard_tanh == 0 ? "yes" : "no");

// %% [markdown]
// ## The same task for all
//
// 400 points of the square $[-2, 2]^2$; those in the disc of radius $\sqrt 2$ are class 1. Each
// model has eight hidden units and one logit, and learns for 1,500 steps of Adam.
//
// **Predict before you run on:** where the logit is 0 lies the model's boundary. For which of the
// six is it made of straight lines, and for which is it round?

// %%
const Tensor points = 4.0 * rand({400, 2}, float64) - 2.0;
const Tensor inside = sum(square(points), 1) < 2.0;

const nn::LinearOptions wide{.dtype = float64};
struct Candidate {
  std::string name;
  std::function<nn::Sequential()> hidden;  // a new hidden layer, 2 -> 8
};
const std::vector<Candidate> candidates = {
    {"absolute value", [=] {
       return nn::Sequential(nn::Linear(2, 8, wide), [](const Tensor& t) { return abs(t); });
     }},
    {"leaky ReLU", [=] { return nn::Sequential(nn::Linear(2, 8, wide), nn::LeakyReLU(0.01)); }},
    {"PReLU", [=] {
       return nn::Sequential(nn::Linear(2, 8, wide), nn::PReLU(8, {.dtype = float64}));
     }},
    {"maxout, 2 pieces", [=] { return nn::Sequential(nn::Maxout(2, 8, 2, wide)); }},
    {"RBF", [=] { return nn::Sequential(nn::RBF(2, 8, {.dtype = float64})); }},
    {"hard tanh", [=] { return nn::Sequential(nn::Linear(2, 8, wide), nn::Hardtanh()); }}};

std::vector<double> accuracies;
std::vector<optim::Chart> fields;
Tensor learned_slopes;
for (const Candidate& candidate : candidates) {
  seed(5);
  const nn::Sequential hidden = candidate.hidden();
  const nn::Sequential model(hidden, nn::Linear(8, 1, wide), nn::Flatten(0));
  optim::Adam adam(model.parameters(), {.lr = 0.02});
  for (int step = 0; step < 1500; ++step) {
    const Tensor loss = nn::bce_with_logits(model(points), inside.to(float64));
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  accuracies.push_back(nn::metric::accuracy(model(points) > 0.0, inside));
  fmt::print("{:16} {:6.2f} % of 400 right\n", candidate.name, 100 * accuracies.back());
  if (candidate.name == "PReLU") learned_slopes = hidden.parameters()[2].tensor().detach();

  const optim::ChartOptions look{.title = candidate.name, .width = 260, .x_limits = {-2, 2},
                                 .y_limits = {-2, 2}, .equal_units = true, .axes = false};
  const Tensor logits = model(optim::grid(look, 120, 120).to(float64));
  fields.push_back({.series = optim::points(points, inside, {"", ""}, {.size = 2}),
                    .options = look,
                    .field = optim::field(reshape(sigmoid(logits), {120, 120}),
                                          {.scale = {optim::colour::pale_blue, "#ffffff",
                                                     optim::colour::pale_orange}})});
}
optim::save_picture("14_hidden_units.svg", fields, 2);
fmt::print("PReLU's slopes, 0.25 at first: {:.1f}\n",
           fmt::join(learned_slopes.values<double>(), " "));

// %% [markdown]
// Five of the six draw polygons: such a network is linear in each region where none of its units
// changes pieces. Only the RBF units draw round shapes, which suits a disc. And PReLU's slopes have
// moved far. Four became negative: those units fall and rise again, as the absolute value does.
//
// ## What was learnt
//
// - A slope below zero keeps a gradient there; it can be fixed, or learned like a weight.
// - Maxout learns the bend itself, at the price of several linear maps for a unit.
// - RBF units answer to places, which is strong near their templates and silent far away.
//
// ## Exercises: fill in `14_hidden_units_exercises.cpp`
//
// 1. Choose the weights and biases of a maxout unit with two pieces so that it is $|x|$; then so
//    that it is the hinge $\max(0, 1 - x)$.
// 2. At how many widths from its template is the gradient of an RBF unit below $10^{-12}$?
// 3. PReLU by hand: from $z$ and the gradient of the output give those of $z$, $\alpha$.
//
// Next: [SGD-NEURAL-NET](15_sgd_neural_net.md).

// %% tags=["program"]
return report({{"rectifiers against their formula", rectifiers, 0, 0},
               {"gradient of an RBF six widths off", far_slope, 3e-15, 1e-14},
               {"accuracy of absolute value", accuracies[0], 1, 0.98},
               {"accuracy of PReLU", accuracies[2], 0.995, 0.98},
               {"accuracy of maxout", accuracies[3], 1, 0.98},
               {"accuracy of RBF", accuracies[4], 0.9975, 0.98},
               {"accuracy of hard tanh", accuracies[5], 1, 0.97}});
}

// %% tags=["program"]
// Why deep networks forget their first layers: gradients that vanish or explode, measured by layer.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 16. Vanishing and exploding gradients
//
// A network of twenty layers can be written in a minute, and for decades it could not be trained.
// Its gradients are exact. But the first layers get gradients a trillion times smaller than the
// last ones, or a billion times larger, and no single step size suits both. This chapter measures
// that, finds the two factors behind it, and cures it.
//
// It follows the MIT 6.390 notes, (6.6), section 6.6 on initial weights and section 6.7.2, and the
// CS229 main notes, section 7.2, on activations whose slope vanishes. You need chapters 7 and 11.
//
// ## A product with nineteen factors
//
// Layer $l$ computes $Z^l = (W^l)^T A^{l-1}$ and $A^l = f(Z^l)$, from the input $A^0 = x$ on (the
// biases are left out here). Equation (6.6) of the MIT notes says how the loss depends on an early
// $Z^l$, when there are $L$ layers:
//
// $$\frac{\partial loss}{\partial Z^l} = \frac{\partial A^l}{\partial Z^l} \cdot W^{l+1} \cdots
// \frac{\partial A^{L-1}}{\partial Z^{L-1}} \cdot W^L \cdot \frac{\partial A^L}{\partial Z^L} \cdot
// \frac{\partial loss}{\partial A^L}.$$
//
// On the way from layer 20 to layer 1 the gradient is multiplied by nineteen weight matrices and
// nineteen slopes $f'$. If each pair multiplies its length by about $c$, then $c^{19}$ arrives.
//
// The function below builds such a network of 64 units a layer and returns the length (the norm) of
// $\partial loss / \partial Z^l$ for every layer. The weights are normal with standard deviation
// $gain / \sqrt{m}$, where $m = 64$ is the number of inputs of a unit. A batch of 64 examples
// stands in the rows of `A`, so that $Z = A W$. The loss is a random linear function of the output.

// %%
const std::int64_t m = 64;
const std::size_t depth = 20;

const auto norms_by_layer = [=](const auto& f, double gain) {
  const Generator generator(16);
  Tensor A = randn({64, m}, float64, generator);
  const Tensor direction = randn({64, m}, float64, generator) / 64.0;
  std::vector<Tensor> Z;
  for (std::size_t l = 0; l < depth; ++l) {
    const Tensor W = (gain / std::sqrt(m) * randn({m, m}, float64, generator)).requires_grad();
    Z.push_back(matmul(A, W));
    A = f(Z.back());
  }
  std::vector<double> norms;
  for (const Tensor& gradient : grad(sum(A * direction), Z)) norms.push_back(norm(gradient).item());
  return norms;
};

// %% [markdown]
// ## The weights alone
//
// First without any nonlinearity, $f(z) = z$. Such a random matrix makes a vector longer by the
// factor $gain$ on average, so we expect $gain^{19}$.
//
// **Predict before you run on:** the gains are 0.5, 1, $\sqrt 2$ and 3. By what factor does the
// gradient of the first layer differ from that of the last? Then put sigmoids in: their slope is at
// most 1/4. What happens to the gain of 1?

// %%
const auto identity = [](const Tensor& z) { return z; };
std::vector<double> linear_ratio;
fmt::print("linear layers   |grad 1| / |grad 20|   gain^19\n");
for (const double gain : {0.5, 1.0, std::sqrt(2.0), 3.0}) {
  const auto norms = norms_by_layer(identity, gain);
  linear_ratio.push_back(norms.front() / norms.back());
  fmt::print("gain {:6.4f}     {:20.1e} {:9.1e}\n", gain, linear_ratio.back(), std::pow(gain, 19));
}

// %% [markdown]
// Only a gain near 1 passes the gradient on.
//
// ## Weights and slopes
//
// Now with activations. Sigmoid gets a gain of 1, and so does tanh. ReLU gets $\sqrt 2$: its slope
// is 0 for half of the units, which halves the squared length, and $(\sqrt 2)^2 = 2$ makes up for
// it. (These are He's initial weights, `nn::init::KaimingNormal`.)

// %%
const auto with_sigmoid = norms_by_layer([](const Tensor& z) { return sigmoid(z); }, 1);
const auto with_tanh = norms_by_layer([](const Tensor& z) { return tanh(z); }, 1);
const auto with_relu = norms_by_layer([](const Tensor& z) { return relu(z); }, std::sqrt(2.0));
const Tensor layers = arange(1, 21);
optim::save_picture("16_vanishing.svg",
    {{{{.name = "gain 3", .x = layers, .y = norms_by_layer(identity, 3)},
       {.name = "ReLU", .x = layers, .y = with_relu}, {.name = "tanh", .x = layers, .y = with_tanh},
       {.name = "sigmoid", .x = layers, .y = with_sigmoid}},
      {.title = "Size of the gradient, layer by layer", .x_label = "layer",
       .y_label = "|dloss/dZ|", .log_y = true, .width = 480, .height = 360, .legend = true}}});
const auto line = [](const char* name, const std::vector<double>& norms) {
  fmt::print("{:<16} {:11.1e} {:11.1e} {:22.2g}\n", name, norms.front(), norms.back(),
             norms.back() / norms.front());
};
fmt::print("                    |grad 1|   |grad 20|   |grad 20| / |grad 1|\n");
line("sigmoid", with_sigmoid);
line("tanh", with_tanh);
line("ReLU, gain 1.414", with_relu);

// %% [markdown]
// In the sigmoid network a trillionth arrives: the slope is at most 1/4, and $4^{19} = 2.7 \cdot
// 10^{11}$. With ReLU and the gain that belongs to it, the first layer hears the loss as loudly as
// the last. Equation (6.4) gives the gradient of a weight matrix from the same
// $\partial loss / \partial Z^l$, so a step of gradient descent moves $W^1$ a trillion times less
// than $W^{20}$. In the picture a straight line is a constant factor per layer.
//
// For a model that is there already, `nn::layer_norms` makes such a table, of root mean squares, so
// that layers of different widths compare. Four layers of sigmoids are enough to see it:

// %%
const nn::LinearOptions start{.dtype = float64, .generator = Generator(5)};
nn::Sequential ready;
for (int l = 0; l < 4; ++l) ready.add(nn::Linear(m, m, start)).add(nn::Sigmoid());
const Tensor batch = randn({64, m}, float64, Generator(6));
std::cout << nn::layer_norms(ready, [&] { return mean(square(ready(batch))); });

// %% [markdown]
// ## Large weights kill the slopes themselves
//
// "Then make the weights larger"? For an activation that saturates this is no way out, as section
// 6.6 of the MIT notes warns: large weights make large $|z|$, and there the slope of tanh,
// $\tanh'(z) = 1 - \tanh^2 z$, is nearly 0. Here is its mean in a layer with 256 inputs.

// %%
const Generator draws(1);
const Tensor inputs = randn({200, 256}, float64, draws);
std::vector<double> mean_slope;
for (const double deviation : {0.01, 1 / std::sqrt(256.0), 1.0}) {
  const Tensor z = matmul(inputs, deviation * randn({256, 256}, float64, draws));
  mean_slope.push_back(mean(1.0 - square(tanh(z))).item());
  fmt::print("weights of deviation {:6.4f}: mean |z| {:5.2f}, mean tanh'(z) {:.2f}\n", deviation,
             mean(abs(z)).item(), mean_slope.back());
}

// %% [markdown]
// Small weights keep the slope near 1, but shrink the signal. Good initial weights lie in between,
// at $1 / \sqrt m$ times a gain of the activation, `nn::init::calculate_gain("relu")`.
//
// ## Clipping: a cure for explosions only
//
// A gradient that is too long can be shortened before the step: with $g$ all gradients as one
// vector, clipping replaces it by $g \cdot c / \|g\|$ wherever $\|g\| > c$. `clip_grad_norm`
// returns the norm that it found, here in three layers with a gain of 30:

// %%
const Generator wild(3);
const nn::init::Initializer large = nn::init::KaimingNormal{.gain = 30};
const nn::LinearOptions options{.weight_init = large, .dtype = float64, .generator = wild};
const nn::Linear layer1(m, m, options), layer2(m, m, options), layer3(m, 1, options);
nn::Sequential deep(layer1, nn::ReLU(), layer2, nn::ReLU(), layer3);
mean(square(deep(randn({64, m}, float64, wild)))).backward();
const double before = optim::clip_grad_norm(deep.parameters(), 1.0);
const double after = optim::clip_grad_norm(deep.parameters(), 1.0);
fmt::print("norm of the gradient: {:.1e} before clipping, {:.4f} after\n", before, after);

// %% [markdown]
// Nothing like it exists for vanishing gradients. There one changes the network: other initial
// weights, ReLU, normalisation (chapter 19), residual connections (chapter 20). Or one gives each
// weight a step size of its own, which is the next chapter.
//
// ## What was learnt
//
// - From layer $L$ to layer $l$ the gradient passes $L - l$ matrices and slopes, which multiply.
// - Sigmoid layers shrink it by more than 4 each. ReLU with deviation $\sqrt{2/m}$ keeps it.
// - Too large gradients can be clipped. Too small ones need another network or another start.
//
// ## Exercises: fill in `16_vanishing_exercises.cpp`
//
// 1. Write `clip_grad_norm` for a list of gradients by hand.
// 2. MIT draws weights with deviation $1/m$, in place of $1/\sqrt m$. By what factor does a linear
//    layer then change the length of a vector, and what is left after 19 layers?
// 3. Which gain keeps the gradient's length through leaky ReLU layers of slope 0.1?
//
// Next: [steps of their own](17_optimizers.md).

// %% tags=["program"]
const double sigmoid_ratio = with_sigmoid.back() / with_sigmoid.front();
return report({{"log10 of gain 0.5 over 19 layers", std::log10(linear_ratio[0]), -5.7, -5.3},
               {"log10 of gain 3 over 19 layers", std::log10(linear_ratio[3]), 9.1, 8.7},
               {"log10 of |grad 20| / |grad 1|, sigmoid", std::log10(sigmoid_ratio), 12, 11.5},
               {"mean slope of tanh, small weights", mean_slope[0], 0.98, 0.97},
               {"mean slope of tanh, large weights", mean_slope[2], 0.05, 0.06}});
}

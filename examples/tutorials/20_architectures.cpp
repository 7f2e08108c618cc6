// %% tags=["program"]
// Modules put together: MLP, width and depth, residual, layer norm, LeNet-5, a recurrent network.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 20. From modules to architectures
//
// Modern networks are put together from a handful of modules. This chapter builds the most common
// ones from matrix products and sums, and measures what each of them buys.
//
// It follows the CS229 main notes, section 7.3, (7.35)-(7.37) and what follows there in the
// published notes, and Goodfellow et al., chapter 6 slides, Architecture Design, Universal
// Approximation, LeNet-5 and Recurrent Neural Network. You need chapters 8, 12 and 16.
//
// ## One building block
//
// With a weight matrix $W$ and a bias $b$, the notes call $MM_{W,b}(z) = W z + b$ a
// matrix-multiplication module (7.35). With an activation $\sigma$ and other parameters in every
// MM, a multilayer perceptron is $MLP(x) = MM(\sigma(MM(\sigma(\cdots MM(x)))))$ (7.37). In the
// library MM is `nn::Linear`, which computes $z W^T + b$ for a batch in rows, and the composition
// is `nn::Sequential`.

// %%
const Generator chance(20);
const nn::LinearOptions exact{.dtype = float64, .generator = chance};
const nn::Linear mm1(3, 5, exact), mm2(5, 5, exact), mm3(5, 2, exact);
const nn::Sequential mlp(mm1, nn::Tanh(), mm2, nn::Tanh(), mm3);
const Tensor z = randn({3}, float64, chance);
const auto MM = [](const nn::Linear& m, const Tensor& v) { return matmul(m.weight, v) + m.bias; };
const double mlp_off = norm(mlp(z) - MM(mm3, tanh(MM(mm2, tanh(MM(mm1, z)))))).item();
fmt::print("MLP by formula and nn::Sequential agree to 1e-14: {}\n", mlp_off < 1e-14);

// %% [markdown]
// ## Width
//
// One hidden layer is enough, says the universal approximation theorem: with enough units it comes
// as close as you like to any continuous function on an interval. Each ReLU unit adds one kink.

// %%
const Tensor x = linspace(-1, 1, 200, float64), column = unsqueeze(x, 1), wave = sin(6.0 * column);
std::vector<double> width_loss;
std::vector<optim::Series> fits{{.name = "sin 6x", .x = x, .y = wave, .mark = optim::Mark::dashes}};
for (const std::int64_t width : {2, 8, 32, 128}) {
  const nn::LinearOptions options{.dtype = float64, .generator = Generator(1)};
  const nn::Linear hidden(1, width, options), output(width, 1, options);
  const nn::Sequential net(hidden, nn::ReLU(), output);
  optim::LBFGS lbfgs(net.parameters(), {.line_search = optim::LineSearch::strong_wolfe});
  for (int step = 0; step < 10; ++step)
    lbfgs.step([&] { return nn::mse_loss(net(column), wave); });
  width_loss.push_back(nn::mse_loss(net(column), wave).item());
  fmt::print("{:3} units: mean squared error {}\n", width, width_loss.back() < 1e-4 ?
             "below 1e-4" : fmt::format("{:.1e}", width_loss.back()));
  fits.push_back({.name = fmt::format("{} units", width), .x = x, .y = net(column).detach()});
}

// %% [markdown]
// ## Depth
//
// Deeper networks often need far fewer units, the slides say. The cleanest example is a saw. Two
// ReLU units make one tooth, $T(x) = 2\, \mathrm{relu}(x) - 4\, \mathrm{relu}(x - \tfrac12)$, which
// goes from 0 up to 1 and down again. $T(T(x))$ runs through a whole tooth on the way up and
// through another on the way down.
//
// **Predict before you run on:** how many turns, from up to down or back, has $T$ applied five
// times, with ten units? How many can a single hidden layer of ten ReLU units have?

// %%
const auto tooth = [](const Tensor& t) { return 2.0 * relu(t) - 4.0 * relu(t - 0.5); };
const nn::Sequential saw(tooth, tooth, tooth, tooth, tooth);
const Tensor fine = (arange(64).to(float64) + 0.5) / 64.0;
const Tensor slope = grad_of([&](const Tensor& t) { return sum(saw(t)); }, fine);
const double turns = count_nonzero(slice(slope, 0, 1, 64) != slice(slope, 0, 0, 63)).item();
fmt::print("slopes {} and {}, {} turns by 10 units\n", max(slope).item(), min(slope).item(), turns);

// %% [markdown]
// Each layer doubles the number of teeth, so $L$ layers of two units make $2^L - 1$ turns. In one
// hidden layer a unit makes one kink, so 31 turns need 31 units there.
//
// ## Residual connections and layer normalization
//
// Depth has a price, the vanishing gradient of chapter 16. The residual block of the notes adds its
// input, $Res(z) = z + MM(\sigma(MM(z)))$. Whatever the MMs do, the gradient has a way past them
// that multiplies it by 1. Below are thirty blocks of 32 sigmoid units, with and without.
//
// Layer norm $LN$ subtracts the mean of the elements of *one* vector and divides by their standard
// deviation; a learned scale and shift follow. It needs no batch. The size of the weights before it
// no longer matters: $LN(MM_{\alpha W, \alpha b}(z)) = LN(MM_{W, b}(z))$ for $\alpha > 0$.

// %%
const auto input_gradient = [&](bool shortcut) {
  const nn::LinearOptions options{.dtype = float64, .generator = Generator(3)};
  nn::Sequential net;
  for (int block = 0; block < 30; ++block) {
    const nn::Linear inner(32, 32, options), outer(32, 32, options);
    const nn::Sequential body(inner, nn::Sigmoid(), outer);
    net.add(shortcut ? nn::Sequential(nn::Residual(body)) : body);
  }
  return norm(grad_of([&](const Tensor& t) { return sum(net(t)); }, ones({1, 32}, float64))).item();
};
const double with_shortcut = input_gradient(true), without_shortcut = input_gradient(false);
fmt::print("gradient at the input: {:.1f} with, {:.0e} without\n", with_shortcut, without_shortcut);
const nn::LayerNorm ln({5}, {.eps = 0, .dtype = float64});
const Tensor v = MM(mm1, z), normalized = (v - mean(v)) / stddev(v, {}, {.correction = 0});
fmt::print("LN by formula and nn::LayerNorm agree to 1e-14: {}; alpha = 1000 changes less: {}\n",
           norm(ln(v) - normalized).item() < 1e-14, norm(ln(1000.0 * v) - ln(v)).item() < 1e-14);

// %% [markdown]
// ## Convolution is a matrix with few numbers
//
// Conv1D-S, the simplest convolution of the notes, slides a window of $k = 2 \ell + 1$ weights over
// a vector, with zeros beyond its ends:
//
// $$\text{Conv1D-S}(z)_i = \sum_{j=1}^{2 \ell + 1} w_j\, z_{i - \ell + j - 1}.$$
//
// That is linear, so it is some $Q z$, an MM with $k$ numbers in place of $m^2$: row $i$ of $Q$
// holds the weights around place $i$. The library computes it without making $Q$.
//
// In two dimensions such layers look at images. LeNet-5, Figure 1 of the slides, is the classic. In
// today's form it has two convolutions, each followed by averages over 2 by 2 pixels, then an MLP.

// %%
const Tensor kernel = tensor({0.5, -1.0, 2.0, 1.0, -0.5}, float64);
const Tensor samples = randn({12}, float64, chance);
Tensor Q = zeros({12, 12}, float64);
for (std::int64_t j = 0; j < 5; ++j)
  Q = Q + kernel[j] * diag(ones({12 - std::abs(j - 2)}, float64), j - 2);
const Tensor by_conv =
    conv1d(reshape(samples, {1, 1, 12}), reshape(kernel, {1, 1, 5}), {}, {.padding = "same"});
fmt::print("Conv1D-S and Q z agree to 1e-14: {}; {} weights against {}\n",
           norm(matmul(Q, samples) - flatten(by_conv)).item() < 1e-14, kernel.numel(), Q.numel());
fmt::print("Conv1D from 4 to 6 channels: {} = 4 * 6 * 5 weights\n",
           nn::Conv1d(4, 6, 5).weight.numel());
nn::Sequential lenet(nn::Conv2d(1, 6, 5), nn::Tanh(), nn::AvgPool2d(2), nn::Conv2d(6, 16, 5),
                     nn::Tanh(), nn::AvgPool2d(2), nn::Flatten(), nn::Linear(400, 120),
                     nn::Tanh(), nn::Linear(120, 84), nn::Tanh(), nn::Linear(84, 10));
fmt::print("{}", nn::summary(lenet, zeros({1, 1, 32, 32})));
optim::save_picture("20_architectures.svg",
    {{fits, {.title = "Width: the fit of 2 to 128 units", .width = 520, .height = 300,
             .legend = true}},
     {{{.x = linspace(0, 1, 1025, float64), .y = saw(linspace(0, 1, 1025, float64))}},
      {.title = "Depth: the saw of ten units in five layers", .width = 520, .height = 300}},
     {{}, {.title = "The matrix Q of a convolution", .width = 520, .height = 420, .axes = false},
      optim::field(Q, {.low = -2, .high = 2, .name = "weight"})}});

// %% [markdown]
// ## Recurrence
//
// A recurrent network reads a sequence of any length step by step with the *same* weights, and
// carries a state along: $h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})$. This one
// says after every bit whether the number of ones so far is odd: XOR of chapter 5, again and again.

// %%
const nn::RNN recurrent(1, 16, {.batch_first = true, .dtype = float64, .generator = Generator(1)});
const nn::Linear head(16, 1, {.dtype = float64, .generator = Generator(2)});
const Tensor powers = tensor({1, 2, 4, 8, 16, 32, 64, 128});
const Tensor bits = (floor_divide(unsqueeze(arange(256), 1), powers) % 2).to(float64);  // [256, 8]
const Tensor odd = (cumsum(bits, 1).to(int64) % 2).to(float64);
optim::Adam adam(recurrent.parameters(), {.lr = 0.01});
adam.add_group(head.parameters(), {.lr = 0.01});
const auto logits = [&] { return select(head(recurrent(unsqueeze(bits, 2)).output), 2, 0); };
for (int step = 0; step < 400; ++step) {
  adam.zero_grad();
  nn::bce_with_logits(logits(), odd).backward();
  adam.step();
}
const double right = mean(((logits() > 0.0) == (odd > 0.5)).to(float64)).item();
fmt::print("running parity of all 256 sequences of 8 bits: {:.1f} % right\n", 100 * right);

// %% [markdown]
// ## What was learnt
//
// - An MLP is MMs and activations in turn. Width makes it exact, depth makes it cheap.
// - Shortcuts keep the gradient of deep networks alive; layer norm cancels the size of weights.
// - Convolution and recurrence are MMs with shared weights: over places, and over time.
//
// ## Exercises: fill in `20_architectures_exercises.cpp`
//
// 1. Attention is MMs and one softmax: $\mathrm{softmax}(q k^T / \sqrt d)\, v$. Write it.
// 2. LeNet-5 wants images of 32 by 32 pixels. Feed it digits of 8 by 8.
// 3. Does the parity network know 32 bits? Call it with longer sequences.
//
// Next: [convolution on pictures](21_convolution.md).

// %% tags=["program"]
return report({{"turns of the saw", turns, 31, 31},
               {"gradient without", without_shortcut, 0, 1e-20},
               {"parameters of LeNet-5", double(lenet.parameter_count()), 61706, 61706},
               {"parity", right, 1, 0.999}});
}

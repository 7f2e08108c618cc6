// %% tags=["program"]
// Convolution: one small filter for the whole image, what it saves, and what it does to shifts.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "fashion_mnist.hpp"
#include "report.hpp"

using namespace gradtape;

int main(int argc, char** argv) {
// %% [markdown]
// # 21. Convolution
//
// A fully connected layer has a weight for every pair of a pixel and a unit. It has to learn a
// vertical stroke at the left of the image and the same stroke at the right as two different
// things. A convolution has one small filter, moved over the whole image. It needs few weights, and
// what it has learned in one place it knows in all places. This chapter measures both.
//
// It goes on where section 7.3 of the CS229 main notes (published version) and figure 1 of the
// Goodfellow et al. chapter 6 slides stop. Chapter 20 had convolution along one axis.
//
// ## The formula
//
// An image is $x[c, i, j]$: channel $c$, row $i$, column $j$. A grey image has one channel. The
// filter of output channel $o$ is $W[o, c, u, v]$ with $u, v = 0 \ldots k - 1$, and $b[o]$ is its
// bias. With a border of $p$ zeros around the image the output is
//
// $$y[o, i, j] = b[o] + \sum_c \sum_{u=0}^{k-1} \sum_{v=0}^{k-1} W[o, c, u, v]\;
//   x[c, i + u - p, j + v - p]. \tag{1}$$
//
// Each $y[o, \cdot, \cdot]$ is called a feature map. With $k = 3$, $p = 1$ it is as large as the
// image. (In mathematics a convolution flips the filter first; in libraries it does not.)

// %%
seed(1);
const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz", {.dtype = float64});
const Tensor images = reshape(slice(table, 1, 0, 64) / 16.0, {-1, 1, 8, 8});
const auto part = nn::data::split_every({images, select(table, 1, 64).to(int64)}, 5);
const nn::data::Dataset train = part.train, test = part.test;
fmt::print("{} digits of 8 x 8 pixels to train on, {} to test with\n", train.size(), test.size());
const Tensor digit = images[4];  // a "4", [1, 8, 8]
const Tensor edge = tensor({{-1., 0., 1.}, {-2., 0., 2.}, {-1., 0., 1.}}, float64);  // Sobel's
const Tensor by_library = conv2d(digit, reshape(edge, {1, 1, 3, 3}), {}, {.padding = 1});
double difference = 0;
for (int i = 0; i < 8; ++i)
  for (int j = 0; j < 8; ++j) {
    double sum_of_products = 0;
    for (int u = 0; u < 3; ++u)
      for (int v = 0; v < 3; ++v) {
        const int row = i + u - 1, column = j + v - 1;
        if (row < 0 || row > 7 || column < 0 || column > 7) continue;  // the border of zeros
        sum_of_products += at(edge, {u, v}).item() * at(digit, {0, row, column}).item();
      }
    difference = std::max(difference, std::abs(sum_of_products - at(by_library, {0, i, j}).item()));
  }
fmt::print("formula (1) by loops and conv2d differ by at most {:.0f}\n", difference);

// %% [markdown]
// The filter asks at every pixel: is the image brighter on the right of here than on the left?
//
// ## Its gradient is a convolution again
//
// Let $\bar y$ be the gradient of the loss with respect to $y$. In (1) with one channel and
// $p = 0$, the weight $W[u, v]$ multiplies $x[i + u, j + v]$ in every output, so that
//
// $$\frac{\partial J}{\partial W[u, v]} = \sum_{i, j} \bar y[i, j]\; x[i + u, j + v]:$$
//
// the image, convolved with $\bar y$ as the filter. The gradient for $x$ is $\bar y$ with a border
// of $k - 1$ zeros, convolved with the filter turned by 180 degrees.

// %%
const Tensor x = unsqueeze(digit, 0), y_bar = randn({1, 1, 6, 6}, float64);
const auto pair_loss = [&](const std::vector<Tensor>& xw) {
  return sum(y_bar * conv2d(xw[0], xw[1]));
};
const Tensor filter = reshape(edge, {1, 1, 3, 3});
const std::vector<Tensor> gradients = grad_of(pair_loss, {x, filter});
const Tensor for_filter = conv2d(x, y_bar);
const Tensor for_image = conv2d(pad(y_bar, {2, 2, 2, 2}), flip(filter, {2, 3}));
fmt::print("gradient of the filter as a convolution: {}, of the image: {}\n",
           allclose(gradients[1], for_filter, 1e-12) ? "the same" : "different",
           allclose(gradients[0], for_image, 1e-12) ? "the same" : "different");

// %% [markdown]
// ## Moving the image moves the answer
//
// Since the same filter is used everywhere, a shifted image gives shifted feature maps. Let $S$
// move an image one column to the right; then $\mathrm{conv}(S x) = S\, \mathrm{conv}(x)$, but for
// the columns at the border. This is called *equivariance*. A fully connected layer has nothing of
// the kind.

// %%
const auto moved = [](const Tensor& image, std::int64_t columns) {
  return pad(image, {columns, -columns});  // zeros come in on one side, columns go out on the other
};
const Tensor first_moved = conv2d(moved(digit, 1), filter, {}, {.padding = 1});
const Tensor then_moved = moved(by_library, 1);
const Tensor inside = slice(abs(first_moved - then_moved), -1, 1, 7);
fmt::print("move, then convolve; convolve, then move: largest difference inside {:.0f}\n",
           max(inside).item());

// %% [markdown]
// ## Three readers of digits
//
// All three have about 3,500 weights and biases.
//
// - *dense*: 64 pixels to 50 units to 10 classes.
// - *located*: two convolutions, the maximum of each 2 x 2 block, then a weight for every place.
// - *anywhere*: two convolutions, then the maximum of each feature map over the *whole* image. What
//   the last layer sees is whether a feature is there, not where.

// %%
const nn::Sequential dense(nn::Flatten(), nn::Linear(64, 50, {.dtype = float64}), nn::ReLU(),
                           nn::Linear(50, 10, {.dtype = float64}));
const nn::Sequential located(nn::Conv2d(1, 8, 3, {.padding = 1, .dtype = float64}), nn::ReLU(),
                             nn::Conv2d(8, 16, 3, {.padding = 1, .dtype = float64}), nn::ReLU(),
                             nn::MaxPool2d(2), nn::Flatten(),
                             nn::Linear(16 * 4 * 4, 10, {.dtype = float64}));
const nn::Sequential anywhere(nn::Conv2d(1, 8, 3, {.padding = 1, .dtype = float64}), nn::ReLU(),
                              nn::Conv2d(8, 16, 5, {.padding = 2, .dtype = float64}), nn::ReLU(),
                              nn::AdaptiveMaxPool2d(1), nn::Flatten(),
                              nn::Linear(16, 10, {.dtype = float64}));
fmt::print("parameters: dense {}, located {}, anywhere {}\n", dense.parameter_count(),
           located.parameter_count(), anywhere.parameter_count());
fmt::print("8 feature maps of 8 x 8 by a convolution: {} parameters, by a dense layer: {}\n",
           8 * 3 * 3 + 8, 64 * 8 * 64 + 8 * 64);

const auto fit = [](const nn::Sequential& model, const nn::data::Dataset& data,
                    std::uint64_t epochs) {
  optim::Adam adam(model.parameters(), {.lr = 5e-3});
  optim::Schedule schedule(adam, optim::cosine_schedule(static_cast<std::int64_t>(epochs)));
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch, schedule.step())
    for (const auto& [inputs, labels] :
         nn::data::batches(data, {.size = 32, .shuffle = true, .epoch = epoch})) {
      const Tensor loss = nn::cross_entropy(model(inputs), labels);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
};
fit(dense, train, 15);
fit(located, train, 15);
fit(anywhere, train, 15);

// %% [markdown]
// **Predict before you run on:** the test digits are moved by one pixel to the right, which no eye
// would mind. Of 100 digits, how many does each of the three still read?

// %%
const auto read_right = [&](const nn::Sequential& model, std::int64_t columns) {
  const NoGrad no_grad;
  return 100 * nn::metric::accuracy(model(moved(test.inputs(), columns)), test.targets());
};
fmt::print("percent right  moved by -2    -1     0     1     2\n");
const auto row = [&](const char* name, const nn::Sequential& model) {
  fmt::print("{:<20}", name);
  for (const int columns : {-2, -1, 0, 1, 2}) fmt::print("{:6.1f}", read_right(model, columns));
  fmt::print("\n");
};
row("dense", dense);
row("located", located);
row("anywhere", anywhere);

// %% [markdown]
// Where the digits stand as in training, convolutions read a few more of them right. Once they
// move, the dense network is lost: its weights belong to places. *located* has equivariant feature
// maps, but its last layer has weights for places again. *anywhere* throws the place away at the
// end and minds least: equivariance followed by a maximum over all places is *invariance*, as far
// as the border lets it. (Moved by two, many digits are cut off.)
//
// ## What the filters look like
//
// The picture has a digit, its edges by the filter above, the eight filters that *anywhere* has
// learned in its first layer (blue is negative, orange positive), and what they make of the digit.

// %%
const Tensor filters = squeeze(anywhere.parameters()[0].tensor().detach(), 1);  // [8, 3, 3]
const Tensor maps = relu(conv2d(digit, anywhere.parameters()[0], anywhere.parameters()[1],
                                {.padding = 1})).detach();                       // [8, 8, 8]
const auto framed = [](const Tensor& squares) {  // each with a gap around it
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return optim::mosaic(pad(squares, {0, 1, 0, 1}, {.value = nan}), 4);
};
const auto panel = [](const char* title, const optim::Field& field) {
  return optim::Chart{.options = {.title = title, .width = 320, .equal_units = true, .axes = false},
                      .field = field};
};
const double strongest = max(abs(filters)).item();
optim::save_picture("21_convolution.svg",
                    {panel("a digit", optim::image(digit[0])),
                     panel("its vertical edges", optim::field(by_library[0],
                                                              {.low = -4, .high = 4})),
                     panel("eight learned filters", optim::field(framed(filters),
                           {.low = -strongest, .high = strongest})),
                     panel("their feature maps", optim::image(framed(maps) / max(maps).item()))},
                    2);

// %% [markdown]
// ## Larger images
//
// The same on Fashion-MNIST: 12,000 grey pictures of clothes, 28 x 28 pixels. The next cell runs by
// `./examples/run 21_convolution --full`, if the data are there; else it says where to get them.

// %%
const auto on_fashion = [&] {
  const auto data = fashion_mnist(Arguments(0, nullptr));
  if (!data) return;
  const nn::Sequential plain(nn::Flatten(), nn::Linear(784, 64), nn::ReLU(), nn::Linear(64, 10));
  const nn::Sequential deep(nn::Conv2d(1, 8, 5, {.stride = 2, .padding = 2}), nn::ReLU(),
                            nn::Conv2d(8, 32, 5, {.stride = 2, .padding = 2}), nn::ReLU(),
                            nn::MaxPool2d(2), nn::Flatten(), nn::Linear(32 * 3 * 3, 10));
  const nn::data::Dataset some = data->train.select(arange(12000));
  for (const auto& model : {plain, deep}) {
    fit(model, some, 2);
    const NoGrad no_grad;
    for (const int columns : {0, 2}) {
      const Tensor logits = model(moved(data->test.inputs(), columns));
      fmt::print("{} parameters, moved by {}: {:.1f} % right\n", model.parameter_count(), columns,
                 100 * nn::metric::accuracy(logits, data->test.targets()));
    }
  }
};

// %% [markdown]
// Measured: the dense network with 50,890 parameters reads 83.2 %, and 55.7 % when moved by two
// pixels; the convolutions with 9,530 read 83.7 % and 60.0 %. As in `located`, the last layer has
// weights for places, so moving still hurts.
//
// ## What was learnt
//
// - A convolution is one small filter used at every place: few weights, and gradients that are
//   convolutions too.
// - Shifted input gives shifted feature maps; a maximum over all places forgets the shift.
// - The dense network reads as well only as long as nothing moves.
//
// ## Exercises
//
// 1. How long is the output for length $n$, filter $k$, padding $p$ and stride $s$?
// 2. Count the parameters of `located` by formula.
// 3. Write `conv2d` as a matrix product of the filter and the columns of `im2col`.
// 4. A blur has nine weights of 1/9. Give the two filters of 3 x 1 and 1 x 3 that do the same.
//
// Next: [names, letter by letter](22_names.md).

// %% tags=["program"]
if (argc > 1 && std::string_view(argv[1]) == "--full") on_fashion();
return report({{"loops and conv2d differ by", difference, 0, 1e-12},
               {"gradients differ by", max(abs(gradients[1] - for_filter)).item(), 0, 1e-12},
               {"dense, moved by 1", read_right(dense, 1), 42, 55},
               {"located, not moved", read_right(located, 0), 98.6, 96},
               {"anywhere, moved by 1", read_right(anywhere, 1), 89.7, 80}});
}

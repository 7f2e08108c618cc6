// %% tags=["program"]
// Convolution: one small filter for the whole image, what it saves, and what it does to shifts.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "fashion_mnist.hpp"
#include "report.hpp"

using namespace gradtape;

int main(int argc, char** argv) {
// %% [markdown]
// # 21. Convolution
//
// A fully connected layer has a weight for every pair of a pixel and a unit. It learns a stroke at
// the left of the image and the same stroke at the right as two different things. A convolution has
// one small filter, moved over the whole image: what it has learned in one place it knows in all.
//
// Chapter 20 had convolution along one axis; section 7.3 of the CS229 main notes (published
// version) and figure 1 of the Goodfellow et al. chapter 6 slides go as far as this one starts.
//
// ## The formula
//
// An image is $x[c, i, j]$: channel $c$, row $i$, column $j$. A grey image has one channel. The
// filter of output channel $o$ is $W[o, c, u, v]$ with $u, v = 0 \ldots k - 1$, and $b[o]$ is its
// bias. With a border of $p$ zeros around the image the output is
//
// $$y[o, i, j] = b[o] + \sum_c \sum_{u,v} W[o, c, u, v]\; x[c, i + u - p, j + v - p]. \tag{1}$$
//
// Each $y[o, \cdot, \cdot]$ is called a feature map. With $k = 3$, $p = 1$ it is as large as the
// image. (In mathematics a convolution flips the filter first.) The filter below asks at every
// pixel: is the image brighter on the right of here than on the left?

// %%
seed(2);
const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz", {.dtype = float64});
const Tensor images = reshape(slice(table, 1, 0, 64) / 16.0, {-1, 1, 8, 8});
const auto part = nn::data::split_every({images, select(table, 1, 64).to(int64)}, 5);
const nn::data::Dataset train = part.train, test = part.test;
const Tensor digit = images[4];  // a "4", [1, 8, 8]
const Tensor edge = tensor({{-1., 0., 1.}, {-2., 0., 2.}, {-1., 0., 1.}}, float64);  // Sobel's
const Tensor filter = reshape(edge, {1, 1, 3, 3});
const Tensor by_library = conv2d(digit, filter, {}, {.padding = 1});
const Tensor bordered = pad(digit[0], {1, 1, 1, 1});
Tensor by_formula = zeros({8, 8}, float64);
for (std::int64_t u = 0; u < 3; ++u)
  for (std::int64_t v = 0; v < 3; ++v)  // x[i + u - 1, j + v - 1] for all i and j at once
    by_formula += at(edge, {u, v}) * at(bordered, {range(u, u + 8), range(v, v + 8)});
const double difference = max(abs(by_formula - by_library[0])).item();
fmt::print("formula (1) by loops and conv2d differ by at most {:.0f}\n", difference);

// %% [markdown]
// ## Moving the image moves the answer
//
// A shifted image gives shifted feature maps. Let $S$ move an image one column to the right; then
// $\mathrm{conv}(S x) = S\, \mathrm{conv}(x)$, but for the columns at the border. This is called
// *equivariance*; a fully connected layer has nothing of the kind.

// %%
const auto moved = [](const Tensor& image, std::int64_t columns) {
  return pad(image, {columns, -columns});  // zeros come in on one side, columns go out on the other
};
const Tensor moved_first = conv2d(moved(digit, 1), filter, {}, {.padding = 1});
const double moves_differ = max(slice(abs(moved_first - moved(by_library, 1)), -1, 1, 7)).item();
fmt::print("move, then convolve; convolve, then move: they differ by {:.0f}\n", moves_differ);

// %% [markdown]
// ## Three readers of digits
//
// All three have about 3,500 weights and biases:
//
// - *dense*: 64 pixels to 50 units to 10 classes.
// - *located*: two convolutions, the maximum of each 2 x 2 block, then a weight for every place.
// - *anywhere*: two convolutions, then the maximum of each feature map: what is there, not where.
//
// **Predict before you run on:** the test digits are moved by one pixel to the right, which no eye
// would mind. Of 100 digits, how many does each of the three still read?

// %%
const auto conv = [](std::int64_t in, std::int64_t out, std::int64_t k) {  // with a border
  return nn::Conv2d(in, out, k, {.padding = k / 2, .dtype = float64});
};
const nn::LinearOptions exact{.dtype = float64};
const nn::Sequential dense(nn::Flatten(), nn::Linear(64, 50, exact), nn::ReLU(),
                           nn::Linear(50, 10, exact));
const nn::Sequential located(conv(1, 8, 3), nn::ReLU(), conv(8, 16, 3), nn::ReLU(),
                             nn::MaxPool2d(2), nn::Flatten(), nn::Linear(16 * 4 * 4, 10, exact));
const nn::Sequential anywhere(conv(1, 8, 3), nn::ReLU(), conv(8, 16, 5), nn::ReLU(),
                              nn::AdaptiveMaxPool2d(1), nn::Flatten(), nn::Linear(16, 10, exact));

const auto fit = [](const nn::Sequential& model, const nn::data::Dataset& data, int epochs) {
  optim::Adam adam(model.parameters(), {.lr = 5e-3});
  optim::Schedule schedule(adam, optim::cosine_schedule(epochs));
  for (int epoch = 0; epoch < epochs; ++epoch, schedule.step())
    for (const auto& [inputs, labels] :
         nn::data::batches(data, {.size = 32, .shuffle = true, .epoch = std::uint64_t(epoch)})) {
      const Tensor loss = nn::cross_entropy(model(inputs), labels);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
};
const auto read_right = [&](const nn::Sequential& model, const nn::data::Dataset& data, int by) {
  const NoGrad no_grad;
  return 100 * nn::metric::accuracy(model(moved(data.inputs(), by)), data.targets());
};
fmt::print("percent right    weights   moved by -2    -1     0     1     2\n");
const std::vector<std::pair<const char*, nn::Sequential>> readers{
    {"dense", dense}, {"located", located}, {"anywhere", anywhere}};
for (const auto& [name, model] : readers) {
  fit(model, train, 15);
  fmt::print("{:<16} {:7} {:10}", name, model.parameter_count(), "");
  for (const int by : {-2, -1, 0, 1, 2}) fmt::print("{:6.1f}", read_right(model, test, by));
  fmt::print("\n");
}

// %% [markdown]
// Once the digits move, the dense network is lost: its weights belong to places. *located* has
// equivariant feature maps, but its last layer has weights for places again. *anywhere* throws the
// place away and minds least: equivariance followed by a maximum over all places is *invariance*,
// as far as the border lets it. (Moved by two, many digits are cut off.)
//
// The picture has a digit, its edges by the filter above, the eight filters that *anywhere* has
// learned in its first layer (blue is negative, orange positive), and what they make of the digit.

// %%
const std::vector<Parameter> learned = anywhere.parameters();
const Tensor filters = squeeze(learned[0].tensor().detach(), 1);  // [8, 3, 3]
const Tensor maps = relu(conv2d(digit, learned[0], learned[1], {.padding = 1})).detach();
const auto framed = [](const Tensor& squares) {  // each with a gap around it
  return optim::mosaic(pad(squares, {0, 1, 0, 1}, {.value = NAN}), 4);
};
const auto panel = [](const char* title, const optim::Field& field) {
  return optim::Chart{.options = {.title = title, .width = 320, .equal_units = true, .axes = false},
                      .field = field};
};
const double strongest = max(abs(filters)).item();
optim::save_picture("21_convolution.svg",
    {panel("a digit", optim::image(digit[0])),
     panel("its vertical edges", optim::field(by_library[0], {.low = -4, .high = 4})),
     panel("eight learned filters",
           optim::field(framed(filters), {.low = -strongest, .high = strongest})),
     panel("their feature maps", optim::image(framed(maps) / max(maps).item()))}, 2);

// %% [markdown]
// ## Larger images
//
// The same on 12,000 pictures of clothes, 28 x 28 pixels, runs by
// `./examples/run 21_convolution --full`, if the data are there; else it says where to get them.
// Measured: the dense network with 50,890 weights reads 82.3 %, and 51.5 % when moved by two
// pixels; the convolutions with 9,530, their last layer like that of *located*, 83.5 % and 60.4 %.

// %%
const auto on_fashion = [&] {
  const auto data = fashion_mnist(Arguments(0, nullptr));
  if (!data) return;
  const nn::Sequential plain(nn::Flatten(), nn::Linear(784, 64), nn::ReLU(), nn::Linear(64, 10));
  const nn::Conv2d first(1, 8, 5, {.stride = 2, .padding = 2});
  const nn::Conv2d second(8, 32, 5, {.stride = 2, .padding = 2});
  const nn::Sequential deep(first, nn::ReLU(), second, nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                            nn::Linear(32 * 3 * 3, 10));
  for (const auto& model : {plain, deep}) {
    fit(model, data->train.select(arange(12000)), 2);
    for (const int by : {0, 2})
      fmt::print("{} weights, moved by {}: {:.1f} % right\n", model.parameter_count(), by,
                 read_right(model, data->test, by));
  }
};

// %% [markdown]
// ## What was learnt
//
// - A convolution is one small filter used at every place; it needs few weights.
// - Shifted input gives shifted feature maps; a maximum over all places forgets the shift.
// - The dense network reads as well only as long as nothing moves.
//
// ## Exercises: fill in `21_convolution_exercises.cpp`
//
// 1. How long is the output for length $n$, filter $k$, padding $p$ and stride $s$?
// 2. Count the parameters of `located` by formula.
// 3. Write `conv2d` as a matrix product of the filter and the columns of `im2col`.
// 4. Nine weights of 1/9 make a blur. Give the filters of 3 x 1 and 1 x 3 that do the same.
// 5. The gradients of filter and image are convolutions again, with the gradient $\bar y$ of the
//    output. (Where does a border of zeros help, and what must be turned by 180 degrees?)
//
// Next: [names, letter by letter](22_names.md).

// %% tags=["program"]
if (argc > 1 && std::string_view(argv[1]) == "--full") on_fashion();
return report({{"equivariance", moves_differ, 0, 1e-12},
               {"dense, moved by 1", read_right(dense, test, 1), 43, 55},
               {"located, not moved", read_right(located, test, 0), 98.6, 96},
               {"anywhere, moved by 1", read_right(anywhere, test, 1), 95.6, 85}});
}

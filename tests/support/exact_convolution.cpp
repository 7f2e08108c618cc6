// Convolutions, transposed convolutions and their columns.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include "support/exact.hpp"
#include "support/exact_windows.hpp"

namespace gradtape::testing::exact {

namespace {

/// A convolution from `in` channels to `out`.
struct Convolution {
  Windows windows;
  std::size_t in, out, groups = 1;

  /// Calls f(input, weight, output) for each product: indices of elements of one sample.
  template <class F> void for_each_product(F f) const {
    const std::size_t inputs = count(windows.in), outputs = count(windows.outputs()),
                      elements = count(windows.kernel), per_group = in / groups;
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t c = 0; c < per_group; ++c)
        for (const auto& [output, input, element] : windows.reads())
          f((o / (out / groups) * per_group + c) * inputs + input,
            (o * per_group + c) * elements + element, o * outputs + output);
  }
  /// The sums of products, each with its bias, for one sample of `channels` channels.
  static Numbers sums(std::vector<Numbers> terms, std::size_t channels, const Numbers& bias) {
    const std::size_t pixels = terms.size() / channels;
    Numbers y;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      if (!bias.empty()) terms[i].push_back(bias[i / pixels]);
      y.push_back(sum(terms[i]));
    }
    return y;
  }
  [[nodiscard]] Numbers forward(const Numbers& x, const Numbers& w, const Numbers& bias) const {
    std::vector<Numbers> terms(out * count(windows.outputs()));
    for_each_product([&](auto i, auto k, auto o) { terms[o].push_back(x[i] * w[k]); });
    return sums(std::move(terms), out, bias);
  }
  /// From `out` channels to `in`.
  [[nodiscard]] Numbers transposed(const Numbers& x, const Numbers& w, const Numbers& bias) const {
    std::vector<Numbers> terms(in * count(windows.in));
    for_each_product([&](auto i, auto k, auto o) { terms[i].push_back(x[o] * w[k]); });
    return sums(std::move(terms), in, bias);
  }
};

const Numbers& bias_of(const Operands& x) {
  static const Numbers none;
  return x.size() > 2 ? x[2] : none;
}

template <class F, class Options>
Row row(const char* name, F f, const Options& options, const Convolution& c,
        std::vector<Operand> operands) {
  constexpr bool transposed = std::is_same_v<Options, ConvTransposeOptions>;
  return {name,
          [=](const Tensors& x) { return f(x[0], x[1], x.size() > 2 ? x[2] : Tensor(), options); },
          [=](const Operands& x) {
            return transposed ? c.transposed(x[0], x[1], bias_of(x))
                              : c.forward(x[0], x[1], bias_of(x));
          },
          std::move(operands)};
}
Row convolution(const char* name, decltype(conv1d)* f, const ConvOptions& options,
                const Convolution& c, std::vector<Operand> operands) {
  return row(name, f, options, c, std::move(operands));
}
/// `c` is the convolution whose transpose it is.
Row transposed(const char* name, decltype(conv_transpose1d)* f, const ConvTransposeOptions& options,
               const Convolution& c, std::vector<Operand> operands) {
  return row(name, f, options, c, std::move(operands));
}

/// The gradient of a convolution with respect to its weight.
Tensor weight_gradient(const Tensors& x) {
  const Tensor weight = zeros({2, 2, 3}, float64).requires_grad();
  return grad(conv1d(x[0], weight), {weight}, {.create_graph = true, .seed = x[1]})[0];
}

}  // namespace

std::vector<Row> convolution_rows() {
  const Convolution of_weight{{{1, 1, 6}, {1, 1, 3}}, 2, 2};
  const Windows columns{{1, 3, 4}, {1, 2, 3}, {1, 1, 2}, {0, 1, 1}};
  const auto column = [columns](const Windows::Read& r) {
    return r.element * count(columns.outputs()) + r.output;
  };
  return {
      convolution("conv1d", conv1d, {}, {{{1, 1, 5}, {1, 1, 3}}, 2, 3},
                  {{{1, 2, 5}}, {{3, 2, 3}}, {{3}}}),
      convolution("conv1d, strided, dilated", conv1d, {.stride = 2, .padding = 2, .dilation = 3},
                  {{{1, 1, 7}, {1, 1, 2}, {1, 1, 2}, {0, 0, 2}, {1, 1, 3}}, 2, 2},
                  {{{1, 2, 7}}, {{2, 2, 2}}}),
      convolution("conv1d, grouped", conv1d, {.padding = 1, .groups = 2},
                  {{{1, 1, 5}, {1, 1, 3}, {1, 1, 1}, {0, 0, 1}}, 4, 2, 2},
                  {{{1, 4, 5}}, {{2, 2, 3}}}),
      convolution("conv2d", conv2d, {}, {{{1, 3, 4}, {1, 2, 3}}, 2, 2},
                  {{{1, 2, 3, 4}}, {{2, 2, 2, 3}}, {{2}}}),
      convolution("conv2d, strided, dilated", conv2d,
                  {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}},
                  {{{1, 4, 3}, {1, 3, 2}, {1, 2, 1}, {0, 1, 2}, {1, 1, 2}}, 1, 2},
                  {{{1, 1, 4, 3}}, {{2, 1, 3, 2}}}),
      convolution("conv2d, 3 x 3", conv2d, {.padding = 1},
                  {{{1, 4, 4}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}}, 1, 2},
                  {{{1, 1, 4, 4}}, {{2, 1, 3, 3}}}),
      convolution("conv2d, grouped", conv2d, {.groups = 2}, {{{1, 3, 3}, {1, 2, 2}}, 2, 2, 2},
                  {{{1, 2, 3, 3}}, {{2, 1, 2, 2}}, {{2}}}),
      convolution("conv2d, 1 x 1", conv2d, {}, {{{1, 2, 2}, {1, 1, 1}}, 4, 3},
                  {{{1, 4, 2, 2}}, {{3, 4, 1, 1}}, {{3}}}),
      convolution("conv3d", conv3d, {.stride = {1, 2, 1}, .padding = {0, 1, 0}},
                  {{{2, 3, 2}, {2, 2, 2}, {1, 2, 1}, {0, 1, 0}}, 1, 2},
                  {{{1, 1, 2, 3, 2}}, {{2, 1, 2, 2, 2}}, {{2}}}),
      convolution("conv3d, grouped", conv3d, {.groups = 2}, {{{2, 2, 2}, {1, 2, 2}}, 2, 2, 2},
                  {{{1, 2, 2, 2, 2}}, {{2, 1, 1, 2, 2}}}),
      transposed("conv_transpose1d", conv_transpose1d, {}, {{{1, 1, 5}, {1, 1, 3}}, 2, 2},
                 {{{1, 2, 3}}, {{2, 2, 3}}, {{2}}}),
      transposed("conv_transpose1d, strided, dilated, grouped", conv_transpose1d,
                 {.stride = 3, .padding = 1, .output_padding = 2, .dilation = 2, .groups = 2},
                 {{{1, 1, 9}, {1, 1, 2}, {1, 1, 3}, {0, 0, 1}, {1, 1, 2}}, 2, 4, 2},
                 {{{1, 4, 3}}, {{4, 1, 2}}, {{2}}}),
      transposed("conv_transpose2d", conv_transpose2d,
                 {.stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}},
                 {{{1, 4, 4}, {1, 3, 2}, {1, 2, 1}, {0, 1, 0}}, 2, 1},
                 {{{1, 1, 2, 3}}, {{1, 2, 3, 2}}, {{2}}}),
      transposed("conv_transpose3d", conv_transpose3d, {.stride = {1, 2, 1}},
                 {{{2, 4, 2}, {1, 2, 2}, {1, 2, 1}}, 1, 2},
                 {{{1, 2, 2, 2, 1}}, {{2, 1, 1, 2, 2}}, {{1}}}),
      {"conv_weight_gradient",
       weight_gradient,
       [of_weight](const Operands& x) {
         std::vector<Numbers> terms(12);
         of_weight.for_each_product(
             [&](auto i, auto k, auto o) { terms[k].push_back(x[0][i] * x[1][o]); });
         return Convolution::sums(terms, 1, {});
       },
       {{{1, 2, 6}}, {{1, 2, 4}}}},
      {"im2col",
       [](const Tensors& x) {
         return im2col(x[0], {2, 3}, {.stride = {1, 2}, .padding = 1});
       },
       [=](const Operands& x) {
         Numbers y(count(columns.kernel) * count(columns.outputs()));
         for (const auto& read : columns.reads()) y[column(read)] = x[0][read.input];
         return y;
       },
       {{{1, 1, 3, 4}}}},
      {"col2im",
       [](const Tensors& x) {
         return col2im(x[0], {3, 4}, {2, 3}, {.stride = {1, 2}, .padding = 1});
       },
       [=](const Operands& x) {
         std::vector<Numbers> terms(count(columns.in));
         for (const auto& read : columns.reads()) terms[read.input].push_back(x[0][column(read)]);
         return Convolution::sums(terms, 1, {});
       },
       {{{1, 6, 8}}}},
  };
}

}  // namespace gradtape::testing::exact

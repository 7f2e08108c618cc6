#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

/// A convolution of the given options as a row, with and without bias.
OpSample row(const char* name,
             Tensor (*f)(const Tensor&, const Tensor&, const Tensor&, const ConvOptions&),
             const ConvOptions& options, std::vector<std::vector<Shape>> shapes) {
  return {name, name,
          [=](Inputs x) { return f(x[0], x[1], x.size() > 2 ? x[2] : Tensor(), options); },
          std::move(shapes)};
}
OpSample row(const char* name,
             Tensor (*f)(const Tensor&, const Tensor&, const Tensor&, const ConvTransposeOptions&),
             const ConvTransposeOptions& options, std::vector<std::vector<Shape>> shapes) {
  return {name, name,
          [=](Inputs x) { return f(x[0], x[1], x.size() > 2 ? x[2] : Tensor(), options); },
          std::move(shapes)};
}

/// The gradient of a convolution with respect to its weight, as a function of the input and the
/// cotangent, which come as one tensor.
Tensor weight_gradient(Inputs x) {
  const Tensor weight = zeros({4, 1, 3}, x[0].dtype()).requires_grad();
  const Tensor y = conv1d(slice(x[0], -1, 0, 5), weight, {}, {.padding = 1, .groups = 2});
  const Tensor g = slice(x[0], -1, 5);
  return grad(y, {weight}, {.create_graph = true, .seed = concat({g, 2.0 * g}, 1)})[0];
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      row("conv1d", conv1d, {}, {{{2, 2, 5}, {3, 2, 3}, {3}}, {{2, 5}, {3, 2, 2}}, {{0, 2, 5}, {3, 2, 3}, {3}}}),
      row("conv1d", conv1d, {.stride = 2, .padding = 2, .dilation = 3}, {{{1, 2, 7}, {2, 2, 2}}}),
      row("conv1d", conv1d, {.padding = "same", .groups = 2}, {{{2, 4, 5}, {2, 2, 4}}}),
      row("conv1d", conv1d, {}, {{{1, 2, 70}, {2, 2, 1}, {2}}, {{2, 3, 300}, {2, 3, 2}}}),
      row("conv2d", conv2d, {}, {{{2, 1, 4, 5}, {2, 1, 2, 3}, {2}}, {{2, 4, 4}, {2, 2, 3, 3}}}),
      row("conv2d", conv2d, {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}},
          {{{2, 2, 4, 3}, {3, 2, 3, 2}, {3}}}),
      row("conv2d", conv2d, {.padding = 1, .groups = 3}, {{{1, 3, 3, 3}, {3, 1, 3, 3}, {3}}}),
      row("conv2d", conv2d, {.stride = 3}, {{{1, 1, 5, 5}, {1, 1, 2, 2}}}),
      row("conv2d", conv2d, {.padding = "valid"}, {{{2, 0, 3, 3}, {2, 0, 2, 2}, {2}}, {{2, 2, 3, 3}, {0, 2, 2, 2}, {0}}}),
      row("conv3d", conv3d, {.stride = {1, 2, 1}, .padding = {0, 1, 0}, .groups = 2},
          {{{1, 2, 2, 3, 3}, {2, 1, 2, 2, 2}, {2}}, {{2, 2, 3, 2}, {2, 1, 1, 2, 2}}}),
      row("conv_transpose1d", conv_transpose1d, {},
          {{{2, 2, 4}, {2, 3, 3}, {3}}, {{2, 4}, {2, 1, 2}}, {{0, 2, 4}, {2, 3, 3}}}),
      row("conv_transpose1d", conv_transpose1d, {.stride = 3, .padding = 1, .output_padding = 2, .dilation = 2, .groups = 2},
          {{{1, 4, 3}, {4, 1, 2}, {2}}}),
      row("conv_transpose1d", conv_transpose1d, {}, {{{1, 2, 70}, {2, 2, 1}, {2}}}),
      row("conv_transpose2d", conv_transpose2d, {.stride = {2, 1}, .padding = {1, 0}, .output_padding = {1, 0}},
          {{{2, 2, 2, 3}, {2, 2, 3, 2}, {2}}, {{2, 2, 2}, {2, 1, 2, 2}}}),
      row("conv_transpose3d", conv_transpose3d, {.stride = 2}, {{{1, 2, 2, 1, 2}, {2, 1, 1, 2, 2}, {1}}}),
      {"conv_weight_gradient", "", weight_gradient, {{{1, 2, 10}}, {{3, 2, 10}}}},
      {"im2col", "im2col", [](Inputs x) { return im2col(x[0], {2, 3}, {.stride = {1, 2}, .padding = 1}); },
       {{{2, 2, 3, 4}}, {{1, 3, 3}}, {{0, 2, 3, 3}}}},
      {"im2col", "im2col", [](Inputs x) { return im2col(x[0], 2, {.dilation = {2, 1}}); }, {{{1, 1, 4, 3}}}},
      {"col2im", "col2im", [](Inputs x) { return col2im(x[0], {3, 4}, {2, 3}, {.stride = {1, 2}, .padding = 1}); },
       {{{2, 12, 8}}, {{6, 8}}, {{0, 6, 8}}}},
  };
}

const Family family("convolution", rows);

}  // namespace
}  // namespace gradtape::testing

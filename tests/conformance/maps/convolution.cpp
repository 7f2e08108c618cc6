#include "../value.hpp"

namespace gradtape::conformance {
namespace {

/// conv(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)
Function convolution(Tensor (*f)(const Tensor&, const Tensor&, const Tensor&, const ConvOptions&)) {
  return [f](Call& c) -> Value {
    ConvOptions options{.stride = c.integers(3, "stride", {{1}}),
                        .dilation = c.integers(5, "dilation", {{1}}),
                        .groups = c.integer(6, "groups", 1)};
    if (c.at(4, "padding").is<std::string>())
      options.padding = c.text(4, "padding");
    else
      options.padding = c.integers(4, "padding", {{0}});
    return f(c.tensor(0, "input"), c.tensor(1, "weight"), c.tensor_or_none(2, "bias"), options);
  };
}

/// conv_transpose(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
/// dilation=1)
Function transposed(Tensor (*f)(const Tensor&, const Tensor&, const Tensor&,
                                const ConvTransposeOptions&)) {
  return [f](Call& c) -> Value {
    return f(c.tensor(0, "input"), c.tensor(1, "weight"), c.tensor_or_none(2, "bias"),
             {.stride = c.integers(3, "stride", {{1}}),
              .padding = c.integers(4, "padding", {{0}}),
              .output_padding = c.integers(5, "output_padding", {{0}}),
              .dilation = c.integers(7, "dilation", {{1}}),
              .groups = c.integer(6, "groups", 1)});
  };
}

/// The arguments dilation=1, padding=0, stride=1 of unfold and fold, from position i on.
ColumnOptions columns(Call& c, std::size_t i) {
  return {.stride = c.integers(i + 2, "stride", {{1}}),
          .padding = c.integers(i + 1, "padding", {{0}}),
          .dilation = c.integers(i, "dilation", {{1}})};
}

Mapping functions() {
  return {
      {"nn.functional.unfold",
       [](Call& c) -> Value {
         return im2col(c.tensor(0, "input"), c.integers(1, "kernel_size"), columns(c, 2));
       }},
      {"nn.functional.fold",
       [](Call& c) -> Value {
         return col2im(c.tensor(0, "input"), c.integers(1, "output_size"),
                       c.integers(2, "kernel_size"), columns(c, 3));
       }},
      {"conv1d", convolution(conv1d)},
      {"conv2d", convolution(conv2d)},
      {"conv3d", convolution(conv3d)},
      {"conv_transpose1d", transposed(conv_transpose1d)},
      {"conv_transpose2d", transposed(conv_transpose2d)},
      {"conv_transpose3d", transposed(conv_transpose3d)},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance

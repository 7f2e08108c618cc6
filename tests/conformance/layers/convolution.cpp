#include <gradtape/nn/convolution.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

PadMode padding_mode(Call& c, std::size_t i) {
  const auto mode = c.text(i, "padding_mode", "zeros");
  if (mode == "zeros") return PadMode::constant;
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "replicate") return PadMode::replicate;
  if (mode == "circular") return PadMode::circular;
  throw Unsupported("padding_mode " + mode);
}

template <class L> MadeLayer convolution(Call& c) {
  nn::ConvOptions options{.stride = c.integers(3, "stride", {{1}}),
                          .dilation = c.integers(5, "dilation", {{1}}),
                          .groups = c.integer(6, "groups", 1),
                          .bias = c.flag(7, "bias", true),
                          .padding_mode = padding_mode(c, 8)};
  if (c.at(4, "padding").is<std::string>())
    options.padding = c.text(4, "padding");
  else
    options.padding = c.integers(4, "padding", {{0}});
  return made(L(c.integer(0, "in_channels"), c.integer(1, "out_channels"),
                c.integers(2, "kernel_size"), options));
}

template <class L> MadeLayer transposed(Call& c) {
  if (c.text(9, "padding_mode", "zeros") != "zeros") throw Unsupported(c.function + ": padding");
  return made(L(c.integer(0, "in_channels"), c.integer(1, "out_channels"),
                c.integers(2, "kernel_size"),
                {.stride = c.integers(3, "stride", {{1}}),
                 .padding = c.integers(4, "padding", {{0}}),
                 .output_padding = c.integers(5, "output_padding", {{0}}),
                 .dilation = c.integers(8, "dilation", {{1}}),
                 .groups = c.integer(6, "groups", 1),
                 .bias = c.flag(7, "bias", true)}));
}

LayerMap family_layers() {
  return {
      {"Conv1d", convolution<nn::Conv1d>},
      {"Conv2d", convolution<nn::Conv2d>},
      {"Conv3d", convolution<nn::Conv3d>},
      {"ConvTranspose1d", transposed<nn::ConvTranspose1d>},
      {"ConvTranspose2d", transposed<nn::ConvTranspose2d>},
      {"ConvTranspose3d", transposed<nn::ConvTranspose3d>},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance

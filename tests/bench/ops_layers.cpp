// Convolution, pooling, normalisation and attention.
#include "workloads.hpp"

namespace bench {

Table layer_ops() {
  /// Activations, weights and biases of a convolution.
  const auto convolution = [](const Extents& x, const Extents& w, std::int64_t out) {
    return std::vector<Input>{normal(x), weight(w, count(w) / w[0]), normal({out})};
  };
  const auto conv2d = [](std::int64_t stride, std::int64_t padding, std::int64_t groups = 1) {
    return [=](const Tensors& x) {
      return side::conv2d(x[0], x[1], x[2],
                          {.stride = stride, .padding = padding, .groups = groups});
    };
  };
  const std::vector<Input> images{normal({16, 64, 32, 32}), normal({64}), normal({64})};
  const auto heads = [](const Extents& shape) {
    return std::vector<Input>{normal(shape), normal(shape), normal(shape)};
  };
  const auto attention = [](const Tensors& x) { return side::attention(x[0], x[1], x[2], false); };
  const auto causal = [](const Tensors& x) { return side::attention(x[0], x[1], x[2], true); };
  return {
      op("conv1d_k5_16x64x1024", convolution({16, 64, 1024}, {64, 64, 5}, 64),
         [](const Tensors& x) { return side::conv1d(x[0], x[1], x[2], {.padding = 2}); }),
      op("conv2d_1x1_16x64x32x32", convolution({16, 64, 32, 32}, {128, 64, 1, 1}, 128),
         conv2d(1, 0)),
      op("conv2d_3x3_16x64x32x32", convolution({16, 64, 32, 32}, {64, 64, 3, 3}, 64), conv2d(1, 1)),
      op("conv2d_5x5_64x1x28x28", convolution({64, 1, 28, 28}, {6, 1, 5, 5}, 6), conv2d(1, 2)),
      op("conv2d_5x5_64x6x14x14", convolution({64, 6, 14, 14}, {16, 6, 5, 5}, 16), conv2d(1, 0)),
      op("conv2d_strided_16x64x32x32", convolution({16, 64, 32, 32}, {128, 64, 3, 3}, 128),
         conv2d(2, 1)),
      op("conv2d_7x7_strided_4x3x224x224", convolution({4, 3, 224, 224}, {64, 3, 7, 7}, 64),
         conv2d(2, 3)),
      op("conv2d_depthwise_16x64x32x32", convolution({16, 64, 32, 32}, {64, 1, 3, 3}, 64),
         conv2d(1, 1, 64)),
      op("conv_transpose2d_16x64x16x16", convolution({16, 64, 16, 16}, {64, 32, 4, 4}, 32),
         [](const Tensors& x) {
           return side::conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .padding = 1});
         }),
      op("conv2d_float64_4x16x32x32",
         {wide(normal({4, 16, 32, 32})), wide(weight({16, 16, 3, 3}, 144)), wide(normal({16}))},
         conv2d(1, 1)),
      op("max_pool2d_16x64x32x32", {normal({16, 64, 32, 32})},
         [](const Tensors& x) { return side::max_pool2d(x[0], 2); }),
      op("avg_pool2d_16x64x32x32", {normal({16, 64, 32, 32})},
         [](const Tensors& x) { return side::avg_pool2d(x[0], 2); }),
      op("batch_norm_16x64x32x32", images,
         [](const Tensors& x) { return side::batch_norm(x[0], x[1], x[2]); }),
      op("batch_norm_256x512", {normal({256, 512}), normal({512}), normal({512})},
         [](const Tensors& x) { return side::batch_norm(x[0], x[1], x[2]); }),
      op("group_norm_16x64x32x32", images,
         [](const Tensors& x) { return side::group_norm(x[0], 8, x[1], x[2]); }),
      op("layer_norm_2048x1024", {normal({2048, 1024}), normal({1024}), normal({1024})},
         [](const Tensors& x) { return side::layer_norm(x[0], x[1], x[2]); }),
      op("layer_norm_32x64", {normal({32, 64}), normal({64}), normal({64})},
         [](const Tensors& x) { return side::layer_norm(x[0], x[1], x[2]); }),
      op("attention_8x4x128x64", heads({8, 4, 128, 64}), attention),
      op("attention_causal_8x4x128x64", heads({8, 4, 128, 64}), causal),
      op("attention_long_1x4x1024x64", heads({1, 4, 1024, 64}), attention),
      op("attention_long_causal_1x4x2048x64", heads({1, 4, 2048, 64}), causal),
  };
}

}  // namespace bench

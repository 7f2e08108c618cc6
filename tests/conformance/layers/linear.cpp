#include <gradtape/nn/distance.hpp>
#include <gradtape/nn/embedding.hpp>
#include <gradtape/nn/linear.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

MadeLayer linear(Call& c) {
  return made(nn::Linear(c.integer(0, "in_features"), c.integer(1, "out_features"),
                         {.bias = c.flag(2, "bias", true)}));
}

/// A module that is called with two tensors.
template <class M> MadeLayer of_two(const M& module, const char* first, const char* second) {
  return made(module, [=](Call& c) -> Value {
    const Tensor a = c.tensor(0, first);
    return module(a, c.tensor(1, second));
  });
}

MadeLayer bilinear(Call& c) {
  return of_two(nn::Bilinear(c.integer(0, "in1_features"), c.integer(1, "in2_features"),
                             c.integer(2, "out_features"), {.bias = c.flag(3, "bias", true)}),
                "input1", "input2");
}

MadeLayer cosine_similarity(Call& c) {
  return of_two(
      nn::CosineSimilarity({.axis = c.integer(0, "dim", 1), .eps = c.number(1, "eps", 1e-8)}), "x1",
      "x2");
}

MadeLayer pairwise_distance(Call& c) {
  return of_two(nn::PairwiseDistance({.p = c.number(0, "p", 2),
                                      .eps = c.number(1, "eps", 1e-6),
                                      .keepdim = c.flag(2, "keepdim", false)}),
                "x1", "x2");
}

/// What both embeddings read.
template <class Options> void read(Options& options, Call& c, std::size_t padding, std::size_t i) {
  if (c.has(padding, "padding_idx")) options.padding_idx = c.integer(padding, "padding_idx");
  if (c.has(i, "max_norm")) options.max_norm = c.number(i, "max_norm");
  options.norm_type = c.number(i + 1, "norm_type", 2);
  options.scale_grad_by_freq = c.flag(i + 2, "scale_grad_by_freq", false);
  c.ignore(7, "_weight");
}

MadeLayer embedding(Call& c) {
  nn::EmbeddingOptions options{.sparse = c.flag(6, "sparse", false)};
  read(options, c, 2, 3);
  return made(
      nn::Embedding(c.integer(0, "num_embeddings"), c.integer(1, "embedding_dim"), options));
}

MadeLayer embedding_bag(Call& c) {
  const auto mode = c.text(5, "mode", "mean");
  nn::EmbeddingBagOptions options{.mode = mode == "mean"  ? nn::BagMode::mean
                                          : mode == "sum" ? nn::BagMode::sum
                                                          : nn::BagMode::max,
                                  .sparse = c.flag(6, "sparse", false),
                                  .include_last_offset = c.flag(8, "include_last_offset", false)};
  read(options, c, 9, 2);
  if (options.scale_grad_by_freq)
    throw Unsupported("EmbeddingBag: PyTorch's gradient is scaled by the uses of other rows");
  const nn::EmbeddingBag layer(c.integer(0, "num_embeddings"), c.integer(1, "embedding_dim"),
                               options);
  return made(layer, [=](Call& inputs) -> Value {
    const Tensor index = inputs.tensor(0, "input");
    const Tensor offsets = inputs.tensor_or_none(1, "offsets");
    return layer(index, offsets, inputs.tensor_or_none(2, "per_sample_weights"));
  });
}

LayerMap family_layers() {
  return {
      {"Bilinear", bilinear},   {"CosineSimilarity", cosine_similarity},
      {"Embedding", embedding}, {"EmbeddingBag", embedding_bag},
      {"Linear", linear},       {"PairwiseDistance", pairwise_distance},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance

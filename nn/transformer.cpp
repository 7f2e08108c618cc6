#include "gradtape/nn/transformer.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

constexpr const char* encoder_layer = "TransformerEncoderLayer";
constexpr const char* decoder_layer = "TransformerDecoderLayer";

/// The options, checked in the name of the layer.
const TransformerLayerOptions& checked(const char* layer, std::int64_t d_model, std::int64_t nhead,
                                       const TransformerLayerOptions& options) {
  if (d_model < 1 || nhead < 1 || d_model % nhead != 0)
    fail<ValueError>(layer, fmt::format("nhead = {} must divide d_model = {}, and both be at least "
                                        "1",
                                        nhead, d_model));
  require(layer, "dim_feedforward", options.dim_feedforward, at_least(1));
  require(layer, "dropout", options.dropout, closed(0, 1));
  return options;
}

MultiheadAttention attention(std::int64_t d_model, std::int64_t nhead,
                             const TransformerLayerOptions& options) {
  return MultiheadAttention(d_model, nhead,
                            {.dropout = options.dropout,
                             .bias = options.bias,
                             .batch_first = options.batch_first,
                             .dropout_generator = options.dropout_generator,
                             .dtype = options.dtype,
                             .generator = options.generator});
}

Linear linear_layer(std::int64_t in, std::int64_t out, const TransformerLayerOptions& options) {
  return Linear(in, out,
                {.bias = options.bias, .dtype = options.dtype, .generator = options.generator});
}

LayerNorm norm_layer(std::int64_t d_model, const TransformerLayerOptions& options) {
  return LayerNorm(d_model,
                   {.eps = options.layer_norm_eps, .bias = options.bias, .dtype = options.dtype});
}

Dropout dropout_layer(const TransformerLayerOptions& options) {
  return Dropout(options.dropout, {.generator = options.dropout_generator});
}

std::function<Tensor(const Tensor&)> activation_of(const TransformerLayerOptions& options) {
  if (options.activation) return options.activation;
  return [](const Tensor& x) { return relu(x); };
}

/// A sublayer with its residual connection and its norm.
template <class F>
Tensor residual(const Tensor& x, const LayerNorm& norm, bool norm_first, const F& sublayer) {
  return norm_first ? x + sublayer(norm(x)) : norm(x + sublayer(x));
}

void check_width(const char* layer, const char* name, const Tensor& x, const LayerNorm& norm) {
  const auto d_model = norm.weight.shape()[0];
  if (x.ndim() < 2 || x.ndim() > 3 || x.size(-1) != d_model)
    fail<ShapeError>(layer,
                     fmt::format("needs {} of 3 axes, or 2 for one sequence, the last one of "
                                 "{}; got {}",
                                 name, d_model, describe(x)));
}

template <class Layer>
ModuleList<Layer> clones(const char* stack, const Layer& layer, std::int64_t count) {
  require(stack, "num_layers", count, at_least(1));
  ModuleList<Layer> list;
  for (std::int64_t i = 0; i < count; ++i) list.add(clone(layer));
  return list;
}

}  // namespace

Tensor causal_mask(std::int64_t n) { return triu(ones({n, n}), 1) > 0; }

TransformerEncoderLayer::TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& options)
    : self_attn(child("self_attn",
                      attention(d_model, nhead, checked(encoder_layer, d_model, nhead, options)))),
      linear1(child("linear1", linear_layer(d_model, options.dim_feedforward, options))),
      linear2(child("linear2", linear_layer(options.dim_feedforward, d_model, options))),
      norm1(child("norm1", norm_layer(d_model, options))),
      norm2(child("norm2", norm_layer(d_model, options))),
      dropout_(child("dropout", dropout_layer(options))),
      dropout1_(child("dropout1", dropout_layer(options))),
      dropout2_(child("dropout2", dropout_layer(options))),
      activation_(activation_of(options)),
      norm_first_(options.norm_first) {}

Tensor TransformerEncoderLayer::operator()(const Tensor& src,
                                           const TransformerEncoderMasks& masks) const {
  return call(src, [&](const Tensor& given) {
    check_width(encoder_layer, "src", given, norm1);
    const Tensor input = self_attn.without_padding(given, masks.src_key_padding_mask);
    const auto attend = [&](const Tensor& x) {
      return dropout1_(self_attn(x, {.key_padding_mask = masks.src_key_padding_mask,
                                     .attn_mask = masks.src_mask,
                                     .causal = masks.causal})
                           .output);
    };
    const auto feed = [&](const Tensor& x) {
      return dropout2_(linear2(dropout_(activation_(linear1(x)))));
    };
    return residual(residual(input, norm1, norm_first_, attend), norm2, norm_first_, feed);
  });
}

TransformerDecoderLayer::TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& options)
    : self_attn(child("self_attn",
                      attention(d_model, nhead, checked(decoder_layer, d_model, nhead, options)))),
      multihead_attn(child("multihead_attn", attention(d_model, nhead, options))),
      linear1(child("linear1", linear_layer(d_model, options.dim_feedforward, options))),
      linear2(child("linear2", linear_layer(options.dim_feedforward, d_model, options))),
      norm1(child("norm1", norm_layer(d_model, options))),
      norm2(child("norm2", norm_layer(d_model, options))),
      norm3(child("norm3", norm_layer(d_model, options))),
      dropout_(child("dropout", dropout_layer(options))),
      dropout1_(child("dropout1", dropout_layer(options))),
      dropout2_(child("dropout2", dropout_layer(options))),
      dropout3_(child("dropout3", dropout_layer(options))),
      activation_(activation_of(options)),
      norm_first_(options.norm_first) {}

Tensor TransformerDecoderLayer::operator()(const Tensor& tgt, const Tensor& memory,
                                           const TransformerDecoderMasks& masks) const {
  return call(tgt, [&](const Tensor& given) {
    check_width(decoder_layer, "tgt", given, norm1);
    check_width(decoder_layer, "memory", memory, norm1);
    const Tensor input = self_attn.without_padding(given, masks.tgt_key_padding_mask);
    const auto attend = [&](const Tensor& x) {
      return dropout1_(self_attn(x, {.key_padding_mask = masks.tgt_key_padding_mask,
                                     .attn_mask = masks.tgt_mask,
                                     .causal = masks.causal})
                           .output);
    };
    const auto look = [&](const Tensor& x) {
      return dropout2_(multihead_attn(x, memory, memory,
                                      {.key_padding_mask = masks.memory_key_padding_mask,
                                       .attn_mask = masks.memory_mask})
                           .output);
    };
    const auto feed = [&](const Tensor& x) {
      return dropout3_(linear2(dropout_(activation_(linear1(x)))));
    };
    const Tensor y = residual(input, norm1, norm_first_, attend);
    return residual(residual(y, norm2, norm_first_, look), norm3, norm_first_, feed);
  });
}

TransformerEncoder::TransformerEncoder(const TransformerEncoderLayer& layer,
                                       std::int64_t num_layers,
                                       const std::optional<LayerNorm>& norm)
    : layers(child("layers", clones("TransformerEncoder", layer, num_layers))),
      norm(norm ? std::optional(child("norm", *norm)) : std::nullopt) {}

Tensor TransformerEncoder::operator()(const Tensor& src,
                                      const TransformerEncoderMasks& masks) const {
  return call(src, [&](Tensor x) {
    for (const auto& layer : layers) x = layer(x, masks);
    return norm ? (*norm)(x) : x;
  });
}

TransformerDecoder::TransformerDecoder(const TransformerDecoderLayer& layer,
                                       std::int64_t num_layers,
                                       const std::optional<LayerNorm>& norm)
    : layers(child("layers", clones("TransformerDecoder", layer, num_layers))),
      norm(norm ? std::optional(child("norm", *norm)) : std::nullopt) {}

Tensor TransformerDecoder::operator()(const Tensor& tgt, const Tensor& memory,
                                      const TransformerDecoderMasks& masks) const {
  return call(tgt, [&](Tensor x) {
    for (const auto& layer : layers) x = layer(x, memory, masks);
    return norm ? (*norm)(x) : x;
  });
}

Transformer::Transformer(std::int64_t d_model, std::int64_t nhead,
                         const TransformerOptions& options)
    : encoder(child(
          "encoder",
          TransformerEncoder(TransformerEncoderLayer(d_model, nhead, options.layer),
                             options.num_encoder_layers, norm_layer(d_model, options.layer)))),
      decoder(child(
          "decoder",
          TransformerDecoder(TransformerDecoderLayer(d_model, nhead, options.layer),
                             options.num_decoder_layers, norm_layer(d_model, options.layer)))) {
  for (const auto& p : parameters())
    if (p.shape().ndim() > 1) init::fill(p, init::XavierUniform{}, options.layer.generator);
}

Tensor Transformer::operator()(const Tensor& src, const Tensor& tgt,
                               const TransformerMasks& masks) const {
  return call(
      src, [&](const Tensor& x) { return decoder(tgt, encoder(x, masks.encoder), masks.decoder); });
}

}  // namespace gradtape::nn

// Attention and transformers.
#include <gradtape/nn/transformer.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

MadeLayer multihead_attention(Call& c) {
  const nn::MultiheadAttention layer(c.integer(0, "embed_dim"), c.integer(1, "num_heads"),
                                     {.dropout = c.number(2, "dropout", 0),
                                      .bias = c.flag(3, "bias", true),
                                      .add_bias_kv = c.flag(4, "add_bias_kv", false),
                                      .add_zero_attn = c.flag(5, "add_zero_attn", false),
                                      .kdim = c.integer(6, "kdim", 0),
                                      .vdim = c.integer(7, "vdim", 0),
                                      .batch_first = c.flag(8, "batch_first", false)});
  return made(layer, [layer](Call& call) -> Value {
    const auto [output, weights] =
        layer(call.tensor(0, "query"), call.tensor(1, "key"), call.tensor(2, "value"),
              {.key_padding_mask = call.tensor_or_none(3, "key_padding_mask"),
               .attn_mask = call.tensor_or_none(5, "attn_mask"),
               .causal = call.flag(7, "is_causal", false),
               .need_weights = call.flag(4, "need_weights", true),
               .average_attn_weights = call.flag(6, "average_attn_weights", true)});
    return weights.defined() ? Value(List{output, weights}) : Value(output);
  });
}

/// The arguments from position `first` on, and from `eps`, the norm's, on.
nn::TransformerLayerOptions options(Call& c, std::size_t first = 2, std::size_t eps = 5) {
  nn::TransformerLayerOptions options;
  options.dim_feedforward = c.integer(first, "dim_feedforward", 2048);
  options.dropout = c.number(first + 1, "dropout", 0.1);
  const std::string activation =
      c.at(first + 2, "activation").is<Function>() ? "" : c.text(first + 2, "activation", "relu");
  const Function function = activation.empty() ? c.at(first + 2, "activation").get<Function>()
                                               : find_function("nn.functional." + activation);
  if (!function) throw Unsupported("the activation " + activation);
  options.activation = [function](const Tensor& x) {
    Call call("activation", {x}, {});
    return function(call).tensor("the activation");
  };
  options.layer_norm_eps = c.number(eps, "layer_norm_eps", 1e-5);
  options.batch_first = c.flag(eps + 1, "batch_first", false);
  options.norm_first = c.flag(eps + 2, "norm_first", false);
  options.bias = c.flag(eps + 3, "bias", true);
  return options;
}

MadeLayer encoder_layer(Call& c) {
  const nn::TransformerEncoderLayer layer(c.integer(0, "d_model"), c.integer(1, "nhead"),
                                          options(c));
  return made(layer, [layer](Call& call) -> Value {
    return layer(call.tensor(0, "src"),
                 {.src_mask = call.tensor_or_none(1, "src_mask"),
                  .src_key_padding_mask = call.tensor_or_none(2, "src_key_padding_mask")});
  });
}

MadeLayer decoder_layer(Call& c) {
  const nn::TransformerDecoderLayer layer(c.integer(0, "d_model"), c.integer(1, "nhead"),
                                          options(c));
  return made(layer, [layer](Call& call) -> Value {
    return layer(call.tensor(0, "tgt"), call.tensor(1, "memory"),
                 {.tgt_mask = call.tensor_or_none(2, "tgt_mask"),
                  .memory_mask = call.tensor_or_none(3, "memory_mask"),
                  .tgt_key_padding_mask = call.tensor_or_none(4, "tgt_key_padding_mask"),
                  .memory_key_padding_mask = call.tensor_or_none(5, "memory_key_padding_mask")});
  });
}

MadeLayer transformer(Call& c) {
  if (c.has(7, "custom_encoder") || c.has(8, "custom_decoder"))
    throw Unsupported("an encoder or decoder made elsewhere");
  const nn::Transformer layer(c.integer(0, "d_model", 512), c.integer(1, "nhead", 8),
                              {.num_encoder_layers = c.integer(2, "num_encoder_layers", 6),
                               .num_decoder_layers = c.integer(3, "num_decoder_layers", 6),
                               .layer = options(c, 4, 9)});
  return made(layer, [layer](Call& call) -> Value {
    return layer(
        call.tensor(0, "src"), call.tensor(1, "tgt"),
        {.encoder = {.src_mask = call.tensor_or_none(2, "src_mask"),
                     .src_key_padding_mask = call.tensor_or_none(5, "src_key_padding_mask")},
         .decoder = {
             .tgt_mask = call.tensor_or_none(3, "tgt_mask"),
             .memory_mask = call.tensor_or_none(4, "memory_mask"),
             .tgt_key_padding_mask = call.tensor_or_none(6, "tgt_key_padding_mask"),
             .memory_key_padding_mask = call.tensor_or_none(7, "memory_key_padding_mask")}});
  });
}

LayerMap family_layers() {
  return {{"MultiheadAttention", multihead_attention},
          {"Transformer", transformer},
          {"TransformerDecoderLayer", decoder_layer},
          {"TransformerEncoderLayer", encoder_layer}};
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance

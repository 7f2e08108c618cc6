/// Transformer layers: encoder and decoder, one or a stack.
#pragma once

#include <functional>
#include <optional>

#include "gradtape/nn/attention.hpp"
#include "gradtape/nn/containers.hpp"
#include "gradtape/nn/dropout.hpp"
#include "gradtape/nn/linear.hpp"
#include "gradtape/nn/normalisation.hpp"

namespace gradtape::nn {

/// Options of TransformerEncoderLayer and TransformerDecoderLayer.
struct TransformerLayerOptions {
  std::int64_t dim_feedforward = 2048;  ///< Width between the two linear layers.
  double dropout = 0.1;                 ///< Of attention weights and of sublayers, in [0, 1].
  /// Between the linear layers, such as nn::GELU(); relu where empty.
  std::function<Tensor(const Tensor&)> activation = nullptr;
  double layer_norm_eps = 1e-5;      ///< As in LayerNormOptions, >= 0.
  bool batch_first = false;          ///< Batches are [N, L, ..], not [L, N, ..].
  bool norm_first = false;           ///< x + f(norm(x)) in place of norm(x + f(x)).
  bool bias = true;                  ///< Whether linear layers, projections and norms add biases.
  Generator dropout_generator = {};  ///< As in DropoutOptions.
  Dtype dtype = float32;             ///< float32 or float64.
  Generator generator = {};          ///< Random numbers for the initial values.
};

/// Masks of an encoder, as in MultiheadAttentionCall: a bool mask is true where masked out.
struct TransformerEncoderMasks {
  Tensor src_mask = {};              ///< [L, L] or [N * nhead, L, L]
  Tensor src_key_padding_mask = {};  ///< [N, L]
  bool causal = false;               ///< Position i sees positions 0 ... i only.
};
/// Masks of a decoder.
struct TransformerDecoderMasks {
  Tensor tgt_mask = {};                 ///< [L, L] or [N * nhead, L, L]
  Tensor memory_mask = {};              ///< [L, S] or [N * nhead, L, S]
  Tensor tgt_key_padding_mask = {};     ///< [N, L]
  Tensor memory_key_padding_mask = {};  ///< [N, S]
  bool causal = false;                  ///< Position i of the target sees positions 0 ... i only.
};

/// bool [n, n], true above the diagonal: the attn_mask by which position i sees 0 ... i only.
/// Throws ShapeError for a negative n.
[[nodiscard]] Tensor causal_mask(std::int64_t n);

/// Self-attention, then two linear layers around an activation; each with dropout, a residual
/// connection and a norm behind it (Vaswani et al. 2017, section 3.1), or before it with norm_first
/// (Xiong et al. 2020).
/// src: [L, N, d_model], [N, L, d_model] with batch_first, or [L, d_model] -> the same; nhead heads
/// of attention, which must divide d_model.
/// Throws ValueError when made with options out of range; a call throws ShapeError and DtypeError.
class TransformerEncoderLayer : public Module {
 public:
  TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                          const TransformerLayerOptions& options = {});
  Tensor operator()(const Tensor& src, const TransformerEncoderMasks& masks = {}) const;

  const MultiheadAttention self_attn;  ///< Of src to itself.
  const Linear linear1, linear2;       ///< To dim_feedforward and back.
  const LayerNorm norm1, norm2;        ///< Of attention and of the linear layers.

 private:
  const Dropout dropout_, dropout1_, dropout2_;
  const std::function<Tensor(const Tensor&)> activation_;
  const bool norm_first_;
};

/// Self-attention over tgt, attention to memory (the output of an encoder), then two linear layers,
/// as in TransformerEncoderLayer. tgt: [L, N, d_model], memory: [S, N, d_model] -> as tgt; N first
/// with batch_first, or no N. nhead and exceptions as TransformerEncoderLayer's.
class TransformerDecoderLayer : public Module {
 public:
  TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                          const TransformerLayerOptions& options = {});
  Tensor operator()(const Tensor& tgt, const Tensor& memory,
                    const TransformerDecoderMasks& masks = {}) const;

  const MultiheadAttention self_attn, multihead_attn;  ///< Of tgt to itself, and to memory.
  const Linear linear1, linear2;                       ///< To dim_feedforward and back.
  const LayerNorm norm1, norm2, norm3;  ///< Of both attentions and of the linear layers.

 private:
  const Dropout dropout_, dropout1_, dropout2_, dropout3_;
  const std::function<Tensor(const Tensor&)> activation_;
  const bool norm_first_;
};

/// num_layers clones of a layer one after the other, which start with the same values, then a norm
/// if given. Throws ValueError for fewer than one layer; a call throws as the layers.
class TransformerEncoder : public Module {
 public:
  TransformerEncoder(const TransformerEncoderLayer& layer, std::int64_t num_layers,
                     const std::optional<LayerNorm>& norm = {});
  Tensor operator()(const Tensor& src, const TransformerEncoderMasks& masks = {}) const;

  const ModuleList<TransformerEncoderLayer> layers;
  const std::optional<LayerNorm> norm;  ///< Behind the last layer, where given.
};

/// The same of decoder layers, which all attend to one memory.
class TransformerDecoder : public Module {
 public:
  TransformerDecoder(const TransformerDecoderLayer& layer, std::int64_t num_layers,
                     const std::optional<LayerNorm>& norm = {});
  Tensor operator()(const Tensor& tgt, const Tensor& memory,
                    const TransformerDecoderMasks& masks = {}) const;

  const ModuleList<TransformerDecoderLayer> layers;
  const std::optional<LayerNorm> norm;  ///< Behind the last layer, where given.
};

/// Options of Transformer.
struct TransformerOptions {
  std::int64_t num_encoder_layers = 6;  ///< At least 1.
  std::int64_t num_decoder_layers = 6;  ///< At least 1.
  TransformerLayerOptions layer = {};   ///< Of every layer, and of the norm behind each stack.
};

/// Masks of a Transformer.
struct TransformerMasks {
  TransformerEncoderMasks encoder = {};  ///< Those of src.
  TransformerDecoderMasks decoder = {};  ///< Those of tgt, and of src as the decoder's memory.
};

/// An encoder, and a decoder that attends to its output, each with a norm at its end (Vaswani et
/// al. 2017).  src: [S, N, d_model], tgt: [L, N, d_model] -> as tgt; N first with batch_first, or
/// no N. nhead is that of the layers. All matrices start Xavier uniform. Throws as the layers.
class Transformer : public Module {
 public:
  Transformer(std::int64_t d_model, std::int64_t nhead, const TransformerOptions& options = {});
  Tensor operator()(const Tensor& src, const Tensor& tgt, const TransformerMasks& masks = {}) const;

  const TransformerEncoder encoder;
  const TransformerDecoder decoder;
};

}  // namespace gradtape::nn

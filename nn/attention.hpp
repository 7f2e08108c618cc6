/// MultiheadAttention.
#pragma once

#include "gradtape/nn/linear.hpp"

namespace gradtape::nn {

/// Options of MultiheadAttention.
struct MultiheadAttentionOptions {
  double dropout = 0;                ///< Probability with which a weight is dropped, in [0, 1].
  bool bias = true;                  ///< Whether the projections add biases.
  bool add_bias_kv = false;          ///< Adds a learned key and value behind those of the sequence.
  bool add_zero_attn = false;        ///< Adds a key and a value of zeros behind all others.
  std::int64_t kdim = 0;             ///< Width of the keys; embed_dim where 0.
  std::int64_t vdim = 0;             ///< Width of the values; embed_dim where 0.
  bool batch_first = false;          ///< Batches are [N, L, ..], not [L, N, ..].
  Generator dropout_generator = {};  ///< As in DropoutOptions.
  Dtype dtype = float32;             ///< float32 or float64.
  Generator generator = {};          ///< Random numbers for the initial values.
};

/// Options of a call of MultiheadAttention. In masks true means left out, as in PyTorch (and
/// contrary to AttentionOptions); floating masks are added to the scores.
struct MultiheadAttentionCall {
  Tensor key_padding_mask = {};      ///< [N, S], bool or floating: keys that nobody sees.
  Tensor attn_mask = {};             ///< [L, S] or [N * num_heads, L, S], bool or floating.
  bool causal = false;               ///< Position i sees positions 0 ... i only.
  bool need_weights = false;         ///< Also give the attention weights.
  bool average_attn_weights = true;  ///< Give their mean over the heads, [N, L, S].
};

/// What MultiheadAttention gives:  auto [output, weights] = attention(q, k, v, {...});
struct MultiheadAttentionOutput {
  Tensor output;   ///< As the query: [L, N, embed_dim].
  Tensor weights;  ///< [N, L, S] or [N, num_heads, L, S]; undefined unless asked for.
};

/// Attention of several heads side by side (Vaswani et al. 2017, section 3.2.2):
/// out_proj(concat_h softmax(q_h k_h^T / sqrt(d)) v_h), where q, k and v are projections of query,
/// key and value, and head h takes d = embed_dim / num_heads of their columns.
/// query: [L, N, embed_dim], key: [S, N, kdim], value: [S, N, vdim] -> [L, N, embed_dim]; N first
/// with batch_first, no N for one sequence. A query to which the masks leave no key gets 0 from the
/// heads, where PyTorch gives NaN. What lies in the padding of the keys is as if it were not there,
/// NaN and infinities included.
///
/// The initial values are PyTorch's: Xavier uniform, biases 0. Throws ValueError when made with
/// options out of range; a call throws ShapeError and DtypeError for what does not fit.
class MultiheadAttention : public Module {
 public:
  MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads,
                     const MultiheadAttentionOptions& options = {});

  MultiheadAttentionOutput operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                                      const MultiheadAttentionCall& options = {}) const;
  /// Self-attention: query, key and value are all x.
  MultiheadAttentionOutput operator()(const Tensor& x,
                                      const MultiheadAttentionCall& options = {}) const {
    return (*this)(x, x, x, options);
  }
  /// x with 0 for NaN and infinities in its padding, which otherwise reach the gradients of weights
  /// as 0 * NaN. padding: a key_padding_mask of x, or undefined.
  Tensor without_padding(const Tensor& x, const Tensor& padding) const;

 private:
  struct Sizes {
    std::int64_t embed_dim, num_heads, kdim, vdim;
    bool packed() const { return kdim == embed_dim && vdim == embed_dim; }
  };
  static Sizes checked(std::int64_t embed_dim, std::int64_t num_heads,
                       const MultiheadAttentionOptions& options);
  Parameter made(const MultiheadAttentionOptions& options, bool wanted, const char* name,
                 const Shape& shape, const init::Initializer& initial);
  struct Heads {
    Tensor q, k, v;  // [N, num_heads, L or S, embed_dim / num_heads]
  };
  [[nodiscard]] Heads heads(const Tensor& query, const Tensor& key, const Tensor& value) const;
  [[nodiscard]] Tensor projected(const Tensor& x, int part) const;
  [[nodiscard]] Tensor split_heads(const Tensor& x) const;
  void check_inputs(const Tensor& query, const Tensor& key, const Tensor& value) const;
  [[nodiscard]] Tensor mask(const Heads& heads, const MultiheadAttentionCall& options) const;
  [[nodiscard]] MultiheadAttentionOutput attend(const Tensor& query, const Tensor& key,
                                                const Tensor& value,
                                                const MultiheadAttentionCall& options) const;

  const Sizes sizes_;
  const double dropout_;
  const bool batch_first_, add_zero_attn_;
  const Generator dropout_generator_;

 public:
  const Parameter in_proj_weight;  ///< [3 embed_dim, embed_dim]; undefined where the widths differ.
  const Parameter q_proj_weight;   ///< [embed_dim, embed_dim] where the widths differ.
  const Parameter k_proj_weight;   ///< [embed_dim, kdim] where the widths differ.
  const Parameter v_proj_weight;   ///< [embed_dim, vdim] where the widths differ.
  const Parameter in_proj_bias;    ///< [3 embed_dim]; undefined without bias.
  const Parameter bias_k;          ///< [1, 1, embed_dim]; undefined without add_bias_kv.
  const Parameter bias_v;          ///< As bias_k.
  const Linear out_proj;           ///< embed_dim -> embed_dim
};

}  // namespace gradtape::nn

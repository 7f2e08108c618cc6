#include <cmath>
#include <limits>

#include "../value.hpp"

namespace gradtape::conformance {
namespace {

Value scaled_dot_product(Call& c) {
  AttentionOptions options{.mask = c.tensor_or_none(3, "attn_mask"),
                           .causal = c.flag(5, "is_causal", false)};
  if (c.has(6, "scale")) options.scale = c.number(6, "scale");
  if (c.number(4, "dropout_p", 0.0) != 0) throw Unsupported("attention with dropout");
  return scaled_dot_product_attention(c.tensor(0, "query"), c.tensor(1, "key"),
                                      c.tensor(2, "value"), options);
}

/// A mask as a summand: -inf where a bool mask holds. Undefined stays so.
Tensor summand(const Tensor& mask, Dtype dtype) {
  if (!mask.defined() || mask.dtype() != bool_) return mask;
  return where(mask, -std::numeric_limits<double>::infinity(), zeros({}, dtype));
}

/// x with `more` behind it along an axis.
Tensor with(const Tensor& x, const Tensor& more, std::int64_t axis) {
  return concat({x, more}, axis);
}

/// A mask with one more column that hides nothing.
Tensor with_column(const Tensor& mask) {
  if (!mask.defined()) return mask;
  Shape shape = mask.shape();
  shape[shape.ndim() - 1] = 1;
  return with(mask, zeros(shape, mask.dtype()), -1);
}

Tensor part(const Tensor& x, std::int64_t i, std::int64_t n) {
  return x.defined() ? slice(x, 0, i * n, (i + 1) * n) : x;
}

/// nn.functional.multi_head_attention_forward for one call, batched: [time, n, embed].
class Heads {
 public:
  explicit Heads(Call& c) : c_(c), heads_(c.integer(4, "num_heads")) {
    c.ignore(3, "embed_dim_to_check");
    const bool training = c.flag(13, "training", true);
    if (c.number(10, "dropout_p", 0.0) != 0 && training)
      throw Unsupported("attention with dropout");
    for (const char* name : {"static_k", "static_v"})
      if (c.has(name[7] == 'k' ? 21 : 22, name)) throw Unsupported(name);
  }

  Value operator()() {
    Tensor q = c_.tensor(0, "query"), k = c_.tensor(1, "key"), v = c_.tensor(2, "value");
    const bool one = q.ndim() == 2;
    if (one) q = unsqueeze(q, 1), k = unsqueeze(k, 1), v = unsqueeze(v, 1);
    const auto time = q.size(0), n = q.size(1), embed = q.size(2);
    project(q, k, v);
    Tensor mask = c_.tensor_or_none(16, "attn_mask"),
           padding = c_.tensor_or_none(14, "key_padding_mask");
    if (padding.defined() && one) padding = unsqueeze(padding, 0);

    const Tensor bias_k = c_.tensor_or_none(7, "bias_k"), bias_v = c_.tensor_or_none(8, "bias_v");
    if (bias_k.defined()) {
      k = with(k, expand(bias_k, {1, n, embed}), 0);
      v = with(v, expand(bias_v, {1, n, embed}), 0);
      mask = with_column(mask), padding = with_column(padding);
    }
    if (c_.flag(9, "add_zero_attn")) {
      const Tensor nothing = zeros({1, n, embed}, k.dtype());
      k = with(k, nothing, 0), v = with(v, nothing, 0);
      mask = with_column(mask), padding = with_column(padding);
    }

    q = split(q), k = split(k), v = split(v);  // [n, heads, time, width]
    const double width = static_cast<double>(embed / heads_);
    Tensor scores = matmul(q * (1 / std::sqrt(width)), transpose(k));
    if (const Tensor m = summand(mask, q.dtype()); m.defined())
      scores = scores + (m.ndim() == 3 ? reshape(m, scores.shape()) : m);
    if (const Tensor m = summand(padding, q.dtype()); m.defined())
      scores = scores + reshape(m, {n, 1, 1, m.size(-1)});
    Tensor weights = softmax(scores);
    Tensor y = reshape(permute(matmul(weights, v), {2, 0, 1, 3}), {time, n, embed});
    y = linear(y, c_.tensor(11, "out_proj_weight"), c_.tensor_or_none(12, "out_proj_bias"));
    if (c_.flag(23, "average_attn_weights", true)) weights = mean(weights, 1);
    if (one) y = squeeze(y, 1), weights = squeeze(weights, 0);
    const bool wanted = c_.flag(15, "need_weights", true);
    return List{y, wanted ? Value(weights) : Value()};
  }

 private:
  void project(Tensor& q, Tensor& k, Tensor& v) {
    const auto embed = q.size(2);
    const Tensor bias = c_.tensor_or_none(6, "in_proj_bias");
    const bool separate = c_.flag(17, "use_separate_proj_weight", false);
    const Tensor packed = c_.tensor_or_none(5, "in_proj_weight");
    const Tensor own[] = {c_.tensor_or_none(18, "q_proj_weight"),
                          c_.tensor_or_none(19, "k_proj_weight"),
                          c_.tensor_or_none(20, "v_proj_weight")};
    Tensor* const x[] = {&q, &k, &v};
    for (std::int64_t i = 0; i < 3; ++i)
      *x[i] = linear(*x[i], separate ? own[i] : part(packed, i, embed), part(bias, i, embed));
  }

  /// [time, n, embed] -> [n, heads, time, width]
  Tensor split(const Tensor& x) const {
    const Shape shape{x.size(0), x.size(1), heads_, x.size(2) / heads_};
    return permute(reshape(x, shape), {1, 2, 0, 3});
  }

  Call& c_;
  std::int64_t heads_;
};

Value multi_head(Call& c) { return Heads(c)(); }

Mapping functions() {
  return {
      {"nn.functional.scaled_dot_product_attention", scaled_dot_product},
      {"nn.functional.multi_head_attention_forward", multi_head},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance

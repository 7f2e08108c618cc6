#include "gradtape/nn/attention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

constexpr const char* layer = "MultiheadAttention";
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Whether both are the same value in the same place of the graph.
bool same(const Tensor& a, const Tensor& b) {
  return a.value_ref().get() == b.value_ref().get() && a.node_ref().get() == b.node_ref().get();
}

void check_mask(const char* name, const Tensor& mask, const Tensor& q,
                std::initializer_list<Shape> wanted) {
  std::string list;
  for (const auto& want : wanted) {
    if (mask.shape() == want) list.clear();
    if (mask.shape() == want) break;
    list += (list.empty() ? "" : " or ") + want.str();
  }
  if (!list.empty())
    fail<ShapeError>(layer, fmt::format("needs {} {}, got {}", name, list, describe(mask)));
  if (mask.dtype() != bool_ && mask.dtype() != q.dtype())
    fail<DtypeError>(layer, fmt::format("{} is {}, but it must be bool or {}", name,
                                        gradtape::name(mask.dtype()), gradtape::name(q.dtype())));
}

/// `extra` more columns behind the last axis, which leave nothing out.
Tensor widened(const Tensor& mask, std::int64_t extra) {
  if (!mask.defined() || extra == 0) return mask;
  Shape columns = mask.shape();
  columns[columns.ndim() - 1] = extra;
  return concat({mask, zeros(columns, mask.dtype())}, -1);
}

}  // namespace

MultiheadAttention::Sizes MultiheadAttention::checked(std::int64_t embed_dim,
                                                      std::int64_t num_heads,
                                                      const MultiheadAttentionOptions& options) {
  if (embed_dim < 1 || num_heads < 1 || embed_dim % num_heads != 0)
    fail<ValueError>(
        layer, fmt::format("num_heads = {} must divide embed_dim = {}, and both be at least 1",
                           num_heads, embed_dim));
  if (options.kdim < 0 || options.vdim < 0)
    fail<ValueError>(layer, fmt::format("kdim = {} and vdim = {} must be at least 1, or 0 for "
                                        "embed_dim",
                                        options.kdim, options.vdim));
  require(layer, "dropout", options.dropout, closed(0, 1));
  return {embed_dim, num_heads, options.kdim ? options.kdim : embed_dim,
          options.vdim ? options.vdim : embed_dim};
}

MultiheadAttention::MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads,
                                       const MultiheadAttentionOptions& options)
    : sizes_(checked(embed_dim, num_heads, options)),
      dropout_(options.dropout),
      batch_first_(options.batch_first),
      add_zero_attn_(options.add_zero_attn),
      dropout_generator_(options.dropout_generator),
      in_proj_weight(made(options, sizes_.packed(), "in_proj_weight", {3 * embed_dim, embed_dim},
                          init::XavierUniform{})),
      q_proj_weight(made(options, !sizes_.packed(), "q_proj_weight", {embed_dim, embed_dim},
                         init::XavierUniform{})),
      k_proj_weight(made(options, !sizes_.packed(), "k_proj_weight", {embed_dim, sizes_.kdim},
                         init::XavierUniform{})),
      v_proj_weight(made(options, !sizes_.packed(), "v_proj_weight", {embed_dim, sizes_.vdim},
                         init::XavierUniform{})),
      in_proj_bias(made(options, options.bias, "in_proj_bias", {3 * embed_dim}, init::Constant{0})),
      bias_k(made(options, options.add_bias_kv, "bias_k", {1, 1, embed_dim}, init::XavierNormal{})),
      bias_v(made(options, options.add_bias_kv, "bias_v", {1, 1, embed_dim}, init::XavierNormal{})),
      out_proj(child("out_proj", Linear(embed_dim, embed_dim,
                                        {.bias = options.bias,
                                         .bias_init = init::Constant{0},
                                         .dtype = options.dtype,
                                         .generator = options.generator}))) {}

Parameter MultiheadAttention::made(const MultiheadAttentionOptions& options, bool wanted,
                                   const char* name, const Shape& shape,
                                   const init::Initializer& initial) {
  return wanted ? parameter(name, initial(shape, options.dtype, options.generator)) : Parameter();
}

void MultiheadAttention::check_inputs(const Tensor& query, const Tensor& key,
                                      const Tensor& value) const {
  const int axes = query.ndim();
  const bool widths = (axes == 2 || axes == 3) && key.ndim() == axes && value.ndim() == axes &&
                      query.size(-1) == sizes_.embed_dim && key.size(-1) == sizes_.kdim &&
                      value.size(-1) == sizes_.vdim;
  const int batch = batch_first_ ? 0 : 1, step = axes == 2 ? 0 : 1 - batch;
  const bool fits =
      widths && key.size(step) == value.size(step) &&
      (axes == 2 || (query.size(batch) == key.size(batch) && key.size(batch) == value.size(batch)));
  if (!fits)
    fail<ShapeError>(
        layer, fmt::format("needs query [{0}, {1}], key [{2}, {3}] and value [{2}, {4}], or all "
                           "without N; got {5}, {6} and {7}",
                           batch_first_ ? "N, L" : "L, N", sizes_.embed_dim,
                           batch_first_ ? "N, S" : "S, N", sizes_.kdim, sizes_.vdim,
                           describe(query), describe(key), describe(value)));
  for (const auto* x : {&query, &key, &value})
    if (x->dtype() != out_proj.weight.dtype())
      fail<DtypeError>(
          layer,
          fmt::format("{} is {}, but the weights are {}; convert one with .to()", describe(*x),
                      gradtape::name(x->dtype()), gradtape::name(out_proj.weight.dtype())));
}

Tensor MultiheadAttention::projected(const Tensor& x, int part) const {
  const auto width = sizes_.embed_dim;
  const auto rows = [&](const Parameter& all) {
    return all.defined() ? narrow(all, 0, part * width, width) : Tensor();
  };
  const Parameter* const apart[] = {&q_proj_weight, &k_proj_weight, &v_proj_weight};
  const Tensor weight = sizes_.packed() ? rows(in_proj_weight) : apart[part]->tensor();
  return linear(x, weight, rows(in_proj_bias));
}

/// [L, N, embed_dim], or as batch_first has it -> [N, num_heads, L, embed_dim / num_heads]
Tensor MultiheadAttention::split_heads(const Tensor& x) const {
  const Tensor heads = unflatten(x, -1, {sizes_.num_heads, -1});
  return permute(heads, batch_first_ ? std::vector<std::int64_t>{0, 2, 1, 3}
                                     : std::vector<std::int64_t>{1, 2, 0, 3});
}

MultiheadAttention::Heads MultiheadAttention::heads(const Tensor& query, const Tensor& key,
                                                    const Tensor& value) const {
  Heads h;
  if (sizes_.packed() && same(query, key) && same(key, value)) {
    const Tensor all =
        unflatten(linear(query, in_proj_weight, in_proj_bias), -1, {3, sizes_.num_heads, -1});
    const auto parts =
        unbind(permute(all, batch_first_ ? std::vector<std::int64_t>{2, 0, 3, 1, 4}
                                         : std::vector<std::int64_t>{2, 1, 3, 0, 4}));
    h = {parts[0], parts[1], parts[2]};
  } else {
    h = {split_heads(projected(query, 0)), split_heads(projected(key, 1)),
         split_heads(projected(value, 2))};
  }
  const auto append = [&](Tensor& x, const Tensor& row) {
    const Tensor one = reshape(row, {1, sizes_.num_heads, 1, -1});
    x = concat({x, expand(one, {x.size(0), -1, -1, -1})}, 2);
  };
  if (bias_k.defined()) append(h.k, bias_k);
  if (bias_v.defined()) append(h.v, bias_v);
  if (add_zero_attn_)
    for (Tensor* x : {&h.k, &h.v}) append(*x, zeros({sizes_.embed_dim}, x->dtype()));
  return h;
}

/// All masks in one that broadcasts to [N, num_heads, L, S], as AttentionOptions has it.
Tensor MultiheadAttention::mask(const Heads& heads, const MultiheadAttentionCall& options) const {
  const auto n = heads.q.size(0), rows = heads.q.size(2), h = sizes_.num_heads;
  const auto extra = (bias_k.defined() ? 1 : 0) + (add_zero_attn_ ? 1 : 0);
  const auto columns = heads.k.size(2) - extra;
  Tensor out, added;  // bool: left out; floating: added to the scores
  if (options.causal) out = reshape(arange(rows), {rows, 1}) < arange(columns);
  const auto take = [&](const Tensor& mask) {
    if (mask.dtype() == bool_)
      out = out.defined() ? logical_or(out, mask) : mask;
    else
      added = added.defined() ? added + mask : mask;
  };
  if (const Tensor& m = options.attn_mask; m.defined()) {
    check_mask("attn_mask", m, heads.q, {{rows, columns}, {n * h, rows, columns}});
    take(m.ndim() == 2 ? m : reshape(m, {n, h, rows, columns}));
  }
  if (const Tensor& m = options.key_padding_mask; m.defined()) {
    check_mask("key_padding_mask", m, heads.q, {{n, columns}});
    take(reshape(m, {n, 1, 1, columns}));
  }
  out = widened(out, extra);
  added = widened(added, extra);
  if (!added.defined()) return out.defined() ? logical_not(out) : Tensor();
  return out.defined() ? where(out, -infinity, added) : added;
}

Tensor MultiheadAttention::without_padding(const Tensor& x, const Tensor& padding) const {
  if (!padding.defined() || std::isfinite(sum(x.detach()).item<double>())) return x;
  const Tensor left_out = padding.dtype() == bool_ ? padding : padding == -infinity;
  const Tensor steps = batch_first_ || padding.ndim() == 1 ? left_out : transpose(left_out);
  return where(logical_and(unsqueeze(steps, -1), logical_not(isfinite(x))), 0, x);
}

MultiheadAttentionOutput MultiheadAttention::attend(const Tensor& query, const Tensor& key,
                                                    const Tensor& value,
                                                    const MultiheadAttentionCall& options) const {
  const Heads h = heads(query, key, value);
  const AttentionOptions call{.mask = mask(h, options),
                              .dropout = is_training() ? dropout_ : 0,
                              .generator = dropout_generator_};
  MultiheadAttentionOutput result;
  Tensor mixed;
  if (options.need_weights) {
    const auto both = attention(h.q, h.k, h.v, call);
    mixed = both.output;
    result.weights = options.average_attn_weights ? mean(both.weights, 1) : both.weights;
  } else {
    mixed = scaled_dot_product_attention(h.q, h.k, h.v, call);
  }
  const std::vector<std::int64_t> back =
      batch_first_ ? std::vector<std::int64_t>{0, 2, 1, 3} : std::vector<std::int64_t>{2, 0, 1, 3};
  result.output = out_proj(flatten(permute(mixed, back), 2));
  return result;
}

MultiheadAttentionOutput MultiheadAttention::operator()(
    const Tensor& query, const Tensor& key, const Tensor& value,
    const MultiheadAttentionCall& options) const {
  return call(query, [&](const Tensor& given) {
    check_inputs(given, same(key, query) ? given : key, same(value, query) ? given : value);
    const Tensor& padding = options.key_padding_mask;
    const Tensor input = same(key, query) ? without_padding(given, padding) : given;
    const Tensor k = same(key, query) ? input : without_padding(key, padding);
    const Tensor v =
        same(value, key) ? k : without_padding(same(value, query) ? given : value, padding);
    if (input.ndim() == 3) return attend(input, k, v, options);
    const int batch = batch_first_ ? 0 : 1;
    const Tensor q1 = unsqueeze(input, batch);
    const Tensor k1 = same(k, input) ? q1 : unsqueeze(k, batch);
    const Tensor v1 = same(v, input) ? q1 : same(v, k) ? k1 : unsqueeze(v, batch);
    MultiheadAttentionCall one = options;
    if (const Tensor& m = options.key_padding_mask; m.defined() && m.ndim() == 1)
      one.key_padding_mask = unsqueeze(m, 0);
    auto result = attend(q1, k1, v1, one);
    result.output = squeeze(result.output, {batch});
    if (result.weights.defined()) result.weights = squeeze(result.weights, {0});
    return result;
  });
}

}  // namespace gradtape::nn

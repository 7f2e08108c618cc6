/// Our side: what workloads call where the two libraries write it differently.
#pragma once

#include <gradtape/autograd/formula.hpp>
#include <gradtape/gradtape.hpp>

#include <map>
#include <memory>

#include "inputs.hpp"

namespace bench::side {

using namespace gradtape;
namespace nn = gradtape::nn;

inline constexpr bool is_peer = false;
using Variable = Parameter;
using Guard = NoGrad;

inline Tensor make(const Input& input, std::uint64_t seed) {
  if (input.kind == Input::Kind::index)
    return tensor(index_numbers(input, seed), Shape(input.shape), int64);
  const Tensor made = input.wide ? tensor(numbers<double>(input, seed), Shape(input.shape), float64)
                                 : tensor(numbers<float>(input, seed), Shape(input.shape), float32);
  return input.variable ? made.requires_grad() : made;
}
inline Variable variable(const Input& input, const std::string& name) {
  return Parameter(make(input, hash(name)).detach(), name);
}
inline Extents extents(const Tensor& x) {
  const Shape shape = x.shape();
  return {shape.begin(), shape.end()};
}
inline bool is_wide(const Tensor& x) { return x.dtype() == float64; }
template <class F> auto with_elements(const Tensor& x, const F& f) {
  const auto n = static_cast<std::size_t>(x.numel());
  if (x.dtype() == float64) return f(x.data<double>().data(), n);
  if (x.dtype() == int64) return f(x.data<std::int64_t>().data(), n);
  return f(x.data<float>().data(), n);
}
template <class T> void clear_gradient(const T& x) { x.zero_grad(); }
inline void assign(const Variable& p, const Tensor& value) { p.set(value.detach()); }
inline void forget_cached() { release_cached_memory(); }

// layers

struct Model {
  std::function<Tensor(const Tensor&)> forward;
  std::map<std::string, Variable> variables;
};
template <class Module>
void add(std::map<std::string, Variable>& to, const Module& m, const std::string& prefix) {
  for (const auto& [name, p] : m.named_parameters()) to[prefix + name] = p;
}
template <class Module> Tensor call(const Module& m, const Tensor& x) { return m(x); }
inline Tensor call(const nn::LSTM& m, const Tensor& x) { return m(x).output; }
inline Tensor call(const nn::GRU& m, const Tensor& x) { return m(x).output; }
inline auto conv_layer(std::int64_t in, std::int64_t out, std::int64_t kernel,
                       std::int64_t padding = 0, bool bias = true) {
  return nn::Conv2d(in, out, kernel, {.padding = padding, .bias = bias});
}
inline auto layer_norm_layer(std::int64_t features) { return nn::LayerNorm(features); }
inline auto encoder_layer(std::int64_t features, std::int64_t heads, std::int64_t hidden) {
  return nn::TransformerEncoderLayer(features, heads, {.dim_feedforward = hidden, .dropout = 0.0});
}

// optimizers

using Optimizer = std::shared_ptr<optim::Optimizer>;
inline Optimizer sgd(const std::vector<Variable>& p, double lr, double momentum = 0) {
  return std::make_shared<optim::SGD>(p, optim::SGDOptions{.lr = lr, .momentum = momentum});
}
inline Optimizer adam(const std::vector<Variable>& p, double lr) {
  return std::make_shared<optim::Adam>(p, optim::AdamOptions{.lr = lr});
}
inline Optimizer adamw(const std::vector<Variable>& p, double lr) {
  return std::make_shared<optim::AdamW>(p, optim::AdamWOptions{.lr = lr});
}

// ops

using nn::bce_with_logits;
using nn::cross_entropy;
using nn::mse_loss;
using nn::nll_loss;

inline Tensor scalar(double value) { return full({}, value); }
inline Tensor wide_scalar(double value) { return full({}, value, float64); }
inline Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return gradtape::batch_norm(x, {.weight = weight, .bias = bias}).y;
}
inline Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return gradtape::layer_norm(x, weight.shape(), {.weight = weight, .bias = bias});
}
inline Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight,
                         const Tensor& bias) {
  return gradtape::group_norm(x, groups, {.weight = weight, .bias = bias});
}
inline Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
  return scaled_dot_product_attention(q, k, v, {.causal = causal});
}
inline Tensor embedding(const Tensor& table, const Tensor& index, bool sparse = false) {
  return gradtape::embedding(table, index, {.sparse = sparse});
}
inline Tensor concat(const std::vector<Tensor>& parts, std::int64_t axis) {
  return gradtape::concat(parts, axis);
}
inline Tensor mean_over(const Tensor& x, std::int64_t axis) {
  return mean(x, axis, {.keepdim = true});
}
inline Tensor topk(const Tensor& x, std::int64_t k) { return gradtape::topk(x, k).values; }
inline Tensor sorted(const Tensor& x) { return gradtape::sort(x, -1).values; }
inline Tensor max_pool2d(const Tensor& x, std::int64_t kernel) {
  return gradtape::max_pool2d(x, kernel);
}
inline Tensor avg_pool2d(const Tensor& x, std::int64_t kernel) {
  return gradtape::avg_pool2d(x, kernel);
}
inline Tensor permuted(const Tensor& x, const Extents& order) { return permute(x, order); }
/// The queries, keys and values of all heads, [batch, heads, time, width], of [batch, time, 3
/// width].
inline std::vector<Tensor> split_heads(const Tensor& qkv, std::int64_t heads) {
  return unbind(permute(unflatten(qkv, -1, {3, heads, -1}), {2, 0, 3, 1, 4}));
}
inline Tensor join_heads(const Tensor& x) { return flatten(transpose(x, 1, 2), 2); }
struct Decomposition {
  Tensor values, vectors;
};
inline Decomposition svd(const Tensor& a) {
  const auto [u, s, vh] = gradtape::svd(a);
  return {s, u};
}
inline Decomposition eigh(const Tensor& a) {
  const auto [w, v] = gradtape::eigh(a);
  return {w, v};
}
inline std::vector<Tensor> gradients(const Tensor& y, const std::vector<Tensor>& inputs) {
  return grad(y, inputs);
}

}  // namespace bench::side

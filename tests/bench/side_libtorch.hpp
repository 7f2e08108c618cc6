/// The peer's side: what workloads call where the two libraries write it differently, in LibTorch's
/// words.
#pragma once

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <map>
#include <memory>

#include "inputs.hpp"

namespace bench::side {

using torch::Tensor;
namespace nn = torch::nn;

inline constexpr bool is_peer = true;
using Variable = Tensor;
using Guard = torch::NoGradGuard;

inline Tensor make(const Input& input, std::uint64_t seed) {
  const auto filled = [&](auto values, torch::Dtype dtype) {
    return torch::from_blob(values.data(), input.shape, dtype).clone();
  };
  if (input.kind == Input::Kind::index) return filled(index_numbers(input, seed), torch::kLong);
  Tensor made = input.wide ? filled(numbers<double>(input, seed), torch::kDouble)
                           : filled(numbers<float>(input, seed), torch::kFloat);
  return input.variable ? made.requires_grad_(true) : made;
}
inline Variable variable(const Input& input, const std::string& name) {
  return make(input, hash(name));
}
inline Extents extents(const Tensor& x) { return x.sizes().vec(); }
inline bool is_wide(const Tensor& x) { return x.dtype() == torch::kDouble; }
template <class F> auto with_elements(const Tensor& x, const F& f) {
  const Tensor dense = (x.is_sparse() ? x.to_dense() : x).detach().contiguous();
  const auto n = static_cast<std::size_t>(dense.numel());
  if (x.dtype() == torch::kDouble) return f(dense.data_ptr<double>(), n);
  if (x.dtype() == torch::kLong) return f(dense.data_ptr<std::int64_t>(), n);
  return f(dense.data_ptr<float>(), n);
}
inline void clear_gradient(const Tensor& x) { x.mutable_grad() = Tensor(); }
inline void assign(const Variable& p, const Tensor& value) {
  const Guard guard;
  p.copy_(value);
}
inline void forget_cached() {}

// layers

struct Model {
  std::function<Tensor(const Tensor&)> forward;
  std::map<std::string, Variable> variables;
};
template <class Module>
void add(std::map<std::string, Variable>& to, const Module& m, const std::string& prefix) {
  for (const auto& p : m->named_parameters()) to[prefix + p.key()] = p.value();
}
template <class Module> Tensor call(Module& m, const Tensor& x) { return m->forward(x); }
inline Tensor call(nn::LSTM& m, const Tensor& x) { return std::get<0>(m->forward(x)); }
inline Tensor call(nn::GRU& m, const Tensor& x) { return std::get<0>(m->forward(x)); }
inline auto conv_layer(std::int64_t in, std::int64_t out, std::int64_t kernel,
                       std::int64_t padding = 0, bool bias = true) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(padding).bias(bias));
}
inline auto layer_norm_layer(std::int64_t features) {
  return nn::LayerNorm(nn::LayerNormOptions({features}));
}
inline auto encoder_layer(std::int64_t features, std::int64_t heads, std::int64_t hidden) {
  return nn::TransformerEncoderLayer(
      nn::TransformerEncoderLayerOptions(features, heads).dim_feedforward(hidden).dropout(0.0));
}

// optimizers

using Optimizer = std::shared_ptr<torch::optim::Optimizer>;
inline Optimizer sgd(const std::vector<Variable>& p, double lr, double momentum = 0) {
  return std::make_shared<torch::optim::SGD>(p, torch::optim::SGDOptions(lr).momentum(momentum));
}
inline Optimizer adam(const std::vector<Variable>& p, double lr) {
  return std::make_shared<torch::optim::Adam>(p, torch::optim::AdamOptions(lr));
}
inline Optimizer adamw(const std::vector<Variable>& p, double lr) {
  return std::make_shared<torch::optim::AdamW>(p, torch::optim::AdamWOptions(lr));
}

// ops

inline Tensor cross_entropy(const Tensor& x, const Tensor& y) {
  return torch::cross_entropy_loss(x, y);
}
inline Tensor mse_loss(const Tensor& x, const Tensor& y) { return torch::mse_loss(x, y); }
inline Tensor nll_loss(const Tensor& x, const Tensor& y) { return torch::nll_loss(x, y); }
inline Tensor bce_with_logits(const Tensor& x, const Tensor& y) {
  return torch::binary_cross_entropy_with_logits(x, y);
}
inline Tensor scalar(double value) { return torch::tensor(static_cast<float>(value)); }
inline Tensor wide_scalar(double value) { return torch::tensor(value, torch::kDouble); }

struct Convolution {
  std::int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
};
inline Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& b, Convolution o = {}) {
  return torch::conv1d(x, w, b, o.stride, o.padding, o.dilation, o.groups);
}
inline Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& b, Convolution o = {}) {
  return torch::conv2d(x, w, b, o.stride, o.padding, o.dilation, o.groups);
}
inline Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& b,
                               Convolution o = {}) {
  return torch::conv_transpose2d(x, w, b, o.stride, o.padding);
}
inline Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return torch::batch_norm(x, weight, bias, {}, {}, true, 0.1, 1e-5, false);
}
inline Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return torch::layer_norm(x, weight.sizes(), weight, bias);
}
inline Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight,
                         const Tensor& bias) {
  return torch::group_norm(x, groups, weight, bias);
}
/// LibTorch's own op where it has one (since 2.0), else what people wrote by hand.
inline Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
#else
  Tensor scores =
      torch::matmul(q * (1 / std::sqrt(static_cast<double>(q.size(-1)))), k.transpose(-2, -1));
  if (causal) {
    const Tensor mask = torch::ones({q.size(-2), k.size(-2)}, torch::kBool).triu(1);
    scores = scores.masked_fill(mask, -std::numeric_limits<float>::infinity());
  }
  return torch::matmul(torch::softmax(scores, -1), v);
#endif
}
inline Tensor embedding(const Tensor& table, const Tensor& index, bool sparse = false) {
  return torch::embedding(table, index, -1, false, sparse);
}
inline Tensor concat(const std::vector<Tensor>& parts, std::int64_t axis) {
  return torch::cat(parts, axis);
}
inline Tensor mean_over(const Tensor& x, std::int64_t axis) { return x.mean(axis, true); }
inline Tensor topk(const Tensor& x, std::int64_t k) { return std::get<0>(torch::topk(x, k)); }
inline Tensor sorted(const Tensor& x) { return std::get<0>(torch::sort(x, -1)); }
inline Tensor max_pool2d(const Tensor& x, std::int64_t kernel) {
  return torch::max_pool2d(x, kernel);
}
inline Tensor avg_pool2d(const Tensor& x, std::int64_t kernel) {
  return torch::avg_pool2d(x, kernel);
}
/// With the elements moved, as an op behind it that needs them so would move them.
inline Tensor permuted(const Tensor& x, const Extents& order) {
  return x.permute(order).contiguous();
}
inline std::vector<Tensor> split_heads(const Tensor& qkv, std::int64_t heads) {
  const Tensor parts = qkv.view({qkv.size(0), qkv.size(1), 3, heads, -1}).permute({2, 0, 3, 1, 4});
  return {parts[0], parts[1], parts[2]};
}
inline Tensor join_heads(const Tensor& x) {
  return x.transpose(1, 2).reshape({x.size(0), x.size(2), -1});
}
inline Tensor transpose(const Tensor& x, std::int64_t a, std::int64_t b) {
  return x.transpose(a, b);
}
inline Tensor solve(const Tensor& a, const Tensor& b) { return torch::linalg_solve(a, b); }
inline Tensor inv(const Tensor& a) { return torch::linalg_inv(a); }
inline Tensor cholesky(const Tensor& a) { return torch::linalg_cholesky(a); }
inline Tensor svdvals(const Tensor& a) { return torch::linalg_svdvals(a); }
struct Decomposition {
  Tensor values, vectors;
};
inline Decomposition svd(const Tensor& a) {
  const auto [u, s, vh] = torch::linalg_svd(a, false);
  return {s, u};
}
inline Decomposition eigh(const Tensor& a) {
  const auto [w, v] = torch::linalg_eigh(a);
  return {w, v};
}
using torch::gelu;
using torch::linear;
using torch::select;
inline std::vector<Tensor> gradients(const Tensor& y, const std::vector<Tensor>& inputs) {
  return torch::autograd::grad({y}, inputs);
}

}  // namespace bench::side

#include <gradtape/nn/loss.hpp>

#include "../value.hpp"

namespace gradtape::conformance {
namespace {

using nn::Reduction;

Reduction reduction_named(const std::string& name) {
  if (name == "mean") return Reduction::mean;
  if (name == "sum") return Reduction::sum;
  if (name == "none") return Reduction::none;
  if (name == "batchmean") return Reduction::batch_mean;
  throw Unsupported("reduction '" + name + "'");
}

/// `reduction` at position `i`, unless its two deprecated forerunners are given.
Reduction reduction(Call& c, std::size_t i, std::size_t size_average, std::size_t reduce) {
  const auto name = c.text(i, "reduction", "mean");
  const bool old = c.has(size_average, "size_average") || c.has(reduce, "reduce");
  if (!old) return reduction_named(name);
  const bool average = !c.has(size_average, "size_average") || c.flag(size_average, "size_average");
  const bool reduces = !c.has(reduce, "reduce") || c.flag(reduce, "reduce");
  return !reduces ? Reduction::none : average ? Reduction::mean : Reduction::sum;
}

/// Input and target as PyTorch broadcasts them in the regression losses.
std::pair<Tensor, Tensor> broadcast_pair(Call& c) {
  const Tensor x = c.tensor(0, "input"), t = c.tensor(1, "target");
  const Shape shape = broadcast(x.shape(), t.shape(), "loss");
  return {expand(x, shape), expand(t, shape)};
}

/// loss(input, target, size_average, reduce, reduction)
Function plain(Tensor (*loss)(const Tensor&, const Tensor&, nn::LossOptions), bool broadcasts) {
  return [=](Call& c) -> Value {
    const nn::LossOptions options{reduction(c, 4, 2, 3)};
    if (!broadcasts) return loss(c.tensor(0, "input"), c.tensor(1, "target"), options);
    const auto [x, t] = broadcast_pair(c);
    return loss(x, t, options);
  };
}

Value smooth_l1_loss(Call& c) {
  const auto [x, t] = broadcast_pair(c);
  return nn::smooth_l1_loss(x, t, {c.number(5, "beta", 1.0), reduction(c, 4, 2, 3)});
}

Value huber_loss(Call& c) {
  const auto [x, t] = broadcast_pair(c);
  return nn::huber_loss(
      x, t, {c.number(3, "delta", 1.0), reduction_named(c.text(2, "reduction", "mean"))});
}

Value gaussian_nll_loss(Call& c) {
  return nn::gaussian_nll_loss(c.tensor(0, "input"), c.tensor(1, "target"), c.tensor(2, "var"),
                               {c.flag(3, "full", false), c.number(4, "eps", 1e-6),
                                reduction_named(c.text(5, "reduction", "mean"))});
}

Value poisson_nll_loss(Call& c) {
  const auto [x, t] = broadcast_pair(c);
  return nn::poisson_nll_loss(x, t,
                              {c.flag(2, "log_input", true), c.flag(3, "full", false),
                               c.number(5, "eps", 1e-8), reduction(c, 7, 4, 6)});
}

Value cross_entropy(Call& c) {
  return nn::cross_entropy(c.tensor(0, "input"), c.tensor(1, "target"),
                           {c.tensor_or_none(2, "weight"), c.integer(4, "ignore_index", -100),
                            c.number(7, "label_smoothing", 0.0), reduction(c, 6, 3, 5)});
}

Value nll_loss(Call& c) {
  return nn::nll_loss(
      c.tensor(0, "input"), c.tensor(1, "target"),
      {c.tensor_or_none(2, "weight"), c.integer(4, "ignore_index", -100), reduction(c, 6, 3, 5)});
}

Value bce(Call& c) {
  return nn::bce_loss(c.tensor(0, "input"), c.tensor(1, "target"),
                      {c.tensor_or_none(2, "weight"), reduction(c, 5, 3, 4)});
}

Value bce_with_logits(Call& c) {
  return nn::bce_with_logits(
      c.tensor(0, "input"), c.tensor(1, "target"),
      {reduction(c, 5, 3, 4), c.tensor_or_none(2, "weight"), c.tensor_or_none(6, "pos_weight")});
}

Value kl_div(Call& c) {
  const auto [x, t] = broadcast_pair(c);
  return nn::kl_div(x, t, {c.flag(5, "log_target", false), reduction(c, 4, 2, 3)});
}

Value hinge_embedding_loss(Call& c) {
  return nn::hinge_embedding_loss(c.tensor(0, "input"), c.tensor(1, "target"),
                                  {c.number(2, "margin", 1.0), reduction(c, 5, 3, 4)});
}

/// loss(input1, input2, target, margin, size_average, reduce, reduction)
Function of_pairs(Tensor (*loss)(const Tensor&, const Tensor&, const Tensor&, nn::MarginOptions)) {
  return [loss](Call& c) -> Value {
    return loss(c.tensor(0, "input1"), c.tensor(1, "input2"), c.tensor(2, "target"),
                {c.number(3, "margin", 0.0), reduction(c, 6, 4, 5)});
  };
}

Value triplet_margin_loss(Call& c) {
  return nn::triplet_margin_loss(
      c.tensor(0, "anchor"), c.tensor(1, "positive"), c.tensor(2, "negative"),
      {c.number(3, "margin", 1.0), c.number(4, "p", 2.0), c.number(5, "eps", 1e-6),
       c.flag(6, "swap", false), reduction(c, 9, 7, 8)});
}

Value multi_margin_loss(Call& c) {
  return nn::multi_margin_loss(c.tensor(0, "input"), c.tensor(1, "target"),
                               {static_cast<int>(c.integer(2, "p", 1)), c.number(3, "margin", 1.0),
                                c.tensor_or_none(4, "weight"), reduction(c, 7, 5, 6)});
}

Value multilabel_soft_margin_loss(Call& c) {
  return nn::multilabel_soft_margin_loss(c.tensor(0, "input"), c.tensor(1, "target"),
                                         {c.tensor_or_none(2, "weight"), reduction(c, 5, 3, 4)});
}

Tensor lengths(Call& c, std::size_t i, const std::string& name) {
  return c.at(i, name).is<Tensor>() ? c.tensor(i, name) : tensor(c.integers(i, name));
}

Value ctc_loss(Call& c) {
  return nn::ctc_loss(c.tensor(0, "log_probs"), c.tensor(1, "targets"),
                      lengths(c, 2, "input_lengths"), lengths(c, 3, "target_lengths"),
                      {c.integer(4, "blank", 0), reduction_named(c.text(5, "reduction", "mean")),
                       c.flag(6, "zero_infinity", false)});
}

Mapping functions() {
  return {
      {"nn.functional.mse_loss", plain(nn::mse_loss, true)},
      {"nn.functional.l1_loss", plain(nn::l1_loss, true)},
      {"nn.functional.smooth_l1_loss", smooth_l1_loss},
      {"nn.functional.huber_loss", huber_loss},
      {"nn.functional.gaussian_nll_loss", gaussian_nll_loss},
      {"nn.functional.poisson_nll_loss", poisson_nll_loss},
      {"nn.functional.cross_entropy", cross_entropy},
      {"nn.functional.nll_loss", nll_loss},
      {"nn.functional.binary_cross_entropy", bce},
      {"nn.functional.binary_cross_entropy_with_logits", bce_with_logits},
      {"nn.functional.kl_div", kl_div},
      {"nn.functional.hinge_embedding_loss", hinge_embedding_loss},
      {"nn.functional.soft_margin_loss", plain(nn::soft_margin_loss, false)},
      {"nn.functional.margin_ranking_loss", of_pairs(nn::margin_ranking_loss)},
      {"nn.functional.cosine_embedding_loss", of_pairs(nn::cosine_embedding_loss)},
      {"nn.functional.triplet_margin_loss", triplet_margin_loss},
      {"nn.functional.multi_margin_loss", multi_margin_loss},
      {"nn.functional.multilabel_margin_loss", plain(nn::multilabel_margin_loss, false)},
      {"nn.functional.multilabel_soft_margin_loss", multilabel_soft_margin_loss},
      {"nn.functional.ctc_loss", ctc_loss},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance

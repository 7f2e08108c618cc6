#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/loss.hpp>

#include <algorithm>
#include <optional>

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
  const Tensor target = c.tensor(1, "target");
  const auto ignored = c.integer(4, "ignore_index", -100);  // of indices alone
  return nn::cross_entropy(c.tensor(0, "input"), target,
                           {c.tensor_or_none(2, "weight"),
                            target.dtype() == int64 ? std::optional(ignored) : std::nullopt,
                            c.number(7, "label_smoothing", 0.0), reduction(c, 6, 3, 5)});
}

// PyTorch computes with any label, target or "log-probability"; ours refuse what is none. Such
// cases are made of proper ones by identities.

Tensor reduced(const Tensor& losses, Reduction how) {
  if (how == Reduction::none) return losses;
  if (how == Reduction::batch_mean) return sum(losses) / static_cast<double>(losses.size(0));
  return how == Reduction::sum ? sum(losses) : mean(losses);
}

/// By log-probabilities moved below 0, and back.
Value nll_loss(Call& c) {
  const Tensor x = c.tensor(0, "input"), t = c.tensor(1, "target"),
               weight = c.tensor_or_none(2, "weight");
  const auto ignored = c.integer(4, "ignore_index", -100);
  const auto how = reduction(c, 6, 3, 5);
  const double above = x.numel() ? std::max(0.0, amax(x.detach()).item<double>()) : 0;
  if (above == 0) return nn::nll_loss(x, t, {weight, ignored, how});
  const Tensor losses =
      nn::nll_loss(x - above, t, {.ignore_index = ignored, .reduction = Reduction::none}) - above;
  const Tensor counts = t != Tensor(ignored), flat = reshape(where(counts, t, 0), {-1});
  const Tensor each = weight.defined() ? reshape(index_select(weight, 0, flat), t.shape())
                                       : ones_like(losses.detach());
  const Tensor w = where(counts, each, 0);
  return how == Reduction::mean ? sum(w * losses) / sum(w) : reduced(w * losses, how);
}

/// By the label 1 of prediction * label, which is all that the loss depends on.
Value soft_margin_loss(Call& c) {
  const Tensor x = c.tensor(0, "input") * c.tensor(1, "target");
  return nn::soft_margin_loss(x, ones_like(x.detach()), {reduction(c, 4, 2, 3)});
}
Value margin_ranking_loss(Call& c) {
  const Tensor t = c.tensor(2, "target");
  const Tensor a = c.tensor(0, "input1") * t, b = c.tensor(1, "input2") * t;
  return nn::margin_ranking_loss(a, b, ones_like(a.detach()),
                                 {c.number(3, "margin", 0.0), reduction(c, 6, 4, 5)});
}

/// A label that is neither 1 nor -1 has the losses of both.
Value hinge_embedding_loss(Call& c) {
  const Tensor x = c.tensor(0, "input"), t = c.tensor(1, "target");
  const double margin = c.number(2, "margin", 1.0);
  const Tensor one = ones_like(x.detach());
  const auto as = [&](const Tensor& label) {
    return nn::hinge_embedding_loss(x, label, {margin, Reduction::none});
  };
  return reduced(where(t != -1, as(one), 0) + where(t != 1, as(-one), 0), reduction(c, 5, 3, 4));
}

/// The loss is linear in the target: that of 0 less x times it.
Value multilabel_soft_margin_loss(Call& c) {
  const Tensor x = c.tensor(0, "input"), t = c.tensor(1, "target"),
               weight = c.tensor_or_none(2, "weight");
  const auto how = reduction(c, 5, 3, 4);
  if (all(logical_and(t >= 0, t <= 1)).item<bool>())
    return nn::multilabel_soft_margin_loss(x, t, {weight, how});
  const Tensor of_0 =
      nn::multilabel_soft_margin_loss(x, zeros_like(x.detach()), {weight, Reduction::none});
  return reduced(of_0 - mean(weight.defined() ? x * t * weight : x * t, -1), how);
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
  const bool log_target = c.flag(5, "log_target", false);
  if (!log_target && any(t < 0).item<bool>()) throw Unsupported("a negative probability");
  return nn::kl_div(x, t, {log_target, reduction(c, 4, 2, 3)});
}

/// loss(input1, input2, target, margin, size_average, reduce, reduction)
Function of_pairs(Tensor (*loss)(const Tensor&, const Tensor&, const Tensor&,
                                 nn::PairMarginOptions)) {
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
      {"nn.functional.soft_margin_loss", soft_margin_loss},
      {"nn.functional.margin_ranking_loss", margin_ranking_loss},
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

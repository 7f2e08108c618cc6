#include "gradtape/nn/loss/classification.hpp"

#include <fmt/format.h>

#include <limits>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/loss/check.hpp"

namespace gradtape::nn {

using namespace author;
using namespace detail;

namespace {

/// weight_0 softplus(x) + weight_1 softplus(-x): the loss of a class that is wanted weight_1 times
/// and unwanted weight_0 times. Both terms keep their digits for large |x|, value and slope, and a
/// weight of 0 takes away what is infinite.
template <class T> T logistic_loss(const T& x, const T& weight_0, const T& weight_1) {
  const auto negative = x < 0.0;
  const T size = where(negative, -x, x);  // |x|, but with the slope 1 at 0
  return (weight_0 + weight_1) * softplus(-size) +
         masked_mul(where(negative, weight_1, weight_0), size);
}

/// 1 / max(p (1 - p), 1e-12) of PyTorch caps the slope at p = 0 and 1, where it is infinite, but
/// also long before. Here it is capped at 0 and 1 alone, and where 1 / p overflows.
Tensor capped_inverse(const Tensor& variance) {
  const double least = variance.dtype() == float32 ? std::numeric_limits<float>::min()
                                                   : std::numeric_limits<double>::min();
  const double at_0 = 1e-12f;  // PyTorch's, a float
  return 1 / where(variance == 0, at_0, maximum(variance, least));
}

}  // namespace

Tensor bce_loss(const Tensor& probability, const Tensor& target, const BceOptions& options) {
  static const auto losses = formula("bce_loss", [](const auto& p, const auto& t) {
    return -(t * maximum(log(p), -100.0) + (1.0 - t) * maximum(log1p(-p), -100.0));
  });
  const char* const op = "bce_loss";
  check_target(op, probability, target);
  Tensor p = probability, t = target;
  promote_literals(p, t, op);
  check_values(op, "probability", p, {.high = 1, .remedy = "; from logits, use bce_with_logits"});
  check_probabilities(op, t);
  const auto value = [&] {
    const auto inside = RecordingScope::inside_op();
    return losses(p, t);
  };
  const Tensor each =
      record(op, value(), {p, t},
             {[=](const Tensor& g) { return masked_mul(g, (p - t) * capped_inverse(p * (1 - p))); },
              [=](const Tensor& g) {
                return masked_mul(g, maximum(log1p(-p), -100) - maximum(log(p), -100));
              }});
  return reduce(op, weighted(op, each, options.weight), options.reduction);
}

Tensor bce_with_logits(const Tensor& logits, const Tensor& target,
                       const BceWithLogitsOptions& options) {
  static const auto plain = formula(
      "bce_with_logits", [](const auto& x, const auto& t) { return logistic_loss(x, 1.0 - t, t); });
  static const auto positives_weighted = formula(
      "bce_with_logits",
      [](const auto& x, const auto& t, const auto& w) { return logistic_loss(x, 1.0 - t, w * t); });
  const char* const op = "bce_with_logits";
  check_target(op, logits, target);
  check_probabilities(op, target);
  const Tensor& w = options.pos_weight;
  if (w.defined() && !broadcasts_to(w.shape(), logits.shape()))
    fail<ShapeError>(op, fmt::format("pos_weight {} does not broadcast to logits {}", describe(w),
                                     describe(logits)));
  const Tensor losses = w.defined() ? positives_weighted(logits, target, w) : plain(logits, target);
  return reduce(op, weighted(op, losses, options.weight), options.reduction);
}

Tensor multilabel_soft_margin_loss(const Tensor& logits, const Tensor& target,
                                   const MultilabelSoftMarginOptions& options) {
  static const auto losses =
      formula("multilabel_soft_margin_loss",
              [](const auto& x, const auto& t) { return logistic_loss(x, 1.0 - t, t); });
  const char* const op = "multilabel_soft_margin_loss";
  check_target(op, logits, target);
  check_probabilities(op, target);
  if (logits.ndim() == 0 || logits.size(-1) == 0)
    fail<ShapeError>(op, fmt::format("needs logits [..., classes], got {}", describe(logits)));
  const Tensor each = weighted(op, losses(logits, target), options.weight);
  return reduce(op, mean(each, -1), options.reduction);
}

Tensor kl_div(const Tensor& log_probability, const Tensor& target, KlDivOptions options) {
  static const auto of_probabilities = formula("kl_div", [](const auto& x, const auto& t) {
    return where(t == 0.0, 0.0, t * log(t)) - masked_mul(t, x);
  });
  static const auto of_logarithms = formula("kl_div", [](const auto& x, const auto& t) {
    const auto p = exp(t);
    return where(p == 0.0, 0.0, p * (t - x));
  });
  const char* const op = "kl_div";
  check_target(op, log_probability, target);
  check_log_probabilities(op, log_probability);
  if (!options.log_target)
    check_values(op, "target", target, {.remedy = "; logarithms need .log_target = true"});
  return reduce(op,
                options.log_target ? of_logarithms(log_probability, target)
                                   : of_probabilities(log_probability, target),
                options.reduction);
}

}  // namespace gradtape::nn

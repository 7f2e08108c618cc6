#include "gradtape/nn/loss/classification.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn {

using namespace author;
using namespace detail;

namespace {

void check_probabilities(const Tensor& p) {
  visit_floating(p.dtype(), "bce_loss", [&](auto zero) {
    for (const auto x : p.data<decltype(zero)>())
      if (x < 0 || x > 1)
        fail<ValueError>("bce_loss", fmt::format("probability {} holds {}, outside [0, 1]; from "
                                                 "logits, use bce_with_logits",
                                                 describe(p), x));
  });
}

}  // namespace

Tensor bce_loss(const Tensor& probability, const Tensor& target, const BceOptions& options) {
  static const auto losses = formula("bce_loss", [](const auto& p, const auto& t) {
    return -(t * maximum(log(p), -100.0) + (1.0 - t) * maximum(log(1.0 - p), -100.0));
  });
  const char* const op = "bce_loss";
  check_shapes(op, probability, target);
  Tensor p = probability, t = target;
  promote_literals(p, t, op);
  check_probabilities(p);
  const auto value = [&] {
    const auto inside = RecordingScope::inside_op();
    return losses(p, t);
  };
  const double least = 1e-12f;  // PyTorch's, a float
  const Tensor each =
      record(op, value(), {p, t},
             {[=](const Tensor& g) { return masked_mul(g, (p - t) / maximum(p * (1 - p), least)); },
              [=](const Tensor& g) {
                return masked_mul(g, maximum(log(1 - p), -100) - maximum(log(p), -100));
              }});
  return reduce(op, weighted(op, each, options.weight), options.reduction);
}

Tensor bce_with_logits(const Tensor& logits, const Tensor& target,
                       const BceWithLogitsOptions& options) {
  // Its slope is sigmoid(x) - t, at x = 0 too, which the usual max(x, 0) - x t + log1p(e^-|x|)
  // leaves to ties.
  static const auto plain =
      formula("bce_with_logits", [](auto x, auto t) { return softplus(x) - x * t; });
  static const auto positives_weighted =
      formula("bce_with_logits", [](const auto& x, const auto& t, const auto& w) {
        return (1.0 - t) * x + (1.0 + (w - 1.0) * t) * softplus(-x);
      });
  const char* const op = "bce_with_logits";
  check_shapes(op, logits, target);
  const Tensor& w = options.pos_weight;
  if (w.defined() && !broadcasts_to(w.shape(), logits.shape()))
    fail<ShapeError>(op, fmt::format("pos_weight {} does not broadcast to logits {}", describe(w),
                                     describe(logits)));
  const Tensor losses = w.defined() ? positives_weighted(logits, target, w) : plain(logits, target);
  return reduce(op, weighted(op, losses, options.weight), options.reduction);
}

Tensor kl_div(const Tensor& log_probability, const Tensor& target, KlDivOptions options) {
  static const auto of_probabilities = formula("kl_div", [](const auto& x, const auto& t) {
    return where(t == 0.0, 0.0, t * log(t)) - t * x;
  });
  static const auto of_logarithms = formula("kl_div", [](const auto& x, const auto& t) {
    const auto p = exp(t);
    return where(p == 0.0, 0.0, p * (t - x));
  });
  check_shapes("kl_div", log_probability, target);
  return reduce("kl_div",
                options.log_target ? of_logarithms(log_probability, target)
                                   : of_probabilities(log_probability, target),
                options.reduction);
}

}  // namespace gradtape::nn

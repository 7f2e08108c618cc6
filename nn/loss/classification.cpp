#include "gradtape/nn/loss/classification.hpp"

#include <fmt/format.h>

#include <numeric>
#include <vector>

#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn {

using namespace loss_detail;

namespace {

/// [n, classes, d1, ...] -> [n, d1, ..., classes]
Tensor classes_last(const Tensor& x) {
  if (x.ndim() < 3) return x;
  std::vector<std::int64_t> order(static_cast<std::size_t>(x.ndim()));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + 1);
  order.push_back(1);
  return permute(x, order);
}

void check_weight(const char* op, const Tensor& weight, std::int64_t classes) {
  if (weight.defined() && weight.shape() != Shape{classes})
    fail<ShapeError>(op, fmt::format("weight {} must hold one factor for each of {} classes",
                                     detail::describe(weight), classes));
}

/// Class indices of the rows of scores, [..., classes].
struct Rows {
  Tensor index;    ///< [...], 0 where the row is ignored.
  Tensor weight;   ///< [...], 0 where the row is ignored.
  Tensor ignored;  ///< bool [...], or undefined where no row is.
};

Rows rows_of(const char* op, const Tensor& scores, const Tensor& target, const Tensor& weight,
             std::optional<std::int64_t> ignore_index) {
  const auto classes = scores.size(-1);
  const Shape expected = Shape::trusted(scores.shape().begin(), scores.ndim() - 1);
  if (target.shape() != expected)
    fail<ShapeError>(op, fmt::format("target {} must hold one class for each row: the classes are "
                                     "the second axis of n rows, and {} is what is left without it",
                                     detail::describe(target), expected.str()));
  if (target.dtype() != int64)
    fail<DtypeError>(
        op, fmt::format("target must hold class indices in int64, got {}", name(target.dtype())));
  const auto given = target.data<std::int64_t>();
  std::vector<std::int64_t> index(given.begin(), given.end());
  bool ignores = false;
  for (std::size_t row = 0; row < index.size(); ++row) {
    if (ignore_index && index[row] == *ignore_index) {
      index[row] = 0;
      ignores = true;
    } else if (index[row] < 0 || index[row] >= classes) {
      fail<ValueError>(op, fmt::format("class {} at {} of target is out of range for {} classes",
                                       index[row], row, classes));
    }
  }
  Rows rows{tensor(index, expected), ones(expected, scores.dtype()), {}};
  if (weight.defined())
    rows.weight = reshape(index_select(weight, 0, reshape(rows.index, {-1})), expected);
  if (ignores) {
    rows.ignored = target == Tensor(*ignore_index);
    rows.weight = where(rows.ignored, 0, rows.weight);
  }
  return rows;
}

/// losses, [...], already weighted, with the mean over the sum of the weights.
Tensor reduce_rows(const char* op, const Tensor& losses, const Tensor& weights,
                   Reduction reduction) {
  if (reduction != Reduction::mean) return reduce(op, losses, reduction);
  if (losses.numel() == 0)
    fail<ShapeError>(op, fmt::format("the mean over nothing, shape {}", losses.shape().str()));
  return sum(losses) / sum(weights);
}

/// -log_probability[target] for every row, without weights; 0 where the row is ignored.
Tensor row_losses(const Tensor& scores, const Rows& rows) {
  const Tensor picked = squeeze(gather(scores, -1, unsqueeze(rows.index, -1)), -1);
  return rows.ignored.defined() ? where(rows.ignored, 0, -picked) : -picked;
}

void check_scores(const char* op, const Tensor& scores) {
  if (scores.ndim() == 0)
    fail<ShapeError>(op,
                     fmt::format("needs scores of classes, [classes] or [n, classes, ...], got {}",
                                 detail::describe(scores)));
}

/// -sum_c q_c weight_c log p_c with probabilities q, smoothed.
Tensor soft_cross_entropy(const Tensor& log_p, const Tensor& target,
                          const CrossEntropyOptions& options) {
  const char* const op = "cross_entropy";
  const auto classes = static_cast<double>(log_p.size(-1));
  Tensor q = target;
  if (const double s = options.label_smoothing; s > 0) q = q * (1 - s) + s / classes;
  if (options.weight.defined()) q = q * options.weight;
  const Tensor losses = -sum(masked_mul(q, log_p), -1);
  if (options.reduction == Reduction::mean)
    return reduce_rows(op, losses, ones(losses.shape(), losses.dtype()), Reduction::mean);
  return reduce(op, losses, options.reduction);
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const CrossEntropyOptions& options) {
  const char* const op = "cross_entropy";
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing <= 1))
    fail<ValueError>(op, fmt::format("label_smoothing must be in [0, 1], got {}", smoothing));
  check_scores(op, logits);
  if (!options.weight.defined() && !options.ignore_index && smoothing == 0 &&
      options.reduction == Reduction::mean)
    return cross_entropy(logits, target);

  const Tensor scores = classes_last(logits);
  check_weight(op, options.weight, scores.size(-1));
  if (is_floating(target.dtype()) && target.shape() == logits.shape()) {
    Tensor x = scores, q = classes_last(target);
    detail::promote_literals(x, q, op);
    return soft_cross_entropy(log_softmax(x), q, options);
  }
  const Rows rows = rows_of(op, scores, target, options.weight, options.ignore_index);
  const Tensor log_p = log_softmax(scores);
  Tensor losses = row_losses(log_p, rows) * rows.weight;
  if (smoothing > 0) {
    const Tensor all =
        -sum(options.weight.defined() ? masked_mul(options.weight, log_p) : log_p, -1);
    const Tensor spread = rows.ignored.defined() ? where(rows.ignored, 0, all) : all;
    losses = (1 - smoothing) * losses + smoothing / static_cast<double>(scores.size(-1)) * spread;
  }
  return reduce_rows(op, losses, rows.weight, options.reduction);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllOptions& options) {
  const char* const op = "nll_loss";
  check_scores(op, log_probabilities);
  const Tensor scores = classes_last(log_probabilities);
  check_weight(op, options.weight, scores.size(-1));
  const Rows rows = rows_of(op, scores, target, options.weight, options.ignore_index);
  return reduce_rows(op, row_losses(scores, rows) * rows.weight, rows.weight, options.reduction);
}

namespace {

void check_probabilities(const Tensor& p) {
  detail::visit_floating(p.dtype(), "bce_loss", [&](auto zero) {
    for (const auto x : p.data<decltype(zero)>())
      if (x < 0 || x > 1)
        fail<ValueError>("bce_loss", fmt::format("probability {} holds {}, outside [0, 1]; from "
                                                 "logits, use bce_with_logits",
                                                 detail::describe(p), x));
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
  detail::promote_literals(p, t, op);
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
    fail<ShapeError>(op, fmt::format("pos_weight {} does not broadcast to logits {}",
                                     detail::describe(w), detail::describe(logits)));
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

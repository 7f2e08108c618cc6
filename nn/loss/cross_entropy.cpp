#include "gradtape/nn/loss/cross_entropy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/loss/check.hpp"

namespace gradtape::nn {

using namespace author;
using namespace detail;

namespace {

/// Scores of classes as a matrix, which is what both losses compute with.
struct Scores {
  const char* op;
  const char* name;          ///< What the caller knows the scores by.
  Tensor rows;               ///< [rows, classes]
  bool takes_probabilities;  ///< As target, besides classes.
  Shape shape;               ///< Of the rows: the given shape without the axis of the classes.

  std::int64_t count() const { return rows.size(0); }
  std::int64_t classes() const { return rows.size(1); }
};

/// [n, classes, d1, ...] -> [n d1 ..., classes]
Tensor as_rows(const Tensor& x) {
  if (x.ndim() == 2) return x;
  if (x.ndim() == 1) return unsqueeze(x, 0);
  std::vector<std::int64_t> order{0};
  for (std::int64_t axis = 2; axis < x.ndim(); ++axis) order.push_back(axis);
  order.push_back(1);
  const auto classes = x.size(1);
  return reshape(permute(x, order), {classes ? x.numel() / classes : 0, classes});
}

Scores scores_of(const char* op, const char* name, const Tensor& x, bool takes_probabilities) {
  if (x.ndim() == 0)
    fail<ShapeError>(op,
                     fmt::format("needs scores of classes, [classes] or [n, classes, ...], got {}",
                                 describe(x)));
  Scores scores{op, name, as_rows(x), takes_probabilities, {}};
  for (int axis = 0; axis < x.ndim(); ++axis)
    if (axis != (x.ndim() == 1 ? 0 : 1)) scores.shape.push_back(x.shape()[axis]);
  return scores;
}

/// The classes' weights in the dtype of the scores.
Tensor weight_of(const Scores& scores, const Tensor& weight) {
  if (!weight.defined()) return weight;
  if (weight.shape() != Shape{scores.classes()})
    fail<ShapeError>(scores.op, fmt::format("weight {} must hold one factor for each of {} classes",
                                            describe(weight), scores.classes()));
  Tensor x = scores.rows, w = weight;
  promote_literals(x, w, scores.op);
  check_values(scores.op, "weight", w, {});
  return w;
}

/// Throws unless the target holds one class for each row.
void check_classes(const Scores& scores, const Tensor& x, const Tensor& target) {
  const bool one_hot = target.shape() == x.shape() && !is_floating(target.dtype());
  if (one_hot && scores.takes_probabilities)
    fail<DtypeError>(scores.op, fmt::format("target {} is {} of the shape of {}; as probabilities, "
                                            "convert it with to({}), as classes, give "
                                            "argmax(target, {})",
                                            describe(target), name(target.dtype()), scores.name,
                                            name(x.dtype()), x.ndim() == 1 ? 0 : 1));
  if (target.shape() != scores.shape)
    fail<ShapeError>(
        scores.op,
        fmt::format("target {} must hold one class for each row of {} {}, as {}{}{}",
                    describe(target), scores.name, describe(x), scores.shape.str(),
                    scores.takes_probabilities ? ", or probabilities of the logits' shape" : "",
                    one_hot ? fmt::format("; argmax(target, {}) makes classes of one-hot rows",
                                          x.ndim() == 1 ? 0 : 1)
                    : target.numel() == scores.count()
                        ? fmt::format("; reshape(target, {{{}}}) makes them agree",
                                      fmt::join(scores.shape, ", "))
                        : ""));
  if (target.dtype() != int64)
    fail<DtypeError>(scores.op, fmt::format("target must hold class indices in int64, got {}; "
                                            "convert it with to(int64)",
                                            name(target.dtype())));
}

/// The class of each row, int64 [rows]; -1 where the row is ignored.
Tensor index_of(const Scores& scores, const Tensor& x, const Tensor& target,
                std::optional<std::int64_t> ignored) {
  check_classes(scores, x, target);
  std::int64_t row = 0;
  bool any_ignored = false;
  for (const auto c : target.data<std::int64_t>()) {
    const bool skipped = c == ignored;
    any_ignored = any_ignored || skipped;
    if (!skipped && (c < 0 || c >= scores.classes()))
      fail<ValueError>(scores.op, fmt::format("class {} in row {} of target is out of range for "
                                              "the {} classes of {} {}",
                                              c, row, scores.classes(), scores.name, describe(x)));
    ++row;
  }
  const Tensor index = reshape(target, {-1});
  return any_ignored ? where(index == Tensor(*ignored), -1, index) : index;
}

/// The classes with 0 in the place of -1, for a look-up whose result is not used there.
Tensor some_class(const Tensor& index) { return where(index >= 0, index, 0); }

/// What each row counts in the mean: the weight of its class, 0 where it is ignored.
Tensor row_weights(const Tensor& index, const Tensor& weight, Dtype dtype) {
  const Tensor counts = index >= 0;
  if (!weight.defined()) return counts.to(dtype);
  return where(counts, index_select(weight, 0, some_class(index)), 0);
}

double total(const Tensor& weights) {
  const auto inside = RecordingScope::inside_op();
  return sum(weights.to(float64)).item<double>();
}

void check_mean(const Scores& scores, const Tensor& x) {
  if (scores.rows.numel() == 0)
    fail<ShapeError>(scores.op,
                     fmt::format("{} {} have no {}, and the mean of nothing is "
                                 "undefined",
                                 scores.name, describe(x), scores.count() ? "classes" : "rows"));
}

/// The losses of `target`, which is one that cross_entropy_rows takes, reduced; the mean is their
/// sum over `divisor`.
template <class Target>
Tensor reduced(const Scores& scores, const Target& target, Reduction reduction, double divisor) {
  if (reduction == Reduction::mean) return cross_entropy_rows(scores.rows, target, divisor);
  if (reduction == Reduction::sum) return cross_entropy_rows(scores.rows, target, 1);
  const Tensor losses = cross_entropy_rows(scores.rows, target);
  return reduce(scores.op, reshape(losses, scores.shape), reduction);
}

/// Probabilities of classes, smoothed and weighted.
Tensor smoothed(const Tensor& q, const Tensor& weight, double smoothing) {
  Tensor a = q;
  if (smoothing > 0) a = a * (1 - smoothing) + smoothing / static_cast<double>(q.size(-1));
  return weight.defined() ? a * weight : a;
}

/// cross_entropy of class indices with weights that want a gradient too.
Tensor with_tracked_weight(const Scores& scores, const Tensor& index, const Tensor& weight,
                           const CrossEntropyOptions& options) {
  const Tensor q = one_hot(some_class(index), scores.classes(), scores.rows.dtype());
  const Tensor a = where(unsqueeze(index, 1) >= 0, smoothed(q, weight, options.label_smoothing), 0);
  if (options.reduction != Reduction::mean) return reduced(scores, a, options.reduction, 1);
  return cross_entropy_rows(scores.rows, a, 1) /
         sum(row_weights(index, weight, scores.rows.dtype()));
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const CrossEntropyOptions& options) {
  const char* const op = "cross_entropy";
  const auto [given_weight, ignored, smoothing, reduction] = options;
  require(op, "label_smoothing", smoothing, closed(0, 1));
  need_defined(op, logits, "logits");
  need_defined(op, target, "target");
  Scores scores = scores_of(op, "logits", logits, true);
  const Tensor weight = weight_of(scores, given_weight);
  if (is_floating(target.dtype()) && target.shape() == logits.shape()) {
    if (ignored)
      fail<ValueError>(op,
                       "ignore_index is for class indices; to leave a row of probabilities out, "
                       "make it 0");
    if (reduction == Reduction::mean) check_mean(scores, logits);
    Tensor q = as_rows(target);
    promote_literals(scores.rows, q, op);
    check_probabilities(op, target);
    return reduced(scores, smoothed(q, weight, smoothing), reduction,
                   static_cast<double>(scores.count()));
  }
  const Tensor index = index_of(scores, logits, target, ignored);
  if (reduction == Reduction::mean) check_mean(scores, logits);
  if (weight.is_tracked()) return with_tracked_weight(scores, index, weight, options);
  const bool all_alike = !weight.defined() && !ignored;
  const double divisor = all_alike || reduction != Reduction::mean
                             ? static_cast<double>(scores.count())
                             : total(row_weights(index, weight, scores.rows.dtype()));
  return reduced(scores, ClassTargets{index, weight, smoothing}, reduction, divisor);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllOptions& options) {
  need_defined("nll_loss", log_probabilities, "log_probabilities");
  need_defined("nll_loss", target, "target");
  const Scores scores = scores_of("nll_loss", "log_probabilities", log_probabilities, false);
  const Tensor weight = weight_of(scores, options.weight);
  const Tensor index = index_of(scores, log_probabilities, target, options.ignore_index);
  const Tensor weights = row_weights(index, weight, scores.rows.dtype());
  const Tensor own = squeeze(gather(scores.rows, 1, unsqueeze(some_class(index), 1)), 1);
  check_log_probabilities(scores.op, where(index >= 0, own.detach(), 0));
  const Tensor losses = masked_mul(weights, -own);
  if (options.reduction != Reduction::mean)
    return reduce(scores.op, reshape(losses, scores.shape), options.reduction);
  check_mean(scores, log_probabilities);
  return sum(losses) / sum(weights);
}

}  // namespace gradtape::nn

#include "gradtape/nn/loss/margin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/loss/check.hpp"

namespace gradtape::nn {

using namespace author;
using namespace detail;

Tensor hinge_loss(const Tensor& prediction, const Tensor& label, LossOptions options) {
  static const auto losses =
      formula("hinge_loss", [](const auto& y, const auto& t) { return relu(1.0 - t * y); });
  check_shapes("hinge_loss", prediction, label);
  return reduce("hinge_loss", losses(prediction, labels("hinge_loss", label, prediction)),
                options.reduction);
}

Tensor hinge_embedding_loss(const Tensor& distance, const Tensor& label, MarginOptions options) {
  const char* const op = "hinge_embedding_loss";
  check_shapes(op, distance, label);
  const Tensor t = labels(op, label, distance);
  const Tensor far = where(t != 1, at_least_0(options.margin - distance), 0);
  return reduce(op, far + where(t != -1, distance, 0), options.reduction);
}

Tensor soft_margin_loss(const Tensor& prediction, const Tensor& label, LossOptions options) {
  static const auto losses =
      formula("soft_margin_loss", [](const auto& y, const auto& t) { return softplus(-(t * y)); });
  const char* const op = "soft_margin_loss";
  check_shapes(op, prediction, label);
  return reduce(op, losses(prediction, labels(op, label, prediction)), options.reduction);
}

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& label,
                           PairMarginOptions options) {
  const auto losses =
      formula("margin_ranking_loss", [=](const auto& x, const auto& y, const auto& t) {
        const auto gap = options.margin - t * (x - y);
        return where(gap < 0.0, decltype(gap)(0.0), gap);
      });
  const char* const op = "margin_ranking_loss";
  need_defined(op, a, "a");
  need_defined(op, b, "b");
  need_defined(op, label, "label");
  if (a.shape() != b.shape() || a.shape() != label.shape())
    fail<ShapeError>(op, fmt::format("a {}, b {} and label {} must have equal shapes; nothing "
                                     "broadcasts in a loss",
                                     describe(a), describe(b), describe(label)));
  return reduce(op, losses(a, b, labels(op, label, a)), options.reduction);
}

Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& label,
                             PairMarginOptions options) {
  const char* const op = "cosine_embedding_loss";
  need_defined(op, a, "a");
  need_defined(op, b, "b");
  need_defined(op, label, "label");
  if (a.ndim() < 1 || a.ndim() > 2 || a.shape() != b.shape() ||
      label.shape() != Shape::trusted(a.shape().begin(), a.ndim() - 1))
    fail<ShapeError>(op, fmt::format("needs vectors [n, d] and [n, d] with labels [n], or one pair "
                                     "of [d], got {}, {} and {}",
                                     describe(a), describe(b), describe(label)));
  Tensor x = a, y = b;
  promote_literals(x, y, op);
  const Tensor t = labels(op, label, x);
  const auto unit = [](const Tensor& v) {  // and 0, with the slope 0, of a vector of zeros
    const Tensor length = norm(v, 2, -1, {.keepdim = true});
    return v / where(length == 0, std::numeric_limits<double>::infinity(), length);
  };
  const Tensor cosine = sum(unit(x) * unit(y), -1);
  const Tensor alike = where(t == 1, 1 - cosine, 0);
  return reduce(op, alike + where(t == -1, at_least_0(cosine - options.margin), 0),
                options.reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           TripletMarginOptions options) {
  const char* const op = "triplet_margin_loss";
  need_defined(op, anchor, "anchor");
  need_defined(op, positive, "positive");
  need_defined(op, negative, "negative");
  if (anchor.ndim() == 0 || anchor.shape() != positive.shape() ||
      anchor.shape() != negative.shape())
    fail<ShapeError>(op, fmt::format("anchor {}, positive {} and negative {} must be vectors "
                                     "[..., d] of one shape",
                                     describe(anchor), describe(positive), describe(negative)));
  Tensor x[] = {anchor, positive, negative};
  promote_literals(x, 3, op);
  const auto distance = [&](const Tensor& a, const Tensor& b) {
    return pairwise_distance(a, b, {.p = options.p, .eps = options.eps});
  };
  const Tensor near = distance(x[0], x[1]);
  Tensor far = distance(x[0], x[2]);
  if (options.swap) far = minimum(far, distance(x[1], x[2]));
  return reduce(op, at_least_0(options.margin + near - far), options.reduction);
}

namespace {

/// Throws unless scores are [n, classes] or [classes] with classes.
void check_scores(const char* op, const Tensor& scores) {
  if (scores.ndim() < 1 || scores.ndim() > 2 || scores.size(-1) == 0)
    fail<ShapeError>(
        op, fmt::format("needs scores [n, classes] or [classes], got {}", describe(scores)));
}

void check_indices(const char* op, const Tensor& target, const Shape& expected, std::int64_t lowest,
                   std::int64_t classes) {
  if (target.shape() != expected)
    fail<ShapeError>(
        op, fmt::format("target {} must have the shape {}", describe(target), expected.str()));
  if (target.dtype() != int64)
    fail<DtypeError>(
        op, fmt::format("target must hold class indices in int64, got {}", name(target.dtype())));
  for (const auto c : target.data<std::int64_t>())
    if (c < lowest || c >= classes)
      fail<ValueError>(
          op, fmt::format("class {} of target is out of range for {} classes", c, classes));
}

}  // namespace

Tensor multi_margin_loss(const Tensor& scores, const Tensor& target,
                         const MultiMarginOptions& options) {
  const char* const op = "multi_margin_loss";
  if (options.p != 1 && options.p != 2)
    fail<ValueError>(op, fmt::format("p must be 1 or 2, got {}", options.p));
  need_defined(op, scores, "scores");
  need_defined(op, target, "target");
  check_scores(op, scores);
  const auto classes = scores.size(-1);
  check_indices(op, target, Shape::trusted(scores.shape().begin(), scores.ndim() - 1), 0, classes);
  const Tensor own = unsqueeze(target, -1);
  Tensor excess = relu(options.margin - gather(scores, -1, own) + scores);
  if (options.p == 2) excess = square(excess);
  if (const Tensor& w = options.weight; w.defined()) {
    if (w.shape() != Shape{classes})
      fail<ShapeError>(op, fmt::format("weight {} must hold one factor for each of {} classes",
                                       describe(w), classes));
    check_values(op, "weight", w, {});
    excess = masked_mul(reshape(index_select(w, 0, reshape(target, {-1})), own.shape()), excess);
  }
  const Tensor others = where(one_hot(target, classes, bool_), 0, excess);
  return reduce(op, sum(others, -1) / static_cast<double>(classes), options.reduction);
}

Tensor multilabel_margin_loss(const Tensor& scores, const Tensor& target, LossOptions options) {
  const char* const op = "multilabel_margin_loss";
  need_defined(op, scores, "scores");
  need_defined(op, target, "target");
  check_scores(op, scores);
  const auto classes = scores.size(-1), n = scores.numel() / classes;
  check_indices(op, target, scores.shape(), -1, classes);

  // The first classes of each row, up to the -1; rows with fewer repeat class 0 and drop it again.
  const auto given = target.data<std::int64_t>();
  const auto at = [&](std::int64_t row, std::int64_t j) {
    return given[static_cast<std::size_t>(row * classes + j)];
  };
  std::int64_t most = 0;
  std::vector<std::int64_t> counts;
  for (std::int64_t row = 0; row < n; ++row) {
    std::int64_t count = 0;
    while (count < classes && at(row, count) >= 0) ++count;
    counts.push_back(count);
    most = std::max(most, count);
  }
  std::vector<std::int64_t> index, used, member(static_cast<std::size_t>(n * classes));
  for (std::int64_t row = 0; row < n; ++row)
    for (std::int64_t j = 0; j < most; ++j) {
      const bool valid = j < counts[static_cast<std::size_t>(row)];
      index.push_back(valid ? at(row, j) : 0);
      used.push_back(valid);
      if (valid) member[static_cast<std::size_t>(row * classes + at(row, j))] = 1;
    }
  const Tensor x = reshape(scores, {n, classes});
  const Tensor wanted = reshape(gather(x, -1, tensor(index, {n, most})), {n, most, 1});
  const Tensor counted =
      logical_and(tensor(used, {n, most, 1}) == 1, tensor(member, {n, 1, classes}) == 0);
  const Tensor excess = relu(1 - wanted + reshape(x, {n, 1, classes}));
  const Tensor losses = sum(where(counted, excess, 0), {1, 2}) / static_cast<double>(classes);
  return reduce(op, scores.ndim() == 1 ? reshape(losses, {}) : losses, options.reduction);
}

}  // namespace gradtape::nn

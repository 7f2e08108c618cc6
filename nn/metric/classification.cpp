#include "gradtape/nn/metric/classification.hpp"

#include <fmt/format.h>

#include <cmath>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/ops/sort.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/loss/cross_entropy.hpp"
#include "gradtape/nn/metric/sums.hpp"

namespace gradtape::nn::metric {

using namespace author;

namespace {

double count(const Tensor& flags) { return sum(flags.to(int64)).item<double>(); }

Tensor indices(const char* op, const char* what, const Tensor& x) {
  if (is_floating(x.dtype()))
    fail<DtypeError>(
        op, fmt::format("{} must be class indices (int64 or bool), got {}", what, describe(x)));
  return x.detach().to(int64);
}

/// The shape of one class index a sample, for logits with the classes along axis 1, or alone.
bool are_logits_of(const Tensor& logits, const Tensor& target) {
  if (logits.ndim() != target.ndim() + 1) return false;
  const auto axis = target.ndim() == 0 ? 0 : 1;
  for (int i = 0; i < target.ndim(); ++i)
    if (target.size(i) != logits.size(i < axis ? i : i + 1)) return false;
  return true;
}

void check_targets(const char* op, const Tensor& target, std::int64_t classes,
                   std::optional<std::int64_t> ignore_index) {
  for (const auto value : target.data<std::int64_t>())
    if ((value < 0 || value >= classes) && value != ignore_index)
      fail<ValueError>(
          op, fmt::format("the target has class {}, the logits have {} classes", value, classes));
}

/// Whether each target is among the k largest logits. Equal ones count in their order.
Tensor among_largest(const char* op, const Tensor& logits, const Tensor& target, std::int64_t k,
                     std::optional<std::int64_t> ignore_index) {
  if (!is_floating(logits.dtype()) || !are_logits_of(logits, target))
    fail<ShapeError>(op, fmt::format("top_k = {} needs logits [n, classes, ...] and targets "
                                     "[n, ...], got {} and {}",
                                     k, describe(logits), describe(target)));
  const int axis = target.ndim() == 0 ? 0 : 1;
  if (k > logits.size(axis))
    fail<ValueError>(op, fmt::format("top_k = {}, but there are {} classes", k, logits.size(axis)));
  check_targets(op, target, logits.size(axis), ignore_index);
  const Tensor largest = topk(logits.detach(), k, {.axis = axis}).indices;
  return any(largest == unsqueeze(target, axis), {axis});
}

}  // namespace

detail::Classes detail::classes_of(const char* op, const Tensor& prediction, const Tensor& target,
                                   std::optional<std::int64_t> ignore_index) {
  const Tensor truth = indices(op, "the target", target);
  if (is_floating(prediction.dtype()) && are_logits_of(prediction, truth)) {
    const int axis = truth.ndim() == 0 ? 0 : 1;
    const auto classes = prediction.size(axis);
    if (truth.numel() == 0) return {truth, truth, classes};
    if (classes == 0) fail<ShapeError>(op, "logits of no classes, " + describe(prediction));
    check_targets(op, truth, classes, ignore_index);
    return {argmax(prediction.detach(), {axis}), truth, classes};
  }
  if (prediction.shape() != truth.shape())
    fail<ShapeError>(op, fmt::format("the prediction must be logits [n, classes, ...] or class "
                                     "indices of the target's shape, got {} and the target {}",
                                     describe(prediction), describe(target)));
  if (is_floating(prediction.dtype()))
    fail<DtypeError>(op, fmt::format("{} holds no class indices; of two classes `logits > 0` does",
                                     describe(prediction)));
  return {indices(op, "the prediction", prediction), truth, 0};
}

Accuracy::Accuracy(const AccuracyOptions& options) : options_(options) {
  require("accuracy", "top_k", options.top_k, at_least(1));
}

void Accuracy::update(const Tensor& prediction, const Tensor& target) {
  constexpr const char* op = "accuracy";
  const NoGrad no_grad;
  Tensor right, truth;
  if (options_.top_k > 1) {
    truth = indices(op, "the target", target);
    right = among_largest(op, prediction, truth, options_.top_k, options_.ignore_index);
  } else {
    const auto classes = detail::classes_of(op, prediction, target, options_.ignore_index);
    truth = classes.target;
    right = classes.prediction == truth;
  }
  if (options_.ignore_index) {
    const Tensor counts = truth != Tensor(*options_.ignore_index);
    right = logical_and(right, counts);
    samples_ += count(counts);
  } else {
    samples_ += static_cast<double>(truth.numel());
  }
  right_ += count(right);
}

double Accuracy::compute() const { return right_ / samples_; }

Tensor Accuracy::state() const { return detail::sums({right_, samples_}); }

void Accuracy::set_state(const Tensor& state) {
  const auto sums = detail::checked_sums("Accuracy", state, 2);
  right_ = sums[0];
  samples_ = sums[1];
}

double accuracy(const Tensor& prediction, const Tensor& target, const AccuracyOptions& options) {
  Accuracy metric(options);
  metric.update(prediction, target);
  return metric.compute();
}

void Perplexity::update(const Tensor& logits, const Tensor& target) {
  const NoGrad no_grad;
  auto n = static_cast<double>(target.numel());
  if (options_.ignore_index) n = count(target != Tensor(*options_.ignore_index));
  const Tensor nats = cross_entropy(
      logits, target, {.ignore_index = options_.ignore_index, .reduction = Reduction::sum});
  if (n > 0) nats_.update(nats.item<double>() / n, n);
}

double Perplexity::compute() const { return std::exp(nats_.compute()); }

double perplexity(const Tensor& logits, const Tensor& target, const PerplexityOptions& options) {
  Perplexity metric(options);
  metric.update(logits, target);
  return metric.compute();
}

}  // namespace gradtape::nn::metric

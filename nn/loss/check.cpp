#include "gradtape/nn/loss/check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "gradtape/autograd/author.hpp"

namespace gradtape::nn::detail {

using namespace author;

namespace {

/// The place of the first element that is not good, or -1. good(x) of a whole array costs about as
/// much as reading it.
template <class T, class F> std::int64_t first_bad(const T* x, std::int64_t n, F good) {
  std::atomic<bool> all_good = true;
  parallel_for(n, elementwise_grain, [=, &all_good](std::int64_t begin, std::int64_t end) {
    T bad = 0;  // of the elements' own width, so that the loop fills registers
#pragma omp simd reduction(+ : bad)
    for (auto i = begin; i < end; ++i) bad += good(x[i]) ? T(0) : T(1);
    if (bad != 0) all_good = false;
  });
  for (std::int64_t i = 0; !all_good && i < n; ++i)
    if (!good(x[i])) return i;
  return -1;
}

/// `what` does broadcast in this loss.
[[noreturn]] void refuse_shapes(const char* op, const Tensor& prediction, const Tensor& target,
                                const char* what) {
  auto cause =
      fmt::format("prediction {} and target {} must have equal shapes; {} broadcasts in a loss",
                  describe(prediction), describe(target), what);
  if (prediction.numel() == target.numel())
    cause += fmt::format("; reshape(target, {{{}}}) makes them agree",
                         fmt::join(prediction.shape(), ", "));
  fail<ShapeError>(op, cause);
}

void check_dtypes(const char* op, const Tensor& prediction, const Tensor& target) {
  if (is_floating(prediction.dtype()) && !is_floating(target.dtype()) && !target.is_weak())
    fail<DtypeError>(op, fmt::format("target {} is {}, but prediction {} is {}; convert the target "
                                     "with to({})",
                                     describe(target), name(target.dtype()), describe(prediction),
                                     name(prediction.dtype()), name(prediction.dtype())));
}

}  // namespace

void check_shapes(const char* op, const Tensor& prediction, const Tensor& target) {
  need_defined(op, prediction, "prediction");
  need_defined(op, target, "target");
  if (prediction.shape() != target.shape()) refuse_shapes(op, prediction, target, "nothing");
}

void check_target(const char* op, const Tensor& prediction, const Tensor& target) {
  check_shapes(op, prediction, target);
  check_dtypes(op, prediction, target);
}

void check_target_or_number(const char* op, const Tensor& prediction, const Tensor& target) {
  need_defined(op, prediction, "prediction");
  need_defined(op, target, "target");
  if (prediction.ndim() > 0 && target.ndim() > 0 && prediction.shape() != target.shape())
    refuse_shapes(op, prediction, target, "nothing but a single number, 0-d,");
  check_dtypes(op, prediction, target);
}

void check_values(const char* op, const char* what, const Tensor& given, const Allowed& allowed) {
  const Tensor x = given.is_weak() ? given.detach().to(float64) : given;  // 1 is as good as 1.0
  visit_floating(x.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    const T low = static_cast<T>(allowed.low - allowed.slack);
    const T high = static_cast<T>(allowed.high + allowed.slack);
    const T* const data = x.data<T>().data();
    const auto at = first_bad(data, x.numel(), [=, nan = allowed.nan](T v) {
      return ((v >= low) & (v <= high)) | (nan & (v != v));
    });
    if (at < 0) return;
    const auto place = x.ndim() ? fmt::format(" at position {}", at) : std::string();
    const auto where =
        std::isinf(allowed.high)  ? fmt::format("but must be at least {}", allowed.low)
        : std::isinf(allowed.low) ? fmt::format("but must be at most {}", allowed.high)
                                  : fmt::format("outside [{}, {}]", allowed.low, allowed.high);
    const char* const remedy =
        std::isnan(data[at]) ? "; check_finite finds where a NaN began" : allowed.remedy;
    fail<ValueError>(op, fmt::format("{} {} holds {}{}, {}{}", what, describe(x), data[at], place,
                                     where, remedy));
  });
}

void check_probabilities(const char* op, const Tensor& target) {
  check_values(op, "target", target,
               {.high = 1,
                .remedy = "; a target is a probability (of pixels from 0 to 255: divide by 255)",
                .slack = 1e-6});
}

void check_log_probabilities(const char* op, const Tensor& x) {
  check_values(op, "log_probability", x,
               {.low = -std::numeric_limits<double>::infinity(),
                .high = 0,
                .remedy = "; a log-probability is never above 0: pass log_softmax(logits), not "
                          "softmax or logits",
                .slack = 1e-4,
                .nan = true});
}

Tensor labels(const char* op, const Tensor& label, const Tensor& like) {
  Tensor x = like, t = label;
  if (is_floating(t.dtype()) || t.is_weak())
    promote_literals(x, t, op);
  else
    t = t.to(x.dtype());
  visit_floating(t.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    const T* const data = t.data<T>().data();
    const auto at = first_bad(data, t.numel(), [](T v) { return (v == 1) | (v == -1); });
    if (at >= 0)
      fail<ValueError>(op, fmt::format("label {} holds {} at position {}, but labels are 1 and -1; "
                                       "2 * label - 1 makes them of 0 and 1",
                                       describe(label), data[at], at));
  });
  return t;
}

}  // namespace gradtape::nn::detail

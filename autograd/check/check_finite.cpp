#include "gradtape/autograd/check_finite.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

namespace gradtape {
namespace {

using Coordinates = std::vector<std::int64_t>;

double element(const Tensor& x, std::int64_t i) {
  const double value = detail::visit_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    return static_cast<double>(static_cast<const T*>(x.raw())[i]);
  });
  return std::isnan(value) ? NAN : value;  // without the sign that some operations leave on it
}

/// The place of the first NaN or infinity, row-major; -1 where there is none.
std::int64_t first_non_finite(const Tensor& x) {
  if (!x.defined() || !is_floating(x.dtype())) return -1;
  return detail::visit_floating(x.dtype(), "check_finite", [&](auto zero) {
    using T = decltype(zero);
    const auto* p = static_cast<const T*>(x.raw());
    for (std::int64_t i = 0; i < x.numel(); ++i)
      if (!std::isfinite(p[i])) return i;
    return std::int64_t{-1};
  });
}

/// The element of x that broadcasting puts at `index` of a larger shape.
double broadcast_element(const Tensor& x, const Coordinates& index) {
  const Shape shape = x.shape();
  const auto offset = index.size() - static_cast<std::size_t>(shape.ndim());
  std::int64_t place = 0;
  for (int axis = 0; axis < shape.ndim(); ++axis)
    place = place * shape[axis] +
            (shape[axis] == 1 ? 0 : index[offset + static_cast<std::size_t>(axis)]);
  return element(x, place);
}

std::string at(const Coordinates& index) {
  return index.empty() ? "" : fmt::format(" at [{}]", fmt::join(index, ", "));
}

/// "input 0 'x' [3] is -1 there" where it has an element there, else its range.
std::string describe_input(const Tensor& x, std::size_t i, const Shape& shape,
                           const Coordinates& index) {
  const auto name = fmt::format("input {} {}", i, detail::describe(x));
  if (x.numel() == 0) return name + " is empty";
  if (broadcasts_to(x.shape(), shape))
    return fmt::format("{} is {} there", name, broadcast_element(x, index));
  if (const auto bad = first_non_finite(x); bad >= 0)
    return fmt::format("{} holds {}{}", name, element(x, bad),
                       at(detail::index_of(bad, x.shape())));
  double low = element(x, 0), high = low;
  for (std::int64_t k = 1; k < x.numel(); ++k) {
    low = std::min(low, element(x, k));
    high = std::max(high, element(x, k));
  }
  return fmt::format("{} lies in [{}, {}]", name, low, high);
}

/// What `op` did at the first bad place of its output.
std::string explain(const char* op, const Tensor& output, std::span<const Tensor> inputs) {
  const auto place = first_non_finite(output);
  const auto index = detail::index_of(place, output.shape());
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].defined()) parts.push_back(describe_input(inputs[i], i, output.shape(), index));
  auto text = fmt::format("the forward pass produced {}{}", element(output, place), at(index));
  if (!parts.empty()) text += "; " + fmt::format("{}", fmt::join(parts, ", "));
  if (std::strcmp(op, "where") == 0)  // the one that is not finite there, or the result would be
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!std::isfinite(broadcast_element(inputs[i], index)))
        return text + fmt::format("; the branch taken there is input {}", i);
  return text;
}

/// What the vjp of an op did at the first bad place of its result.
std::string explain_vjp(const VjpCall& call) {
  const auto& [op, g, input, inputs, shape, contribution, again] = call;
  const auto place = first_non_finite(contribution);
  const auto index = detail::index_of(place, contribution.shape());
  auto text = fmt::format("the backward pass produced {}{} in the gradient of tracked input {}",
                          element(contribution, place), at(index), input);
  if (!g.defined() || !broadcasts_to(g.shape(), contribution.shape())) return text;
  const double cotangent = broadcast_element(g, index);
  text += fmt::format("; the cotangent there is {}", cotangent);
  if (cotangent == 0)
    text +=
        ": the element does not count, as in a branch that `where` did not take, and the vjp "
        "multiplies 0 by an infinite slope; masked_mul(g, slope) instead of g * slope gives 0";
  return text;
}

/// Follows what is not finite from op to op.
class Trail : public Watch {
 public:
  void recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs) override {
    if (recording_mode().inside_op || first_non_finite(output) < 0) return;
    steps_.push_back({op, output, {inputs.begin(), inputs.end()}});
  }
  Tensor contributed(const VjpCall& call) override {
    if (first_vjp.empty() && first_non_finite(call.contribution) >= 0)
      first_vjp = fmt::format("{}: {}", call.op, explain_vjp(call));
    return call.contribution;
  }

  /// How the non-finite elements of `result` came about; marks the steps on the way.
  std::string origin_of(const Tensor& result) {
    std::vector<std::string> carriers;
    auto step = producer(result);
    if (!step) return "the result was made of non-finite numbers by no op";
    for (;;) {
      steps_[*step].reached = true;
      const auto before = source(steps_[*step]);
      if (!before) break;
      carriers.emplace_back(steps_[*step].op);
      step = before;
    }
    const auto& first = steps_[*step];
    auto text = fmt::format("{}: {}", first.op, explain(first.op, first.output, first.inputs));
    if (!carriers.empty())
      text += fmt::format("; from there it went through {}",
                          fmt::join(carriers.rbegin(), carriers.rend(), ", "));
    return text;
  }

  /// The ops that began something that did not reach the result.
  std::string harmless() const {
    std::string text;
    for (const auto& step : steps_)
      if (!step.reached && !source(step))
        text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", step.op,
                            explain(step.op, step.output, step.inputs));
    return text;
  }

  std::string first_vjp;

 private:
  struct Step {
    const char* op;
    Tensor output;
    std::vector<Tensor> inputs;
    bool reached = false;
  };

  std::optional<std::size_t> producer(const Tensor& x) const {
    for (std::size_t i = steps_.size(); i-- > 0;)
      if (steps_[i].output.value_ref().get() == x.value_ref().get()) return i;
    return {};
  }
  /// The step that gave this one a non-finite input, if one did.
  std::optional<std::size_t> source(const Step& step) const {
    for (const auto& input : step.inputs)
      if (first_non_finite(input) >= 0)
        if (const auto before = producer(input)) return before;
    return {};
  }

  std::vector<Step> steps_;
};

}  // namespace

void CheckFinite::recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs) {
  if (!recording_mode().inside_op && first_non_finite(output) >= 0)
    fail<NonFiniteError>(op, explain(op, output, inputs));
}

Tensor CheckFinite::contributed(const VjpCall& call) {
  if (first_non_finite(call.contribution) >= 0) fail<NonFiniteError>(call.op, explain_vjp(call));
  return call.contribution;
}

FiniteReport check_finite(const std::function<Tensor()>& f) {
  Trail trail;
  const Tensor result = f();
  FiniteReport report;
  if (first_non_finite(result) >= 0) {
    report = {false, trail.origin_of(result), {}};
    report.harmless = trail.harmless();
    return report;
  }
  report.harmless = trail.harmless();
  if (result.is_tracked()) detail::run_watched_pass(result, ones_like(result));
  if (!trail.first_vjp.empty()) return {false, trail.first_vjp, report.harmless};
  return report;
}

}  // namespace gradtape

#include "gradtape/autograd/check/hypotheses.hpp"

#include "gradtape/autograd/check/suspect.hpp"

#include <algorithm>
#include <cmath>

namespace gradtape::gradient_check {
namespace {

using Answer = std::optional<Diagnosis>;

bool all_zero(const Vector& a) {
  return std::all_of(a.begin(), a.end(), [](double v) { return v == 0; });
}

/// Of the gradients that the second order differentiates, one that lost its graph, or a part of it.
Answer is_cut_off(const Suspect& s) {
  const auto& probe = s.comparison.probe;
  if (s.order != 2 || probe.varied < 2) return {};
  std::size_t begin = 0;
  for (std::size_t i = 0; i < probe.varied; ++i) {
    const auto end = begin + static_cast<std::size_t>(probe.x[i].numel());
    Vector of_one(s.weights.size());
    for (auto k = begin; k < end; ++k) of_one[k] = s.weights[k];
    begin = end;
    double slope = 0;
    for (double v : s.numeric_with(of_one))
      if (std::isfinite(v)) slope = std::max(slope, std::abs(v));
    if (slope <= 1e-5 * s.evidence.scale || !all_zero(s.analytic_with(of_one))) continue;
    const auto everywhere = probe.gradient(probe.x, of_one);
    const bool whole = std::all_of(everywhere.begin(), everywhere.end(), [](const Tensor& g) {
      return !g.defined() || all_zero(elements(g));
    });
    return Diagnosis{
        Cause::detached,
        whole ? fmt::format("the gradient of {} is cut off from the graph: its vjp detaches it, or "
                            "reads raw elements",
                            probe.names[i])
              : fmt::format("the gradient of {} is cut off from {}: its vjp treats that as a "
                            "constant",
                            probe.names[i], s.name)};
  }
  return {};
}

Answer is_unreachable(const Suspect& s) {
  if (s.evidence.reached) return {};
  if (s.order == 2)
    return Diagnosis{Cause::detached, fmt::format("the gradient's graph does not lead to {}: a vjp "
                                                  "detaches it, or reads raw elements",
                                                  s.name)};
  return Diagnosis{Cause::unreachable,
                   fmt::format("the tape does not reach {}; is it detached, or read under NoGrad? "
                               "does a vjp return nothing?",
                               s.name)};
}

Answer is_not_finite(const Suspect& s) {
  for (double a : s.evidence.analytic)
    if (!std::isfinite(a))
      return Diagnosis{
          Cause::not_finite,
          "the analytic value is not finite where the numeric one is; masked_mul(g, slope) "
          "keeps zero cotangents zero"};
  return {};
}

Answer is_kink(const Suspect& s) {
  if (!std::isfinite(s.worst.left)) return {};
  return Diagnosis{Cause::kink,
                   fmt::format("the function has a kink at this point, and the analytic value is "
                               "not between the slopes to both sides, {:.6g} and {:.6g}",
                               s.worst.left, s.worst.right)};
}

Answer is_zero(const Suspect& s) {
  if (!all_zero(s.evidence.analytic)) return {};
  return Diagnosis{
      s.order == 2 ? Cause::detached : Cause::zero,
      s.order == 2 ? fmt::format("the gradient treats {} as a constant: a vjp detaches it", s.name)
                   : "the analytic gradient is 0 everywhere: a vjp returns nothing, or zeros"};
}

/// Results of other cotangents tell whether the vjp uses its own at all, and linearly.
Answer misuses_cotangent(const Suspect& s) {
  if (s.order == 2) return {};
  const Vector other = elements(random_like(tensor(s.weights), 50));
  const Vector a = s.evidence.analytic, b = s.analytic_with(other);
  if (same(a, b, 1e-9))
    return Diagnosis{Cause::ignores_cotangent,
                     same(a, s.numeric_with(Vector(other.size(), 1.0)), 1e-4, s)
                         ? "a vjp ignores the incoming cotangent: the gradient is the same for "
                           "every g, that for ones"
                         : "a vjp ignores the incoming cotangent: the gradient is the same for "
                           "every g"};
  Vector both = s.weights, sum = a;
  for (std::size_t i = 0; i < both.size(); ++i) both[i] += other[i];
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += b[i];
  if (!same(sum, s.analytic_with(both), 1e-7))
    return Diagnosis{Cause::nonlinear,
                     "a vjp is not linear in the incoming cotangent: its result for g1 + g2 is not "
                     "the sum of those for g1 and g2"};
  return {};
}

Answer is_multiple(const Suspect& s) {
  const double factor = s.factor();
  if (factor == 0 ||
      !s.explained_by([&](const Estimate& e) { return e.numeric.value * factor; }, s.tightness()))
    return {};
  if (std::abs(factor + 1) < 1e-6)
    return Diagnosis{Cause::wrong_sign, "the analytic gradient is minus the numeric one"};
  return Diagnosis{
      Cause::constant_factor,
      fmt::format("the analytic gradient is {} times the numeric one", name_factor(factor, s))};
}

Answer is_rounded(const Suspect& s) {
  if (s.worst_relative() > 3e-6) return {};
  return Diagnosis{Cause::float32_precision,
                   "the two agree to about 7 digits: the backward pass rounds to float32 "
                   "somewhere, or uses a constant of that precision"};
}

Answer is_cotangent(const Suspect& s) {
  if (s.order == 2 || s.weights.size() != s.evidence.analytic.size()) return {};
  if (!same(s.evidence.analytic, s.weights, 1e-9)) return {};
  return Diagnosis{Cause::passes_cotangent,
                   "the vjp returns the incoming cotangent as it is: the slope of the op is "
                   "missing"};
}

Answer is_transposed(const Suspect& s) {
  for (int i = 0; i < s.shape.ndim(); ++i)
    for (int j = i + 1; j < s.shape.ndim(); ++j) {
      if (s.shape[i] == 1 || s.shape[j] == 1) continue;
      const bool square = s.shape[i] == s.shape[j];
      const auto at = transposition(s.shape, i, j);
      // Elements that were laid out transposed, whatever the extents.
      if (s.explained_at([&](std::size_t k) { return at[k]; }))
        return Diagnosis{Cause::transposed,
                         fmt::format("the analytic gradient is the numeric one with axes {} and {} "
                                     "transposed{}",
                                     i, j, square ? "" : ", reshaped back")};
    }
  if (s.order == 2) return {};
  if (const auto w = s.transposed_weights();
      !w.empty() && same(s.evidence.analytic, s.numeric_with(w), 1e-4, s))
    return Diagnosis{Cause::transposed, "the vjp uses the incoming cotangent transposed"};
  for (std::size_t j = 0; j < s.comparison.inputs.size(); ++j) {
    const Tensor& x = s.comparison.probe.x[j];
    if (x.ndim() < 2 || x.size(-1) != x.size(-2) || x.size(-1) < 2) continue;
    if (same(s.evidence.analytic, s.numeric_at_transposed(j), 1e-4, s))
      return Diagnosis{Cause::transposed,
                       fmt::format("the vjp uses {} transposed", s.comparison.probe.names[j])};
  }
  return {};
}

Answer is_of_another_input(const Suspect& s) {
  for (std::size_t j = 0; j < s.comparison.inputs.size(); ++j) {
    if (j == s.input || s.comparison.probe.x[j].numel() != s.shape.numel()) continue;
    if (s.explains_input(j))
      return Diagnosis{Cause::wrong_input, fmt::format("the analytic gradient is that of {}",
                                                       s.comparison.probe.names[j])};
  }
  return {};
}

/// One slice of what should have been summed over an axis of the output.
Answer misses_sum(const Suspect& s) {
  if (s.order == 2) return {};
  const Shape& y = s.comparison.probe.output;
  for (int axis = 0; axis < y.ndim(); ++axis) {
    if (y[axis] < 2) continue;
    for (std::int64_t slice : {std::int64_t{0}, y[axis] - 1})
      if (same(s.evidence.analytic, s.numeric_with(s.weights_of_slice(axis, slice)), 1e-4, s))
        return Diagnosis{Cause::missing_sum,
                         fmt::format("the sum over axis {} of the output {} is missing: the "
                                     "analytic gradient is that of slice {} alone",
                                     axis, y.str(), slice)};
  }
  return {};
}

Answer sums_too_much(const Suspect& s) {
  if (!s.is_complete()) return {};
  for (unsigned axes = 1; axes < 1U << s.shape.ndim(); ++axes) {
    const Vector sum = s.summed(axes);
    if (s.explained_by([&](const Estimate& e) { return sum[static_cast<std::size_t>(e.element)]; }))
      return Diagnosis{Cause::extra_sum,
                       "every element of the analytic gradient is a sum over several elements of "
                       "the numeric one: the vjp sums over axes of the input"};
  }
  return {};
}

/// Every element holds one of the products that should have been added up for it.
Answer is_overwritten(const Suspect& s) {
  if (s.order == 2) return {};
  bool several = false;
  for (const auto& [element, column] : s.columns()) {
    const double analytic = s.evidence.analytic[static_cast<std::size_t>(element)];
    int terms = 0;
    bool found = false;
    for (std::size_t i = 0; i < column.size(); ++i) {
      const double term = column[i] * s.weights[i];
      if (std::abs(term) <= 1e-9 * s.evidence.scale) continue;
      ++terms;
      found = found || std::abs(term - analytic) <= 1e-5 * std::abs(term);
    }
    if (terms > 0 && !found) return {};
    several = several || terms > 1;
  }
  if (!several) return {};
  return Diagnosis{Cause::overwritten,
                   "each element holds one of the contributions from several output elements: they "
                   "overwrite each other instead of being added up"};
}

Answer is_permuted(const Suspect& s) {
  if (!s.is_complete() || s.shape.numel() < 2) return {};
  Vector a = s.evidence.analytic, n;
  for (const auto& e : s.evidence.estimates) n.push_back(e.numeric.value);
  std::sort(a.begin(), a.end());
  std::sort(n.begin(), n.end());
  if (!same(a, n, 1e-5)) return {};
  return Diagnosis{Cause::permuted, "the analytic gradient holds the right values in wrong places"};
}

}  // namespace

Diagnosis diagnose(const Comparison& comparison, std::size_t input) {
  const Suspect suspect(comparison, input);
  for (const auto hypothesis :
       {is_cut_off, is_unreachable, is_not_finite, is_kink, is_zero, misuses_cotangent, is_multiple,
        is_rounded, is_cotangent, is_transposed, is_of_another_input, misses_sum, sums_too_much,
        is_overwritten, is_permuted})
    if (const auto diagnosis = hypothesis(suspect)) return *diagnosis;
  return {Cause::unknown, suspect.spread()};
}

bool rounds_to_float32(const Comparison& c) {
  if (c.probe.order == 2) return false;  // the first order would have seen it
  const Vector y = c.probe.value(c.probe.x);
  bool rough = false;
  int bits = 0;  // of the most precise element
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double relative = c.noise[i] / std::abs(y[i]);
    rough = rough || (relative > 0x1p-30 && relative < 0x1p-20);
    int exponent = 0;
    double mantissa = std::frexp(y[i], &exponent);
    int used = 0;
    for (; mantissa != 0 && used < 53; ++used) mantissa = 2 * mantissa - std::trunc(2 * mantissa);
    bits = std::max(bits, used);
  }
  // Values with other numbers of bits are what a subtraction of large numbers leaves.
  return rough && ((bits >= 20 && bits <= 24) || bits > 40);
}

}  // namespace gradtape::gradient_check

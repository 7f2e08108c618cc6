#include "gradtape/autograd/check/report.hpp"

#include <algorithm>
#include <ostream>

#include "gradtape/autograd/check/hypotheses.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"

namespace gradtape::gradient_check {
namespace {

using detail::index_of;

/// The estimate with that finding whose values are furthest apart, and its input.
struct Worst {
  std::size_t input = 0;
  const Estimate* estimate = nullptr;
};
Worst worst_of(const Comparison& c, Finding finding) {
  Worst worst;
  double most = -1;
  // An element says more than a direction: directions come in only where no element was found.
  for (const auto list : {&Evidence::estimates, &Evidence::directions}) {
    if (worst.estimate) break;
    for (std::size_t i = 0; i < c.inputs.size(); ++i)
      for (const auto& e : c.inputs[i].*list) {
        if (e.finding != finding) continue;
        const double off = std::isfinite(e.analytic) && std::isfinite(e.discrepancy())
                               ? e.discrepancy()
                               : INFINITY;
        if (!worst.estimate || off > most) {
          worst = {i, &e};
          most = off;
        }
      }
  }
  return worst;
}

/// "gradient of input 0 [2, 3] at element [1, 2]"
std::string place(const Comparison& c, const Worst& worst) {
  const Shape shape = c.probe.x[worst.input].shape();
  const auto element = worst.estimate->element;
  return fmt::format(
      "{} of {} {} {}", c.probe.what, c.probe.names[worst.input], shape.str(),
      element < 0 ? "along a random direction"
                  : fmt::format("at element [{}]", fmt::join(index_of(element, shape), ", ")));
}

std::string values(const Estimate& e) {
  const auto unsigned_nan = [](double v) { return std::isnan(v) ? NAN : v; };
  return fmt::format("analytic {:.12g}, numeric {:.12g} (+- {:.1g})", unsigned_nan(e.analytic),
                     unsigned_nan(e.numeric.value), e.numeric.error);
}

void set_worst(const Comparison& c, const Worst& worst, GradcheckResult& result) {
  const auto& e = *worst.estimate;
  result.input = c.probe.names[worst.input];
  if (e.element >= 0) result.element = index_of(e.element, c.probe.x[worst.input].shape());
  result.analytic = e.analytic;
  result.numeric = e.numeric.value;
  result.error_bar = e.numeric.error;
}

/// How many elements of each input are wrong.
std::string extent(const Comparison& c) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const auto& estimates = c.inputs[i].estimates;
    const auto wrong = std::count_if(estimates.begin(), estimates.end(),
                                     [](auto& e) { return e.finding == Finding::wrong; });
    if (estimates.empty() && c.inputs[i].any(Finding::wrong))
      parts.push_back(c.probe.names[i]);
    else if (estimates.empty() || wrong == 0)
      parts.push_back(fmt::format("{}: none", c.probe.names[i]));
    else
      parts.push_back(fmt::format("{}: {} of {}{}", c.probe.names[i], wrong, estimates.size(),
                                  c.exact ? "" : " looked at"));
  }
  if (parts.size() > 6) {
    std::erase_if(parts, [](const std::string& part) { return part.ends_with(": none"); });
    parts.push_back("the others: none");
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void conclude_wrong(const Comparison& c, const GradcheckOptions& options, GradcheckResult& result) {
  const Worst worst = worst_of(c, Finding::wrong);
  set_worst(c, worst, result);
  const Diagnosis diagnosis = options.diagnose ? diagnose(c, worst.input) : Diagnosis{};
  result.verdict = Verdict::fail;
  result.cause = diagnosis.cause;
  result.message = fmt::format("gradcheck: fail: {}: {}", place(c, worst), values(*worst.estimate));
  result.message += fmt::format("\n  wrong elements: {}", extent(c));
  if (std::isfinite(worst.estimate->remainder_order))
    result.message += fmt::format(
        "\n  the Taylor remainder shrinks like h^{:.2f}; with a right gradient like h^3",
        worst.estimate->remainder_order);
  if (!options.diagnose) return;
  result.message +=
      diagnosis.cause == Cause::unknown
          ? "\n  likely cause: " + diagnosis.text
          : fmt::format("\n  likely cause: {}: {}", name(diagnosis.cause), diagnosis.text);
}

void inconclusive(Cause cause, const std::string& text, GradcheckResult& result) {
  result.verdict = Verdict::inconclusive;
  result.cause = cause;
  result.message = "gradcheck: inconclusive: " + text;
}

void conclude_unclear(const Comparison& c, GradcheckResult& result) {
  const Worst worst = worst_of(c, Finding::unclear);
  set_worst(c, worst, result);
  const auto& e = *worst.estimate;
  if (!std::isfinite(e.analytic) || !std::isfinite(e.numeric.value))
    return inconclusive(Cause::not_finite,
                        fmt::format("{}: {}: not finite; check at points where the function is "
                                    "smooth",
                                    place(c, worst), values(e)),
                        result);
  if (e.discrepancy() <= c.inputs[worst.input].negligible)
    return inconclusive(
        Cause::noise,
        fmt::format(
            "{}: {}: the discrepancy is so small beside other terms that it may be rounding",
            place(c, worst), values(e)),
        result);
  if (rounds_to_float32(c))
    return inconclusive(
        Cause::float32_precision,
        fmt::format("{}: {}: the function rounds to float32 somewhere, which hides its slope",
                    place(c, worst), values(e)),
        result);
  inconclusive(Cause::noise,
               fmt::format("{}: {}: the discrepancy does not persist over smaller steps: the "
                           "function is rough, or jumps, at or near this point",
                           place(c, worst), values(e)),
               result);
}

/// Inputs without any evidence of a slope.
bool proves_nothing(const Comparison& c, GradcheckResult& result) {
  bool any = false;  // or too blurred to tell
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const auto& evidence = c.inputs[i];
    const auto where = fmt::format("{} {}", c.probe.names[i], c.probe.x[i].shape().str());
    if (evidence.proves_something()) {
      any = true;
      continue;
    }
    const bool zero = evidence.widest_error() <= std::max(1e-6 * c.size, 1e-300);
    any = any || !zero;
    if (c.probe.order == 2 || (evidence.reached && !zero && !evidence.any(Finding::kink))) continue;
    result.input = c.probe.names[i];
    if (evidence.any(Finding::kink)) {
      inconclusive(Cause::kink,
                   fmt::format("the function has a kink at or near every element of {} that has a "
                               "slope; check at another point",
                               where),
                   result);
    } else if (evidence.analytic.empty()) {
      inconclusive(Cause::no_evidence, where + " is empty, which proves nothing", result);
    } else if (!evidence.reached) {
      inconclusive(Cause::no_evidence,
                   fmt::format("nothing reaches {}: the output does not depend on it", where),
                   result);
    } else {
      inconclusive(Cause::no_evidence,
                   fmt::format("every {} of {} is zero, analytic and numeric, which proves "
                               "nothing; check at other values",
                               c.probe.what, where),
                   result);
    }
    return true;
  }
  if (any) return false;
  inconclusive(
      Cause::no_evidence,
      fmt::format("every {} is zero, analytic and numeric, which proves nothing", c.probe.what),
      result);
  return true;
}

/// Agreement within bars too wide to mean anything.
bool too_blurred(const Comparison& c, const GradcheckOptions& options, GradcheckResult& result) {
  double overall = 0;
  for (const auto& evidence : c.inputs) overall = std::max(overall, evidence.scale);
  Worst widest;
  double width = 0;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const double scale = c.probe.order == 2 ? overall : c.inputs[i].scale;
    for (const auto list : {&Evidence::estimates, &Evidence::directions})
      for (const auto& e : c.inputs[i].*list) {
        if (e.finding != Finding::agrees || scale == 0) continue;
        const double relative = e.numeric.error / scale;
        if (relative > width) {
          width = relative;
          widest = {i, &e};
        }
      }
  }
  result.sharpness = std::max(result.sharpness, width);
  const bool single = width > 1e-8 && rounds_to_float32(c);
  if (!single && width <= options.resolution) return false;
  set_worst(c, widest, result);
  inconclusive(
      single ? Cause::float32_precision : Cause::noise,
      fmt::format("{}: {}: {}", place(c, widest), values(*widest.estimate),
                  single ? "the function rounds to float32 somewhere, which hides wrong gradients"
                         : "they agree, but the error bar is too wide to prove anything: the "
                           "function is ill-conditioned, or rough, here"),
      result);
  return true;
}

void note_kinks(const Comparison& c, GradcheckResult& result) {
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    std::size_t kinks = 0;
    Worst first{i, nullptr};
    for (const auto list : {&Evidence::estimates, &Evidence::directions})
      for (const auto& e : c.inputs[i].*list)
        if (e.finding == Finding::kink && kinks++ == 0) first.estimate = &e;
    if (kinks > 0)
      result.notes.push_back(fmt::format(
          "{}: a kink with slopes {:.6g} and {:.6g}; analytic {:.6g} is a subgradient ({} such)",
          place(c, first), first.estimate->left, first.estimate->right, first.estimate->analytic,
          kinks));
  }
}

}  // namespace

bool conclude(const Comparison& c, const GradcheckOptions& options, GradcheckResult& result) {
  result.exact = result.exact && c.exact;
  for (const auto& evidence : c.inputs)
    for (const auto list : {&Evidence::estimates, &Evidence::directions})
      for (const auto& e : evidence.*list) {
        ++result.comparisons;
        if (e.finding == Finding::kink) continue;
        const double error = e.discrepancy() / e.numeric.error;
        result.worst_error = std::max(result.worst_error, std::isfinite(error) ? error : INFINITY);
      }
  if (c.any(Finding::wrong))
    conclude_wrong(c, options, result);
  else if (c.any(Finding::unclear))
    conclude_unclear(c, result);
  else if (!proves_nothing(c, result) && !too_blurred(c, options, result))
    note_kinks(c, result);
  return result.verdict == Verdict::pass;
}

}  // namespace gradtape::gradient_check

namespace gradtape {

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    default:
      return "inconclusive";
  }
}

const char* name(Cause cause) {
  switch (cause) {
    case Cause::none:
      return "none";
    case Cause::unknown:
      return "unknown";
    case Cause::wrong_sign:
      return "wrong sign";
    case Cause::constant_factor:
      return "constant factor";
    case Cause::transposed:
      return "transposed";
    case Cause::missing_sum:
      return "missing sum";
    case Cause::extra_sum:
      return "sum over too many axes";
    case Cause::overwritten:
      return "overwritten instead of accumulated";
    case Cause::ignores_cotangent:
      return "dropped chain factor";
    case Cause::nonlinear:
      return "not linear in the cotangent";
    case Cause::passes_cotangent:
      return "missing slope";
    case Cause::wrong_input:
      return "gradient of the wrong input";
    case Cause::permuted:
      return "permuted elements";
    case Cause::zero:
      return "zero gradient";
    case Cause::detached:
      return "detached";
    case Cause::unnamed_parameter:
      return "unnamed parameter";
    case Cause::unreachable:
      return "unreachable input";
    case Cause::not_finite:
      return "not finite";
    case Cause::float32_precision:
      return "float32 precision";
    case Cause::random_forward:
      return "random forward pass";
    case Cause::random_backward:
      return "random backward pass";
    case Cause::kink:
      return "kink";
    case Cause::noise:
      return "noise";
    default:
      return "no evidence";
  }
}

std::ostream& operator<<(std::ostream& out, const GradcheckResult& result) {
  if (result.verdict != Verdict::pass) return out << result.message;
  out << fmt::format(
      "gradcheck: pass: {} derivatives compared, {}; a relative error of {:.0e} "
      "would have been seen",
      result.comparisons, result.exact ? "element by element" : "along random directions",
      result.sharpness);
  for (const auto& note : result.notes) out << "\n  note: " << note;
  return out;
}

}  // namespace gradtape

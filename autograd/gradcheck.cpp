#include "gradtape/autograd/gradcheck.hpp"

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>


namespace gradtape {
namespace {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;
using Tensors = std::vector<Tensor>;

/// Thrown inside this file: the check is over, and why.
struct Verdict {
  std::string message;
};
template <class... Args>
[[noreturn]] void stop(fmt::format_string<Args...> text, Args&&... args) {
  throw Verdict{"gradcheck: " + fmt::format(text, std::forward<Args>(args)...)};
}

/// Puts the values of parameters back, whatever happens.
class Restore {
 public:
  explicit Restore(const std::vector<Parameter>& parameters) : parameters_(parameters) {
    for (const auto& p : parameters) values_.push_back(p.tensor().detach());
  }
  ~Restore() {
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].set(values_[i]);
  }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  const std::vector<Parameter>& parameters_;
  Tensors values_;
};

std::string place(std::int64_t flat, const Shape& shape) {
  std::string text;
  for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
    text = fmt::format("{}{}{}", flat % shape[axis], text.empty() ? "" : ", ", text);
    flat /= shape[axis];
  }
  return fmt::format("[{}]", text);
}

double value_of(const Tensor& x) {
  return x.item<double>();
}

Tensor like(const Tensor& x, std::uint64_t stream) {
  Generator generator = Generator(20231).split(stream);
  return randn(x.shape(), float64, generator);
}

/// A scalar function of several tensors, its gradient by the tape, and names to report.
struct Scalar {
  std::function<double(const Tensors&)> value;
  std::function<Tensors(const Tensors&)> gradient;
  std::vector<std::string> names;
};

/// A derivative by differences, and an estimate of its error.
struct Difference {
  double value = NAN, error = INFINITY;
};

/// A scalar function along one element of one of its tensors.
class Line {
 public:
  Line(const Scalar& f, const Tensors& x, std::size_t which, std::int64_t element)
      : f_(f),
        x_(x),
        which_(which),
        element_(static_cast<std::size_t>(element)),
        at_(x[which].data<double>()[element_]) {}

  /// The slope between two points, in units of 1 or of the element where that is larger.
  double slope(double from, double to) const {
    const double unit = std::max(1.0, std::abs(at_)), low = at_ + from * unit,
                 high = at_ + to * unit;
    return (value(high) - value(low)) / (high - low);
  }

  /// The derivative by central differences with steps h and h/2, extrapolated to h = 0
  /// (Richardson), for the h among some whose two estimates agree best.
  Difference derivative(double good_enough) const {
    Difference best;
    for (double h : {1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-2}) {
      const double coarse = slope(-h, h), fine = slope(-h / 2, h / 2);
      const double error = std::abs(coarse - fine) / 3;
      if (error < best.error) best = {(4 * fine - coarse) / 3, error};
      if (best.error <= good_enough * std::max(1.0, std::abs(best.value))) break;
    }
    return best;
  }

  /// Whether the slopes to both sides differ however near one looks.
  bool has_kink() const {
    const double left = slope(-1e-7, 0), right = slope(0, 1e-7);
    return std::abs(left - right) > 1e-3 * std::max(std::abs(left), std::abs(right));
  }

 private:
  double value(double to) const {
    const auto original = x_[which_].data<double>();
    std::vector<double> elements(original.begin(), original.end());
    elements[element_] = to;
    Tensors moved = x_;
    moved[which_] = tensor(elements, x_[which_].shape());
    return f_.value(moved);
  }

  const Scalar& f_;
  const Tensors& x_;
  std::size_t which_, element_;
  double at_;
};

/// Compares gradient and differences of `f` at `x` element by element; `required` inputs must have
/// a gradient that is not zero everywhere.
void compare(const Scalar& f, const Tensors& x, std::size_t required, const char* what, double rtol,
             double atol, GradcheckResult& result) {
  const Tensors analytic = f.gradient(x);
  bool any = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    bool seen = false;
    const std::string& name = f.names[i];
    for (std::int64_t k = 0; k < x[i].numel(); ++k) {
      const Line line(f, x, i, k);
      const auto numeric = line.derivative(0.01 * rtol);
      const double tape =
          analytic[i].defined() ? analytic[i].data<double>()[static_cast<std::size_t>(k)] : 0;
      const std::string element = fmt::format("{} of {} {} at element {}", what, name,
                                              x[i].shape().str(), place(k, x[i].shape()));
      if (!std::isfinite(tape) || !std::isfinite(numeric.value))
        stop(
            "{}: analytic {:.9g}, numeric {:.9g}: not finite; check at points where the function "
            "is smooth",
            element, tape, numeric.value);
      if (!analytic[i].defined() && numeric.value != 0)
        stop(
            "{}: analytic 0, numeric {:.9g}: the tape does not reach {}; is it detached, or read "
            "under NoGrad?",
            element, numeric.value, name);
      const double error = std::abs(tape - numeric.value) /
                           (atol + rtol * std::max(std::abs(tape), std::abs(numeric.value)));
      result.worst_error = std::max(result.worst_error, error);
      ++result.comparisons;
      if (error > 1)
        stop("{}: analytic {:.9g}, numeric {:.9g} (+- {:.1g}){}", element, tape, numeric.value,
             numeric.error,
             line.has_kink() ? "; the function has a kink at or near this point, check at another"
                             : "");
      seen = seen || tape != 0 || numeric.value != 0;
    }
    any = any || seen;
    if (i >= required || seen) continue;
    if (x[i].numel() == 0) stop("{} {} is empty, which proves nothing", name, x[i].shape().str());
    if (!analytic[i].defined())
      stop("nothing reaches {} {}: the output does not depend on it", name, x[i].shape().str());
    stop(
        "every {} of {} {} is zero, analytic and numeric, which proves nothing; check at other "
        "values",
        what, name, x[i].shape().str());
  }
  if (!any) stop("every {} is zero, analytic and numeric, which proves nothing", what);
}

/// The inputs that vary: floating inputs first, then parameters.
class Problem {
 public:
  Problem(const Function& f, const Tensors& inputs, const GradcheckOptions& options) : f_(f) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& x = inputs[i];
      const std::string name =
          i < options.names.size() ? options.names[i] : fmt::format("input {}", i);
      inputs_.push_back(x.is_weak() ? x.detach().to(x.dtype()) : x.detach());
      if (!is_floating(x.dtype())) continue;
      if (x.dtype() == float32) {
        if (!options.convert_float32)
          stop(
              "{} is float32, whose rounding hides wrong gradients; pass float64, or "
              "{{.convert_float32 = true}}",
              name);
        inputs_.back() = inputs_.back().to(float64);
      }
      varied_.push_back(i);
      values.push_back(inputs_.back());
      names.push_back(name);
    }
    for (const auto& p : options.parameters) {
      if (p.is_frozen() ||
          std::find(parameters_.begin(), parameters_.end(), p) != parameters_.end())
        continue;
      if (p.dtype() != float64)
        stop(
            "parameter '{}' is float32, whose rounding hides wrong gradients; convert the model "
            "with to(float64)",
            p.name());
      parameters_.push_back(p);
      values.push_back(p.tensor().detach());
      names.push_back(fmt::format("parameter '{}'", p.name()));
    }
    if (values.empty()) stop("there is no floating input or parameter to check");
  }

  /// f at the given values of what varies, tracked, and the leaves; a parameter's leaf is its own.
  Tensor operator()(const Tensors& x, Tensors& leaves) const {
    leaves.clear();
    Tensors arguments = inputs_;
    for (std::size_t i = 0; i < varied_.size(); ++i) {
      leaves.push_back(x[i].requires_grad(names[i]));
      arguments[varied_[i]] = leaves.back();
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      parameters_[i].set(x[varied_.size() + i]);
      leaves.push_back(parameters_[i].tensor());
    }
    return f_(arguments);
  }

  Tensors values;
  std::vector<std::string> names;
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  const Function& f_;
  Tensors inputs_;
  std::vector<std::size_t> varied_;
  std::vector<Parameter> parameters_;
};

/// Refuses outputs that no derivative can be taken of. f always runs on tracked values, for it may
/// itself ask for a gradient.
void check_forward(const Problem& f) {
  Tensors leaves;
  const Tensor once = f(f.values, leaves).detach(), again = f(f.values, leaves).detach();
  if (!is_floating(once.dtype()))
    stop("the output is {}, which has no gradient", name(once.dtype()));
  if (once.dtype() == float32)
    stop(
        "the output is float32 although the inputs are float64; its rounding hides wrong "
        "gradients");
  if (once.numel() == 0) stop("the output {} is empty, which proves nothing", once.shape().str());
  if (once.shape() != again.shape() ||
      !array_equal(where(once == once, once, 0.0), where(again == again, again, 0.0)))
    stop(
        "two calls with the same inputs gave different outputs; fix the random numbers (a "
        "Generator of its own, eval())");
  const auto elements = once.data<double>();
  if (std::any_of(elements.begin(), elements.end(), [](double y) { return !std::isfinite(y); }))
    stop(
        "the output has elements that are not finite; check at points where the function is "
        "smooth");
}

void check_all(const Problem& f, const GradcheckOptions& options, GradcheckResult& result) {
  check_forward(f);
  Tensors leaves;
  const Tensor output = f(f.values, leaves);
  if (!output.is_tracked())
    stop(
        "the output is not tracked: no input reaches it on the tape (detached, or computed under "
        "NoGrad?)");
  const Tensor w = like(output, 0);

  const auto first_gradient = [&](const Tensors& x, const Tensor& weights, bool record_it,
                                  Tensors& at) {
    const Tensor y = f(x, at);
    if (!y.is_tracked()) return Tensors(at.size());
    return grad(y, at, {.create_graph = record_it, .allow_unused = true, .seed = weights});
  };
  const Scalar first{[&](const Tensors& x) {
                       Tensors at;
                       return value_of(sum(w * f(x, at)));
                     },
                     [&](const Tensors& x) {
                       Tensors at;
                       return first_gradient(x, w, false, at);
                     },
                     f.names};
  compare(first, f.values, f.values.size(), "gradient", options.rtol, options.atol, result);
  if (options.order < 2) return;

  // Second order: the gradient of <v, gradient of <w, f>>, with respect to what varies and to w, in
  // which the gradient must be linear.
  Tensors v;
  for (std::size_t i = 0; i < f.values.size(); ++i) v.push_back(like(f.values[i], i + 1));
  Tensors x = f.values;
  x.push_back(w);
  auto names = f.names;
  names.push_back("the cotangent");
  const auto without_w = [](const Tensors& all) { return Tensors(all.begin(), all.end() - 1); };
  const Scalar second{[&](const Tensors& all) {
                        Tensors at;
                        const auto g = first_gradient(without_w(all), all.back(), false, at);
                        double total = 0;
                        for (std::size_t i = 0; i < g.size(); ++i)
                          if (g[i].defined()) total += value_of(sum(v[i] * g[i]));
                        return total;
                      },
                      [&](const Tensors& all) {
                        Tensors at;
                        const Tensor weights = all.back().requires_grad("cotangent");
                        const auto g = first_gradient(without_w(all), weights, true, at);
                        Tensor total(0.0);
                        for (std::size_t i = 0; i < g.size(); ++i)
                          if (g[i].defined()) total = total + sum(v[i] * g[i]);
                        at.push_back(weights);
                        if (!total.is_tracked())
                          stop(
                              "the gradient is not tracked, so it has no gradient itself: a vjp "
                              "detaches, or reads raw elements; write it in public ops");
                        return grad(total, at, {.allow_unused = true});
                      },
                      std::move(names)};
  compare(second, x, 0, "second derivative", options.rtol * options.second_order_slack,
          options.atol * options.second_order_slack, result);
}

}  // namespace

GradcheckResult gradcheck(const Function& f, const Tensors& inputs,
                          const GradcheckOptions& options) {
  GradcheckResult result;
  try {
    if (options.order != 1 && options.order != 2)
      stop("order must be 1 or 2, got {}", options.order);
    const Problem problem(f, inputs, options);
    const Restore restore(problem.parameters());
    check_all(problem, options, result);
    result.passed = true;
  } catch (const Verdict& verdict) {
    result.message = verdict.message;
  }
  return result;
}

}  // namespace gradtape

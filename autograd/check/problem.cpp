#include "gradtape/autograd/check/problem.hpp"

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/tape.hpp"

#include <algorithm>
#include <cmath>

namespace gradtape::gradient_check {

Vector elements(const Tensor& x) {
  const auto all = x.data<double>();
  return {all.begin(), all.end()};
}

Tensor random_like(const Tensor& x, std::uint64_t stream) {
  Generator generator = Generator(20231).split(stream);
  return randn(x.shape(), float64, generator);
}

Tensor with_elements(const Vector& elements, const Tensor& x) {
  return tensor(elements, x.shape());
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != 0 && b[i] != 0) sum += a[i] * b[i];
  return sum;
}

Problem::Problem(const Function& f, const Tensors& inputs, const GradcheckOptions& options)
    : f_(f) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = inputs[i];
    const std::string name =
        i < options.names.size() ? options.names[i] : fmt::format("input {}", i);
    inputs_.push_back(x.detach().to(x.dtype()));
    if (!is_floating(x.dtype())) continue;
    if (x.dtype() == float32) {
      if (!options.convert_float32)
        stop(Cause::float32_precision,
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
    if (p.is_frozen() || std::find(parameters_.begin(), parameters_.end(), p) != parameters_.end())
      continue;
    if (p.dtype() != float64)
      stop(Cause::float32_precision,
           "parameter '{}' is float32, whose rounding hides wrong gradients; convert the model "
           "with to(float64)",
           p.name());
    parameters_.push_back(p);
    values.push_back(p.tensor().detach());
    names.push_back(fmt::format("parameter '{}'", p.name()));
  }
  if (values.empty()) stop(Cause::no_evidence, "there is no floating input or parameter to check");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto x = values[i].data<double>();
    if (std::any_of(x.begin(), x.end(), [](double v) { return !std::isfinite(v); }))
      stop(Cause::not_finite, "{} has elements that are not finite", names[i]);
  }
}

Problem::~Problem() {
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    parameters_[i].set(values[varied_.size() + i]);
}

Tensor Problem::operator()(const Tensors& x, Tensors& leaves) const {
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

std::string Problem::unchecked_leaves() const {
  Tensors leaves;
  const Tensor y = (*this)(values, leaves);
  if (!y.is_tracked()) return {};
  const Tape tape(y);
  std::vector<bool> checked(tape.size() + 1);
  for (const auto& leaf : leaves) checked[tape.position(leaf)] = true;
  std::string unchecked;
  for (std::size_t i = 0; i < tape.size(); ++i)
    if (tape.is_leaf(i) && !checked[i])
      unchecked += fmt::format("{}'{}' {}", unchecked.empty() ? "" : ", ", tape.leaf_name(i),
                               tape.shape(i).str());
  return unchecked;
}

namespace {

bool identical(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// The output at the point of the check. f always runs on tracked values, for it may itself ask
/// for a gradient.
Tensor checked_output(const Problem& f) {
  Tensors leaves;
  const Tensor y = f(f.values, leaves), again = f(f.values, leaves);
  if (!is_floating(y.dtype()))
    stop(Cause::no_evidence, "the output is {}, which has no gradient", name(y.dtype()));
  if (y.dtype() == float32)
    stop(Cause::float32_precision,
         "the output is float32 although the inputs are float64; its rounding hides wrong "
         "gradients");
  if (y.numel() == 0)
    stop(Cause::no_evidence, "the output {} is empty, which proves nothing", y.shape().str());
  const auto once = y.data<double>(), twice = again.data<double>();
  if (y.shape() != again.shape() ||
      !std::equal(once.begin(), once.end(), twice.begin(), twice.end(), identical))
    stop(Cause::random_forward,
         "two calls with the same inputs gave different outputs; fix the random numbers (a "
         "Generator of its own, eval())");
  if (std::any_of(once.begin(), once.end(), [](double v) { return !std::isfinite(v); }))
    stop(Cause::not_finite,
         "the output has elements that are not finite; check at points where the function is "
         "smooth");
  if (!y.is_tracked())
    throw Stop{Verdict::fail, Cause::unreachable,
               "the output is not tracked: no input reaches it on the tape (detached, or computed "
               "under NoGrad?)"};
  return y;
}

/// The gradient of <seed, f> at x, and the leaves it was taken at.
Tensors gradient(const Problem& f, const Tensors& x, const Tensor& seed, bool create_graph,
                 Tensors& at) {
  const Tensor y = f(x, at);
  if (!y.is_tracked()) return Tensors(at.size());
  return grad(y, at, {.create_graph = create_graph, .allow_unused = true, .seed = seed});
}

}  // namespace

Probe first_order(const Problem& f) {
  const Tensor y = checked_output(f).detach();
  return {.what = "gradient",
          .order = 1,
          .x = f.values,
          .names = f.names,
          .value =
              [&f](const Tensors& x) {
                Tensors at;
                return elements(f(x, at));
              },
          .gradient =
              [&f, y](const Tensors& x, const Vector& weights) {
                Tensors at;
                return gradient(f, x, with_elements(weights, y), false, at);
              },
          .weights = elements(random_like(y, 0)),
          .output = y.shape()};
}

Probe second_order(const Problem& f) {
  Tensors leaves, x = f.values;
  const Tensor w = random_like(f(f.values, leaves).detach(), 0);
  x.push_back(w);
  auto names = f.names;
  names.push_back("the cotangent");

  Vector v;
  for (std::size_t i = 0; i < f.values.size(); ++i) {
    const Vector part = elements(random_like(f.values[i], i + 1));
    v.insert(v.end(), part.begin(), part.end());
  }
  const auto without_w = [](const Tensors& all) { return Tensors(all.begin(), all.end() - 1); };
  const auto value = [&f, without_w](const Tensors& all) {
    Tensors at;
    const auto g = gradient(f, without_w(all), all.back(), false, at);
    Vector y;
    for (std::size_t i = 0; i < g.size(); ++i) {
      const Vector part =
          g[i].defined() ? elements(g[i]) : Vector(static_cast<std::size_t>(all[i].numel()));
      y.insert(y.end(), part.begin(), part.end());
    }
    return y;
  };
  const auto second_gradient = [&f, without_w](const Tensors& all, const Vector& weights) {
    Tensors at;
    const Tensor seed = all.back().requires_grad("cotangent");
    const auto g = gradient(f, without_w(all), seed, true, at);
    Tensor total(0.0);
    auto next = weights.begin();
    for (std::size_t i = 0; i < g.size(); ++i) {
      const auto end = next + static_cast<std::ptrdiff_t>(all[i].numel());
      if (g[i].defined()) total = total + sum(with_elements({next, end}, all[i]) * g[i]);
      next = end;
    }
    at.push_back(seed);
    if (!total.is_tracked())
      throw Stop{Verdict::fail, Cause::detached,
                 "the gradient is not tracked, so it has no gradient itself: a vjp detaches, or "
                 "reads raw elements; write it in public ops"};
    return grad(total, at, {.allow_unused = true});
  };
  return {.what = "second derivative",
          .order = 2,
          .x = std::move(x),
          .names = std::move(names),
          .value = value,
          .gradient = second_gradient,
          .weights = std::move(v),
          .output = {}};
}

}  // namespace gradtape::gradient_check

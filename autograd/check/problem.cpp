#include "gradtape/autograd/check/problem.hpp"

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/leaves.hpp"
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

Problem::Problem(const Function& f, const Tensors& inputs, const GradcheckOptions& options,
                 std::optional<std::size_t> only)
    : f_(f), given_(inputs), only_(only) {
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

Tensors Problem::operator()(const Tensors& x, Tensors& leaves) const {
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
  const Tensors all = f_(arguments);
  Tensors y;
  outputs.clear();
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (!all[k].defined()) stop(Cause::no_evidence, "output {} is undefined", k);
    if (only_ ? k != *only_ : all.size() > 1 && !is_floating(all[k].dtype())) continue;
    y.push_back(all[k]);
    outputs.push_back(k);
  }
  if (y.empty()) stop(Cause::no_evidence, "none of the {} outputs has a gradient", all.size());
  return y;
}

std::string Problem::output_name(std::size_t k) const {
  return outputs.size() > 1 ? fmt::format("output {}", outputs[k]) : "the output";
}

std::string Problem::captured_input() const {
  Tensors leaves;
  const Tape tape((*this)(values, leaves));
  for (std::size_t i = 0; i < varied_.size(); ++i) {
    const Tensor& given = given_[varied_[i]];
    if (tape.position(given) == tape.size()) continue;
    const bool alone = tape.position(leaves[i]) == tape.size();
    return fmt::format(
        "f {}: it uses {} {} as the variable that was outside, which the check does not move; "
        "compute with what f is called with",
        alone ? "does not use its argument" : "uses more than its argument", names[i],
        given.shape().str());
  }
  return {};
}

std::vector<std::string> Problem::unchecked_leaves() const {
  Tensors known;
  const Tensors y = (*this)(values, known);
  return other_leaves(y, known);
}

namespace {

bool identical(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check_output(const std::string& name, const Tensor& y, const Tensor& again) {
  if (!is_floating(y.dtype()))
    stop(Cause::no_evidence, "{} is {}, which has no gradient", name, gradtape::name(y.dtype()));
  if (y.dtype() == float32)
    stop(Cause::float32_precision,
         "{} is float32 although the inputs are float64; its rounding hides wrong gradients", name);
  if (y.numel() == 0)
    stop(Cause::no_evidence, "{} {} is empty, which proves nothing", name, y.shape().str());
  const auto once = y.data<double>(), twice = again.data<double>();
  if (y.shape() != again.shape() ||
      !std::equal(once.begin(), once.end(), twice.begin(), twice.end(), identical))
    stop(Cause::random_forward,
         "two calls with the same inputs gave different outputs; fix the random numbers (a "
         "Generator of its own, eval())");
  if (std::any_of(once.begin(), once.end(), [](double v) { return !std::isfinite(v); }))
    stop(Cause::not_finite,
         "{} has elements that are not finite; check at points where the function is smooth", name);
}

/// The outputs at the point of the check. f always runs on tracked values, for it may itself ask
/// for a gradient.
Tensors checked_outputs(const Problem& f) {
  Tensors leaves, y = f(f.values, leaves);
  const Tensors again = f(f.values, leaves);
  if (y.size() != again.size())
    stop(Cause::random_forward, "two calls with the same inputs gave {} and {} outputs", y.size(),
         again.size());
  bool tracked = false;
  for (std::size_t k = 0; k < y.size(); ++k) {
    check_output(f.output_name(k), y[k], again[k]);
    tracked = tracked || y[k].is_tracked();
    y[k] = y[k].detach();
  }
  if (!tracked)
    throw Stop{Verdict::fail, Cause::unreachable,
               "the output is not tracked: no input reaches it on the tape (detached, or computed "
               "under NoGrad?)"};
  return y;
}

/// The random weights of output k.
Tensor weights_like(const Tensor& y, std::size_t k) {
  return random_like(y, k == 0 ? 0 : 1000 + k);
}

Vector joined(const Tensors& parts) {
  Vector all;
  for (const auto& part : parts) {
    const Vector next = elements(part);
    all.insert(all.end(), next.begin(), next.end());
  }
  return all;
}

/// The elements, split into tensors of the shapes of `like`.
Tensors split(const Vector& all, const Tensors& like) {
  Tensors parts;
  auto next = all.begin();
  for (const auto& shape : like) {
    const auto end = next + static_cast<std::ptrdiff_t>(shape.numel());
    parts.push_back(with_elements({next, end}, shape));
    next = end;
  }
  return parts;
}

/// The gradient of <seeds, f> at x, and the leaves it was taken at.
Tensors gradient(const Problem& f, const Tensors& x, const Tensors& seeds, bool create_graph,
                 Tensors& at) {
  Tensors tracked, their_seeds;
  const Tensors y = f(x, at);
  for (std::size_t k = 0; k < y.size(); ++k) {
    if (!y[k].is_tracked()) continue;
    tracked.push_back(y[k]);
    their_seeds.push_back(seeds[k]);
  }
  if (tracked.empty()) return Tensors(at.size());
  return grad(tracked, their_seeds, at, {.create_graph = create_graph, .allow_unused = true});
}

}  // namespace

Probe first_order(const Problem& f) {
  const Tensors y = checked_outputs(f);
  Tensors weights;
  for (std::size_t k = 0; k < y.size(); ++k) weights.push_back(weights_like(y[k], k));
  return {.what = "gradient",
          .order = 1,
          .x = f.values,
          .names = f.names,
          .value =
              [&f](const Tensors& x) {
                Tensors at;
                return joined(f(x, at));
              },
          .gradient =
              [&f, y](const Tensors& x, const Vector& w) {
                Tensors at;
                return gradient(f, x, split(w, y), false, at);
              },
          .weights = joined(weights),
          .output = y.size() == 1 ? y[0].shape() : Shape{},
          .varied = f.values.size()};
}

Probe second_order(const Problem& f) {
  const auto varied = f.values.size();
  Tensors leaves, x = f.values, v;
  const Tensors y = f(f.values, leaves);
  auto names = f.names;
  for (std::size_t k = 0; k < y.size(); ++k) {
    x.push_back(weights_like(y[k].detach(), k));
    names.push_back(y.size() == 1 ? "the cotangent" : "the cotangent of " + f.output_name(k));
  }
  for (std::size_t i = 0; i < varied; ++i) v.push_back(random_like(f.values[i], i + 1));
  const auto first = [varied](const Tensors& all) {
    return Tensors(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(varied));
  };
  const auto rest = [varied](const Tensors& all) {
    return Tensors(all.begin() + static_cast<std::ptrdiff_t>(varied), all.end());
  };
  const auto value = [&f, first, rest](const Tensors& all) {
    Tensors at;
    auto g = gradient(f, first(all), rest(all), false, at);
    for (std::size_t i = 0; i < g.size(); ++i)
      if (!g[i].defined()) g[i] = zeros_like(all[i]);
    return joined(g);
  };
  const auto second_gradient = [&f, first, rest](const Tensors& all, const Vector& weights) {
    Tensors at, seeds;
    for (const auto& w : rest(all)) seeds.push_back(w.requires_grad("cotangent"));
    const auto g = gradient(f, first(all), seeds, true, at);
    const auto parts = split(weights, first(all));
    Tensor total(0.0);
    for (std::size_t i = 0; i < g.size(); ++i)
      if (g[i].defined()) total = total + sum(parts[i] * g[i]);
    at.insert(at.end(), seeds.begin(), seeds.end());
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
          .weights = joined(v),
          .output = {},
          .varied = varied};
}

}  // namespace gradtape::gradient_check

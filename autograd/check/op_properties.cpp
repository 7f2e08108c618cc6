#include "gradtape/autograd/check/op_properties.hpp"

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/gradcheck.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/tape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace gradtape::op_properties {
namespace {

/// One call of f on tracked inputs.
struct Call {
  Call(const Function& f, const Tensors& x) {
    for (const auto& input : x) {
      arguments.push_back(is_floating(input.dtype()) ? input.requires_grad() : input);
      if (is_floating(input.dtype())) leaves.push_back(arguments.back());
    }
    y = f(arguments);
  }
  Tensors gradients(const Tensor& seed, bool create_graph) const {
    return grad(
        y, leaves,
        {.create_graph = create_graph, .retain_graph = true, .allow_unused = true, .seed = seed});
  }

  Tensors arguments, leaves;
  Tensor y;
};

Tensors to(const Tensors& x, Dtype dtype) {
  Tensors y;
  for (const auto& t : x) y.push_back(is_floating(t.dtype()) ? t.detach().to(dtype) : t);
  return y;
}

/// A fixed cotangent of any shape.
Tensor cotangent(const Tensor& y) {
  Generator generator(11);
  return (rand(y.shape(), float64, generator) + 0.5).to(y.dtype());
}

/// |a - b| is small against the largest element of b.
bool close(const Tensor& a, const Tensor& b, double tolerance) {
  if (a.defined() != b.defined()) return false;
  if (!a.defined()) return true;
  const double scale = b.numel() ? std::max(1.0, amax(abs(b)).item<double>()) : 1;
  return a.shape() == b.shape() && allclose(a, b, 0, tolerance * scale);
}

bool is_zero(const Tensor& x) { return !x.defined() || array_equal(x, zeros_like(x)); }

bool any_empty(const Tensors& x) {
  return std::any_of(x.begin(), x.end(), [](const Tensor& t) { return t.numel() == 0; });
}

Outcome wrong(std::string problem) { return {true, std::move(problem)}; }
const Outcome kept, not_applicable{false, {}};

Tensor wide(const Tensor& x) { return x.defined() ? x.to(float64) : x; }

std::string bytes(const Tensor& x) {
  const std::size_t size = x.dtype() == float32 ? 4 : x.dtype() == bool_ ? 1 : 8;
  return {static_cast<const char*>(x.raw()), static_cast<std::size_t>(x.numel()) * size};
}

std::string bytes(const Tensors& x) {
  std::string all;
  for (const auto& t : x) all += bytes(t);
  return all;
}

}  // namespace

Outcome gradient_is_right(const Function& f, const Tensors& x, int order) {
  const auto check = gradcheck(f, x, {.order = order});
  return check ? kept : wrong(check.message);
}

Outcome float32_agrees(const Function& f, const Tensors& x, double value_tolerance,
                       double gradient_tolerance) {
  const Tensors narrow = to(x, float32);
  const Call single(f, narrow), exact(f, to(narrow, float64));
  if (single.y.dtype() != float32)
    return wrong(fmt::format("the output for float32 inputs is {}", name(single.y.dtype())));
  if (!close(single.y.to(float64), exact.y, value_tolerance))
    return wrong(fmt::format("the output is {} in float32 and {} in float64", single.y.str(12),
                             exact.y.str(12)));
  const Tensor seed = cotangent(single.y);
  const auto g = single.gradients(seed, false), h = exact.gradients(seed.to(float64), false);
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (g[i].defined() && g[i].dtype() != float32)
      return wrong(fmt::format("gradient {} is {} for float32 inputs", i, name(g[i].dtype())));
    if (!close(wide(g[i]), h[i], gradient_tolerance))
      return wrong(fmt::format("gradient {} is {} in float32 and {} in float64", i,
                               g[i].defined() ? g[i].str(12) : "undefined",
                               h[i].defined() ? h[i].str(12) : "undefined"));
  }
  return kept;
}

Outcome dtypes_do_not_mix(const Function& f, const Tensors& x, const std::string& op) {
  const auto is_real = [](const Tensor& t) { return is_floating(t.dtype()); };
  if (std::count_if(x.begin(), x.end(), is_real) < 2) return not_applicable;
  Tensors mixed = to(x, float64);
  auto& first = *std::find_if(mixed.begin(), mixed.end(), is_real);
  first = first.to(float32);
  try {
    f(mixed);
  } catch (const DtypeError& error) {
    const std::string message = error.what();
    if (message.find("float32") == std::string::npos ||
        message.find("float64") == std::string::npos)
      return wrong("the error for mixed dtypes does not name both: " + message);
    if (!message.starts_with(op))
      return wrong(
          fmt::format("the error for mixed dtypes does not begin with '{}': {}", op, message));
    return kept;
  }
  return wrong("float32 and float64 together throw no DtypeError");
}

Outcome inputs_are_untouched(const Function& f, const Tensors& x) {
  const auto before = bytes(x);
  const Call call(f, x);
  const Tensor seed = cotangent(call.y);
  const auto value = bytes({call.y, seed});
  call.gradients(seed, true);
  call.gradients(seed, false);
  if (bytes(x) != before) return wrong("an input changed during the passes");
  if (bytes({call.y, seed}) != value)
    return wrong("a backward pass wrote into output or cotangent");
  return kept;
}

Outcome fast_pass_equals_recorded(const Function& f, const Tensors& x) {
  for (auto dtype : {float32, float64}) {
    const Call call(f, to(x, dtype));
    const Tensor seed = cotangent(call.y);
    const auto fast = call.gradients(seed, false), recorded = call.gradients(seed, true);
    for (std::size_t i = 0; i < fast.size(); ++i) {
      if (!close(fast[i], recorded[i], dtype == float32 ? 3e-6 : 1e-13))
        return wrong(fmt::format("gradient {} in {} is {}, but {} when the pass is recorded", i,
                                 name(dtype), fast[i].defined() ? fast[i].str(12) : "undefined",
                                 recorded[i].defined() ? recorded[i].str(12) : "undefined"));
      if (fast[i].defined() && fast[i].is_tracked())
        return wrong(fmt::format("gradient {} is tracked although nothing was recorded", i));
    }
  }
  return kept;
}

Outcome zero_cotangent_gives_zero(const Function& f, const Tensors& x) {
  const Call call(f, x);
  for (bool create_graph : {false, true}) {
    const auto g = call.gradients(zeros_like(call.y), create_graph);
    for (std::size_t i = 0; i < g.size(); ++i)
      if (!is_zero(g[i]))
        return wrong(fmt::format("a zero cotangent gives gradient {} = {}{}", i, g[i].str(12),
                                 create_graph ? " when the pass is recorded" : ""));
  }
  return kept;
}

Outcome nodes_are_visited_once(const Function& f, const Tensors& x) {
  const Call call(f, x);
  const auto nodes = Tape(call.y).size();
  call.y.backward(cotangent(call.y));
  const auto visits = last_pass().nodes_visited;
  return visits == nodes ? kept
                         : wrong(fmt::format("a backward pass visits {} nodes of a graph of {}",
                                             visits, nodes));
}

Outcome empty_tensors_work(const Function& f, const Tensors& x) {
  const Call call(f, x);
  if (!any_empty(x) && !any_empty({call.y})) return not_applicable;
  const auto g = call.gradients(cotangent(call.y), true);
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (!g[i].defined()) continue;
    if (g[i].shape() != call.leaves[i].shape())
      return wrong(fmt::format("the gradient of input {} {} has shape {}", i,
                               call.leaves[i].shape().str(), g[i].shape().str()));
    if (call.y.numel() == 0 && !is_zero(g[i]))
      return wrong(fmt::format("an empty output gives input {} the gradient {}", i, g[i].str(12)));
  }
  return kept;
}

}  // namespace gradtape::op_properties

#include "gradtape/autograd/check/op_properties.hpp"

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/gradcheck.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace gradtape::op_properties {
namespace {

using Choice = std::vector<bool>;

/// The inputs that can be tracked.
Choice differentiable(const Tensors& x) {
  Choice chosen;
  for (const auto& input : x) chosen.push_back(is_floating(input.dtype()));
  return chosen;
}

/// One call of f on inputs of which those that are chosen are tracked.
struct Call {
  Call(const Function& f, const Tensors& x) : Call(f, x, differentiable(x)) {}
  Call(const Function& f, const Tensors& x, const Choice& tracked) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      arguments.push_back(tracked[i] ? x[i].requires_grad() : x[i]);
      if (tracked[i]) leaves.push_back(arguments.back());
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

/// |a - b| is small against the largest finite element of b.
bool close(const Tensor& a, const Tensor& b, double tolerance, bool equal_nan = false) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  if (a.shape() != b.shape()) return false;
  const Tensor size = where(isfinite(b), abs(b), 0.0);
  const double scale = b.numel() ? std::max(1.0, amax(size).item<double>()) : 1;
  return all(isclose(a, b, 0, tolerance * scale, equal_nan)).item<bool>();
}

bool is_zero(const Tensor& x) { return !x.defined() || array_equal(x, zeros_like(x)); }

bool any_empty(const Tensors& x) {
  return std::any_of(x.begin(), x.end(), [](const Tensor& t) { return t.numel() == 0; });
}

Outcome wrong(std::string problem) { return {true, std::move(problem)}; }
const Outcome kept, not_applicable{false, {}};

Tensor wide(const Tensor& x) { return x.defined() ? x.to(float64) : x; }

std::string bytes(const Tensor& x) {
  return {static_cast<const char*>(x.raw()),
          static_cast<std::size_t>(x.numel()) * size_of(x.dtype())};
}

std::string bytes(const Tensors& x) {
  std::string all;
  for (const auto& t : x) all += bytes(t);
  return all;
}

/// Equal to the bit, or both undefined.
bool identical(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.shape() == b.shape() && a.dtype() == b.dtype() && bytes(a) == bytes(b);
}

std::string shown(const Tensor& x) { return x.defined() ? x.str({.threshold = 12}) : "undefined"; }

/// inputs_may_be_one_tensor for inputs i and j.
Outcome one_tensor_is_two_equal_ones(const Function& f, Tensors x, std::size_t i, std::size_t j) {
  x[j] = x[i] * 1.0;
  std::optional<Call> two;
  try {
    two.emplace(f, x);
  } catch (const Error&) {
    return not_applicable;  // equal inputs are beyond it
  }
  const Tensor one = x[i].requires_grad();
  x[i] = x[j] = one;
  const Tensor y = f(x), seed = cotangent(y);
  if (!close(y, two->y, 1e-13, true))
    return wrong(fmt::format(
        "the output is {} for one tensor as inputs {} and {}, and {} for two equal ones", shown(y),
        i, j, shown(two->y)));
  const GradOptions options{.allow_unused = true, .seed = seed};
  const auto apart = grad(two->y, {two->arguments[i], two->arguments[j]}, options);
  const Tensor found = grad(y, {one}, options)[0];
  const Tensor sum = !apart[0].defined()   ? apart[1]
                     : !apart[1].defined() ? apart[0]
                                           : apart[0] + apart[1];
  if (!close(found, sum, 1e-13, true))
    return wrong(fmt::format(
        "the gradient of one tensor as inputs {} and {} is {}, the sum for two equal ones {}", i, j,
        shown(found), shown(sum)));
  return kept;
}

/// Whether transpose() leaves its elements where they are.
bool can_be_lazy(const Tensor& x) {
  return is_floating(x.dtype()) && x.ndim() > 1 && x.size(-1) > 1 && x.size(-2) > 1 &&
         x.numel() > 0;
}

/// x as transpose() gives it while nobody has asked for the elements, where it can.
Tensor lazily_transposed(const Tensor& x) {
  return can_be_lazy(x) ? transpose(transpose(x.detach()) * 1.0) : x;
}

}  // namespace

Tensor cotangent(const Tensor& y) {
  Generator generator(11);
  return (rand(y.shape(), float64, generator) + 0.5).to(y.dtype());
}

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
    return wrong(fmt::format("the output is {} in float32 and {} in float64",
                             single.y.str({.threshold = 12}), exact.y.str({.threshold = 12})));
  const Tensor seed = cotangent(single.y);
  const auto g = single.gradients(seed, false), h = exact.gradients(seed.to(float64), false);
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (g[i].defined() && g[i].dtype() != float32)
      return wrong(fmt::format("gradient {} is {} for float32 inputs", i, name(g[i].dtype())));
    if (!close(wide(g[i]), h[i], gradient_tolerance))
      return wrong(fmt::format("gradient {} is {} in float32 and {} in float64", i, shown(g[i]),
                               shown(h[i])));
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
                                 name(dtype), shown(fast[i]), shown(recorded[i])));
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
        return wrong(fmt::format("a zero cotangent gives gradient {} = {}{}", i,
                                 g[i].str({.threshold = 12}),
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
      return wrong(fmt::format("an empty output gives input {} the gradient {}", i,
                               g[i].str({.threshold = 12})));
  }
  return kept;
}

Outcome any_inputs_may_be_tracked(const Function& f, const Tensors& x) {
  const Choice all = differentiable(x);
  const Call whole(f, x);
  const Tensor seed = cotangent(whole.y);
  const auto expected = whole.gradients(seed, false);
  for (unsigned subset = 0; subset < 1U << x.size(); ++subset) {
    Choice some = all;
    for (std::size_t i = 0; i < x.size(); ++i) some[i] = all[i] && (subset >> i & 1U);
    const Call call(f, x, some);
    if (!identical(call.y, whole.y))
      return wrong(fmt::format("the output is {} where inputs {} alone are tracked, and else {}",
                               call.y.str({.threshold = 12}), fmt::join(some, ", "),
                               whole.y.str({.threshold = 12})));
    if (call.leaves.empty() && call.y.is_tracked())
      return wrong("the output is tracked although no input is");
    if (!call.y.is_tracked()) continue;
    const auto found = call.gradients(seed, false);
    for (std::size_t i = 0, of_all = 0, of_some = 0; i < x.size(); ++i) {
      if (some[i] && !identical(found[of_some], expected[of_all]))
        return wrong(fmt::format("gradient {} is {} where inputs {} alone are tracked, and else {}",
                                 i, shown(found[of_some]), fmt::join(some, ", "),
                                 shown(expected[of_all])));
      of_all += all[i];
      of_some += some[i];
    }
  }
  return kept;
}

Outcome inputs_may_be_one_tensor(const Function& f, const Tensors& x) {
  Outcome all = not_applicable;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = i + 1; j < x.size(); ++j)
      if (all && is_floating(x[i].dtype()) && x[i].dtype() == x[j].dtype() &&
          x[i].shape() == x[j].shape())
        if (const auto two = one_tensor_is_two_equal_ones(f, x, i, j); two.applies) all = two;
  return all;
}

Outcome lazy_transposes_agree(const Function& f, const Tensors& x) {
  const Call plain(f, x);
  const Tensor seed = cotangent(plain.y);
  if (!can_be_lazy(seed) && std::none_of(x.begin(), x.end(), can_be_lazy)) return not_applicable;
  Tensors lazy;
  for (const auto& input : x) lazy.push_back(lazily_transposed(input));
  // Each call gets tensors of its own: whoever asks for the elements has them moved for good.
  const Call call(f, lazy);
  if (!close(call.y, plain.y, 1e-13, true))
    return wrong(fmt::format("the output is {} for transposed inputs, and {} for the same in order",
                             call.y.str({.threshold = 12}), plain.y.str({.threshold = 12})));
  for (bool create_graph : {false, true}) {
    const auto found = call.gradients(lazily_transposed(seed), create_graph);
    const auto expected = plain.gradients(seed, create_graph);
    for (std::size_t i = 0; i < found.size(); ++i)
      if (!close(found[i], expected[i], 1e-13, true))
        return wrong(
            fmt::format("gradient {} is {} for transposed inputs, and {} for the same in "
                        "order",
                        i, shown(found[i]), shown(expected[i])));
  }
  return kept;
}

Outcome unused_results_count_as_zero(const std::function<Tensors(const Tensors&)>& f,
                                     const Tensors& x) {
  const auto count = f(x).size();
  for (std::size_t used = 0; used < count; ++used)
    for (bool create_graph : {false, true}) {
      // The gradients of <seed, result `used`>, and those with zeros for the others added.
      const auto gradients = [&](bool with_zeros) {
        const Call call(
            [&](const Tensors& inputs) {
              const auto results = f(inputs);
              Tensor total = sum(results[used] * cotangent(results[used]));
              for (std::size_t i = 0; with_zeros && i < count; ++i)
                if (i != used) total = total + sum(results[i] * zeros_like(results[i]));
              return total;
            },
            x);
        return call.gradients({}, create_graph);
      };
      const auto alone = gradients(false), whole = gradients(true);
      for (std::size_t i = 0; i < alone.size(); ++i)
        if (!(alone[i].defined() ? close(alone[i], whole[i], 1e-13) : is_zero(whole[i])))
          return wrong(
              fmt::format("gradient {} of result {} is {}, but {} with cotangents of zeros "
                          "for the others",
                          i, used, shown(alone[i]), shown(whole[i])));
    }
  return kept;
}

}  // namespace gradtape::op_properties

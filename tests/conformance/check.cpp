#include "check.hpp"

#include <fmt/format.h>

#include <gradtape/autograd/tape.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>

#include "expression.hpp"

namespace gradtape::conformance {
namespace {

std::string place(const Shape& shape, std::int64_t i) {
  std::vector<std::int64_t> index;
  for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
    index.insert(index.begin(), i % shape[axis]);
    i /= shape[axis];
  }
  return fmt::format("[{}]", fmt::join(index, ", "));
}

/// |got - want| <= atol + rtol |want|, with equal infinities, and NaN for NaN.
bool close(double got, double want, const Case& c) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (std::isinf(want) || std::isinf(got)) return got == want;
  return std::abs(got - want) <= c.atol + c.rtol * std::abs(want);
}

void compare_gradients(const std::string& what, const Gradients& got, const Gradients& want,
                       const std::vector<Input>& inputs, const Case& c) {
  for (const auto& input : inputs) {
    const auto wanted = want.find(input.name);
    if (wanted == want.end()) continue;
    const auto given = got.find(input.name);
    auto or_zero = [&](const Tensor& x) { return x.defined() ? x : zeros_like(input.value); };
    const Tensor ours = or_zero(given == got.end() ? Tensor() : given->second).detach();
    Tensor theirs = or_zero(wanted->second);
    // Where a plain rule gives 0 times infinity or overflows, a gradient here has its limit.
    if (c.tags.contains("nonfinite") && ours.shape() == theirs.shape() &&
        ours.dtype() == theirs.dtype())
      theirs = where(isfinite(ours) & ~isfinite(theirs), ours, theirs);
    compare_tensors(fmt::format("{} {}", what, input.name), ours, theirs, c);
  }
}

/// The tensors of a result, in order.
void flatten_result(const Value& value, std::vector<Tensor>& out) {
  if (value.is<List>())
    for (const auto& item : value.get<List>()) flatten_result(item, out);
  else if (value.is_number())
    out.push_back(value.is<double>() ? full({}, value.get<double>(), float64)
                  : value.is<bool>() ? full({}, value.get<bool>(), bool_)
                                     : full({}, value.number("a result"), int64));
  else if (!value.is_none())
    out.push_back(value.tensor("the result"));
}

/// The gradients of sum_i <seeds[i], outputs[i]>, by input.
Gradients gradients(std::vector<Tensor> outputs, std::vector<Tensor> seeds,
                    const std::vector<Input>& leaves, bool create_graph) {
  for (std::size_t i = outputs.size(); i-- > 0;)
    if (!outputs[i].is_tracked() || !seeds[i].defined()) {
      outputs.erase(outputs.begin() + static_cast<std::ptrdiff_t>(i));
      seeds.erase(seeds.begin() + static_cast<std::ptrdiff_t>(i));
    }
  Gradients out;
  if (outputs.empty() || leaves.empty()) return out;
  std::vector<Tensor> inputs;
  for (const auto& leaf : leaves) inputs.push_back(leaf.value);
  const auto found =
      grad(outputs, seeds, inputs, {.create_graph = create_graph, .allow_unused = true});
  for (std::size_t i = 0; i < leaves.size(); ++i) out[leaves[i].name] = found[i];
  return out;
}

void run(const Case& c) {
  std::map<std::string, Value> values;
  std::vector<Input> leaves;
  for (const auto& input : c.inputs) {
    const bool tracked = input.grad && is_floating(input.value.dtype());
    const Tensor x = tracked ? input.value.requires_grad(input.name) : input.value;
    values.emplace(input.name, x);
    if (tracked) leaves.push_back({input.name, x, true});
  }
  check_results(c,
                c.expression.empty()
                    ? call_function(c.op, arguments(c, values), keywords(c, values))
                    : evaluate(c.expression, values),
                leaves);
}

using Check = void (*)(const Case&);

/// By kind.
const std::map<std::string, Check> checks = {{"op", run},
                                             {"module", check_module},
                                             {"optimizer", check_optimizer},
                                             {"scheduler", check_scheduler},
                                             {"clip", check_clip},
                                             {"training", check_training},
                                             {"init", check_init},
                                             {"statistic", check_statistic}};

}  // namespace

void compare_tensors(const std::string& what, const Tensor& got, const Tensor& want,
                     const Case& c) {
  if (got.shape() != want.shape())
    throw Difference(
        fmt::format("{} has shape {}, wanted {}", what, got.shape().str(), want.shape().str()));
  if (got.dtype() != want.dtype())
    throw Difference(
        fmt::format("{} has dtype {}, wanted {}", what, name(got.dtype()), name(want.dtype())));
  if (c.tags.contains("random")) return;
  const Tensor got64 = got.detach().to(float64), want64 = want.to(float64);
  const auto g = got64.data<double>(), w = want64.data<double>();
  const auto wrong = static_cast<std::size_t>(std::count_if(
      g.begin(), g.end(), [&](const double& x) { return !close(x, w[&x - g.data()], c); }));
  for (std::size_t i = 0; i < g.size(); ++i)
    if (!close(g[i], w[i], c))
      throw Difference(fmt::format("{}{} is {:.17g}, wanted {:.17g} ({} of {} elements differ)",
                                   what, place(got.shape(), static_cast<std::int64_t>(i)), g[i],
                                   w[i], wrong, g.size()));
}

void check_results(const Case& c, const Value& result, const std::vector<Input>& leaves) {
  std::vector<Tensor> outputs, seeds;
  flatten_result(result, outputs);
  if (c.first_outputs_only && outputs.size() > c.outputs.size()) outputs.resize(c.outputs.size());
  if (outputs.size() != c.outputs.size())
    throw Difference(fmt::format("{} outputs, wanted {}", outputs.size(), c.outputs.size()));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    compare_tensors(outputs.size() == 1 ? "value" : fmt::format("value {}", i), outputs[i],
                    c.outputs[i].value, c);
    seeds.push_back(c.outputs[i].cotangent);
  }
  const bool second = !c.hvp_directions.empty();
  const Gradients first = gradients(outputs, seeds, leaves, second);
  compare_gradients("grad", first, c.grads, leaves, c);
  if (!second) return;
  std::vector<Tensor> grads, directions;
  for (const auto& [name, g] : first) {
    const auto v = c.hvp_directions.find(name);
    if (!g.defined() || v == c.hvp_directions.end()) continue;
    grads.push_back(g);
    directions.push_back(v->second);
  }
  compare_gradients("hvp", gradients(grads, directions, leaves, false), c.hvp, leaves, c);
}

bool can_check(const std::string& kind) { return checks.contains(kind); }

Outcome check(const Case& c) {
  if (!can_check(c.kind)) return {Verdict::unsupported, "cases of kind " + c.kind};
  try {
    checks.at(c.kind)(c);
    return {};
  } catch (const Unsupported& e) {
    return {Verdict::unsupported, e.what()};
  } catch (const std::exception& e) {
    if (c.tags.contains("beyond_torch"))
      return {Verdict::unsupported, std::string("more than PyTorch itself gives: ") + e.what()};
    return {Verdict::failed, e.what()};
  }
}

}  // namespace gradtape::conformance

#include "gradtape/autograd/mutate_check.hpp"

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>
#include <set>

namespace gradtape {
namespace {

/// Replaces what vjps return by what `alter` makes of it.
class Interception : public Watch {
 public:
  explicit Interception(std::function<Tensor(const VjpCall&)> alter) : alter_(std::move(alter)) {}
  Tensor contributed(const VjpCall& call) override { return alter_(call); }

 private:
  std::function<Tensor(const VjpCall&)> alter_;
};

/// A mistake: what it makes of a contribution, undefined where it does not apply.
struct Mistake {
  const char* name;
  Tensor (*make)(const VjpCall& call);
};

/// The contribution as it arrives: summed and expanded to the input's shape.
Tensor arrived(const VjpCall& call, const Tensor& contribution) {
  return expand(
      sum_to(contribution,
             broadcasts_to(call.shape, contribution.shape()) ? call.shape : contribution.shape()),
      call.shape);
}

Tensor whole(const VjpCall& call) { return arrived(call, call.contribution); }

/// 1 where `keep(flat index)`, else 0.
template <class Keep> Tensor mask(const Tensor& like, Keep keep) {
  std::vector<double> m(static_cast<std::size_t>(like.numel()));
  for (std::size_t i = 0; i < m.size(); ++i) m[i] = keep(i) ? 1 : 0;
  return tensor(m, like.shape()).to(like.dtype());
}

Tensor reversed(const VjpCall& call) {
  const Tensor all = whole(call);
  if (all.numel() < 2) return {};
  return reshape(index_select(reshape(all, {all.numel()}), 0,
                              arange(static_cast<double>(all.numel() - 1), -1, -1)),
                 all.shape());
}

Tensor transposed(const VjpCall& call) {
  const int n = call.shape.ndim();
  if (n < 2 || call.shape[n - 1] != call.shape[n - 2]) return {};
  return transpose(whole(call));
}

Tensor without_last(const VjpCall& call) {
  const Tensor all = whole(call);
  if (all.numel() < 2) return {};
  const auto last = static_cast<std::size_t>(all.numel() - 1);
  return all * mask(all, [=](std::size_t i) { return i != last; });
}

/// The first slice along every axis that the engine is going to sum.
Tensor first_slices(const VjpCall& call) {
  Tensor c = call.contribution;
  if (c.shape() == call.shape || !broadcasts_to(call.shape, c.shape())) return {};
  const int extra = c.ndim() - call.shape.ndim();
  for (int axis = 0; axis < c.ndim(); ++axis)
    if ((axis < extra || call.shape[axis - extra] != c.size(axis)) && c.size(axis) > 1)
      c = slice(c, axis, 0, 1);
  return sum_to(c, call.shape);
}

Tensor of_next_input(const VjpCall& call) {
  if (call.inputs < 2) return {};
  const Tensor other = call.again((call.input + 1) % call.inputs, false);
  if (!other.defined() || other.dtype() != call.contribution.dtype() ||
      !(broadcasts_to(other.shape(), call.shape) || broadcasts_to(call.shape, other.shape())))
    return {};
  return arrived(call, other);
}

const Mistake mistakes[] = {
    {"wrong sign", [](const VjpCall& c) { return -c.contribution; }},
    {"factor 2", [](const VjpCall& c) { return c.contribution * 2.0; }},
    {"wrong in the fifth digit", [](const VjpCall& c) { return c.contribution * (1 + 1e-5); }},
    {"nothing returned", [](const VjpCall& c) { return zeros_like(c.contribution); }},
    {"cotangent replaced by ones", [](const VjpCall& c) { return c.again(c.input, true); }},
    {"transposed", transposed},
    {"elements in reverse", reversed},
    {"one element missing", without_last},
    {"one slice in place of a sum", first_slices},
    {"gradient of the next input", of_next_input},
    {"detached", [](const VjpCall& c) { return c.contribution.detach(); }},
};

/// The floating inputs a little further on: another sample, as good as certainly no special one.
std::vector<Tensor> jittered(const std::vector<Tensor>& inputs) {
  Generator generator(77);
  std::vector<Tensor> moved;
  for (const auto& x : inputs) {
    if (!is_floating(x.dtype())) {
      moved.push_back(x);
      continue;
    }
    const Tensor step = rand(x.shape(), x.dtype(), generator) * 0.1;
    moved.push_back(
        (x.detach() * (1.0 + step) + where(x.detach() == 0.0, step, step * 0.0)).requires_grad());
  }
  return moved;
}

/// Calls every vjp of f near the inputs, those of its gradient too at order 2.
void differentiate(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                   const std::vector<Tensor>& inputs, int order) {
  const auto moved = jittered(inputs);
  std::vector<Tensor> at;
  for (const auto& x : moved)
    if (x.is_tracked()) at.push_back(x);
  const Tensor y = f(moved);
  Generator generator(78);
  const Tensor seed = randn(y.shape(), y.dtype(), generator).requires_grad();
  (void)grad(y, at, {.create_graph = order == 2, .allow_unused = true, .seed = seed});
}

/// Runs `run` with a mistake at one input of an op. Whether it changed any contribution is left in
/// `applied`.
template <class Run>
auto with_mistake(const Mistake& mistake, const std::string& op, std::size_t input, bool& applied,
                  Run run) {
  const Interception interception([&](const VjpCall& call) -> Tensor {
    if (op != call.op || input != call.input || !call.contribution.defined())
      return call.contribution;
    Tensor wrong = mistake.make(call);
    if (!wrong.defined()) return call.contribution;
    applied = applied || wrong.is_tracked() != call.contribution.is_tracked() ||
              !array_equal(arrived(call, wrong).detach(), whole(call).detach());
    return wrong;
  });
  return run();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const MutateCheckResult& result) {
  if (!result) return out << result.message;
  return out << fmt::format("mutate_check: all {} mutations caught", result.mutations.size());
}

MutateCheckResult mutate_check(const std::string& op,
                               const std::function<Tensor(const std::vector<Tensor>&)>& f,
                               const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  MutateCheckResult result;
  GradcheckOptions quiet = options;
  quiet.diagnose = false;
  const auto check = [&] { return gradcheck(f, inputs, quiet); };

  // What is there to mutate?
  std::set<std::pair<std::string, std::size_t>> targets;
  std::set<std::string> ops;
  {
    const Interception look([&](const VjpCall& call) {
      ops.insert(call.op);
      if (op.empty() || op == call.op) targets.emplace(call.op, call.input);
      return call.contribution;
    });
    if (const auto right = check(); !right) {
      result.message =
          "mutate_check: the check does not pass without any mutation:\n" + right.message;
      return result;
    }
  }
  if (targets.empty()) {
    result.message = fmt::format("mutate_check: no vjp of '{}' was called; those called are of {}",
                                 op, fmt::join(ops, ", "));
    return result;
  }

  std::size_t missed = 0;
  for (const auto& [name, input] : targets)
    for (const auto& mistake : mistakes) {
      if (options.order == 1 && std::string_view(mistake.name) == "detached") continue;
      bool applied = false;
      const auto found = with_mistake(mistake, name, input, applied, check);
      if (!applied && found)  // does it change nothing, or nothing in this sample?
        with_mistake(mistake, name, input, applied,
                     [&] { differentiate(f, inputs, options.order); });
      if (!applied) continue;
      result.mutations.push_back({name, input, mistake.name, !found});
      if (!found) continue;
      ++missed;
      result.message +=
          fmt::format("\n  {}, gradient of its input {}: {}", name, input, mistake.name);
    }
  if (missed > 0)
    result.message = fmt::format("mutate_check: {} of {} mutations would go unnoticed:", missed,
                                 result.mutations.size()) +
                     result.message;
  return result;
}

}  // namespace gradtape

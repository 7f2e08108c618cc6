#include "gradtape/autograd/test_op.hpp"

#include "gradtape/autograd/check/op_properties.hpp"
#include "gradtape/autograd/gradcheck.hpp"
#include "gradtape/autograd/mutate_check.hpp"
#include "gradtape/autograd/ops/shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>

namespace gradtape {
namespace {

using op_properties::Outcome;
using Tensors = std::vector<Tensor>;

/// Samples as they could also have been given, which the op may refuse.
std::vector<Tensors> narrowed(const Tensors& x) {
  std::vector<Tensors> variants;
  const auto floating =
      std::count_if(x.begin(), x.end(), [](const Tensor& t) { return is_floating(t.dtype()); });
  for (std::size_t i = 0; floating > 1 && i < x.size(); ++i) {
    if (!is_floating(x[i].dtype()) || x[i].ndim() == 0 || x[i].size(0) == 0) continue;
    for (bool keep : {true, false}) {
      variants.push_back(x);
      variants.back()[i] = keep ? slice(x[i], 0, 0, 1) : select(x[i], 0, 0);
    }
  }
  return variants;
}

std::vector<Tensors> emptied(const Tensors& x) {
  std::vector<Tensors> variants;
  for (std::int64_t axis : {0, -1}) {
    Tensors all = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i].ndim() == 0) continue;
      all[i] = slice(x[i], axis, 0, 0);
      variants.push_back(x);
      variants.back()[i] = all[i];
    }
    variants.push_back(all);
  }
  return variants;
}

std::vector<Tensors> flattened(const Tensors& x) {
  Tensors single;
  for (const auto& t : x) {
    if (t.numel() == 0 || !is_floating(t.dtype())) return {};
    single.push_back(reshape(slice(reshape(t, {t.numel()}), 0, 0, 1), {}));
  }
  return {single};
}

/// Checks f on the variants that it takes.
template <class Check>
Outcome where_taken(const OpFunction& f, const std::vector<Tensors>& variants, Check check) {
  Outcome all{false, {}};
  for (const auto& x : variants) {
    Outcome outcome;
    try {
      if (!f(x).defined()) continue;
      outcome = check(x);
    } catch (const Error&) {
      continue;
    }
    all.applies = all.applies || outcome.applies;
    if (outcome) continue;
    std::vector<std::string> shapes;
    shapes.reserve(x.size());
    for (const auto& t : x) shapes.push_back(t.shape().str());
    return {true, fmt::format("for shapes {}: {}", fmt::join(shapes, ", "), outcome.problem)};
  }
  return all;
}

/// A wrong gradient; variants that prove nothing prove nothing wrong either.
Outcome is_not_wrong(const OpFunction& f, const Tensors& x) {
  const auto check = gradcheck(f, x);
  return {check.verdict != Verdict::inconclusive,
          check.verdict == Verdict::fail ? check.message : ""};
}

/// Mutations that no sample notices.
Outcome notices_mutations(const OpTest& op, const std::vector<Tensors>& samples) {
  std::map<std::string, bool> noticed;
  for (const auto& x : samples) {
    const auto result = mutate_check(op.name, op.f, x, {.order = op.order});
    if (result.mutations.empty()) return {true, result.message};
    for (const auto& m : result.mutations)
      noticed[fmt::format("{}, gradient of its input {}: {}", m.op, m.input, m.change)] |= m.caught;
  }
  std::vector<std::string> missed;
  for (const auto& [mutation, caught] : noticed)
    if (!caught) missed.push_back(mutation);
  if (missed.empty()) return {};
  return {true, fmt::format("these samples would not notice {} of {} mutations:\n{}", missed.size(),
                            noticed.size(), fmt::join(missed, "\n"))};
}

using Property = std::function<Outcome(const Tensors&)>;

std::vector<std::pair<const char*, Property>> properties_of(const OpTest& op) {
  namespace p = op_properties;
  const auto& f = op.f;
  return {
      {"gradient", [&](const Tensors& x) { return p::gradient_is_right(f, x, op.order); }},
      {"float32",
       [&](const Tensors& x) {
         return p::float32_agrees(f, x, op.float32_tolerance, op.float32_tolerance);
       }},
      {"mixed dtypes", [&](const Tensors& x) { return p::dtypes_do_not_mix(f, x); }},
      {"inputs", [&](const Tensors& x) { return p::inputs_are_untouched(f, x); }},
      {"fast pass", [&](const Tensors& x) { return p::fast_pass_equals_recorded(f, x); }},
      {"zero cotangent", [&](const Tensors& x) { return p::zero_cotangent_gives_zero(f, x); }},
      {"visits", [&](const Tensors& x) { return p::nodes_are_visited_once(f, x); }},
      {"tracked inputs", [&](const Tensors& x) { return p::any_inputs_may_be_tracked(f, x); }},
      {"equal inputs", [&](const Tensors& x) { return p::inputs_may_be_one_tensor(f, x); }},
      {"transposed inputs", [&](const Tensors& x) { return p::lazy_transposes_agree(f, x); }},
      {"broadcasting",
       [&](const Tensors& x) {
         return where_taken(f, narrowed(x), [&](const Tensors& v) { return is_not_wrong(f, v); });
       }},
      {"empty inputs",
       [&](const Tensors& x) {
         return where_taken(f, emptied(x),
                            [&](const Tensors& v) { return p::empty_tensors_work(f, v); });
       }},
      {"0-d inputs",
       [&](const Tensors& x) {
         return where_taken(f, flattened(x), [&](const Tensors& v) { return is_not_wrong(f, v); });
       }},
  };
}

/// A gradtape error where there should be none is a problem like any other.
template <class Check> Outcome guarded(Check check) {
  try {
    return check();
  } catch (const Error& error) {
    return {true, std::string("throws ") + error.what()};
  }
}

std::string indented(const std::string& text) {
  std::string result;
  for (char c : text) {
    result += c;
    if (c == '\n') result += "      ";
  }
  return result;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const OpTestResult& result) {
  return out << result.message;
}

OpTestResult test_op(const OpTest& op) {
  if (!op.f) fail<ValueError>("test_op", fmt::format("'{}' has no function", op.name));
  if (op.inputs.empty()) fail<ValueError>("test_op", fmt::format("'{}' has no inputs", op.name));
  std::vector<Tensors> samples{op.inputs};
  samples.insert(samples.end(), op.more.begin(), op.more.end());

  for (const auto& x : samples) op.f(x);  // a sample that it refuses is no sample

  OpTestResult result;
  std::vector<std::string> unknown = op.skip;
  const auto add = [&](const char* name, auto check) {
    OpProperty property{.name = name, .applies = false, .problem = {}};
    if (std::erase(unknown, name) == 0) {
      const Outcome outcome = check();
      property.applies = outcome.applies;
      property.problem = outcome.problem;
    }
    result.passed = result.passed && property.problem.empty();
    result.properties.push_back(std::move(property));
  };
  for (const auto& [name, property] : properties_of(op))
    add(name, [&, &check = property] {
      Outcome all{false, {}};
      for (std::size_t i = 0; i < samples.size() && all; ++i) {
        const auto outcome = guarded([&] { return check(samples[i]); });
        all.applies = all.applies || outcome.applies;
        if (!outcome && samples.size() > 1) all.problem = fmt::format("sample {}: ", i);
        all.problem += outcome.problem;
      }
      return all;
    });
  add("mutations", [&] {
    if (!result.passed) return Outcome{false, {}};
    return guarded([&] { return notices_mutations(op, samples); });
  });
  if (!unknown.empty())
    fail<ValueError>("test_op", fmt::format("there is no property '{}' to skip", unknown[0]));

  result.message = fmt::format("test_op: '{}' {}", op.name, result.passed ? "passes" : "fails");
  for (const auto& p : result.properties)
    result.message += fmt::format("\n  {} {}{}{}",
                                  !p.applies          ? "-    "
                                  : p.problem.empty() ? "holds"
                                                      : "FAILS",
                                  p.name, p.problem.empty() ? "" : ": ", indented(p.problem));
  return result;
}

}  // namespace gradtape

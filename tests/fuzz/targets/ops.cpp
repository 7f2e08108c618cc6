// Any op with any arguments: a value that keeps the promises of op_properties.hpp, or a typed
// exception.
#include <gradtape/autograd/check/op_properties.hpp>
#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "fuzz/bytes.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/op_table.hpp"
#include "support/faults.hpp"

namespace gradtape::fuzz {
namespace {

using Tensors = std::vector<Tensor>;

/// The results that differentiate, in one row.
Tensor joined(const Tensors& results) {
  Tensors parts;
  for (const auto& y : results)
    if (y.defined() && is_floating(y.dtype()) && (parts.empty() || parts[0].dtype() == y.dtype()))
      parts.push_back(flatten(y));
  return parts.empty() ? Tensor() : concat(parts);
}

/// Steps where gradcheck may cross them, rows that are documented to get another gradient, and
/// matrices of which one triangle is read, whose gradient is symmetric.
const std::set<std::string> not_for_gradcheck{"round",     "operator%", "remainder", "fmod",
                                              "embedding", "cholesky",  "eigh",      "eigvalsh"};

bool all_finite(const Tensor& x) { return all(isfinite(x)).item<bool>(); }

bool depends_on(const op_properties::Function& f, Tensors x) {
  for (auto& input : x) input = input.requires_grad();
  return f(x).is_tracked();
}

/// The derivatives have their inputs' layout to second order, whatever the elements are.
void differentiate(const op_properties::Function& f, Tensors x) {
  for (auto& input : x) input = input.requires_grad();
  const Tensor y = f(x);
  if (!y.is_tracked()) return;
  const Tensor seed = op_properties::cotangent(y).requires_grad();
  const auto first =
      grad(y, x, {.create_graph = true, .retain_graph = true, .allow_unused = true, .seed = seed});
  Tensor total;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!first[i].defined()) continue;
    examine(first[i]);
    require(first[i].shape() == x[i].shape() && first[i].dtype() == x[i].dtype(),
            "a gradient has the layout of its input");
    if (first[i].is_tracked()) total = total.defined() ? total + sum(first[i]) : sum(first[i]);
  }
  if (total.defined() && total.is_tracked()) examine(grad(total, x, {.allow_unused = true}));
}

/// Equal up to rounding, where NaN and the infinities are themselves.
bool agree(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  const double tolerance = a.dtype() == float32 ? 1e-4 : 1e-9;
  return a.shape() == b.shape() && all(isclose(a, b, tolerance, tolerance, true)).item<bool>();
}

/// The pass that is recorded gives the gradient of the one that is not, at kinks and poles too.
void passes_agree(const op_properties::Function& f, Tensors x) {
  for (auto& input : x) input = input.requires_grad();
  const Tensor y = f(x), seed = op_properties::cotangent(y);
  const auto gradient = [&](bool create_graph) {
    return grad(
        y, x,
        {.create_graph = create_graph, .retain_graph = true, .allow_unused = true, .seed = seed});
  };
  const auto fast = gradient(false), recorded = gradient(true);
  for (std::size_t i = 0; i < x.size(); ++i)
    require(agree(fast[i], recorded[i]),
            "gradient " + std::to_string(i) + " of " + x[i].str() + " is " + fast[i].str() +
                ", and when the pass is recorded " + recorded[i].str());
}

/// smooth: x and f(x) are generic numbers, not those where functions have kinks and infinities.
void check_derivatives(std::size_t which, const op_properties::Function& f, const Tensors& x,
                       bool smooth) {
  using namespace op_properties;
  const auto keeps = [](const Outcome& outcome) { require(bool(outcome), outcome.problem); };
  switch (which) {
    case 0:
      return keeps(inputs_are_untouched(f, x));
    case 1:
      if (smooth) keeps(zero_cotangent_gives_zero(f, x));
      return;
    case 2:
      return keeps(nodes_are_visited_once(f, x));
    case 3:
      if (smooth) keeps(fast_pass_equals_recorded(f, x));
      return;
    case 4:
      if (smooth && x.size() < 5) keeps(any_inputs_may_be_tracked(f, x));
      return;
    case 5:
      if (smooth) keeps(lazy_transposes_agree(f, x));
      return;
    case 6: {
      if (!smooth || x[0].dtype() != float64 || !depends_on(f, x)) return;
      const auto found = gradcheck(f, x, {.diagnose = false});
      return require(found.verdict != Verdict::fail, found.message);
    }
    case 7:
      if (smooth) keeps(inputs_may_be_one_tensor(f, x));
      return;
    case 8:
      if (smooth) keeps(float32_agrees(f, x, 1e-3, 1e-2));
      return;
    case 9:
      return keeps(empty_tensors_work(f, x));
    case 10:
      if (std::all_of(x.begin(), x.end(), all_finite)) passes_agree(f, x);
      return;
    default:
      return differentiate(f, x);
  }
}

}  // namespace

void fuzz_ops(Input input) {
  // Large results do not fit: an op must say so before it makes ready for them.
  const testing::MemoryLimit limit(1 << 17);
  Bytes head(input);
  const std::size_t number = head.byte() * 256u + head.byte();
  const auto& op = ops()[number % ops().size()];
  auto which = head.below(14);
  if (which == 6 && not_for_gradcheck.contains(op.name)) which = 0;
  if (which == 2 && op.name == "embedding") which = 0;  // a leaf gets its rows without a visit
  const Input arguments = input.subspan(std::min<std::size_t>(3, input.size()));

  Tensors results, x;
  bool smooth = false;
  const auto call = [&](const Tensors& given) {
    Bytes bytes(arguments, given);
    const auto all = op.call(bytes);
    x = bytes.floating();
    smooth = bytes.smooth();
    return all;
  };
  try {
    if (!accepts([&] { results = call({}); })) return;
    examine(results);
    const auto again = call(x);
    for (std::size_t i = 0; i < results.size(); ++i)
      require(identical(results[i], again[i]), "the same call gives the same bits");

    const Tensor y = joined(results);
    if (x.empty() || !y.defined()) return;
    const Tensors inputs = x;
    accepts([&] {
      check_derivatives(
          which, [&](const Tensors& given) { return joined(call(given)); }, inputs,
          smooth && all_finite(y));
    });
  } catch (const std::exception& error) {
    throw BrokenPromise(op.name + ": " + error.what());
  }
}

}  // namespace gradtape::fuzz

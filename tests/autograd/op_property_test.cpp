#include <gradtape/autograd/check/op_properties.hpp>
#include <gradtape/autograd/cost.hpp>
#include <gradtape/autograd/mutate_check.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "support/op_calls.hpp"

using namespace gradtape;
using namespace gradtape::op_properties;
using namespace gradtape::testing;

namespace {

Tensors to(const Tensors& x, Dtype dtype) {
  Tensors y;
  for (const auto& t : x) y.push_back(t.to(dtype));
  return y;
}

Tensors leaves(const Tensors& x) {
  Tensors y;
  for (const auto& t : x) y.push_back(t.requires_grad());
  return y;
}

bool any_empty(const Tensors& x) {
  return std::any_of(x.begin(), x.end(), [](const Tensor& t) { return t.numel() == 0; });
}

/// Equal element by element up to a unit in the last place, NaN to NaN; the infinities and zeros
/// are exact.
bool same(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return false;
  const double unit = a.dtype() == float32 ? 1.2e-7 : 1e-14;
  const Tensor x = a.to(float64), y = b.to(float64);
  for (std::size_t i = 0; i < x.data<double>().size(); ++i) {
    const double p = x.data<double>()[i], q = y.data<double>()[i];
    if (!(p == q || (std::isnan(p) && std::isnan(q)) || std::abs(p - q) <= unit * std::abs(q)))
      return false;
  }
  return true;
}

bool all_zero(const Tensors& gradients) {
  return std::all_of(gradients.begin(), gradients.end(),
                     [](const Tensor& g) { return array_equal(g, zeros_like(g)); });
}

}  // namespace

TEST_CASE("every op's gradient is right to second order") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    if (sample.flat || any_empty(x) || any_empty({sample.f(x)})) return;
    check(gradient_is_right(sample.f, x, 2));
  });
}

TEST_CASE("the samples of every op would notice a mistake in any of its vjps") {
  std::map<std::string, bool> noticed;
  for_each_call([&](const OpSample& sample, const Tensors& x) {
    if (!*sample.name || sample.flat || any_empty(x) || any_empty({sample.f(x)})) return;
    for (const auto& m : mutate_check(sample.name, sample.f, x, {.order = 1}).mutations)
      noticed[m.op + ", gradient of its input " + std::to_string(m.input) + ": " + m.change] |=
          m.caught;
  });
  CHECK(noticed.size() >= 2053);
  for (const auto& mutation : noticed) CHECK_MESSAGE(mutation.second, mutation.first);
}

TEST_CASE("every flat op has the slope 0") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    if (!sample.flat) return;
    const Tensors at = leaves(x);
    const Tensor y = sample.f(at);
    CHECK(all_zero(grad(y, at, {.retain_graph = true, .seed = cotangent(y)})));
    CHECK(all_zero(grad(y, at, {.create_graph = true, .seed = cotangent(y)})));
    Tensors beside = x;
    beside[0] = x[0] + 1e-6;
    CHECK(array_equal(sample.f(beside), y.detach()));
  });
}

TEST_CASE("every op takes empty inputs and gives empty outputs their gradient 0") {
  std::set<std::string> seen;
  for_each_call([&](const OpSample& sample, const Tensors& x) {
    const auto outcome = empty_tensors_work(sample.f, x);
    check(outcome);
    if (outcome.applies) seen.insert(title(sample));
  });
  CHECK(seen.size() >= 188);
}

TEST_CASE("every op agrees in float32 and float64") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    if (!sample.random) check(float32_agrees(sample.f, x));
  });
}

TEST_CASE("no op takes float32 and float64 together") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    check(dtypes_do_not_mix(sample.f, x, title(sample)));
  });
}

TEST_CASE("no op writes into its inputs, neither forward nor backward") {
  for_each_call(
      [](const OpSample& sample, const Tensors& x) { check(inputs_are_untouched(sample.f, x)); });
}

TEST_CASE("the fast first-order backward pass of every op equals the recorded one") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    check(fast_pass_equals_recorded(sample.f, x));
  });
}

TEST_CASE("a zero cotangent gives an exact zero") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    check(zero_cotangent_gives_zero(sample.f, x));
  });
}

TEST_CASE("every op keeps what is documented at 0, -0, infinities and ties") {
  std::size_t points = 0;
  for (const auto& sample : op_samples())
    for (const auto& edge : sample.edges)
      for (auto dtype : {float64, float32}) {
        ++points;
        const Tensors at = leaves(to(edge.inputs, dtype));
        const Tensor y = sample.f(at), zero = zeros_like(y);
        std::string point = title(sample);
        for (const auto& x : at) point += " " + x.str();
        point += " -> " + y.str();
        CAPTURE(point);
        CHECK(same(y, edge.value.to(dtype)));
        for (bool create_graph : {false, true}) {
          CAPTURE(create_graph);
          const auto g = grad(sum(y), at, {.create_graph = create_graph, .retain_graph = true});
          for (std::size_t i = 0; i < at.size(); ++i) {
            CAPTURE(g[i].str());
            CHECK(same(g[i], edge.gradients[i].to(dtype)));
          }
          CHECK(all_zero(
              grad(y, at, {.create_graph = create_graph, .retain_graph = true, .seed = zero})));
        }
      }
  CHECK(points >= 708);
}

TEST_CASE("a backward pass visits every node of an op once") {
  for_each_call(
      [](const OpSample& sample, const Tensors& x) { check(nodes_are_visited_once(sample.f, x)); });
}

TEST_CASE("every op gives the same bits whichever of its inputs are tracked") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    check(any_inputs_may_be_tracked(sample.f, x));
  });
}

TEST_CASE("every op takes one tensor as two of its inputs and adds up what it gets as each") {
  std::set<std::string> seen;
  for_each_call([&](const OpSample& sample, const Tensors& x) {
    const auto outcome = inputs_may_be_one_tensor(sample.f, x);
    check(outcome);
    if (outcome.applies) seen.insert(title(sample));
  });
  CHECK(seen.size() >= 55);
}

TEST_CASE("every op takes what transpose() has not moved yet") {
  std::set<std::string> seen;
  for_each_call([&](const OpSample& sample, const Tensors& x) {
    const auto outcome = lazy_transposes_agree(sample.f, x);
    check(outcome);
    if (outcome.applies) seen.insert(title(sample));
  });
  CHECK(seen.size() >= 228);
}

TEST_CASE("a result that nobody uses, of an op with several, has a cotangent of zeros") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    if (sample.results) check(unused_results_count_as_zero(sample.results, x));
  });
}

TEST_CASE("every row counts the work of its op, forward and backward") {
  // Where these share their elements with the input, or leave them to be moved, they do no work.
  const std::set<std::string> views{"at",    "permute", "reshape",   "select",   "slice",
                                    "split", "squeeze", "transpose", "unsqueeze"};
  std::map<std::string, double> forward, backward;  // the most that an op counts
  for (const auto& sample : op_samples()) {
    double of_row = 0;
    bool small = true;  // nothing with two elements
    for (const auto& shapes : sample.shapes) {
      const Tensors x = sample_inputs(sample, shapes);
      const Tensor y = sample.f(leaves(x));
      if (any_empty(x) || y.numel() == 0) continue;
      small =
          small && std::all_of(x.begin(), x.end(), [](const Tensor& t) { return t.numel() < 2; });
      const auto ops = cost(y, cotangent(y)).ops;
      // A row may name an op that only the gradient records.
      const bool is_there = std::any_of(ops.begin(), ops.end(),
                                        [&](const OpCost& op) { return op.name == sample.name; });
      for (const auto& op : ops) {
        const double done = op.forward_flops + op.forward_bytes;
        if (!is_there || op.name == sample.name) of_row += done;
        forward[op.name] = std::max(forward[op.name], done);
        backward[op.name] = std::max(backward[op.name], op.backward_flops + op.backward_bytes);
      }
    }
    const bool counts = of_row > 0 || small || views.contains(title(sample));
    CHECK_MESSAGE(counts, std::string(sample.function), " as ", title(sample));
  }
  for (const char* view : {"reshape", "squeeze", "transpose", "unsqueeze"}) {
    forward.erase(view);
    backward.erase(view);
  }
  backward.erase("sum_to");  // hands its cotangent on, which broadcasts later
  for (const auto& entry : forward) CHECK_MESSAGE(entry.second > 0, entry.first);
  for (const auto& entry : backward) CHECK_MESSAGE(entry.second > 0, entry.first);
}

TEST_CASE("every op without a gradient gives its value") {
  for (const auto& sample : value_samples()) {
    CAPTURE(sample.function);
    CHECK(sample.holds());
  }
}

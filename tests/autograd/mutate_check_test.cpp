#include <gradtape/autograd/mutate_check.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Inputs = const std::vector<Tensor>&;

std::vector<std::string> changes(const MutateCheckResult& result, bool caught) {
  std::vector<std::string> names;
  for (const auto& mutation : result.mutations)
    if (mutation.caught == caught) names.push_back(mutation.change);
  return names;
}

}  // namespace

TEST_CASE("good samples notice every mutation of a vjp, and each is tried where it can be") {
  const auto product = [](Inputs x) { return matmul(x[0], x[1]); };
  const auto result = mutate_check("matmul", product, {sample({3, 3}, 1), sample({3, 3}, 2)});
  CAPTURE(result.message);
  CHECK(result);
  std::ostringstream text;
  text << result;
  CHECK(text.str() == "mutate_check: all 20 mutations caught");
  // Two inputs; no sum over a broadcast axis.
  const auto caught = changes(result, true);
  for (const char* change :
       {"wrong sign", "factor 2", "wrong in the fifth digit", "nothing returned",
        "cotangent replaced by ones", "transposed", "elements in reverse", "one element missing",
        "gradient of the next input", "detached"})
    CHECK(std::count(caught.begin(), caught.end(), change) == 2);

  const auto sum_mutations = mutate_check("add", [](Inputs x) { return x[0] + x[1]; },
                                          {sample({4, 3}, 1), sample({3}, 2)});
  CHECK_MESSAGE(sum_mutations, sum_mutations.message);
  const auto tried = changes(sum_mutations, true);
  CHECK(std::count(tried.begin(), tried.end(), "one slice in place of a sum") == 1);
}

TEST_CASE("mutate_check names the mutations that weak samples would miss") {
  const Tensor x = sample({3}, 1);
  const auto product = [](Inputs x) { return x[0] * x[1]; };
  const auto twins = mutate_check("mul", product, {x, x});
  CHECK_FALSE(twins);
  CHECK(changes(twins, false) == std::vector<std::string>(2, "gradient of the next input"));
  CHECK(twins.message ==
        "mutate_check: 2 of 18 mutations would go unnoticed:\n"
        "  mul, gradient of its input 0: gradient of the next input\n"
        "  mul, gradient of its input 1: gradient of the next input");
  const auto constant = mutate_check("mul", product, {sample({3}, 1), full({3}, 2, float64)});
  CHECK(changes(constant, false).empty());
  const auto symmetric = mutate_check("matmul", [](Inputs x) { return matmul(x[0], x[1]); },
                                      {eye(2, 2, float64), eye(2, 2, float64)}, {.order = 1});
  CHECK(changes(symmetric, false) == std::vector<std::string>(2, "gradient of the next input"));
}

TEST_CASE("first order misses what is wrong to second order only, so it is not tried there") {
  const auto f = [](Inputs x) { return sin(x[0]); };
  const auto first = mutate_check("sin", f, {sample({3}, 1)}, {.order = 1});
  CHECK(first);
  const auto tried = changes(first, true);
  CHECK(std::count(tried.begin(), tried.end(), "detached") == 0);
}

TEST_CASE("mutate_check mutates all ops where none is named, and several-output ops") {
  const auto f = [](Inputs x) { return exp(x[0]) * x[1]; };
  const auto all = mutate_check("", f, {sample({3}, 1), sample({3}, 2)}, {.order = 1});
  CHECK_MESSAGE(all, all.message);
  std::vector<std::string> ops;
  for (const auto& mutation : all.mutations) ops.push_back(mutation.op);
  CHECK(std::count(ops.begin(), ops.end(), "exp") > 0);
  CHECK(std::count(ops.begin(), ops.end(), "mul") > 0);

  const auto pair = [](Inputs x) {
    const auto vjp = [a = x[0], b = x[1]](std::span<const Tensor> g, const std::vector<bool>&) {
      const Tensor by_sum = g[0].defined() ? g[0] : zeros_like(a);
      const Tensor by_product = g[1].defined() ? g[1] : zeros_like(a);
      return std::vector<Tensor>{by_sum + by_product * b, by_sum + by_product * a};
    };
    const auto y = record("pair", {(x[0] + x[1]).detach(), (x[0] * x[1]).detach()}, x, vjp);
    return y[0] * y[1];
  };
  const auto joint = mutate_check("pair", pair, {sample({3}, 1), sample({3}, 2)});
  CHECK_MESSAGE(joint, joint.message);
  CHECK(joint.mutations.size() == 18);
}

TEST_CASE("mutate_check says when there is nothing to mutate, or the check fails anyway") {
  const Tensor x = sample({3}, 1);
  const auto sine = [](Inputs x) { return sin(x[0]); };
  CHECK(mutate_check("cos", sine, {x}, {.order = 1}).message ==
        "mutate_check: no vjp of 'cos' was called; those called are of sin");
  const auto wrong = [](Inputs x) {
    return record("wrong", sin(x[0]).detach(), {x[0]}, {[](const Tensor& g) { return g; }});
  };
  CHECK(mutate_check("wrong", wrong, {x})
            .message.starts_with("mutate_check: the check does not pass without any mutation:\n"
                                 "gradcheck: fail: "));
}

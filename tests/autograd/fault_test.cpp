// When memory runs out somewhere: no crash, no leak, and the next call is right.
#include "support/faults.hpp"

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/formula.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "support/bits.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// f survives with the gradients that it gives of x undisturbed.
std::string survives(const std::function<Tensor(const Tensor&)>& f, const Tensor& value,
                     GradOptions options = {}) {
  const auto gradient = [&] {
    const Tensor x = value.requires_grad("x");
    return grad(f(x), {x}, options)[0].detach();
  };
  const Tensor right = gradient();
  const auto failure = survives_faults([&] { (void)gradient(); });
  if (!failure.empty()) return failure;
  return equal_bits(gradient(), right) ? "" : "the next gradient is wrong";
}

}  // namespace

TEST_CASE("recording and differentiating survive every allocation that fails") {
  const Tensor a = sample({3, 3}, 1);
  CHECK(survives([](const Tensor& x) { return sum(tanh(x) * x / (x * x + 2.0)); }, a) == "");
  CHECK(survives(
            [](const Tensor& x) {
              const auto [u, s, vh] = svd(x);
              return sum(s) + sum(abs(u)) + sum(abs(vh));
            },
            a) == "");
  CHECK(survives(
            [](const Tensor& x) {
              const auto rows = unbind(x);
              return sum(rows[0] * rows[2]);
            },
            a) == "");
  const auto f = formula("fault_test", [](auto p, auto q) { return tanh(p * q) + p; });
  CHECK(survives([&](const Tensor& x) { return sum(f(x, transpose(x))); }, a) == "");
  CHECK(survives(
            [](const Tensor& x) {
              return checkpoint([](const std::vector<Tensor>& in) { return sum(tanh(in[0])); },
                                {x});
            },
            a) == "");
  CHECK(survives(
            [](const Tensor& x) {
              return sum(embedding(x, tensor({0, 2, 2}), {.sparse = true}));
            },
            a) == "");
  CHECK(survives([](const Tensor& x) { return sum(exp(x) * x); }, a, {.create_graph = true}) == "");
}

TEST_CASE("a backward pass that runs out of memory leaves every gradient as it was") {
  const Tensor x = sample({4}, 1).requires_grad("x"), y = sample({4}, 2).requires_grad("y");
  const auto prepare = [&] {
    x.zero_grad();
    y.zero_grad();
    sum(x + y).backward();
  };
  prepare();
  const Tensor before_x = x.grad(), before_y = y.grad();
  CHECK(survives_faults(
            [&] { sum(exp(x) * y + x).backward(); },
            [&] { return equal_bits(x.grad(), before_x) && equal_bits(y.grad(), before_y); },
            prepare) == "");
}

TEST_CASE("nor does it change a gradient that somebody else holds, or one of rows") {
  const Tensor x = sample({4}, 1).requires_grad("x"), y = sample({4}, 2).requires_grad("y"),
               table = sample({4, 2}, 3).requires_grad("table");
  const auto looked_up = [&] { return sum(embedding(table, tensor({0, 2, 2}), {.sparse = true})); };
  std::vector<Tensor> held;
  const auto leaves = {x, y, table};
  const auto gradients = [&] {
    std::vector<Tensor> all;
    for (const auto& leaf : leaves) all.push_back(leaf.grad());
    return all;
  };
  const auto prepare = [&] {
    held.clear();
    for (const auto& leaf : leaves) leaf.zero_grad();
    (sum(x + y) + looked_up()).backward();
    held = gradients();
  };
  const auto unchanged = [&] {
    const auto now = gradients();
    for (std::size_t i = 0; i < now.size(); ++i)
      if (!equal_bits(now[i], held[i])) return false;
    return true;
  };
  CHECK(survives_faults([&] { (sum(exp(x) * y + x) + looked_up()).backward(); }, unchanged,
                        prepare) == "");
  CHECK_FALSE(unchanged());  // the last run went through
}

TEST_CASE("transforms of functions and gradcheck survive every allocation that fails") {
  const Tensor x = sample({3}, 1), v = sample({3}, 2);
  const TensorFunction f = [](const std::vector<Tensor>& in) { return sum(tanh(in[0]) * in[0]); };
  CHECK(survives_faults([&] { (void)hessian(f, {x}); }) == "");
  CHECK(survives_faults([&] { (void)hvp(f, {x}, {v}); }) == "");
  CHECK(survives_faults([&] { (void)jvp(f, {x}, {v}); }) == "");
  CHECK(survives_faults([&] { (void)gradcheck([](const Tensor& a) { return sum(a * a); }, x); }) ==
        "");
}

TEST_CASE("a scope that cannot begin changes nothing") {
  CHECK(survives_faults([] { const NoGrad off; }, [] { return recording(); }) == "");
}

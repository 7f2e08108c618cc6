#include <gradtape/autograd/cost.hpp>
#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

using namespace gradtape;

namespace {

const OpCost& find(const Cost& cost, const std::string& name) {
  for (const auto& op : cost.ops)
    if (op.name == name) return op;
  FAIL("no op ", name);
  return cost.total;
}

}  // namespace

TEST_CASE("cost counts the operations and bytes of elementwise ops, forward and backward") {
  const Tensor a = ones({10, 100}).requires_grad(), b = ones({100}).requires_grad();
  const auto c = cost(a * b, ones({10, 100}));
  const auto& mul = find(c, "mul");
  CHECK(mul.nodes == 1);
  CHECK(mul.forward_flops == 1000);
  CHECK(mul.forward_bytes == 4 * (1000 + 100 + 1000));
  CHECK(mul.backward_flops >= 2000);  // g * b, g * a and its sum over the rows
  CHECK(mul.backward_flops <= 3000);
  CHECK(c.leaves == 2);
  CHECK(c.total.nodes == 1);
}

TEST_CASE("cost counts a formula as the operations that it is written in") {
  const auto f = formula("f", [](const auto& x) { return x * x + exp(x); });
  const auto c = cost(f(ones({100}).requires_grad()), ones({100}));
  CHECK(find(c, "f").forward_flops == 300);
  CHECK(find(c, "f").backward_flops > 300);
  CHECK(find(c, "f").backward_flops <= 1000);
}

TEST_CASE("an op that is made of others under InsideOp counts their work as its own") {
  const auto c = cost(sum(var(ones({10, 100}).requires_grad(), 1)));
  CHECK(find(c, "var").nodes == 1);
  CHECK(find(c, "var").forward_flops >= 2000);  // the differences and their squares
}

TEST_CASE("work that was done between recorded ops is nobody's") {
  const Tensor x = ones({10}).requires_grad();
  const Tensor y = x * 2;
  { const NoGrad no_grad; sum(exp(ones({100000}))); }
  sum(exp(ones({100000})));
  const auto c = cost(sum(exp(y)));
  CHECK(find(c, "exp").forward_flops == 10);
}

TEST_CASE("cost neither releases the graph nor touches the leaves") {
  const Tensor x = ones({10}).requires_grad();
  const Tensor y = sum(x * x);
  const auto first = cost(y), second = cost(y);
  CHECK(first.str() == second.str());
  CHECK_FALSE(x.grad().defined());
  y.backward();
  CHECK(array_equal(x.grad(), full({10}, 2)));
  CHECK_THROWS_WITH_AS(cost(y), doctest::Contains("released"), GraphError);
}

TEST_CASE("cost measures the elements that a graph holds") {
  const Tensor x = ones({1000, 1000}).requires_grad();
  Tensor y = x;
  for (int i = 0; i < 5; ++i) y = exp(y);
  const auto c = cost(y, ones({}));
  CHECK(c.peak_bytes >= 5 * 4e6);
  CHECK(c.peak_bytes < 5.1 * 4e6);
}

TEST_CASE("cost asks for a seed where the output has several elements") {
  CHECK_THROWS_WITH_AS(cost(exp(ones({3}).requires_grad())), doctest::Contains("seed"), GraphError);
  CHECK_THROWS_WITH_AS(cost(ones({})), doctest::Contains("not tracked"), GraphError);
}

TEST_CASE("the table of costs has a line for every op and one for the total") {
  const Tensor x = ones({1000}).requires_grad();
  const auto text = cost(sum(exp(x * x))).str();
  for (const char* word : {"op", "mul", "exp", "sum", "total", "1 k", "peak"}) {
    CAPTURE(word);
    CHECK(text.find(word) != std::string::npos);
  }
}

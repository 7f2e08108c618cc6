#include <gradtape/autograd/checkpoint.hpp>
#include <gradtape/autograd/cost.hpp>
#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/op_samples.hpp"

using namespace gradtape;
using namespace gradtape::testing;

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
  const auto mul = find(c, "mul");
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

TEST_CASE("an op that is made of others inside its scope counts their work as its own") {
  const auto c = cost(sum(var(ones({10, 100}).requires_grad(), 1)));
  CHECK(find(c, "var").nodes == 1);
  CHECK(find(c, "var").forward_flops >= 2000);  // the differences and their squares
}

TEST_CASE("work that was done between recorded ops is not attributed") {
  const Tensor x = ones({10}).requires_grad();
  const Tensor y = x * 2;
  {
    const NoGrad no_grad;
    (void)sum(exp(ones({100000})));
  }
  (void)sum(exp(ones({100000})));
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

TEST_CASE("the peak of a graph does not depend on what was freed or made before it") {
  const Tensor x = randn({1000}).requires_grad();  // 4 kB
  const auto peak = [&] { return cost(sum(exp(tanh(x)))).peak_bytes; };
  CHECK(peak() == close(2 * 4064, 1e-9));  // the results of tanh and exp, each with its header
  {
    const Tensor y = sum(exp(exp(exp(x))));  // a larger graph, which is freed before the next
  }
  CHECK(peak() == close(2 * 4064, 1e-9));

  const Tensor w = randn({200, 200}).requires_grad();
  std::vector<double> peaks;
  for (int step = 0; step < 3; ++step) {  // of training, with new data each time
    const Tensor data = randn({100, 200}), target = randn({100, 200});
    const Tensor loss = mean(square(tanh(matmul(data, w)) - target));
    peaks.push_back(cost(loss).peak_bytes);
    loss.backward();
    w.zero_grad();
  }
  CHECK(peaks[0] > 3 * 100 * 200 * 4);
  CHECK(peaks[1] == peaks[0]);
  CHECK(peaks[2] == peaks[0]);

  // An old graph that is freed while a new one is recorded.
  Tensor state = sum(exp(exp(x)));
  const Tensor first = exp(x);
  state = Tensor();
  CHECK(cost(sum(exp(first))).peak_bytes == close(2 * 4064, 1e-9));
}

TEST_CASE("a checkpoint counts the first run of its function, and its second run backward") {
  const Tensor x = randn({50, 40}).requires_grad(), w = randn({40, 40}).requires_grad();
  const auto layer = [](const std::vector<Tensor>& in) { return tanh(matmul(in[0], in[1])); };
  const Tensor plain = layer({x, w}), kept = checkpoint(layer, {x, w});
  const auto once = cost(plain, ones_like(plain)), twice = cost(kept, ones_like(kept));
  const auto node = find(twice, "checkpoint");
  CHECK(node.forward_flops == once.total.forward_flops);
  CHECK(node.forward_bytes == once.total.forward_bytes);
  CHECK(node.backward_flops == close(once.total.forward_flops + once.total.backward_flops, 0.01));
  CHECK(node.ratio() == close(once.total.ratio() + 1, 0.01));
  // Of a chain of them only the results stay.
  Tensor y = x;
  for (int i = 0; i < 4; ++i) y = checkpoint(layer, {y, w});
  CHECK(cost(y, ones_like(y)).peak_bytes == close(4 * (50 * 40 * 4 + 64), 1e-9));
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

TEST_CASE("the gradient of a matmul costs two matmuls, that of a convolution two convolutions") {
  const Tensor a = randn({20, 30}).requires_grad(), b = randn({30, 40}).requires_grad();
  const auto product = cost(matmul(a, b), ones({20, 40}));
  CHECK(find(product, "matmul").forward_flops == 2 * 20 * 30 * 40);
  CHECK(product.total.ratio() == 2);
  CHECK(cost(matmul(a.detach(), b), ones({20, 40})).total.ratio() == 1);

  const Tensor x = randn({2, 3, 8, 8}).requires_grad(), w = randn({4, 3, 3, 3}).requires_grad();
  const Tensor y = conv2d(x, w);
  const auto convolution = cost(y, ones_like(y));
  CHECK(find(convolution, "conv2d").forward_flops == 2 * 2 * 4 * 3 * 9 * 36);
  CHECK(convolution.total.ratio() == close(2, 0.01));
}

// The constants of docs/theorem.md.
TEST_CASE("the gradient of every op costs at most 16 times the op, and visits each node once") {
  for (const auto& sample : op_samples())
    for (const auto& shapes : sample.shapes) {
      std::vector<Tensor> x;
      for (const auto& t : sample_inputs(sample, shapes)) x.push_back(t.requires_grad());
      const Tensor y = sample.f(x);
      const auto c = cost(y, ones_like(y));
      auto elements = static_cast<double>(y.numel());
      for (const auto& input : x) elements += static_cast<double>(input.numel());
      CAPTURE(sample.name);
      CAPTURE(c.str());
      CHECK(last_pass().nodes_visited == Tape(y).size());
      if (elements == 0) continue;
      CHECK(c.total.backward_flops <= 16 * (c.total.forward_flops + elements));
      CHECK(c.total.backward_bytes <= 16 * (c.total.forward_bytes + 8 * elements));
    }
}

namespace {

/// A graph of n ops, each of which takes two of the 8 results before it: paths double all the time.
Tensor random_graph(std::int64_t n, std::uint64_t seed) {
  Generator generator(seed);
  std::vector<Tensor> recent;
  for (int i = 0; i < 8; ++i) recent.push_back(randn({4, 4}, float64, generator).requires_grad());
  for (std::int64_t i = 0; i < n; ++i) {
    const auto draw = randint(0, 8, {4}, generator);
    const auto* pick = draw.data<std::int64_t>().data();
    const Tensor &a = recent[static_cast<std::size_t>(pick[0])],
                 &b = recent[static_cast<std::size_t>(pick[1])];
    const Tensor y = pick[2] < 3 ? tanh(a) : pick[2] < 6 ? tanh(a * b) : tanh(matmul(a, b));
    recent[static_cast<std::size_t>(i % 8)] = y;
  }
  Tensor all = recent[0];
  for (std::size_t i = 1; i < recent.size(); ++i) all = all + recent[i];
  return sum(all);
}

}  // namespace

TEST_CASE("the gradient of random graphs with heavy sharing costs O(1) times the function") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Tensor y = random_graph(300, seed);
    const auto c = cost(y);
    CHECK(last_pass().nodes_visited == Tape(y).size());
    CHECK(last_pass().nodes_visited == c.total.nodes + c.leaves);
    CHECK(c.total.ratio() > 1);
    CHECK(c.total.ratio() < 4);
  }
}

TEST_CASE("the work of the gradient grows in proportion to the graph") {
  const auto small = cost(random_graph(500, 1)), large = cost(random_graph(5000, 1));
  const auto nodes =
      static_cast<double>(large.total.nodes) / static_cast<double>(small.total.nodes);
  CHECK(large.total.backward_flops / small.total.backward_flops == close(nodes, 0.1));
  CHECK(large.total.ratio() == close(small.total.ratio(), 0.1));
}

TEST_CASE("what a backward pass adds to a gradient is not charged to the next op") {
  const Tensor x = tensor(0.5, float64).requires_grad();
  sin(x).backward();
  sin(x).backward();  // adds to the gradient of the first
  CHECK(cost(sin(x)).total.forward_flops == 1);
}

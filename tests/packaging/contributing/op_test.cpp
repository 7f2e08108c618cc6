// op_test FUNCTION: what an op promises, and its edges, by its rows of the table of samples.
// Quicker to build than the whole test program, which asks every row for more.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/autograd/test_op.hpp>

#include <iostream>
#include <string>

#include "support/op_samples.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

bool equal(const Tensor& a, const Tensor& b) {
  return all(isclose(a, b, 1e-14, 0, true)).item<bool>();
}

bool edges_hold(const OpSample& row) {
  bool hold = true;
  for (const auto& edge : row.edges) {
    std::vector<Tensor> at;
    for (const auto& x : edge.inputs) at.push_back(x.requires_grad());
    const Tensor y = row.f(at);
    const auto g = grad(sum(y), at);
    bool same = equal(y.detach(), edge.value);
    for (std::size_t i = 0; i < g.size(); ++i) same &= equal(g[i], edge.gradients[i]);
    if (!same)
      std::cout << row.function << " of " << at[0] << " is " << y << ", slope " << g[0] << "\n";
    hold &= same;
  }
  return hold;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string function = argc == 2 ? argv[1] : "";
  int rows = 0;
  bool passed = true;
  for (const auto& row : op_samples()) {
    if (row.function != function) continue;
    ++rows;
    std::vector<std::vector<Tensor>> samples;
    for (const auto& shapes : row.shapes)
      if (shapes[0].numel() > 0) samples.push_back(sample_inputs(row, shapes));
    const auto first = samples.front();
    samples.erase(samples.begin());
    const auto result = test_op({.name = row.name, .f = row.f, .inputs = first, .more = samples});
    std::cout << result << "\n";
    passed = edges_hold(row) && result && passed;
  }
  std::cout << rows << " rows of " << function << "\n";
  return passed && rows > 0 ? 0 : 1;
}

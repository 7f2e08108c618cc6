// Graphs of many small ops: what a node costs.
#include "workloads.hpp"

namespace bench {

namespace {

constexpr int chain_length = 1000;

Tensor chain(const Tensor& x, const Tensor& c) {
  Tensor y = x;
  for (int i = 0; i < chain_length / 4; ++i) {
    y = y * c;
    y = y + c;
    y = tanh(y);
    y = sin(y);
  }
  return y;
}

enum class Recorded { forward, backward, nothing };

Case scalar_chain(Recorded recorded) {
  const Tensor x = input(normal({}), "x"), c = side::scalar(0.99);
  if (recorded == Recorded::nothing) return inference([=] { return chain(x, c); });
  if (recorded == Recorded::forward)
    return {.step = [=] { (void)chain(x, c); }, .check = {}, .nodes = chain_length};
  const auto step = [=] {
    side::clear_gradient(x);
    chain(x, c).backward();
  };
  const auto check = [=] {
    step();
    return Results{{"gradient", x.grad()}};
  };
  return {.step = step, .check = check, .nodes = chain_length};
}

/// Prints the phases of a chain of additions. `retain`: what was recorded lives on after the
/// backward pass, and is destroyed in a phase of its own.
void measure_chain(const std::string& name, int nodes, int repetitions, bool retain) {
  const Tensor x = input(normal({}), "x"), c = side::scalar(1e-6);
  Tensor y;
  const auto forward = [&] {
    side::clear_gradient(x);
    y = x;
    for (int i = 0; i < nodes; ++i) y = y + c;
  };
#ifdef BENCH_LIBTORCH
  const auto backward = [&] { y.backward({}, retain); };
#else
  const auto backward = [&] { y.backward({.retain_graph = retain}); };
#endif
  measure_phases(name, "_deep_chain", nodes, repetitions, forward, backward, [&] { y = Tensor(); });
}

Case deep_chain() {
  return {.step = {}, .check = {}, .measure = [] { measure_chain("W15", 1000000, 5, true); }};
}

// The backprop theorem in numbers: the time for a node does not depend on how many there are.
Case nodes() {
  return {.step = {}, .check = {}, .measure = [] {
            measure_chain("nodes1e3", 1000, 10000, false);
            measure_chain("nodes1e4", 10000, 1000, false);
            measure_chain("nodes1e5", 100000, 100, false);
            measure_chain("nodes1e6", 1000000, 10, false);
          }};
}

/// Three states of an ODE, and their slopes.
struct State {
  Tensor a, b, c;
};

State slopes(const State& y, const Tensors& p) {
  return {p[0] * y.a - p[1] * y.a * y.b, p[2] * y.a * y.b - p[3] * y.b + p[4] * sin(y.c),
          exp(-y.a) - y.c * y.b};
}

State moved(const State& y, double h, const State& k) {
  return {y.a + h * k.a, y.b + h * k.b, y.c + h * k.c};
}

Tensor weighted(const Tensor& k1, const Tensor& k2, const Tensor& k3, const Tensor& k4) {
  return k1 + 2.0 * k2 + 2.0 * k3 + k4;
}

/// Runge and Kutta's method in scalars: 99,000 nodes, most of whose values are used several times.
Tensor runge_kutta(const Tensors& p) {
  constexpr double h = 0.002;
  State y{side::wide_scalar(1), side::wide_scalar(0.5), side::wide_scalar(0.1)};
  for (int i = 0; i < 1000; ++i) {
    const State k1 = slopes(y, p), k2 = slopes(moved(y, h / 2, k1), p),
                k3 = slopes(moved(y, h / 2, k2), p), k4 = slopes(moved(y, h, k3), p);
    y = moved(y, h / 6,
              {weighted(k1.a, k2.a, k3.a, k4.a), weighted(k1.b, k2.b, k3.b, k4.b),
               weighted(k1.c, k2.c, k3.c, k4.c)});
  }
  return y.a * y.a + y.b + y.c;
}

Case scalar_ode() {
  Tensors p;
  for (std::size_t i = 0; i < 5; ++i) p.push_back(input(wide(normal({}, 0.5)), numbered("p", i)));
  const auto step = [=] {
    for (const auto& x : p) side::clear_gradient(x);
    runge_kutta(p).backward();
  };
  const auto check = [=] {
    step();
    Results found;
    for (const auto& x : p) found.emplace_back(numbered("p", found.size()), x.grad());
    return found;
  };
  return {.step = step, .check = check, .nodes = 99000};
}

Tensor tree(const Tensors& leaves, std::size_t first, std::size_t count, const Tensor& weight,
            const Tensor& bias) {
  if (count == 1) return leaves[first];
  const Tensor left = tree(leaves, first, count / 2, weight, bias),
               right = tree(leaves, first + count / 2, count - count / 2, weight, bias);
  return tanh(side::linear(side::concat({left, right}, 1), weight, bias));
}

/// A recursive net over a binary tree: its graph is a tree too.
Case tree_of_cells() {
  constexpr std::int64_t width = 32;
  std::map<std::string, side::Variable> variables{
      {"weight", side::variable(normal({width, 2 * width}), "weight")},
      {"bias", side::variable(normal({width}), "bias")}};
  Tensors leaves;
  for (std::size_t i = 0; i < 512; ++i)
    leaves.push_back(input(constant({1, width}), numbered("leaf", i)));
  const auto loss = [=] {
    return mean(
        square(tree(leaves, 0, leaves.size(), variables.at("weight"), variables.at("bias"))));
  };
  return training(variables, side::sgd(list(variables), 0.01), loss);
}

}  // namespace

Table scalar_workloads() {
  return {{"W1_scalar_chain", [] { return scalar_chain(Recorded::backward); }},
          {"W1fwd_scalar_chain", [] { return scalar_chain(Recorded::forward); }},
          {"W1nograd_scalar_chain", [] { return scalar_chain(Recorded::nothing); }},
          {"W15_deep_chain", deep_chain},
          {"W17_scalar_ode", scalar_ode},
          {"nodes", nodes},
          {"tree_512_leaves", tree_of_cells}};
}

}  // namespace bench

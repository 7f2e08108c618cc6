// Passes over large arrays, and updates.
#include "workloads.hpp"

namespace bench {

namespace {

/// A scalar of some variables, forward and backward, without an update.
template <class F> Case loss_of(const std::vector<Input>& inputs, const F& f) {
  Tensors x;
  for (const auto& what : inputs) x.push_back(input(what, numbered("x", x.size())));
  const auto pass = [=] {
    const Tensor l = f(x);
    for (std::size_t i = 0; i < x.size(); ++i)
      if (inputs[i].variable) side::clear_gradient(x[i]);
    l.backward();
    return l;
  };
  const auto check = [=] {
    Results found{{"loss", pass()}};
    for (std::size_t i = 0; i < x.size(); ++i)
      if (inputs[i].variable) found.emplace_back(numbered("gradient", i), x[i].grad());
    return found;
  };
  return {.step = [=] { (void)pass(); }, .check = check};
}

constexpr std::int64_t many = 4000000;

Case w10_ops() {
  return loss_of({normal({many}), normal({many}), normal({many})},
                 [](const Tensors& x) { return mean(tanh(x[0] * x[1] + x[2]) * sigmoid(x[0])); });
}

/// The same, on our side as a formula.
Case w10() {
#ifdef BENCH_LIBTORCH
  return w10_ops();
#else
  const auto f =
      gradtape::formula("w10", [](auto a, auto b, auto c) { return tanh(a * b + c) * sigmoid(a); });
  return loss_of({normal({many}), normal({many}), normal({many})},
                 [f](const Tensors& x) { return mean(f(x[0], x[1], x[2])); });
#endif
}

Case w11() {
  return loss_of({normal({4096, 1000}), indices({4096}, 1000)},
                 [](const Tensors& x) { return side::nll_loss(log_softmax(x[0], 1), x[1]); });
}

Case w12() {
  return loss_of({normal({2048, 1024}), normal({1024}), normal({1024})}, [](const Tensors& x) {
    const Tensor d = x[0] - side::mean_over(x[0], 1);
    const Tensor v = side::mean_over(square(d), 1);
    return sum(d * rsqrt(v + 1e-5) * x[1] + x[2]);
  });
}

Case w13(bool sparse) {
  const std::map<std::string, side::Variable> table{
      {"table", side::variable(normal({50000, 128}), "table")}};
  const Tensor index = input(indices({4096}, 50000), "index");
  return training(table, side::sgd(list(table), 0.01),
                  [=] { return sum(side::embedding(table.at("table"), index, sparse)); });
}

/// The update alone, of 50 tensors of 200,000 elements.
Case w14() {
  std::vector<side::Variable> p;
  for (std::size_t i = 0; i < 50; ++i)
    p.push_back(side::variable(normal({200000}), numbered("p", i)));
  for (const auto& v : p) {
    const Tensor x = v;
    sum(x * input(constant({200000}), "gradient")).backward();
  }
  const auto optimizer = side::adam(p, 1e-3);
  const auto check = [=] {
    optimizer->step();
    Results found;
    for (const auto& v : p) found.emplace_back(numbered("p", found.size()), v);
    return found;
  };
  return {.step = [=] { optimizer->step(); }, .check = check};
}

Case w16() {
  const std::map<std::string, side::Variable> v{{"w", side::variable(normal({1, 30}), "w")},
                                                {"b", side::variable(normal({1}), "b")}};
  const Tensor x = input(constant({10000, 30}), "x");
  const Tensor y = sigmoid(input(constant({10000, 1}), "y"));
  return training(v, side::sgd(list(v), 0.1),
                  [=] { return side::bce_with_logits(side::linear(x, v.at("w"), v.at("b")), y); });
}

}  // namespace

Table array_workloads() {
  return {{"W10_elementwise", w10},
          {"W10ops_elementwise", w10_ops},
          {"W11_softmax_nll", w11},
          {"W12_layernorm_primitives", w12},
          {"W13_embedding", [] { return w13(false); }},
          {"W13rows_embedding", [] { return w13(true); }},
          {"W14_adam_step_10M", w14},
          {"W16_logreg", w16}};
}

}  // namespace bench

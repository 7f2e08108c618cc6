#include "workloads.hpp"

namespace bench {

namespace {

Tensors make_all(const std::vector<Input>& inputs, const std::string& name) {
  Tensors made;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    made.push_back(side::make(inputs[i], hash(numbered(name, i))));
  return made;
}

}  // namespace

Workload op(const std::string& name, const std::vector<Input>& inputs,
            std::function<Tensor(const Tensors&)> function) {
  return {name, [=]() -> Case {
            const Tensors x = make_all(inputs, name);
            Tensors variables;
            for (std::size_t i = 0; i < inputs.size(); ++i)
              if (inputs[i].variable) variables.push_back(x[i]);
            if (variables.empty()) return inference([=] { return function(x); });
            const auto output = [&] {
              const side::Guard guard;
              return function(x);
            }();
            Input seed = constant(side::extents(output));
            seed.wide = side::is_wide(output);
            const Tensor cotangent = input(seed, "cotangent");
            const auto step = [=] {
              const Tensor y = function(x);
              for (const auto& v : variables) side::clear_gradient(v);
              y.backward(cotangent);
            };
            const auto check = [=] {
              step();
              Results found{{"value", output}};
              for (std::size_t i = 0; i < variables.size(); ++i)
                found.emplace_back(numbered("gradient", i), variables[i].grad());
              return found;
            };
            return {.step = step, .check = check};
          }};
}

Case training(const std::map<std::string, side::Variable>& variables,
              const side::Optimizer& optimizer, std::function<Tensor()> loss) {
  initialise(variables);
  const auto all = list(variables);
  const auto pass = [=] {
    const Tensor l = loss();
    for (const auto& v : all) side::clear_gradient(v);
    l.backward();
    return l;
  };
  const auto check = [=] {
    Results found{{"loss", pass()}};
    for (const auto& [name, v] : variables) found.emplace_back(name, v.grad());
    return found;
  };
  const auto step = [=] {
    (void)pass();
    optimizer->step();
  };
  return {.step = step, .check = check};
}

Case inference(std::function<Tensor()> call) {
  const auto step = [=] {
    const side::Guard guard;
    (void)call();
  };
  const auto check = [=] {
    const side::Guard guard;
    return Results{{"value", call()}};
  };
  return {.step = step, .check = check};
}

Case results(std::function<Tensors()> compute) {
  const auto check = [=] {
    Results found;
    for (const auto& result : compute())
      found.emplace_back(numbered("result", found.size()), result);
    return found;
  };
  return {.step = [=] { (void)compute(); }, .check = check};
}

void initialise(const std::map<std::string, side::Variable>& variables) {
  for (const auto& [name, v] : variables) {
    const Extents shape = side::extents(v);
    const bool matrix = shape.size() > 1, is_weight = name.find("weight") != std::string::npos;
    Input what = matrix ? weight(shape, count(shape) / shape[0]) : normal(shape, 0.1);
    what.variable = false;
    what.wide = side::is_wide(v);
    const Tensor values = input(what, name);
    if (!matrix && is_weight)
      side::assign(v, values + 1.0);  // of a norm
    else
      side::assign(v, values);
  }
}

std::vector<side::Variable> list(const std::map<std::string, side::Variable>& variables) {
  std::vector<side::Variable> all;
  for (const auto& entry : variables) all.push_back(entry.second);
  return all;
}

}  // namespace bench

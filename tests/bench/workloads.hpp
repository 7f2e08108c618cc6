/// Workloads: each is written once, in what the two libraries have in common and in `side::` where
/// they differ, and compiled into a program for each.
///
/// A new op is an entry of a table in ops_*.cpp; a new model a function that returns a Case.
#pragma once

#ifdef BENCH_LIBTORCH
#include "side_libtorch.hpp"
#else
#include "side_gradtape.hpp"
#endif

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "harness.hpp"

namespace bench {

using side::Tensor;
using Tensors = std::vector<Tensor>;
/// What is compared between the two sides.
using Results = std::vector<std::pair<std::string, Tensor>>;

/// A workload that is set up.
struct Case {
  std::function<void()> step;      ///< What is timed.
  std::function<Results()> check;  ///< Called before any step; empty where there is no peer.
  int nodes = 0;  ///< How many a step records, where the time for one is of interest.
  /// Measures in its own way in place of `step`.
  std::function<void()> measure = {};
};

struct Workload {
  std::string name;
  std::function<Case()> set_up;

  /// By which it is asked for: the name, of a model the part before the underscore.
  [[nodiscard]] std::string key() const {
    return name[0] == 'W' ? name.substr(0, name.find('_')) : name;
  }
};

using Table = std::vector<Workload>;
// The tables, one a file.
Table scalar_workloads();
Table model_workloads();
Table array_workloads();
Table derivative_workloads();
Table elementwise_ops();
Table memory_ops();
Table layer_ops();
Table linalg_ops();
#ifndef BENCH_LIBTORCH
/// Prints what this machine does at most, a line each: name, unit, figure.
void print_limits();
#endif

/// A function of some inputs, forward and backward from a cotangent that is dense as a layer's
/// would be; only forward where no input is a variable.
Workload op(const std::string& name, const std::vector<Input>& inputs,
            std::function<Tensor(const Tensors&)> function);

/// A step of training: loss, backward, update. `variables` are given values by their names first.
Case training(const std::map<std::string, side::Variable>& variables,
              const side::Optimizer& optimizer, std::function<Tensor()> loss);

/// A call without recording.
Case inference(std::function<Tensor()> call);

/// Something that computes its results itself.
Case results(std::function<Tensors()> compute);

/// Sets every variable to numbers that its name stands for: weights of a scale by their fan-in,
/// norms near 1.
void initialise(const std::map<std::string, side::Variable>& variables);

std::vector<side::Variable> list(const std::map<std::string, side::Variable>& variables);

/// "x0", "x1", ...
inline std::string numbered(std::string name, std::size_t i) { return name += std::to_string(i); }

inline Tensor input(const Input& what, const std::string& name) {
  return side::make(what, hash(name));
}

/// A module of either library, with its variables.
template <class Module> side::Model model(Module module) {
  side::Model made;
  side::add(made.variables, module, "");
  made.forward = [module](const Tensor& x) mutable { return side::call(module, x); };
  return made;
}

}  // namespace bench

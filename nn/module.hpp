/// Module: a handle to named parameters, buffers and child modules.
#pragma once

#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/parameter.hpp"

namespace gradtape::nn {

/// Base of everything with parameters. A model registers its parts where it declares them and
/// computes in an `operator()` of any signature:
///
///     struct Classifier : nn::Module {
///       nn::Linear hidden = child("hidden", nn::Linear(64, 32));
///       nn::Linear head = child("head", nn::Linear(32, 10));
///       Tensor operator()(const Tensor& images) const { return head(relu(hidden(images))); }
///     };
///
/// A module is a handle: a copy shares variables, children and training mode with the original. It
/// cannot be assigned, because what a model computes with would then differ from what it has
/// registered.
class Module {
 public:
  Module();
  Module(const Module&) = default;
  Module& operator=(const Module&) = delete;
  virtual ~Module();

  /// Every parameter once, in the order of declaration, children's after the module's own.
  std::vector<Parameter> parameters() const;
  /// Parameters with their dotted paths ("head.weight"); one that is registered twice appears under
  /// both.
  std::vector<std::pair<std::string, Parameter>> named_parameters() const;
  /// Buffers with their dotted paths.
  std::vector<std::pair<std::string, Buffer>> named_buffers() const;
  /// The number of elements in all parameters, each counted once.
  std::int64_t parameter_count() const;

  /// Sets the mode of this module and everything below it: Dropout and the like are active in
  /// training only.
  void train(bool on = true);
  /// The same as train(false).
  void eval() { train(false); }
  /// Whether this module is in training mode, as it is at first.
  bool is_training() const { return state_->training; }

  /// Converts all parameters and floating buffers. Throws DtypeError unless `dtype` is floating.
  void to(Dtype dtype);
  /// Drops the accumulated gradients of all parameters.
  void zero_grad();

  /// A table of parameters and buffers: path, kind of module, shape, dtype, elements, trainable;
  /// and totals.
  std::string summary() const;

 protected:
  /// Registers a variable that starts as `initial`. Throws ValueError when the name is empty,
  /// dotted or taken, DtypeError unless `initial` is floating.
  Parameter parameter(std::string name, const Tensor& initial);
  /// Registers a variable of another module here too, so that both share it ("tied weights").
  Parameter parameter(std::string name, const Parameter& shared);
  /// Registers a variable without a gradient. Throws ValueError as `parameter` does.
  Buffer buffer(std::string name, const Tensor& initial);
  /// Registers a module below this one and returns the handle to it. Throws ValueError as
  /// `parameter` does, and for a module that contains this one.
  template <std::derived_from<Module> M>
  M child(std::string name, M module) {
    adopt(std::move(name), module);
    return module;
  }

 private:
  struct State;
  struct Child {
    std::string name, kind;
    std::shared_ptr<State> state;
  };
  struct State {
    std::vector<std::pair<std::string, Parameter>> parameters;
    std::vector<std::pair<std::string, Buffer>> buffers;
    std::vector<Child> children;
    bool training = true;
  };

  void adopt(std::string name, const Module& module);
  void check_name(const char* op, const std::string& name) const;
  template <class Visit>
  static void walk(State& state, const std::string& prefix, const std::string& kind, Visit& visit);

  std::shared_ptr<State> state_;
};

/// Writes the summary table.
std::ostream& operator<<(std::ostream& out, const Module& module);

}  // namespace gradtape::nn

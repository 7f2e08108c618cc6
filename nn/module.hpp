/// Module: a handle to named parameters, buffers and child modules.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/state.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/state_dict.hpp"

namespace gradtape::nn {

class Module;

namespace detail {

struct ModuleState;

/// The private parts of Module, kept out of the class so that none of their names can clash with a
/// name in a user's model.
struct ModuleAccess {
  using Copy = std::shared_ptr<Module> (*)(const Module&);

  static ModuleState& state(const Module& module);
  /// Registers `child` below `parent`; see Module::child.
  static void add_child(Module& parent, std::string name, const Module& child, Copy copy);
  static bool has_hooks(const Module& module);
  /// The input after all pre-hooks, the output after all hooks.
  static Tensor hooked_input(const Module& module, const Tensor& input);
  static Tensor hooked_output(const Module& module, const Tensor& input, const Tensor& output);
  /// Where the module stands in its model, "enc.0"; empty for a model itself.
  static std::string path(const Module& module);
  /// After a deep copy: tells every module below whose child it is.
  static void adopt_below(const Module& module);
  /// In a handler: throws the exception again, with the module's path in its message.
  [[noreturn]] static void rethrow_named(const Module& module);
};

}  // namespace detail

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
  [[nodiscard]] std::vector<Parameter> parameters() const;
  /// Parameters with their dotted paths ("head.weight"); one that is registered twice appears under
  /// both.
  [[nodiscard]] std::vector<std::pair<std::string, Parameter>> named_parameters() const;
  /// Buffers with their dotted paths.
  [[nodiscard]] std::vector<std::pair<std::string, Buffer>> named_buffers() const;
  /// The number of elements in all parameters, each counted once.
  [[nodiscard]] std::int64_t parameter_count() const;

  /// Sets the mode of this module and everything below it: Dropout and the like are active in
  /// training only.
  void train(bool on = true);
  /// The same as train(false).
  void eval() { train(false); }
  /// Whether this module is in training mode, as it is at first.
  [[nodiscard]] bool is_training() const;

  /// Converts all parameters and floating buffers. Throws DtypeError unless `dtype` is floating.
  void to(Dtype dtype);
  /// Drops the accumulated gradients of all parameters.
  void zero_grad();

  /// Freezes all parameters, or thaws them: frozen ones get no gradient, and no optimizer moves
  /// them.
  void freeze(bool frozen = true);

  /// The modules directly below this one, in the order of declaration, with their names.
  [[nodiscard]] std::vector<std::pair<std::string, std::shared_ptr<Module>>> named_children() const;
  /// Calls `visit` with every module below this one, children before parents, and with this one at
  /// last. What it is given has the type that was registered:
  ///
  ///     model.apply([](nn::Module& m) {
  ///       if (auto* layer = dynamic_cast<nn::Linear*>(&m))
  ///         nn::init::fill(layer->weight, nn::init::XavierUniform{});
  ///     });
  void apply(const std::function<void(Module&)>& visit);

  /// Values of all parameters and buffers by their dotted paths.
  [[nodiscard]] StateDict state_dict() const;
  /// Sets all parameters and buffers to the values of those names; float32 and float64 convert to
  /// what the module has. Nothing is changed if it throws: ValueError, if strict, with what is
  /// missing, extra, misshapen or mistyped.
  LoadReport load_state_dict(const StateDict& state, const LoadOptions& options = {});

  /// Returns a replacement of the module's input, or an undefined tensor to keep it.
  using ForwardPreHook = std::function<Tensor(const Module& module, const Tensor& input)>;
  /// Returns a replacement of the module's output, or an undefined tensor to keep it.
  using ForwardHook =
      std::function<Tensor(const Module& module, const Tensor& input, const Tensor& output)>;
  /// Removes a registered hook. Does nothing once the module is destroyed.
  class HookHandle {
   public:
    HookHandle() = default;
    void remove();

   private:
    friend class Module;
    HookHandle(std::weak_ptr<void> module, std::uint64_t id)
        : module_(std::move(module)), id_(id) {}
    std::weak_ptr<void> module_;
    std::uint64_t id_ = 0;
  };
  /// Calls `hook` before each call of this module (a Layer, or a module that uses `call`), in the
  /// order of registration. A module of several inputs shows its first.
  HookHandle register_forward_pre_hook(ForwardPreHook hook);
  /// Calls `hook` after each call of this module.
  HookHandle register_forward_hook(ForwardHook hook);

  /// The name of its type, "Linear".
  [[nodiscard]] std::string kind() const;
  /// A table of parameters and buffers: path, kind of module, shape, dtype, elements, trainable;
  /// and totals. With the shapes of outputs: nn::summary(model, inputs).
  [[nodiscard]] std::string summary() const;

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
  // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved
  template <std::derived_from<Module> M> M child(std::string name, M module) {
    const auto copy = [](const Module& original) -> std::shared_ptr<Module> {
      return std::make_shared<M>(static_cast<const M&>(original));
    };
    detail::ModuleAccess::add_child(*this, std::move(name), module, copy);
    return module;
  }

  /// forward(x) with this module's hooks run before and after, and its path in the messages of
  /// exceptions: use it in an operator() that is to have hooks.
  template <std::invocable<const Tensor&> F> auto call(const Tensor& x, const F& forward) const {
    using Access = detail::ModuleAccess;
    const auto run = [&](const Tensor& input) {
      try {
        if (!input.defined()) author::need_defined(kind().c_str(), input, "x");
        return forward(input);
      } catch (const Error&) {
        Access::rethrow_named(*this);
      }
    };
    if (!Access::has_hooks(*this)) return run(x);
    const Tensor input = Access::hooked_input(*this, x);
    auto output = run(input);
    if constexpr (std::is_same_v<decltype(output), Tensor>)
      output = Access::hooked_output(*this, input, output);
    else
      output.output = Access::hooked_output(*this, input, output.output);
    return output;
  }

 private:
  friend struct detail::ModuleAccess;
  author::Shared<detail::ModuleState> gradtape_module_state_;
};
/// Writes the summary table.
std::ostream& operator<<(std::ostream& out, const Module& module);

/// A module from one tensor to one tensor, the base of most layers. It computes in `forward`;
/// calling it runs its hooks too.
class Layer : public Module {
 public:
  Tensor operator()(const Tensor& x) const {
    return call(x, [this](const Tensor& input) { return forward(input); });
  }

 protected:
  [[nodiscard]] virtual Tensor forward(const Tensor& x) const = 0;
};

/// A copy with parameters and buffers of its own, of the same values, names and frozen state, but
/// without gradients; tied ones are tied in the copy too. (A plain copy is a handle to the same
/// variables.) Works for every model that a plain copy works for; what it captured in lambdas or
/// holds by pointers of its own is shared with the original. A copy constructor runs inside that of
/// the module above, so deep nesting takes stack: 5,000 levels fit into 8 MB.
template <std::derived_from<Module> M> [[nodiscard]] M clone(const M& module) {
  const M copied = [&] {
    const author::DeepCopy deep;
    return M(module);
  }();
  detail::ModuleAccess::adopt_below(copied);
  return copied;
}

namespace detail {

/// Records the output shape of every module in a model, which runs in evaluation mode meanwhile,
/// and the variables that its ops use.
class OutputShapes {
 public:
  explicit OutputShapes(const Module& module);
  ~OutputShapes();
  OutputShapes(const OutputShapes&) = delete;
  OutputShapes& operator=(const OutputShapes&) = delete;
  /// An input that the model is given: no variable of its own.
  void note_input(const Tensor& input);
  /// Records the output of the model itself, for one whose operator() does not use `call`.
  void note_output(const Tensor& output);
  [[nodiscard]] std::string table() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// A table of every module in the model: path, kind, output shape for these inputs (blank for a
/// module that was not called, or has no hooks), elements of its own parameters; and totals. The
/// model runs once, in evaluation mode and unrecorded. Variables that it uses but has not
/// registered, which no optimizer would move and no file keep, are named in the last line.
template <std::derived_from<Module> M, class... Inputs>
[[nodiscard]] std::string summary(M& model, const Inputs&... inputs) {
  const NoGrad no_grad;
  detail::OutputShapes shapes(model);
  const auto note = [&](const auto& input) {
    if constexpr (std::is_convertible_v<decltype(input), Tensor>) shapes.note_input(input);
  };
  (note(inputs), ...);
  const auto output = model(inputs...);
  if constexpr (std::is_convertible_v<decltype(output), Tensor>) shapes.note_output(output);
  return shapes.table();
}

/// The variables behind `loss` that are neither parameters of `model` nor among `inputs`, such as
/// those of a layer that was declared without child(): "'weight' [8, 4]". For tests:
///
///     CHECK(nn::unregistered(model, loss).empty());
///
/// Frozen variables are not on the tape, so they are not seen.
[[nodiscard]] std::vector<std::string> unregistered(const Module& model, const Tensor& loss,
                                                    const std::vector<Tensor>& inputs = {});

}  // namespace gradtape::nn

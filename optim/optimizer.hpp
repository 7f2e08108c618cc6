/// Optimizer: what all update rules have in common.
#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/require.hpp"
#include "gradtape/autograd/state.hpp"
#include "gradtape/optim/fields.hpp"

namespace gradtape::optim {

namespace detail {
/// Throws ValueError in the name of `op` for an empty list, an undefined parameter, or one that is
/// listed twice.
void check_parameters(const char* op, const std::vector<Parameter>& parameters);
}  // namespace detail

/// Updates parameters by their gradients. It sees variables only, never their model.
///
/// `step` skips parameters that are frozen or have no gradient. Parameters come in groups, each
/// with options of its own, which may be changed between steps: by hand or by a Schedule.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update of every parameter with a gradient. Throws, before it changes anything, ValueError
  /// for options out of range, and GraphError where not one parameter has a gradient.
  virtual void step() = 0;
  /// Drops the accumulated gradients.
  void zero_grad();
  /// The parameters of all groups, in order.
  const std::vector<Parameter>& parameters() const { return parameters_; }

  /// The number of groups: one until another is added.
  [[nodiscard]] std::size_t num_groups() const { return num_groups_; }
  /// The learning rate of a group.
  virtual double& lr(std::size_t group = 0) = 0;
  /// The share of its last direction that a group keeps: `momentum`, or `beta1` in the Adam family;
  /// nullptr for a rule that has neither.
  virtual double* momentum(std::size_t group = 0) = 0;

  /// The options of every group ("groups.0.lr") and the state of every parameter ("state.0.steps"),
  /// by their order. The parameters themselves are saved with their model.
  [[nodiscard]] StateDict state_dict() const;
  /// Restores a saved state, so that training continues bit for bit; parameters must have the same
  /// shapes and be in the same groups. Throws ValueError, with nothing changed, for a state that
  /// does not fit, and for a value out of range.
  void load_state_dict(const StateDict& state);

 protected:
  Optimizer() = default;
  Optimizer(const Optimizer&) = default;
  Optimizer& operator=(const Optimizer&) = default;

  /// Throws ValueError in the name of `op` for an empty list, an undefined parameter, or one that
  /// is listed twice; nothing is added then.
  void add_parameters(const char* op, const std::vector<Parameter>& parameters);

  std::vector<Parameter> parameters_;
  std::vector<std::size_t> group_;  ///< Of each parameter.
  std::size_t num_groups_ = 0;

 private:
  /// The name in error messages.
  virtual const char* rule() const = 0;
  /// Shows the options of every group and the state of every parameter to `each`.
  virtual void visit(detail::Fields& each) = 0;
};

/// An optimizer with options for each group and state for each parameter. `Options` is an aggregate
/// with `lr` and the name of its `rule`; `fields()` of options and state lists their members, which
/// are checked, saved and loaded by that list.
template <class Options, class State> class Rule : public Optimizer {
 public:
  /// Throws ValueError for an empty list, a parameter listed twice, or options out of range.
  explicit Rule(const std::vector<Parameter>& parameters, const Options& options = {}) {
    add_group(parameters, options);
  }
  /// An error: options have names, Adam(parameters, {.lr = 0.1}).
  template <std::convertible_to<double> Number>
  Rule(const std::vector<Parameter>& parameters, Number lr) = delete;

  /// More parameters, with options of their own. Throws as the constructor.
  void add_group(const std::vector<Parameter>& parameters, const Options& options) {
    detail::check(options);
    add_parameters(Options::rule, parameters);
    options_.push_back(options);
    states_.resize(parameters_.size());
  }

  /// The options of a group. They may be changed between steps; step() checks them.
  /// This and state() throw ValueError for an index out of range.
  Options& options(std::size_t group = 0) {
    return options_[author::require_index(Options::rule, "group", group, options_.size())];
  }
  const Options& options(std::size_t group = 0) const {
    return const_cast<Rule&>(*this).options(group);
  }
  /// The state for parameter i; its tensors are undefined before the first step.
  const State& state(std::size_t i) const {
    return states_[author::require_index(Options::rule, "parameter", i, states_.size())];
  }

  double& lr(std::size_t group = 0) override { return options(group).lr; }
  double* momentum(std::size_t group = 0) override {
    [[maybe_unused]] Options& o = options(group);
    if constexpr (requires { o.momentum; })
      return &o.momentum;
    else if constexpr (requires { o.beta1; })
      return &o.beta1;
    else
      return nullptr;
  }

 protected:
  /// Checks the options and calls update(options, state, pass) for each parameter that takes part
  /// in the step; `pass` is a detail::Pass<T> of the parameter's type. Where by_rows(options) is
  /// true, it visits only the rows of a row gradient.
  template <class F> void each(const F& update, bool (*by_rows)(const Options&) = nullptr);

 private:
  const char* rule() const override { return Options::rule; }
  void visit(detail::Fields& each) override {
    for (std::size_t g = 0; g < options_.size(); ++g) options_[g].fields(each.group(g));
    for (std::size_t i = 0; i < states_.size(); ++i)
      states_[i].fields(each.state(i, parameters_[i].shape()));
  }

  std::vector<Options> options_;
  std::vector<State> states_;
};

}  // namespace gradtape::optim

/// ShardedOptimizer: an optimizer whose state is spread over ranks.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/optim/adafactor.hpp"
#include "gradtape/optim/distributed/world.hpp"
#include "gradtape/optim/lbfgs.hpp"
#include "gradtape/optim/optimizer.hpp"
#include "gradtape/optim/sparse_adam.hpp"

namespace gradtape::distributed {
namespace detail {

/// This rank's parts of some parameters, as parameters of their own: of n elements those that Shard
/// gives it, [n_r]. One of fewer elements than there are ranks is on every rank.
class ParameterShards {
 public:
  ParameterShards(const World& world, const std::vector<Parameter>& whole);
  const std::vector<Parameter>& parts() const { return parts_; }
  const std::vector<Parameter>& whole() const { return whole_; }

  /// Gives the parts their values and gradients.
  void scatter() const;
  /// All ranks. Puts the parts of all ranks together to the values of the parameters.
  void gather() const;
  /// All ranks. The state of an optimizer of the whole parameters, from those of the parts.
  StateDict gather(const StateDict& parts) const;
  /// The state for this rank's parts of a state for the whole parameters.
  StateDict scatter(const StateDict& whole) const;

 private:
  bool is_divided(const Tensor& whole) const;
  Tensor part(const Tensor& whole) const;

  World world_;
  std::vector<Parameter> whole_, parts_;
};

}  // namespace detail

/// Updates each rank's part of every parameter by an elementwise rule and gathers the results, so
/// that a rank holds 1 / ranks of the rule's state: for models whose Adam state is too much for one
/// (Rajbhandari et al. 2020, "ZeRO", stage 1). The bits are those of `Rule` with all parameters.
///
///     distributed::ShardedOptimizer<optim::Adam> adam(world, model.parameters(), {.lr = 1e-3});
///
/// The gradients must be the same on all ranks, as after DataParallel::synchronize().
template <class Rule> class ShardedOptimizer {
  static_assert(!std::is_same_v<Rule, optim::LBFGS> && !std::is_same_v<Rule, optim::Adafactor> &&
                    !std::is_same_v<Rule, optim::SparseAdam>,
                "gradtape: this rule looks at more than one element at a time, so that it cannot "
                "work on parts of parameters");

 public:
  /// Those of the rule.
  using Options = std::remove_cvref_t<decltype(std::declval<Rule&>().options())>;

  /// All ranks. Throws what Rule does.
  ShardedOptimizer(const World& world, const std::vector<Parameter>& parameters,
                   const Options& options = {})
      : shards_(world, parameters), rule_(shards_.parts(), options) {}

  /// All ranks, with the gradients of all.
  void step() {
    shards_.scatter();
    rule_.step();
    shards_.gather();
  }
  /// Drops the accumulated gradients of the whole parameters.
  void zero_grad() {
    for (const auto& parameter : shards_.whole()) parameter.zero_grad();
  }
  /// The learning rate, the same on all ranks.
  double& lr() { return rule_.lr(); }
  /// The rule of this rank's parts: for options, and for a Schedule.
  Rule& rule() { return rule_; }

  /// All ranks. The state of Rule with all parameters, for any number of ranks, or one.
  [[nodiscard]] StateDict state_dict() const { return shards_.gather(rule_.state_dict()); }
  /// Throws as Rule::load_state_dict.
  void load_state_dict(const StateDict& state) { rule_.load_state_dict(shards_.scatter(state)); }

 private:
  detail::ParameterShards shards_;
  Rule rule_;
};

}  // namespace gradtape::distributed

/// L-BFGS: a quasi-Newton method for losses over the whole data.
#pragma once

#include <functional>

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// How LBFGS finds the length of a step.
enum class LineSearch : std::uint8_t {
  none,          ///< The step is lr long.
  strong_wolfe,  ///< Trials from lr on, until the strong Wolfe conditions hold.
};

/// Options of LBFGS.
struct LBFGSOptions {
  static constexpr const char* rule = "LBFGS";
  double lr = 1;                    ///< Length of a step, or of its first trial; >= 0.
  std::int64_t max_iter = 20;       ///< Iterations a call of step, >= 1.
  std::int64_t max_eval = 0;        ///< Evaluations of the loss a call, >= 0; 0 for 5/4 max_iter.
  double tolerance_grad = 1e-7;     ///< Stop where no element of the gradient exceeds it; >= 0.
  double tolerance_change = 1e-9;   ///< Stop where loss and parameters change by no more; >= 0.
  std::int64_t history_size = 100;  ///< Corrections that are kept, >= 1.
  LineSearch line_search = LineSearch::none;  ///< How the length of a step is found.
  void fields(detail::Fields& each);          ///< Names and ranges.
};

/// State of LBFGS, with all parameters as one vector [n].
struct LBFGSState {
  /// One step of the past, from which the curvature is known.
  struct Correction {
    Tensor change;   ///< Change of the gradient, y.
    Tensor move;     ///< Change of the parameters, s.
    double rho = 0;  ///< 1 / <y, s>.
  };
  std::int64_t iterations = 0;   ///< So far.
  std::int64_t evaluations = 0;  ///< Of the loss, so far.
  double scale = 1;  ///< The first guess of the inverse Hessian: this times the identity.
  Tensor move;       ///< The last step.
  Tensor gradient;   ///< The gradient at its start.
  std::vector<Correction> history;    ///< Oldest first.
  void fields(detail::Fields& each);  ///< Names and ranges.
};

/// Liu and Nocedal 1989, "On the limited memory BFGS method for large scale optimization", as in
/// PyTorch. An iteration moves all parameters together along d = -H g, where H is what the last
/// `history_size` steps say of the inverse Hessian (Nocedal and Wright 2006, Algorithm 7.4); no
/// matrix is made.
///
///     optim::LBFGS lbfgs(model.parameters(), {.line_search = optim::LineSearch::strong_wolfe});
///     const double before = lbfgs.step([&] { return nn::mse_loss(model(x), y); });
class LBFGS : public Optimizer {
 public:
  /// Throws ValueError for an empty list, a parameter listed twice, or options out of range.
  explicit LBFGS(const std::vector<Parameter>& parameters, const LBFGSOptions& options = {});

  /// Up to max_iter iterations. `loss` computes the loss, one element, from the parameters, always
  /// on the same data; its gradients are found here, and those accumulated before are dropped.
  /// Gives the loss before the step. Where it throws, parameters and state are as they were.
  double step(const std::function<Tensor()>& loss);
  /// Throws GraphError: the loss is needed as a function.
  void step() override;

  /// The options, which may be changed between steps.
  LBFGSOptions& options() { return options_; }
  const LBFGSOptions& options() const { return options_; }
  /// The state between steps.
  const LBFGSState& state() const { return state_; }

  double& lr(std::size_t group = 0) override;
  double* momentum(std::size_t) override { return nullptr; }

 private:
  const char* rule() const override { return LBFGSOptions::rule; }
  void visit(detail::Fields& each) override;

  LBFGSOptions options_;
  LBFGSState state_;
};

}  // namespace gradtape::optim

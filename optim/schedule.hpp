/// Learning rates that change with the step.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "gradtape/optim/optimizer.hpp"

namespace gradtape::optim {

/// The learning rate after `step` steps (0 for the first update); `base` is the rate that the
/// optimizer was made with. Any such function will do.
using Curve = std::function<double(std::int64_t step, double base)>;

/// Moves an optimizer's learning rates, and momenta if there is a curve for them, along a curve:
///
///     optim::Schedule schedule(adam, optim::cosine_schedule(100));
///     for (...) { ...; adam.step(); schedule.step(); }
///
/// The optimizer must outlive it; its rates are set at once to those of step 0.
class Schedule {
 public:
  /// Throws ValueError for an empty `lr`, and for a `momentum` of a rule that has none.
  explicit Schedule(Optimizer& optimizer, Curve lr, Curve momentum = {});

  /// Sets the rates of the next step.
  void step();
  /// Steps so far.
  [[nodiscard]] std::int64_t steps() const { return steps_; }

  /// The number of steps, and the base and present rates of each group.
  [[nodiscard]] StateDict state_dict() const;
  /// Restores a saved state; the optimizer's rates become the saved ones. Throws ValueError, with
  /// nothing changed, for a state that does not fit.
  void load_state_dict(const StateDict& state);

 private:
  void set();

  Optimizer* optimizer_;
  Curve lr_, momentum_;
  std::vector<double> base_lr_, base_momentum_;  // of each group
  std::int64_t steps_ = 0;
};

// Curves, with k for the step and eta for the base. Each throws ValueError, in its name, for
// options out of range: factors, powers and rates are finite and at least 0, where no other range
// is said. Where a scheduler of PyTorch is named, the values are the same as its.

/// eta gamma^floor(k / size); size >= 1. StepLR.
[[nodiscard]] Curve step_decay(std::int64_t size, double gamma = 0.1);
/// eta gamma^n after n of the milestones, which rise strictly from 0 on. MultiStepLR.
[[nodiscard]] Curve multistep_decay(const IntegerList& milestones, double gamma = 0.1);
/// eta gamma^k. ExponentialLR.
[[nodiscard]] Curve exponential_decay(double gamma);
/// eta (1 - min(k, steps) / steps)^power; steps >= 1. PolynomialLR.
[[nodiscard]] Curve polynomial_decay(std::int64_t steps, double power = 1);
/// eta factor for k < steps, then eta. ConstantLR.
[[nodiscard]] Curve constant_schedule(double factor, std::int64_t steps);
/// eta times a factor that goes from `from` to `to` in `steps` >= 1 steps. LinearLR.
[[nodiscard]] Curve linear_schedule(double from, double to, std::int64_t steps);
/// eta_min + (eta - eta_min) (1 + cos(pi k / steps)) / 2; steps >= 1; it rises again after that.
/// Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".
/// CosineAnnealingLR.
[[nodiscard]] Curve cosine_schedule(std::int64_t steps, double eta_min = 0);
/// cosine_schedule from eta to eta_min, again and again: `steps` >= 1 steps the first time, and
/// `growth` >= 1 times as many each further time. CosineAnnealingWarmRestarts.
[[nodiscard]] Curve cosine_restarts(std::int64_t steps, std::int64_t growth = 1,
                                    double eta_min = 0);
/// eta (1 + k / tau)^-power, by which stochastic gradients converge: tau > 0, 1/2 < power <= 1.
/// Robbins and Monro 1951, "A stochastic approximation method".
[[nodiscard]] Curve robbins_monro(double tau, double power = 1);
/// From eta to `lr` in `steps` >= 0 steps, along a cosine or a straight line, then `lr`: for
/// StochasticWeightAverage. Make the Schedule when averaging begins: eta is the rate at that
/// moment. SWALR.
[[nodiscard]] Curve swa_schedule(double lr, std::int64_t steps = 10, bool linear = false);
/// eta factor(k). LambdaLR.
[[nodiscard]] Curve lambda_schedule(std::function<double(std::int64_t)> factor);
/// eta factor(1) factor(2) ... factor(k). MultiplicativeLR.
[[nodiscard]] Curve multiplicative_schedule(std::function<double(std::int64_t)> factor);

/// eta (k + 1) / (steps + 1) for k < steps, then curve(k - steps).
[[nodiscard]] Curve warm_up(std::int64_t steps, Curve curve);
/// The curves one after the other: the next one begins, with k = 0, at each milestone.
/// SequentialLR. Milestones rise strictly and are one fewer than the curves.
[[nodiscard]] Curve sequential_schedule(std::vector<Curve> curves, const IntegerList& milestones);
/// The product of the curves' factors curve(k, eta) / eta. ChainedScheduler.
[[nodiscard]] Curve chained_schedule(std::vector<Curve> curves);

/// Options of one_cycle and one_cycle_momentum.
struct OneCycleOptions {
  double max_lr = 0.1;          ///< The highest learning rate, > 0.
  std::int64_t steps = 0;       ///< Of the cycle, >= 2.
  double pct_start = 0.3;       ///< The share of the steps before the highest, in [0, 1].
  bool linear = false;          ///< Straight lines in place of cosines.
  bool three_phases = false;    ///< Fall as long as the rise, and then to the lowest.
  double initial_divisor = 25;  ///< max_lr / the initial learning rate, > 0.
  double final_divisor = 1e4;   ///< The initial learning rate / the lowest, > 0.
  double min_momentum = 0.85;   ///< At the highest learning rate, >= 0.
  double max_momentum = 0.95;   ///< At the initial one, >= 0.
};

/// From an initial learning rate up to the highest and down to the lowest at k = steps - 1;
/// the base does not matter. Smith and Topin 2019, "Super-convergence: very fast training of neural
/// networks using large learning rates". Throws ValueError for k > steps. OneCycleLR.
[[nodiscard]] Curve one_cycle(const OneCycleOptions& options);
/// The momentum of the same cycle: lowest where the learning rate is highest.
[[nodiscard]] Curve one_cycle_momentum(const OneCycleOptions& options);

/// Options of cyclic_schedule and cyclic_momentum.
struct CyclicOptions {
  double min_lr = 1e-3;       ///< Where each cycle begins and ends, >= 0.
  double max_lr = 1e-2;       ///< The peak of the first, >= 0.
  std::int64_t up = 2000;     ///< Steps from min_lr to max_lr, >= 1.
  std::int64_t down = 0;      ///< Steps back; 0 for as many.
  bool triangular2 = false;   ///< Halve the height with every cycle.
  double gamma = 1;           ///< Multiplies the height at every step ("exp_range").
  double min_momentum = 0.8;  ///< At the peak, >= 0.
  double max_momentum = 0.9;  ///< At min_lr, >= 0.
  /// The share of the height by the number of the cycle (1 for the first), if given.
  std::function<double(std::int64_t cycle)> height = {};
};

/// Up and down between two learning rates; the base does not matter. Smith 2017, "Cyclical learning
/// rates for training neural networks". CyclicLR.
[[nodiscard]] Curve cyclic_schedule(const CyclicOptions& options);
/// The momentum of the same cycles: lowest where the learning rate is highest.
[[nodiscard]] Curve cyclic_momentum(const CyclicOptions& options);

/// Options of ReduceOnPlateau.
struct PlateauOptions {
  double factor = 0.1;         ///< Times the learning rate, in [0, 1).
  std::int64_t patience = 10;  ///< Steps without improvement that pass; >= 0.
  double threshold = 1e-4;     ///< The least improvement that counts, >= 0.
  bool relative = true;        ///< The threshold is a share of the best value so far.
  bool maximize = false;       ///< Larger is better.
  std::int64_t cooldown = 0;   ///< Steps after a reduction that do not count; >= 0.
  double min_lr = 0;           ///< The lowest learning rate, >= 0.
  double eps = 1e-8;           ///< A smaller reduction is not made; >= 0.
};

/// Reduces an optimizer's learning rates once a quantity, such as the validation loss, stops
/// improving. The optimizer must outlive it. ReduceLROnPlateau.
class ReduceOnPlateau {
 public:
  /// Throws ValueError for options out of range.
  explicit ReduceOnPlateau(Optimizer& optimizer, const PlateauOptions& options = {});

  /// `value` is the quantity after another epoch; NaN is no improvement.
  void step(double value);
  /// The best value so far.
  [[nodiscard]] double best() const { return best_; }

  /// The best value and the counts; the learning rates are the optimizer's to save.
  [[nodiscard]] StateDict state_dict() const;
  /// Restores a saved state. Throws ValueError, with nothing changed, for one that does not fit.
  void load_state_dict(const StateDict& state);

 private:
  [[nodiscard]] bool is_better(double value) const;

  Optimizer* optimizer_;
  PlateauOptions options_;
  double best_;
  std::int64_t bad_steps_ = 0, cooling_ = 0;
};

}  // namespace gradtape::optim

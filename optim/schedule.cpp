#include "gradtape/optim/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "gradtape/autograd/author.hpp"
#include "gradtape/optim/fields.hpp"

namespace gradtape::optim {
namespace {

using author::above;
using author::at_least;
using author::closed;
using author::half_open;
using author::left_open;
using author::require;

void require_curve(const char* op, const Curve& curve) {
  if (!curve) fail<ValueError>(op, "got an empty curve");
}

double real(std::int64_t k) { return static_cast<double>(k); }

/// Throws ValueError unless each milestone lies behind the one before, and the first not before
/// `first`.
void require_increasing(const char* op, const std::vector<std::int64_t>& milestones,
                        std::int64_t first) {
  for (std::size_t i = 0; i < milestones.size(); ++i) {
    const auto before = i == 0 ? first : milestones[i - 1];
    if (i == 0 ? milestones[i] < before : milestones[i] <= before)
      author::refuse(op, "a milestone", milestones[i],
                     fmt::format("{} {}", i == 0 ? "at least" : "more than", before));
  }
}

/// From a to b as x goes from 0 to 1.
double between(double a, double b, double x, bool linear) {
  return linear ? a + (b - a) * x : b + (a - b) / 2 * (1 + std::cos(std::numbers::pi * x));
}

}  // namespace

Schedule::Schedule(Optimizer& optimizer, Curve lr, Curve momentum)
    : optimizer_(&optimizer), lr_(std::move(lr)), momentum_(std::move(momentum)) {
  require_curve("Schedule", lr_);
  for (std::size_t i = 0; i < optimizer.num_groups(); ++i) {
    base_lr_.push_back(optimizer.lr(i));
    const double* m = optimizer.momentum(i);
    if (momentum_ && !m) fail<ValueError>("Schedule", "the optimizer has no momentum to change");
    base_momentum_.push_back(m ? *m : 0);
  }
  set();
}

void Schedule::step() {
  ++steps_;
  set();
}

void Schedule::set() {
  for (std::size_t i = 0; i < base_lr_.size(); ++i) {
    optimizer_->lr(i) = lr_(steps_, base_lr_[i]);
    if (momentum_) *optimizer_->momentum(i) = momentum_(steps_, base_momentum_[i]);
  }
}

StateDict Schedule::state_dict() const {
  StateDict state = {{"steps", state_entry(steps_)}};
  for (std::size_t i = 0; i < base_lr_.size(); ++i) {
    StateDict group = {{"base_lr", state_entry(base_lr_[i])},
                       {"lr", state_entry(optimizer_->lr(i))}};
    if (momentum_) {
      group["base_momentum"] = state_entry(base_momentum_[i]);
      group["momentum"] = state_entry(*optimizer_->momentum(i));
    }
    add_part(state, fmt::format("groups.{}", i), group);
  }
  return state;
}

void Schedule::load_state_dict(const StateDict& state) {
  author::StateReader reader("Schedule", state);
  const auto steps = reader.integer("steps");
  require("Schedule", "steps", steps, detail::counter);
  std::vector<double> base_lr, lr, base_momentum = base_momentum_, momentum;
  for (std::size_t i = 0; i < base_lr_.size(); ++i) {
    const auto rate = [&](const char* name) {
      const auto full = fmt::format("groups.{}.{}", i, name);
      const double value = reader.real(full);
      require("Schedule", full, value, at_least(0));
      return value;
    };
    base_lr.push_back(rate("base_lr"));
    lr.push_back(rate("lr"));
    if (momentum_) {
      base_momentum[i] = rate("base_momentum");
      momentum.push_back(rate("momentum"));
    }
  }
  reader.finish();
  steps_ = steps;
  base_lr_ = std::move(base_lr);
  base_momentum_ = std::move(base_momentum);
  for (std::size_t i = 0; i < lr.size(); ++i) {
    optimizer_->lr(i) = lr[i];
    if (momentum_) *optimizer_->momentum(i) = momentum[i];
  }
}

Curve step_decay(std::int64_t size, double gamma) {
  require("step_decay", "size", size, at_least(1));
  require("step_decay", "gamma", gamma, at_least(0));
  return [=](std::int64_t k, double base) { return base * std::pow(gamma, real(k / size)); };
}

Curve multistep_decay(const IntegerList& given, double gamma) {
  const auto milestones = given.list;
  require("multistep_decay", "gamma", gamma, at_least(0));
  require_increasing("multistep_decay", milestones, 0);
  return [=](std::int64_t k, double base) {
    const auto passed =
        std::upper_bound(milestones.begin(), milestones.end(), k) - milestones.begin();
    return base * std::pow(gamma, real(passed));
  };
}

Curve exponential_decay(double gamma) {
  require("exponential_decay", "gamma", gamma, at_least(0));
  return [=](std::int64_t k, double base) { return base * std::pow(gamma, real(k)); };
}

Curve polynomial_decay(std::int64_t steps, double power) {
  require("polynomial_decay", "steps", steps, at_least(1));
  require("polynomial_decay", "power", power, at_least(0));
  return [=](std::int64_t k, double base) {
    return base * std::pow(1 - real(std::min(k, steps)) / real(steps), power);
  };
}

Curve constant_schedule(double factor, std::int64_t steps) {
  require("constant_schedule", "factor", factor, at_least(0));
  return [=](std::int64_t k, double base) { return k < steps ? base * factor : base; };
}

Curve linear_schedule(double from, double to, std::int64_t steps) {
  require("linear_schedule", "from", from, at_least(0));
  require("linear_schedule", "to", to, at_least(0));
  require("linear_schedule", "steps", steps, at_least(1));
  return [=](std::int64_t k, double base) {
    return base * between(from, to, real(std::min(k, steps)) / real(steps), true);
  };
}

Curve cosine_schedule(std::int64_t steps, double eta_min) {
  require("cosine_schedule", "steps", steps, at_least(1));
  require("cosine_schedule", "eta_min", eta_min, at_least(0));
  return [=](std::int64_t k, double base) {
    return between(base, eta_min, real(k) / real(steps), false);
  };
}

Curve cosine_restarts(std::int64_t steps, std::int64_t growth, double eta_min) {
  require("cosine_restarts", "steps", steps, at_least(1));
  require("cosine_restarts", "growth", growth, at_least(1));
  require("cosine_restarts", "eta_min", eta_min, at_least(0));
  return [=](std::int64_t k, double base) {
    double length = real(steps), done = real(growth == 1 ? k % steps : k);
    for (; done >= length; length *= real(growth)) done -= length;
    return between(base, eta_min, done / length, false);
  };
}

Curve robbins_monro(double tau, double power) {
  require("robbins_monro", "tau", tau, above(0));
  require("robbins_monro", "power", power, left_open(0.5, 1));
  return [=](std::int64_t k, double base) { return base * std::pow(1 + real(k) / tau, -power); };
}

Curve swa_schedule(double lr, std::int64_t steps, bool linear) {
  require("swa_schedule", "lr", lr, at_least(0));
  require("swa_schedule", "steps", steps, at_least(0));
  return [=](std::int64_t k, double base) {
    return k < steps ? between(base, lr, real(k) / real(steps), linear) : lr;
  };
}

Curve lambda_schedule(std::function<double(std::int64_t)> factor) {
  if (!factor) fail<ValueError>("lambda_schedule", "got an empty function");
  return [factor = std::move(factor)](std::int64_t k, double base) { return base * factor(k); };
}

Curve multiplicative_schedule(std::function<double(std::int64_t)> factor) {
  if (!factor) fail<ValueError>("multiplicative_schedule", "got an empty function");
  // The product so far is kept, so that a schedule's next step costs one factor.
  return [factor = std::move(factor), at = std::int64_t{0}, product = 1.0](std::int64_t k,
                                                                           double base) mutable {
    if (k < at) {
      at = 0;
      product = 1;
    }
    while (at < k) product *= factor(++at);
    return base * product;
  };
}

Curve warm_up(std::int64_t steps, Curve curve) {
  require("warm_up", "steps", steps, at_least(0));
  require_curve("warm_up", curve);
  return [steps, curve = std::move(curve)](std::int64_t k, double base) {
    return k < steps ? base * (real(k) + 1) / (real(steps) + 1) : curve(k - steps, base);
  };
}

Curve sequential_schedule(std::vector<Curve> curves, const IntegerList& given) {
  const auto& milestones = given.list;
  if (curves.size() != milestones.size() + 1)
    fail<ValueError>("sequential_schedule",
                     fmt::format("{} curves need {} milestones, got {}", curves.size(),
                                 std::max<std::size_t>(curves.size(), 1) - 1, milestones.size()));
  for (const auto& curve : curves) require_curve("sequential_schedule", curve);
  require_increasing("sequential_schedule", milestones, 1);
  return [curves = std::move(curves), milestones](std::int64_t k, double base) {
    const auto next = std::upper_bound(milestones.begin(), milestones.end(), k);
    const auto begin = next == milestones.begin() ? 0 : *(next - 1);
    return curves[static_cast<std::size_t>(next - milestones.begin())](k - begin, base);
  };
}

Curve chained_schedule(std::vector<Curve> curves) {
  for (const auto& curve : curves) require_curve("chained_schedule", curve);
  return [curves = std::move(curves)](std::int64_t k, double base) {
    if (base == 0) return base;
    double out = base;
    for (const auto& curve : curves) out *= curve(k, base) / base;
    return out;
  };
}

namespace {

void check(const OneCycleOptions& o) {
  require("one_cycle", "max_lr", o.max_lr, above(0));
  require("one_cycle", "steps", o.steps, at_least(2));
  require("one_cycle", "pct_start", o.pct_start, closed(0, 1));
  require("one_cycle", "initial_divisor", o.initial_divisor, above(0));
  require("one_cycle", "final_divisor", o.final_divisor, above(0));
  require("one_cycle", "min_momentum", o.min_momentum, at_least(0));
  require("one_cycle", "max_momentum", o.max_momentum, at_least(0));
}

/// Through the values `at` the start, the peak, after the fall (three phases alone) and at the end.
Curve cycle(const OneCycleOptions& o, double start, double peak, double end) {
  check(o);
  struct Corner {
    double step, value;
  };
  const double last = real(o.steps - 1), top = o.pct_start * real(o.steps) - 1;
  std::vector<Corner> corners = {{0, start}, {top, peak}, {last, end}};
  if (o.three_phases) corners.insert(corners.end() - 1, {2 * top, start});
  return [o, corners](std::int64_t k, double) {
    if (k > o.steps)
      fail<ValueError>("one_cycle", fmt::format("step {} of a cycle of {} steps", k, o.steps));
    std::size_t i = 1;
    while (i + 1 < corners.size() && real(k) > corners[i].step) ++i;
    const auto &a = corners[i - 1], &b = corners[i];
    const double length = b.step - a.step;  // 0 where the rise is all, or nothing
    return between(a.value, b.value, length > 0 ? (real(k) - a.step) / length : 1, o.linear);
  };
}

void check(const CyclicOptions& o) {
  require("cyclic_schedule", "min_lr", o.min_lr, at_least(0));
  require("cyclic_schedule", "max_lr", o.max_lr, at_least(0));
  require("cyclic_schedule", "up", o.up, closed(1, 0x1p53));
  require("cyclic_schedule", "down", o.down, closed(0, 0x1p53));
  require("cyclic_schedule", "gamma", o.gamma, at_least(0));
  require("cyclic_schedule", "min_momentum", o.min_momentum, at_least(0));
  require("cyclic_schedule", "max_momentum", o.max_momentum, at_least(0));
}

/// From `low` to `high` and back.
Curve waves(const CyclicOptions& o, double low, double high) {
  check(o);
  return [=](std::int64_t k, double) {
    const std::int64_t down = o.down == 0 ? o.up : o.down, length = o.up + down;
    const std::int64_t n = k / length, at = k % length;
    double height = at <= o.up ? real(at) / real(o.up) : real(length - at) / real(down);
    if (o.triangular2) height *= std::pow(0.5, real(n));
    if (o.gamma != 1) height *= std::pow(o.gamma, real(k));
    if (o.height) height *= o.height(n + 1);
    return low + (high - low) * height;
  };
}

}  // namespace

Curve one_cycle(const OneCycleOptions& o) {
  const double initial = o.max_lr / o.initial_divisor;
  return cycle(o, initial, o.max_lr, initial / o.final_divisor);
}

Curve one_cycle_momentum(const OneCycleOptions& o) {
  return cycle(o, o.max_momentum, o.min_momentum, o.max_momentum);
}

Curve cyclic_schedule(const CyclicOptions& o) { return waves(o, o.min_lr, o.max_lr); }
Curve cyclic_momentum(const CyclicOptions& o) { return waves(o, o.max_momentum, o.min_momentum); }

ReduceOnPlateau::ReduceOnPlateau(Optimizer& optimizer, const PlateauOptions& options)
    : optimizer_(&optimizer),
      options_(options),
      best_(std::numeric_limits<double>::infinity() * (options.maximize ? -1 : 1)) {
  constexpr const char* op = "ReduceOnPlateau";
  require(op, "factor", options.factor, half_open(0, 1));
  require(op, "patience", options.patience, at_least(0));
  require(op, "threshold", options.threshold, at_least(0));
  require(op, "cooldown", options.cooldown, at_least(0));
  require(op, "min_lr", options.min_lr, at_least(0));
  require(op, "eps", options.eps, at_least(0));
}

bool ReduceOnPlateau::is_better(double value) const {
  const double sign = options_.maximize ? 1 : -1;
  const double bar = options_.relative ? best_ * (1 + sign * options_.threshold)
                                       : best_ + sign * options_.threshold;
  return options_.maximize ? value > bar : value < bar;
}

void ReduceOnPlateau::step(double value) {
  const bool better = is_better(value);
  if (better) best_ = value;
  bad_steps_ = better ? 0 : bad_steps_ + 1;
  if (cooling_ > 0) {
    --cooling_;
    bad_steps_ = 0;
  }
  if (bad_steps_ <= options_.patience) return;
  for (std::size_t i = 0; i < optimizer_->num_groups(); ++i) {
    double& lr = optimizer_->lr(i);
    const double reduced = std::max(lr * options_.factor, options_.min_lr);
    if (lr - reduced > options_.eps) lr = reduced;
  }
  cooling_ = options_.cooldown;
  bad_steps_ = 0;
}

StateDict ReduceOnPlateau::state_dict() const {
  return {{"best", state_entry(best_)},
          {"bad_steps", state_entry(bad_steps_)},
          {"cooling", state_entry(cooling_)}};
}

void ReduceOnPlateau::load_state_dict(const StateDict& state) {
  author::StateReader reader("ReduceOnPlateau", state);
  const double best = reader.real("best");
  const auto bad_steps = reader.integer("bad_steps"), cooling = reader.integer("cooling");
  reader.finish();
  require("ReduceOnPlateau", "best", best, author::finite().or_infinity());
  require("ReduceOnPlateau", "bad_steps", bad_steps, detail::counter);
  require("ReduceOnPlateau", "cooling", cooling, detail::counter);
  best_ = best;
  bad_steps_ = bad_steps;
  cooling_ = cooling;
}

}  // namespace gradtape::optim

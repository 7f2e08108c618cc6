#include "gradtape/optim/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "gradtape/autograd/error.hpp"
#include "gradtape/optim/update.hpp"

namespace gradtape::optim {
namespace {

void require_positive(const char* op, const char* option, double value) {
  detail::require(value > 0 && std::isfinite(value), op, option, value, "finite and above 0");
}

void require_at_least(std::int64_t least, const char* op, const char* option, std::int64_t value) {
  if (value < least)
    fail<ValueError>(op, fmt::format("{} = {}, but it must be at least {}", option, value, least));
}

void require_curve(const char* op, const Curve& curve) {
  if (!curve) fail<ValueError>(op, "got an empty curve");
}

double real(std::int64_t k) { return static_cast<double>(k); }

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
  StateDict state = {{"steps", entry(steps_)}};
  for (std::size_t i = 0; i < base_lr_.size(); ++i) {
    StateDict group = {{"base_lr", entry(base_lr_[i])}, {"lr", entry(optimizer_->lr(i))}};
    if (momentum_) {
      group["base_momentum"] = entry(base_momentum_[i]);
      group["momentum"] = entry(*optimizer_->momentum(i));
    }
    add_part(state, fmt::format("groups.{}", i), group);
  }
  return state;
}

void Schedule::load_state_dict(const StateDict& state) {
  gradtape::detail::StateReader reader("Schedule", state);
  const auto steps = reader.integer("steps");
  require_at_least(0, "Schedule", "'steps'", steps);
  std::vector<double> base_lr, lr, base_momentum = base_momentum_, momentum;
  for (std::size_t i = 0; i < base_lr_.size(); ++i) {
    const auto rate = [&](const char* name) {
      const auto full = fmt::format("groups.{}.{}", i, name);
      const double value = reader.real(full);
      detail::require_non_negative("Schedule", full.c_str(), value);
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
  require_at_least(1, "step_decay", "size", size);
  return [=](std::int64_t k, double base) { return base * std::pow(gamma, real(k / size)); };
}

Curve multistep_decay(std::vector<std::int64_t> milestones, double gamma) {
  std::sort(milestones.begin(), milestones.end());
  return [=](std::int64_t k, double base) {
    const auto passed =
        std::upper_bound(milestones.begin(), milestones.end(), k) - milestones.begin();
    return base * std::pow(gamma, real(passed));
  };
}

Curve exponential_decay(double gamma) {
  return [=](std::int64_t k, double base) { return base * std::pow(gamma, real(k)); };
}

Curve polynomial_decay(std::int64_t steps, double power) {
  require_at_least(1, "polynomial_decay", "steps", steps);
  return [=](std::int64_t k, double base) {
    return base * std::pow(1 - real(std::min(k, steps)) / real(steps), power);
  };
}

Curve constant(double factor, std::int64_t steps) {
  return [=](std::int64_t k, double base) { return k < steps ? base * factor : base; };
}

Curve linear(double from, double to, std::int64_t steps) {
  require_at_least(1, "linear", "steps", steps);
  return [=](std::int64_t k, double base) {
    return base * between(from, to, real(std::min(k, steps)) / real(steps), true);
  };
}

Curve cosine(std::int64_t steps, double lowest) {
  require_at_least(1, "cosine", "steps", steps);
  return [=](std::int64_t k, double base) {
    return between(base, lowest, real(k) / real(steps), false);
  };
}

Curve cosine_restarts(std::int64_t steps, std::int64_t growth, double lowest) {
  require_at_least(1, "cosine_restarts", "steps", steps);
  require_at_least(1, "cosine_restarts", "growth", growth);
  return [=](std::int64_t k, double base) {
    std::int64_t length = steps;
    if (growth == 1) k %= steps;
    for (; k >= length; length *= growth) k -= length;
    return between(base, lowest, real(k) / real(length), false);
  };
}

Curve robbins_monro(double tau, double power) {
  require_positive("robbins_monro", "tau", tau);
  detail::require(power > 0.5 && power <= 1, "robbins_monro", "power", power, "in (0.5, 1]");
  return [=](std::int64_t k, double base) { return base * std::pow(1 + real(k) / tau, -power); };
}

Curve swa(double lr, std::int64_t steps, bool linear) {
  detail::require_non_negative("swa", "lr", lr);
  require_at_least(0, "swa", "steps", steps);
  return [=](std::int64_t k, double base) {
    return k < steps ? between(base, lr, real(k) / real(steps), linear) : lr;
  };
}

Curve by_factor(std::function<double(std::int64_t)> factor) {
  if (!factor) fail<ValueError>("by_factor", "got an empty function");
  return [factor = std::move(factor)](std::int64_t k, double base) { return base * factor(k); };
}

Curve multiplicative(std::function<double(std::int64_t)> factor) {
  if (!factor) fail<ValueError>("multiplicative", "got an empty function");
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
  require_at_least(0, "warm_up", "steps", steps);
  require_curve("warm_up", curve);
  return [steps, curve = std::move(curve)](std::int64_t k, double base) {
    return k < steps ? base * real(k + 1) / real(steps + 1) : curve(k - steps, base);
  };
}

Curve sequential(std::vector<Curve> curves, std::vector<std::int64_t> milestones) {
  if (curves.size() != milestones.size() + 1)
    fail<ValueError>("sequential",
                     fmt::format("{} curves need {} milestones, got {}", curves.size(),
                                 std::max<std::size_t>(curves.size(), 1) - 1, milestones.size()));
  for (const auto& curve : curves) require_curve("sequential", curve);
  std::int64_t last = 0;
  for (const auto milestone : milestones) {
    require_at_least(last + 1, "sequential", "a milestone", milestone);
    last = milestone;
  }
  return [=](std::int64_t k, double base) {
    const auto next = std::upper_bound(milestones.begin(), milestones.end(), k);
    const auto begin = next == milestones.begin() ? 0 : *(next - 1);
    return curves[static_cast<std::size_t>(next - milestones.begin())](k - begin, base);
  };
}

Curve chained(std::vector<Curve> curves) {
  for (const auto& curve : curves) require_curve("chained", curve);
  return [curves = std::move(curves)](std::int64_t k, double base) {
    if (base == 0) return base;
    double out = base;
    for (const auto& curve : curves) out *= curve(k, base) / base;
    return out;
  };
}

namespace {

void check(const OneCycleOptions& o) {
  require_positive("one_cycle", "max_lr", o.max_lr);
  require_at_least(2, "one_cycle", "steps", o.steps);
  detail::require(o.rise >= 0 && o.rise <= 1, "one_cycle", "rise", o.rise, "in [0, 1]");
  require_positive("one_cycle", "initial_divisor", o.initial_divisor);
  require_positive("one_cycle", "final_divisor", o.final_divisor);
}

/// Through the values `at` the start, the peak, after the fall (three phases alone) and at the end.
Curve cycle(const OneCycleOptions& o, double start, double peak, double end) {
  check(o);
  struct Corner {
    double step, value;
  };
  const double last = real(o.steps - 1), top = o.rise * real(o.steps) - 1;
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
  detail::require_non_negative("cyclic", "min_lr", o.min_lr);
  detail::require_non_negative("cyclic", "max_lr", o.max_lr);
  require_at_least(1, "cyclic", "up", o.up);
  require_at_least(0, "cyclic", "down", o.down);
}

/// From `low` to `high` and back.
Curve waves(const CyclicOptions& o, double low, double high) {
  check(o);
  return [=](std::int64_t k, double) {
    const std::int64_t down = o.down == 0 ? o.up : o.down, length = o.up + down;
    const std::int64_t n = k / length, at = k % length;
    double height = at <= o.up ? real(at) / real(o.up) : real(length - at) / real(down);
    if (o.halve) height *= std::pow(0.5, real(n));
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

Curve cyclic(const CyclicOptions& o) { return waves(o, o.min_lr, o.max_lr); }
Curve cyclic_momentum(const CyclicOptions& o) { return waves(o, o.max_momentum, o.min_momentum); }

ReduceOnPlateau::ReduceOnPlateau(Optimizer& optimizer, const PlateauOptions& options)
    : optimizer_(&optimizer),
      options_(options),
      best_(std::numeric_limits<double>::infinity() * (options.maximize ? -1 : 1)) {
  constexpr const char* op = "ReduceOnPlateau";
  detail::require_share(op, "factor", options.factor);
  require_at_least(0, op, "patience", options.patience);
  detail::require_non_negative(op, "threshold", options.threshold);
  require_at_least(0, op, "cooldown", options.cooldown);
  detail::require_non_negative(op, "min_lr", options.min_lr);
  detail::require_non_negative(op, "eps", options.eps);
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
  return {{"best", entry(best_)}, {"bad_steps", entry(bad_steps_)}, {"cooling", entry(cooling_)}};
}

void ReduceOnPlateau::load_state_dict(const StateDict& state) {
  gradtape::detail::StateReader reader("ReduceOnPlateau", state);
  const double best = reader.real("best");
  const auto bad_steps = reader.integer("bad_steps"), cooling = reader.integer("cooling");
  reader.finish();
  detail::require(!std::isnan(best), "ReduceOnPlateau", "'best'", best, "a number");
  require_at_least(0, "ReduceOnPlateau", "'bad_steps'", bad_steps);
  require_at_least(0, "ReduceOnPlateau", "'cooling'", cooling);
  best_ = best;
  bad_steps_ = bad_steps;
  cooling_ = cooling;
}

}  // namespace gradtape::optim

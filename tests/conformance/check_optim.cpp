#include <fmt/format.h>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include <cmath>
#include <nlohmann/json.hpp>

#include "check.hpp"
#include "expression.hpp"
#include "keywords.hpp"
#include "optimizers.hpp"

namespace gradtape::conformance {
namespace {

using nlohmann::json;
using Curve = optim::Curve;
/// Leaves g as the accumulated gradient.
void set_gradient(const Parameter& parameter, const Tensor& g) {
  parameter.zero_grad();
  sum(parameter * g).backward();
}

/// The one objective of the corpus, a Rosenbrock function and a bowl that lean on each other.
Tensor objective(const std::string& text, const std::vector<Parameter>& parameters) {
  if (text !=
          "sum_{i<3} ((1-p[i])^2 + 5*(p[i+1]-p[i]^2)^2) + 0.5*sum(q*q*[[1,2,3],[4,5,6]]) + "
          "0.3*sum_{j<3} q[0,j]*p[j]" ||
      parameters.size() != 2)
    throw Unsupported("the objective " + text);
  const Tensor &p = parameters[0], &q = parameters[1];
  const Tensor head = slice(p, 0, 0, 3), tail = slice(p, 0, 1, 4);
  const Tensor weights = tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}, float64);
  return sum(square(1.0 - head) + 5.0 * square(tail - square(head))) + 0.5 * sum(q * q * weights) +
         0.3 * sum(select(q, 0, 0) * head);
}

/// That L-BFGS, whose iterates nobody else's need to equal, arrives as low.
void check_minimum(optim::LBFGS& lbfgs, const json& line, const Case& c) {
  const auto loss = [&] { return objective(line.at("objective"), lbfgs.parameters()); };
  const auto steps = line.at("steps").get<std::int64_t>();
  for (std::int64_t step = 0; step < steps; ++step) lbfgs.step(loss);
  const double got = loss().item<double>(), want = line.at("final_loss");
  if (!(got <= want + c.atol + c.rtol * std::abs(want)))
    throw Difference(fmt::format("the final loss is {:.17g}, wanted at most {:.17g}", got, want));
}

// ---- Schedules ----

/// PyTorch's lambdas of the corpus, evaluated as expressions.
std::function<double(std::int64_t)> factor(Keywords& k) {
  const auto text = k.get("lambda", std::string());
  return [text](std::int64_t e) {
    return evaluate(text, {{"e", Value(e)}, {"epoch", Value(e)}}).number(text);
  };
}

optim::OneCycleOptions one_cycle_options(Keywords& k) {
  optim::OneCycleOptions o;
  k.set("max_lr", o.max_lr);
  o.steps = k.get("total_steps",
                  k.get("epochs", std::int64_t{0}) * k.get("steps_per_epoch", std::int64_t{0}));
  k.set("pct_start", o.pct_start);
  o.linear = k.get("anneal_strategy", std::string("cos")) == "linear";
  k.set("three_phase", o.three_phases);
  k.set("div_factor", o.initial_divisor);
  k.set("final_div_factor", o.final_divisor);
  k.set("base_momentum", o.min_momentum);
  k.set("max_momentum", o.max_momentum);
  return o;
}

optim::CyclicOptions cyclic_options(Keywords& k) {
  optim::CyclicOptions o;
  k.set("base_lr", o.min_lr);
  k.set("max_lr", o.max_lr);
  k.set("step_size_up", o.up);
  k.set("step_size_down", o.down);
  const auto mode = k.get("mode", std::string("triangular"));
  o.triangular2 = mode == "triangular2";
  const double gamma = k.get("gamma", 1.0);
  if (mode == "exp_range") o.gamma = gamma;
  k.set("base_momentum", o.min_momentum);
  k.set("max_momentum", o.max_momentum);
  return o;
}

Curve curve(const std::string& name, const json& keywords);

std::vector<Curve> curves(const json& list) {
  std::vector<Curve> out;
  for (const auto& item : list) out.push_back(curve(item.at(0), item.at(1)));
  return out;
}

Curve curve(const std::string& name, Keywords& k) {
  const auto integer = [&](const char* key, std::int64_t fallback) { return k.get(key, fallback); };
  if (name == "StepLR") return optim::step_decay(integer("step_size", 0), k.get("gamma", 0.1));
  if (name == "MultiStepLR")
    return optim::multistep_decay(k.get("milestones", std::vector<std::int64_t>()),
                                  k.get("gamma", 0.1));
  if (name == "ExponentialLR") return optim::exponential_decay(k.get("gamma", 0.0));
  if (name == "PolynomialLR")
    return optim::polynomial_decay(integer("total_iters", 5), k.get("power", 1.0));
  if (name == "ConstantLR")
    return optim::constant_schedule(k.get("factor", 1.0 / 3), integer("total_iters", 5));
  if (name == "LinearLR")
    return optim::linear_schedule(k.get("start_factor", 1.0 / 3), k.get("end_factor", 1.0),
                                  integer("total_iters", 5));
  if (name == "CosineAnnealingLR")
    return optim::cosine_schedule(integer("T_max", 0), k.get("eta_min", 0.0));
  if (name == "CosineAnnealingWarmRestarts")
    return optim::cosine_restarts(integer("T_0", 0), integer("T_mult", 1), k.get("eta_min", 0.0));
  if (name == "LambdaLR") return optim::lambda_schedule(factor(k));
  if (name == "MultiplicativeLR") return optim::multiplicative_schedule(factor(k));
  if (name == "OneCycleLR") return optim::one_cycle(one_cycle_options(k));
  if (name == "CyclicLR") return optim::cyclic_schedule(cyclic_options(k));
  if (name == "SequentialLR")
    return optim::sequential_schedule(curves(k.get("schedulers", json::array())),
                                      k.get("milestones", std::vector<std::int64_t>()));
  if (name == "ChainedScheduler")
    return optim::chained_schedule(curves(k.get("schedulers", json::array())));
  throw Unsupported("no equivalent of " + name);
}

Curve curve(const std::string& name, const json& keywords) {
  Keywords k(keywords);
  const Curve out = curve(name, k);
  k.check_all_read();
  return out;
}

optim::PlateauOptions plateau_options(Keywords& k) {
  optim::PlateauOptions o;
  o.maximize = k.get("mode", std::string("min")) == "max";
  o.relative = k.get("threshold_mode", std::string("rel")) == "rel";
  k.set("factor", o.factor);
  k.set("patience", o.patience);
  k.set("threshold", o.threshold);
  k.set("cooldown", o.cooldown);
  k.set("min_lr", o.min_lr);
  k.set("eps", o.eps);
  return o;
}

}  // namespace

void check_optimizer(const Case& c) {
  const json line = json::parse(c.json);
  const auto array = [&](const json& name) { return c.arrays.at(name.get<std::string>()); };
  std::vector<Parameter> parameters;
  for (const auto& p : line.at("params"))
    parameters.emplace_back(array(p.at("init")), p.at("name").get<std::string>());
  const auto rule = make_optimizer(c.op, parameters, line);
  if (auto* lbfgs = dynamic_cast<optim::LBFGS*>(rule.get())) return check_minimum(*lbfgs, line, c);
  const auto steps = line.at("steps").get<std::int64_t>();
  for (std::int64_t step = 0; step < steps; ++step) {
    rule->zero_grad();
    if (line.at("mode") == "closed")
      objective(line.at("objective"), parameters).backward();
    else
      for (std::size_t i = 0; i < parameters.size(); ++i)
        set_gradient(parameters[i], select(array(line.at("params")[i].at("grads")), 0, step));
    rule->step();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      compare_tensors(fmt::format("{} after step {}", parameters[i].name(), step + 1),
                      parameters[i].tensor(),
                      select(array(line.at("params")[i].at("trajectory")), 0, step), c);
  }
}

void check_scheduler(const Case& c) {
  const json line = json::parse(c.json);
  const Parameter w(zeros({1}, float64), "w");
  optim::SGD sgd({w}, {.lr = line.at("base_lr"), .momentum = 0.9});
  Keywords k(line.at("kwargs"));
  std::vector<double> lrs, momenta;
  const auto note = [&] {
    lrs.push_back(sgd.options().lr);
    momenta.push_back(sgd.options().momentum);
  };
  const auto steps = line.at("steps").get<std::int64_t>();
  if (c.op == "ReduceLROnPlateau") {
    optim::ReduceOnPlateau schedule(sgd, plateau_options(k));
    const Tensor metrics = c.arrays.at(line.at("metrics"));
    note();
    for (std::int64_t i = 0; i < steps; ++i) {
      schedule.step(metrics.data<double>()[static_cast<std::size_t>(i)]);
      note();
    }
  } else {
    const bool cycles = k.get("cycle_momentum", true);
    const Curve lr = curve(c.op, k);
    const Curve momentum = !cycles                ? Curve()
                           : c.op == "CyclicLR"   ? optim::cyclic_momentum(cyclic_options(k))
                           : c.op == "OneCycleLR" ? optim::one_cycle_momentum(one_cycle_options(k))
                                                  : Curve();
    optim::Schedule schedule(sgd, lr, momentum);
    note();
    for (std::int64_t i = 0; i < steps; ++i) {
      schedule.step();
      note();
    }
  }
  k.check_all_read();
  compare_tensors("lr", tensor(lrs), c.arrays.at(line.at("lrs")), c);
  if (line.contains("momenta"))
    compare_tensors("momentum", tensor(momenta), c.arrays.at(line.at("momenta")), c);
}

void check_clip(const Case& c) {
  const json line = json::parse(c.json);
  std::vector<Parameter> parameters;
  for (const auto& name : line.at("grads_before")) {
    const Tensor g = c.arrays.at(name);
    parameters.emplace_back(zeros(g.shape(), g.dtype()), name.get<std::string>());
    set_gradient(parameters.back(), g);
  }
  Keywords k(line.at("kwargs"));
  if (c.op == "clip_grad_norm_") {
    const double norm = optim::clip_grad_norm(
        parameters, k.get("max_norm", 0.0),
        {.p = k.get("norm_type", 2.0), .error_if_nonfinite = k.get("error_if_nonfinite", false)});
    compare_tensors("norm", full({}, norm, float64), c.arrays.at(line.at("total_norm")), c);
  } else if (c.op == "clip_grad_value_") {
    optim::clip_grad_value(parameters, k.get("clip_value", 0.0));
  } else {
    throw Unsupported("no equivalent of " + c.op);
  }
  k.check_all_read();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    compare_tensors("gradient of " + parameters[i].name(), parameters[i].grad(),
                    c.arrays.at(line.at("grads_after")[i]), c);
}

}  // namespace gradtape::conformance

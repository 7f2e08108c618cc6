#include "optimizers.hpp"

#include <gradtape/optim/optim.hpp>

#include "keywords.hpp"

namespace gradtape::conformance {
namespace {

using nlohmann::json;

template <class Options> void read_adam(Options& o, Keywords& k) {
  k.set_pair("betas", o.beta1, o.beta2);
  k.set("eps", o.eps);
}
void read(optim::SGDOptions& o, Keywords& k) {
  k.set("momentum", o.momentum);
  k.set("dampening", o.dampening);
  k.set("nesterov", o.nesterov);
}
void read(optim::AdamOptions& o, Keywords& k) {
  read_adam(o, k);
  k.set("amsgrad", o.amsgrad);
}
void read(optim::AdamWOptions& o, Keywords& k) {
  read_adam(o, k);
  k.set("amsgrad", o.amsgrad);
}
void read(optim::AdamaxOptions& o, Keywords& k) { read_adam(o, k); }
void read(optim::RAdamOptions& o, Keywords& k) { read_adam(o, k); }
void read(optim::NAdamOptions& o, Keywords& k) {
  read_adam(o, k);
  k.set("momentum_decay", o.momentum_decay);
}
void read(optim::AdagradOptions& o, Keywords& k) {
  k.set("lr_decay", o.lr_decay);
  k.set("initial_accumulator_value", o.initial_sum);
  k.set("eps", o.eps);
}
void read(optim::AdadeltaOptions& o, Keywords& k) {
  k.set("rho", o.rho);
  k.set("eps", o.eps);
}
void read(optim::RMSpropOptions& o, Keywords& k) {
  k.set("alpha", o.alpha);
  k.set("eps", o.eps);
  k.set("momentum", o.momentum);
  k.set("centered", o.centered);
}
void read(optim::RpropOptions& o, Keywords& k) {
  k.set_pair("etas", o.shrink, o.grow);
  k.set_pair("step_sizes", o.min_step, o.max_step);
}
void read(optim::ASGDOptions& o, Keywords& k) {
  k.set("lambd", o.lambda);
  k.set("alpha", o.alpha);
  k.set("t0", o.start);
}

void read(optim::LBFGSOptions& o, Keywords& k) {
  k.set("max_iter", o.max_iter);
  k.set("max_eval", o.max_eval);
  k.set("tolerance_grad", o.tolerance_grad);
  k.set("tolerance_change", o.tolerance_change);
  k.set("history_size", o.history_size);
  const auto search = k.get("line_search_fn", std::string());
  if (search != "" && search != "strong_wolfe") throw Unsupported("the line search " + search);
  if (search != "") o.line_search = optim::LineSearch::strong_wolfe;
}

/// The options that keywords say.
template <class Options> Options options_of(const json& keywords) {
  Keywords k(keywords);
  Options o;
  k.set("lr", o.lr);
  if constexpr (requires { o.maximize; }) k.set("maximize", o.maximize);
  if constexpr (requires { o.weight_decay; }) k.set("weight_decay", o.weight_decay);
  read(o, k);
  k.check_all_read();
  return o;
}

/// The optimizer of a case, all parameters in one group or each in its own.
template <class Rule, class Options>
std::unique_ptr<optim::Optimizer> make(const std::vector<Parameter>& parameters, const json& line) {
  const auto options = [&](const json& group) {
    json keywords = line.value("kwargs", json::object());
    keywords.update(group);
    return options_of<Options>(keywords);
  };
  if (!line.contains("param_groups"))
    return std::make_unique<Rule>(parameters, options(json::object()));
  const json& groups = line.at("param_groups");
  if (groups.size() != parameters.size()) throw Unsupported("groups of several parameters");
  auto rule = std::make_unique<Rule>(std::vector{parameters[0]}, options(groups[0]));
  for (std::size_t i = 1; i < groups.size(); ++i)
    rule->add_group({parameters[i]}, options(groups[i]));
  return rule;
}

}  // namespace

std::unique_ptr<optim::Optimizer> make_optimizer(const std::string& name,
                                                 const std::vector<Parameter>& p,
                                                 const json& line) {
  if (name == "SGD") return make<optim::SGD, optim::SGDOptions>(p, line);
  if (name == "Adam") return make<optim::Adam, optim::AdamOptions>(p, line);
  if (name == "AdamW") return make<optim::AdamW, optim::AdamWOptions>(p, line);
  if (name == "Adamax") return make<optim::Adamax, optim::AdamaxOptions>(p, line);
  if (name == "NAdam") return make<optim::NAdam, optim::NAdamOptions>(p, line);
  if (name == "RAdam") return make<optim::RAdam, optim::RAdamOptions>(p, line);
  if (name == "Adagrad") return make<optim::Adagrad, optim::AdagradOptions>(p, line);
  if (name == "Adadelta") return make<optim::Adadelta, optim::AdadeltaOptions>(p, line);
  if (name == "RMSprop") return make<optim::RMSprop, optim::RMSpropOptions>(p, line);
  if (name == "Rprop") return make<optim::Rprop, optim::RpropOptions>(p, line);
  if (name == "ASGD") return make<optim::ASGD, optim::ASGDOptions>(p, line);
  if (name == "LBFGS" && !line.contains("param_groups"))
    return std::make_unique<optim::LBFGS>(
        p, options_of<optim::LBFGSOptions>(line.value("kwargs", json::object())));
  throw Unsupported("no equivalent of " + name);
}

}  // namespace gradtape::conformance

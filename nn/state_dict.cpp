#include "gradtape/nn/state_dict.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {
namespace {

std::string layout(const Tensor& x) {
  return fmt::format("{} {}", x.shape().str(), name(x.dtype()));
}

/// Floating dtypes convert to each other; others must be the same.
bool converts(Dtype from, Dtype to) {
  return from == to || (is_floating(from) && is_floating(to));
}

/// Matches named tensors with variables, and notes what does not fit.
class Plan {
 public:
  explicit Plan(const StateDict& state) : left_(state) {}

  template <class Variables> auto match(const Variables& variables) {
    std::vector<std::pair<typename Variables::value_type::second_type, Tensor>> planned;
    for (const auto& [name, variable] : variables) {
      const Tensor& current = variable.tensor();
      const auto at = left_.find(name);
      if (at == left_.end()) {
        report.missing.push_back({name, layout(current), ""});
        continue;
      }
      const LoadReport::Item item{name, layout(current), layout(at->second)};
      if (at->second.shape() != current.shape())
        report.misshapen.push_back(item);
      else if (!converts(at->second.dtype(), current.dtype()))
        report.mistyped.push_back(item);
      else
        planned.emplace_back(variable, at->second.to(current.dtype()));
      left_.erase(at);
    }
    return planned;
  }

  void note_extra() {
    for (const auto& [name, value] : left_) report.extra.push_back({name, "", layout(value)});
  }

  LoadReport report;

 private:
  StateDict left_;
};

}  // namespace

std::string LoadReport::str() const {
  std::string text;
  for (const auto& item : missing)
    text += fmt::format("  missing: '{}' {}\n", item.name, item.expected);
  for (const auto& item : extra) text += fmt::format("  extra: '{}' {}\n", item.name, item.found);
  const auto differ = [&](const std::vector<Item>& items, const char* how) {
    for (const auto& item : items)
      text += fmt::format("  {}: '{}' is {} in the module, given {}\n", how, item.name,
                          item.expected, item.found);
  };
  differ(misshapen, "misshapen");
  differ(mistyped, "mistyped");
  return text;
}

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& [name, variable] : named_parameters())
    state.emplace(name, variable.tensor().detach());
  for (const auto& [name, variable] : named_buffers()) state.emplace(name, variable.tensor());
  return state;
}

LoadReport Module::load_state_dict(const StateDict& state, const LoadOptions& options) {
  Plan plan(state);
  const auto parameters = plan.match(named_parameters());
  const auto buffers = plan.match(named_buffers());
  plan.note_extra();
  if (options.strict && !plan.report.complete())
    fail<ValueError>("load_state_dict",
                     fmt::format("the state does not fit the module, and nothing was loaded; "
                                 "{{.strict = false}} would load what fits\n{}",
                                 plan.report.str()));
  for (const auto& [variable, value] : parameters) variable.set(value);
  for (const auto& [variable, value] : buffers) variable.set(value);
  return plan.report;
}

}  // namespace gradtape::nn

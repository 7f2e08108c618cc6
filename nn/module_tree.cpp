// How modules are put together; declared in module.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/detail/module_state.hpp"

namespace gradtape::nn {

using detail::ModuleState, detail::state_of;

namespace {

template <class Named> bool contains(const std::vector<Named>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const auto& item) {
    if constexpr (requires { item.name; })
      return item.name == name;
    else
      return item.first == name;
  });
}

void check_name(const char* op, const Module& module, const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    fail<ValueError>(op, fmt::format("the name '{}' {}", name, why));
  };
  const auto& state = state_of(module);
  if (name.empty()) refuse("is empty");
  if (name.find('.') != std::string::npos) refuse("has a dot; dots separate the parts of a path");
  if (contains(state.parameters, name)) refuse("is taken by a parameter of this module");
  if (contains(state.buffers, name)) refuse("is taken by a buffer of this module");
  if (contains(state.children, name)) refuse("is taken by a child of this module");
}

/// Whether `below` is `above` or somewhere below it. Looked for down from the one and up from the
/// other in turn, so that it takes no longer than on the smaller side.
bool is_below(const ModuleState& above, const ModuleState& below) {
  std::vector<const ModuleState*> down{&above}, up{&below};
  std::unordered_set<const void*> seen_down{&above}, seen_up{&below};
  while (!down.empty() && !up.empty()) {
    const auto& lower = *down.back();
    const auto& upper = *up.back();
    down.pop_back();
    up.pop_back();
    if (&lower == &below || &upper == &above) return true;
    for (const auto& child : lower.children)
      if (const auto* state = &state_of(*child.module); seen_down.insert(state).second)
        down.push_back(state);
    for (const auto& parent : upper.parents)
      if (const auto held = parent.lock(); held && seen_up.insert(held.get()).second)
        up.push_back(static_cast<const ModuleState*>(held.get()));
  }
  return false;
}

/// A variable of its own that `module` lists from now on.
template <class Variable>
Variable added(const char* op, const Module& module, std::string name, const Tensor& initial,
               std::vector<std::pair<std::string, Variable>>& list) {
  check_name(op, module, name);
  const Variable variable(initial);
  variable.set_name(author::Name(name, state_of(module).name));
  list.emplace_back(std::move(name), variable);
  return variable;
}

/// Tells the variables of a module where they are.
void name_variables(const ModuleState& state) {
  for (const auto& [name, variable] : state.parameters)
    variable.set_name(author::Name(name, state.name));
  for (const auto& [name, variable] : state.buffers)
    variable.set_name(author::Name(name, state.name));
}

}  // namespace

Parameter Module::parameter(std::string name, const Tensor& initial) {
  return added("parameter", *this, std::move(name), initial, state_of(*this).parameters);
}

Parameter Module::parameter(std::string name, const Parameter& shared) {
  check_name("parameter", *this, name);
  if (!shared.defined())
    fail<ValueError>("parameter", fmt::format("'{}' shares an undefined parameter", name));
  state_of(*this).parameters.emplace_back(std::move(name), shared);
  return shared;
}

Buffer Module::buffer(std::string name, const Tensor& initial) {
  return added("buffer", *this, std::move(name), initial, state_of(*this).buffers);
}

void detail::ModuleAccess::add_child(Module& parent, std::string name, const Module& child,
                                     Copy copy) {
  check_name("child", parent, name);
  auto& below = state(child);
  if (is_below(below, state(parent)))
    fail<ValueError>("child",
                     fmt::format("'{}' contains the module that it would be a child of", name));
  std::erase_if(below.parents, [](const auto& other) { return other.expired(); });
  below.parents.reserve(below.parents.size() + 1);  // so that nothing throws once it is a child
  name_variables(below);
  state(parent).children.emplace_back(name, copy(child), copy);
  below.parents.push_back(parent.gradtape_module_state_.weak());
  below.name->last = std::move(name);
  below.name->above = state(parent).name;
}

void detail::ModuleAccess::adopt_below(const Module& module) {
  walk(module, "", [](const std::string&, const Module& above) {
    name_variables(state(above));
    for (const auto& child : state(above).children) {
      auto& below = state(*child.module);
      below.parents.push_back(above.gradtape_module_state_.weak());
      below.name->last = child.name;
      below.name->above = state(above).name;
    }
  });
}

std::string detail::ModuleAccess::path(const Module& module) { return state(module).name->str(); }

}  // namespace gradtape::nn

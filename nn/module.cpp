#include "gradtape/nn/module.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ostream>
#include <string_view>
#include <typeinfo>
#include <unordered_set>

#include "gradtape/autograd/error.hpp"

#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#endif

namespace gradtape::nn {
namespace {

std::string full_type_name(const std::type_info& type) {
#if __has_include(<cxxabi.h>)
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr), std::free);
  if (text) return text.get();
#endif
  return type.name();
}

/// "Linear" for gradtape::nn::Linear: what follows the last "::" outside of template arguments.
std::string kind_of(const Module& module) {
  const auto name = full_type_name(typeid(module));
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    depth += (name[i] == '<') - (name[i] == '>');
    if (depth == 0 && name.compare(i, 2, "::") == 0) start = i + 2;
  }
  return name.substr(start);
}

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

template <class Named>
bool contains(const std::vector<Named>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const auto& item) {
    if constexpr (requires { item.name; })
      return item.name == name;
    else
      return item.first == name;
  });
}

}  // namespace

Module::Module() : state_(std::make_shared<State>()) {}
Module::~Module() = default;

/// Calls visit(path, kind, state) for this state and all below it, parents first.
template <class Visit>
void Module::walk(State& state, const std::string& path, const std::string& kind, Visit& visit) {
  visit(path, kind, state);
  for (const auto& child : state.children)
    walk(*child.state, join(path, child.name), child.kind, visit);
}

// ---- registration ----

void Module::check_name(const char* op, const std::string& name) const {
  const auto refuse = [&](std::string_view why) {
    fail<ValueError>(op, fmt::format("the name '{}' {}", name, why));
  };
  if (name.empty()) refuse("is empty");
  if (name.find('.') != std::string::npos) refuse("has a dot; dots separate the parts of a path");
  if (contains(state_->parameters, name)) refuse("is taken by a parameter of this module");
  if (contains(state_->buffers, name)) refuse("is taken by a buffer of this module");
  if (contains(state_->children, name)) refuse("is taken by a child of this module");
}

Parameter Module::parameter(std::string name, const Tensor& initial) {
  check_name("parameter", name);
  Parameter variable(initial, name);
  state_->parameters.emplace_back(std::move(name), variable);
  return variable;
}

Parameter Module::parameter(std::string name, const Parameter& shared) {
  check_name("parameter", name);
  if (!shared.defined())
    fail<ValueError>("parameter", fmt::format("'{}' shares an undefined parameter", name));
  state_->parameters.emplace_back(std::move(name), shared);
  return shared;
}

Buffer Module::buffer(std::string name, const Tensor& initial) {
  check_name("buffer", name);
  Buffer variable(initial, name);
  state_->buffers.emplace_back(std::move(name), variable);
  return variable;
}

void Module::adopt(std::string name, const Module& module) {
  check_name("child", name);
  const auto rename = [&](const std::string& path, const std::string&, State& state) {
    if (&state == state_.get())
      fail<ValueError>("child",
                       fmt::format("'{}' contains the module that it would be a child of", name));
    for (const auto& [last, variable] : state.parameters) variable.set_name(join(path, last));
    for (const auto& [last, variable] : state.buffers) variable.set_name(join(path, last));
  };
  const auto kind = kind_of(module);
  walk(*module.state_, name, kind, rename);
  state_->children.push_back({std::move(name), kind, module.state_});
}

// ---- listing ----

std::vector<std::pair<std::string, Parameter>> Module::named_parameters() const {
  std::vector<std::pair<std::string, Parameter>> all;
  const auto collect = [&](const std::string& path, const std::string&, const State& state) {
    for (const auto& [name, variable] : state.parameters)
      all.emplace_back(join(path, name), variable);
  };
  walk(*state_, "", "", collect);
  return all;
}

std::vector<std::pair<std::string, Buffer>> Module::named_buffers() const {
  std::vector<std::pair<std::string, Buffer>> all;
  const auto collect = [&](const std::string& path, const std::string&, const State& state) {
    for (const auto& [name, variable] : state.buffers) all.emplace_back(join(path, name), variable);
  };
  walk(*state_, "", "", collect);
  return all;
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> unique;
  std::unordered_set<const void*> seen;
  for (auto& [path, variable] : named_parameters())
    if (seen.insert(variable.id()).second) unique.push_back(variable);
  return unique;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& variable : parameters()) count += variable.numel();
  return count;
}

// ---- state ----

void Module::train(bool on) {
  const auto set = [on](const std::string&, const std::string&, State& state) {
    state.training = on;
  };
  walk(*state_, "", "", set);
}

void Module::to(Dtype dtype) {
  if (!is_floating(dtype))
    fail<DtypeError>("to", fmt::format("parameters are float32 or float64, not {}", name(dtype)));
  for (const auto& variable : parameters()) variable.to(dtype);
  for (const auto& [path, variable] : named_buffers()) variable.to(dtype);
}

void Module::zero_grad() {
  for (const auto& variable : parameters()) variable.zero_grad();
}

// ---- summary ----

namespace {

using Row = std::array<std::string, 6>;

/// Left-aligned columns, but for the count, which is a number.
std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, 6> width{};
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string text;
  for (const auto& [name, kind, shape, dtype, count, trainable] : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:<{}}  {:>{}}  {}\n", name, width[0], kind,
                        width[1], shape, width[2], dtype, width[3], count, width[4], trainable);
  return text;
}

}  // namespace

std::string Module::summary() const {
  std::vector<Row> rows{{"name", "kind", "shape", "dtype", "count", "trainable"}};
  std::unordered_set<const void*> seen;
  std::int64_t total = 0, trainable = 0, buffered = 0;
  const auto describe = [&](const std::string& path, const std::string& kind, const State& state) {
    const auto add = [&](const std::string& last, const auto& variable, const char* role) {
      const auto& value = variable.tensor();
      rows.push_back({join(path, last), kind, value.shape().str(), gradtape::name(value.dtype()),
                      fmt::to_string(value.numel()), role});
    };
    for (const auto& [last, variable] : state.parameters) {
      const bool tied = !seen.insert(variable.id()).second;
      add(last, variable, tied ? "tied" : variable.is_frozen() ? "frozen" : "yes");
      if (tied) continue;
      total += variable.numel();
      if (!variable.is_frozen()) trainable += variable.numel();
    }
    for (const auto& [last, variable] : state.buffers) {
      add(last, variable, "buffer");
      buffered += variable.tensor().numel();
    }
  };
  walk(*state_, "", kind_of(*this), describe);
  auto text = table(rows) + fmt::format("{} parameters, {} trainable", total, trainable);
  if (buffered > 0) text += fmt::format("; {} elements in buffers", buffered);
  return text + "\n";
}

std::ostream& operator<<(std::ostream& out, const Module& module) {
  return out << module.summary();
}

}  // namespace gradtape::nn

#include "gradtape/nn/module.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <ostream>
#include <typeinfo>
#include <unordered_set>
#include <utility>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/nn/detail/module_state.hpp"
#include "gradtape/nn/detail/path.hpp"
#include "gradtape/nn/detail/table.hpp"

#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#endif

namespace gradtape::nn {

using detail::state_of, detail::walk;

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
std::string last_name(const std::string& name) {
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    depth += (name[i] == '<') - (name[i] == '>');
    if (depth == 0 && name.compare(i, 2, "::") == 0) start = i + 2;
  }
  return name.substr(start);
}

}  // namespace

detail::ModuleState& detail::ModuleAccess::state(const Module& module) {
  return *module.gradtape_module_state_;
}

Module::Module() : gradtape_module_state_(author::Shared<detail::ModuleState>::make()) {}

namespace {

/// A hook at work, which may destroy the module that it was called for.
class HookCall {
 public:
  explicit HookCall(const Module& module) : module_(&module), outer_(std::exchange(newest, this)) {}
  ~HookCall() { newest = outer_; }
  HookCall(const HookCall&) = delete;
  HookCall& operator=(const HookCall&) = delete;

  /// Throws where it did: the module has no forward any more.
  void check() const {
    if (!module_) fail<ValueError>("hook", "a forward hook destroyed the module that called it");
  }
  static void destroyed(const Module* module) noexcept {
    for (auto* call = newest; call; call = call->outer_)
      if (call->module_ == module) call->module_ = nullptr;
  }

 private:
  const Module* module_;
  HookCall* outer_;
  static inline constinit thread_local HookCall* newest = nullptr;
};

}  // namespace

Module::~Module() { HookCall::destroyed(this); }

// ---- listing ----

std::vector<std::pair<std::string, Parameter>> Module::named_parameters() const {
  std::vector<std::pair<std::string, Parameter>> all;
  walk(*this, "", [&](const std::string& path, const Module& module) {
    for (const auto& [name, variable] : state_of(module).parameters)
      all.emplace_back(detail::path_below(path, name), variable);
  });
  return all;
}

std::vector<std::pair<std::string, Buffer>> Module::named_buffers() const {
  std::vector<std::pair<std::string, Buffer>> all;
  walk(*this, "", [&](const std::string& path, const Module& module) {
    for (const auto& [name, variable] : state_of(module).buffers)
      all.emplace_back(detail::path_below(path, name), variable);
  });
  return all;
}

std::vector<std::pair<std::string, std::shared_ptr<Module>>> Module::named_children() const {
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> all;
  for (const auto& child : state_of(*this).children) all.emplace_back(child.name, child.module);
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

void Module::apply(const std::function<void(Module&)>& visit) {
  if (!visit) fail<ValueError>("apply", "got an empty function");
  for (const auto& child : state_of(*this).children) child.module->apply(visit);
  visit(*this);
}

// ---- mode ----

void Module::train(bool on) {
  walk(*this, "",
       [on](const std::string&, const Module& module) { state_of(module).training = on; });
}

bool Module::is_training() const { return state_of(*this).training; }

void Module::to(Dtype dtype) {
  if (!is_floating(dtype))
    fail<DtypeError>("to", fmt::format("parameters are float32 or float64, not {}", name(dtype)));
  for (const auto& variable : parameters()) variable.to(dtype);
  for (const auto& [path, variable] : named_buffers()) variable.to(dtype);
}

void Module::zero_grad() {
  for (const auto& variable : parameters()) variable.zero_grad();
}

void Module::freeze(bool frozen) {
  for (const auto& variable : parameters()) variable.freeze(frozen);
}

// ---- hooks ----

void Module::HookHandle::remove() {
  const auto held = module_.lock();
  if (!held) return;
  auto& state = *static_cast<detail::ModuleState*>(held.get());
  const auto is_this = [this](const auto& hook) { return hook.first == id_; };
  std::erase_if(state.pre_hooks, is_this);
  std::erase_if(state.hooks, is_this);
}

Module::HookHandle Module::register_forward_pre_hook(ForwardPreHook hook) {
  if (!hook) fail<ValueError>("register_forward_pre_hook", "got an empty function");
  auto& state = state_of(*this);
  const auto id = ++state.hooks_ever;
  state.pre_hooks.emplace_back(id, std::move(hook));
  return HookHandle(gradtape_module_state_.weak(), id);
}

Module::HookHandle Module::register_forward_hook(ForwardHook hook) {
  if (!hook) fail<ValueError>("register_forward_hook", "got an empty function");
  auto& state = state_of(*this);
  const auto id = ++state.hooks_ever;
  state.hooks.emplace_back(id, std::move(hook));
  return HookHandle(gradtape_module_state_.weak(), id);
}

bool detail::ModuleAccess::has_hooks(const Module& module) {
  return !state(module).pre_hooks.empty() || !state(module).hooks.empty();
}

// Lists are copied, for a hook may remove itself.
Tensor detail::ModuleAccess::hooked_input(const Module& module, const Tensor& input) {
  Tensor taken = input;
  const HookCall call(module);
  for (const auto& [id, hook] : std::vector(state(module).pre_hooks)) {
    if (const Tensor other = hook(module, taken); other.defined()) taken = other;
    call.check();
  }
  return taken;
}

Tensor detail::ModuleAccess::hooked_output(const Module& module, const Tensor& input,
                                           const Tensor& output) {
  Tensor given = output;
  const HookCall call(module);
  for (const auto& [id, hook] : std::vector(state(module).hooks)) {
    if (const Tensor other = hook(module, input, given); other.defined()) given = other;
    call.check();
  }
  return given;
}

// ---- summary ----

std::string Module::kind() const { return last_name(full_type_name(typeid(*this))); }

std::string Module::summary() const {
  std::vector<detail::Row> rows{{"name", "kind", "shape", "dtype", "count", "trainable"}};
  std::unordered_set<const void*> seen;
  std::int64_t total = 0, trainable = 0, buffered = 0;
  walk(*this, "", [&](const std::string& path, const Module& module) {
    const auto& state = state_of(module);
    const auto kind = module.kind();
    const auto add = [&](const std::string& last, const auto& variable, const char* role) {
      const auto& value = variable.tensor();
      rows.push_back({detail::path_below(path, last), kind, value.shape().str(),
                      gradtape::name(value.dtype()), fmt::to_string(value.numel()), role});
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
  });
  auto text = detail::table(rows, 4) + fmt::format("{} parameters, {} trainable", total, trainable);
  if (buffered > 0) text += fmt::format("; {} elements in buffers", buffered);
  return text + "\n";
}

std::ostream& operator<<(std::ostream& out, const Module& module) {
  return out << module.summary();
}

}  // namespace gradtape::nn

/// What a module consists of. Private to nn/.
#pragma once

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn::detail {

struct ModuleState {
  struct Child {
    std::string name;
    std::shared_ptr<Module> module;
    ModuleAccess::Copy copy;

    Child(std::string name, std::shared_ptr<Module> module, ModuleAccess::Copy copy)
        : name(std::move(name)), module(std::move(module)), copy(copy) {}
    // copied in a deep copy only
    Child(const Child& other) : Child(other.name, other.copy(*other.module), other.copy) {}
    Child(Child&&) = default;
    Child& operator=(Child&&) = default;
  };
  /// A copy is nobody's child yet.
  struct Parents : std::vector<std::weak_ptr<void>> {
    Parents() = default;
    Parents(const Parents&) : Parents() {}
    Parents& operator=(const Parents&) = delete;
  };
  struct OwnName : std::shared_ptr<author::Name> {
    OwnName() : OwnName(author::Name("")) {}
    explicit OwnName(const author::Name& name) : shared_ptr(std::make_shared<author::Name>(name)) {}
    OwnName(const OwnName& other) : OwnName(*other) {}
    OwnName& operator=(const OwnName&) = delete;
  };
  ModuleState() = default;
  ModuleState(const ModuleState&) = default;
  ModuleState& operator=(const ModuleState&) = delete;
  /// Lets the children go one after the other: models may be nested deeper than the stack is.
  ~ModuleState() {
    static thread_local std::vector<std::shared_ptr<Module>>* ended = nullptr;  // by the outermost
    std::vector<std::shared_ptr<Module>> own;
    const bool outermost = !ended;
    if (outermost) ended = &own;
    try {
      for (auto& child : children) ended->push_back(std::move(child.module));
    } catch (const std::bad_alloc&) {  // they end with `children`, then
    }
    if (!outermost) return;
    while (!own.empty()) {
      const auto module = std::move(own.back());
      own.pop_back();
    }
    ended = nullptr;
  }

  std::vector<std::pair<std::string, Parameter>> parameters;
  std::vector<std::pair<std::string, Buffer>> buffers;
  std::vector<Child> children;
  std::vector<std::pair<std::uint64_t, Module::ForwardPreHook>> pre_hooks;
  std::vector<std::pair<std::uint64_t, Module::ForwardHook>> hooks;
  std::uint64_t hooks_ever = 0;
  bool training = true;
  /// Whose child it is: all that are alive are among these.
  Parents parents;
  /// Where it stands; as child of several, below the one that registered it last.
  OwnName name;
};

inline ModuleState& state_of(const Module& module) { return ModuleAccess::state(module); }

template <class Visit> void walk_on(const Module& module, std::string& path, const Visit& visit) {
  visit(std::as_const(path), module);
  const auto length = path.size();
  for (const auto& child : state_of(module).children) {
    if (length > 0) path += '.';
    path += child.name;
    walk_on(*child.module, path, visit);
    path.resize(length);
  }
}

/// Calls visit(path, module) for this module and all below it, parents first. There is one path,
/// which grows and shrinks on the way: a deep model has long ones.
template <class Visit> void walk(const Module& module, std::string path, const Visit& visit) {
  walk_on(module, path, visit);
}

}  // namespace gradtape::nn::detail

/// Lists and dictionaries of modules, and the residual connection.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/nn/sequential.hpp"

namespace gradtape::nn {

/// Modules of one type under the names "0", "1", ...; the model calls them as it likes. Modules of
/// several types: Sequential, which can be indexed too.
///
///     nn::ModuleList<Block> blocks = child("blocks", nn::ModuleList<Block>{Block(64), Block(64)});
///     for (const auto& block : blocks) x = block(x);
template <std::derived_from<Module> M> class ModuleList : public Module {
 public:
  ModuleList() = default;
  ModuleList(std::initializer_list<M> modules) {
    for (const auto& module : modules) add(module);
  }

  /// Appends a module; every copy of this handle sees it.
  ModuleList& add(M module) {
    modules_->push_back(child(std::to_string(size()), std::move(module)));
    return *this;
  }

  /// How many modules there are.
  [[nodiscard]] std::size_t size() const { return modules_->size(); }
  /// Module i. Throws ValueError for i >= size().
  const M& operator[](std::size_t i) const {
    if (i >= size())
      fail<ValueError>("ModuleList", "index " + std::to_string(i) + " is out of range for " +
                                         std::to_string(size()) + " modules");
    return (*modules_)[i];
  }
  auto begin() const { return modules_->cbegin(); }
  auto end() const { return modules_->cend(); }

 private:
  using Modules = std::vector<M>;
  author::Shared<Modules> modules_ = author::Shared<Modules>::make();
};

/// Modules of one type by name, in the order in which they were added.
template <std::derived_from<Module> M> class ModuleDict : public Module {
 public:
  ModuleDict() = default;
  ModuleDict(std::initializer_list<std::pair<std::string, M>> modules) {
    for (const auto& [name, module] : modules) add(name, module);
  }

  /// Adds a module; every copy of this handle sees it. Throws ValueError for a name that is empty,
  /// dotted or taken.
  ModuleDict& add(const std::string& name, M module) {
    modules_->emplace_back(name, child(name, std::move(module)));
    return *this;
  }

  /// How many modules there are.
  [[nodiscard]] std::size_t size() const { return modules_->size(); }
  /// Whether there is a module of this name.
  [[nodiscard]] bool contains(const std::string& name) const {
    return find(name) != modules_->size();
  }
  /// The module of that name. Throws ValueError, with the names that there are.
  const M& operator[](const std::string& name) const {
    const auto at = find(name);
    if (at < size()) return (*modules_)[at].second;
    std::string names;
    for (const auto& [other, module] : *modules_) names += " '" + other + "'";
    fail<ValueError>("ModuleDict", "there is no '" + name + "'; there are" + names);
  }
  auto begin() const { return modules_->cbegin(); }
  auto end() const { return modules_->cend(); }

 private:
  [[nodiscard]] std::size_t find(const std::string& name) const {
    std::size_t at = 0;
    while (at < size() && (*modules_)[at].first != name) ++at;
    return at;
  }

  using Modules = std::vector<std::pair<std::string, M>>;
  author::Shared<Modules> modules_ = author::Shared<Modules>::make();
};

/// shortcut(x) + body(x); the shortcut is x itself unless given (He et al. 2016; CS229 lecture
/// notes 7.3). Modules among both become the children "body" and "shortcut".
class Residual : public Layer {
 public:
  template <TensorCallable F>
    requires(!std::derived_from<F, Residual>)
  explicit Residual(F body) : body_(adopted("body", std::move(body))) {}
  template <TensorCallable F, TensorCallable S>
  Residual(F body, S shortcut)
      : body_(adopted("body", std::move(body))),
        shortcut_(adopted("shortcut", std::move(shortcut))) {}

 protected:
  Tensor forward(const Tensor& x) const override {
    return (shortcut_ ? shortcut_(x) : x) + body_(x);
  }

 private:
  using Function = Sequential::Function;
  template <TensorCallable F> Function adopted(const char* name, F f) {
    if constexpr (std::derived_from<F, Module>)
      return child(name, std::move(f));
    else
      return f;
  }

  Function body_, shortcut_;
};

}  // namespace gradtape::nn

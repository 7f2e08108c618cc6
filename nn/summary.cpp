// What a model is made of, and what it uses without having registered it; declared in module.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "gradtape/autograd/leaves.hpp"
#include "gradtape/nn/detail/path.hpp"
#include "gradtape/nn/detail/table.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {
namespace detail {

/// Describes the leaves that ops use while it lives, recorded or not, but for those that it knows.
class UsedLeaves : public Watch {
 public:
  void know(const Tensor& x) { known_.insert(x.node_ref().get()); }
  void recorded(const char*, const Tensor&, std::span<const Tensor> inputs) override {
    for (const auto& x : inputs)
      if (x.is_leaf() && known_.insert(x.node_ref().get()).second) {
        kept_.push_back(x);
        found.push_back(other_leaves({x})[0]);
      }
  }

  std::vector<std::string> found;

 private:
  std::unordered_set<const void*> known_;
  std::vector<Tensor> kept_;  // so that no other node takes the place of one of them
};

struct OutputShapes::State {
  struct Entry {
    std::string path;
    Module* module = nullptr;
    bool training = true;
    Shape output;
    bool called = false;
    Module::HookHandle hook;
  };
  std::vector<std::unique_ptr<Entry>> entries;
  UsedLeaves used;
};

OutputShapes::OutputShapes(const Module& handle) : state_(std::make_unique<State>()) {
  auto& module = const_cast<Module&>(handle);  // only what it leads to changes, and back again
  const auto add = [this](const std::string& path, Module& below, const auto& self) -> void {
    auto& entry = *state_->entries.emplace_back(std::make_unique<State::Entry>());
    entry.path = path;
    entry.module = &below;
    entry.training = below.is_training();
    entry.hook =
        below.register_forward_hook([&entry](const Module&, const Tensor&, const Tensor& output) {
          entry.output = output.shape();
          entry.called = true;
          return Tensor();
        });
    for (const auto& [name, child] : below.named_children())
      self(path_below(path, name), *child, self);
  };
  add("", module, add);
  for (const auto& variable : module.parameters()) note_input(variable.tensor());
  module.eval();
}

OutputShapes::~OutputShapes() {
  for (const auto& entry : state_->entries) {
    entry->module->train(entry->training);  // parents first, so each keeps its own
    entry->hook.remove();
  }
}

void OutputShapes::note_input(const Tensor& input) { state_->used.know(input); }

void OutputShapes::note_output(const Tensor& output) {
  state_->entries[0]->output = output.shape();
  state_->entries[0]->called = true;
}

std::string OutputShapes::table() const {
  std::vector<Row> rows{{"name", "kind", "output", "parameters"}};
  for (const auto& entry : state_->entries) {
    std::int64_t own = entry->module->parameter_count();
    std::unordered_set<const void*> below;
    for (const auto& [name, child] : entry->module->named_children())
      for (const auto& variable : child->parameters())
        if (below.insert(variable.id()).second) own -= variable.numel();
    rows.push_back({entry->path, entry->module->kind(), entry->called ? entry->output.str() : "",
                    own > 0 ? fmt::to_string(own) : ""});
  }
  std::int64_t trainable = 0;
  const auto& root = *state_->entries[0]->module;
  for (const auto& variable : root.parameters())
    if (!variable.is_frozen()) trainable += variable.numel();
  auto text = detail::table(rows, 3) +
              fmt::format("{} parameters, {} trainable\n", root.parameter_count(), trainable);
  if (!state_->used.found.empty())
    text += fmt::format(
        "not registered: {}; hold them by parameter() or child(), or no optimizer moves them and "
        "no file keeps them\n",
        fmt::join(state_->used.found, ", "));
  return text;
}

}  // namespace detail

std::vector<std::string> unregistered(const Module& model, const Tensor& loss,
                                      const std::vector<Tensor>& inputs) {
  auto known = inputs;
  for (const auto& variable : model.parameters()) known.push_back(variable.tensor());
  return other_leaves({loss}, known);
}

}  // namespace gradtape::nn

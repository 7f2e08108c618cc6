#include "expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "python.hpp"
#include "syntax.hpp"

namespace gradtape::conformance {
namespace {

/// The names that a lambda, a comprehension or the whole expression binds.
struct Scope {
  std::map<std::string, Value> names;
  std::shared_ptr<Scope> outer;
  bool of_loop = false;

  Value* find(const std::string& name) {
    for (Scope* scope = this; scope; scope = scope->outer.get())
      if (const auto found = scope->names.find(name); found != scope->names.end())
        return &found->second;
    return nullptr;
  }
};
using ScopePtr = std::shared_ptr<Scope>;

Value evaluate(const NodePtr& node, const ScopePtr& scope);

/// "torch.linalg.inv" for such a chain of attributes, unless its first name is bound; "" otherwise.
std::string global_path(const NodePtr& node, const ScopePtr& scope) {
  if (node->kind == Kind::name) return scope->find(node->text) ? "" : node->text;
  if (node->kind != Kind::attribute) return "";
  const auto outer = global_path(node->children[0], scope);
  return outer.empty() ? "" : outer + "." + node->text;
}

Value name_or_attribute(const NodePtr& node, const ScopePtr& scope) {
  if (const auto path = global_path(node, scope); !path.empty()) {
    if (auto found = global(path)) return *found;
    if (node->kind == Kind::name || global_path(node->children[0], scope).empty() ||
        !global(global_path(node->children[0], scope)))
      throw Unsupported(path + " has no equivalent");
  }
  if (node->kind == Kind::name) return *scope->find(node->text);
  return attribute(evaluate(node->children[0], scope), node->text);
}

/// The values of items among which some are starred.
List evaluate_items(const std::vector<NodePtr>& nodes, const ScopePtr& scope) {
  List out;
  for (const auto& node : nodes) {
    if (node->kind == Kind::starred) {
      const List inner = items(evaluate(node->children[0], scope));
      out.insert(out.end(), inner.begin(), inner.end());
    } else {
      out.push_back(evaluate(node, scope));
    }
  }
  return out;
}

void bind(const NodePtr& target, const Value& value, Scope& scope) {
  if (target->kind == Kind::name) {
    scope.names[target->text] = value;
    return;
  }
  const List parts = items(value);
  if (parts.size() != target->children.size())
    throw Unsupported(fmt::format("{} values for {} names", parts.size(), target->children.size()));
  for (std::size_t i = 0; i < parts.size(); ++i) bind(target->children[i], parts[i], scope);
}

/// Runs the loops of a comprehension from number `i` on.
void run_loops(const NodePtr& node, std::size_t i, const ScopePtr& scope, List& out) {
  if (i == node->children.size()) {
    out.push_back(evaluate(node->children[0], scope));
    return;
  }
  const auto& loop = node->children[i]->children;
  for (const auto& item : items(evaluate(loop[1], scope))) {
    bind(loop[0], item, *scope);
    bool wanted = true;
    for (std::size_t j = 2; wanted && j < loop.size(); ++j)
      wanted = truth(evaluate(loop[j], scope));
    if (wanted) run_loops(node, i + 1, scope, out);
  }
}

Value comprehension(const NodePtr& node, const ScopePtr& scope) {
  List out;
  run_loops(node, 1, std::make_shared<Scope>(Scope{{}, scope, true}), out);
  return out;
}

/// Binds the arguments of a call to the parameters of a lambda.
void bind_arguments(const NodePtr& node, const List& defaults, Call& call, Scope& scope) {
  const auto& names = node->names;
  std::size_t position = 0;
  bool rest = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].starts_with('*')) {
      scope.names[names[i].substr(1)] = List(
          call.args.begin() + static_cast<std::ptrdiff_t>(std::min(position, call.args.size())),
          call.args.end());
      rest = true;
      continue;
    }
    const auto keyword = call.kwargs.find(names[i]);
    if (!rest && position < call.args.size())
      scope.names[names[i]] = call.args[position++];
    else if (keyword != call.kwargs.end())
      scope.names[names[i]] = keyword->second;
    else if (node->children[i])
      scope.names[names[i]] = defaults[i];
    else
      throw Unsupported("a lambda gets no argument for " + names[i]);
  }
  if (!rest && position < call.args.size())
    throw Unsupported(
        fmt::format("a lambda of {} parameters gets {} arguments", names.size(), call.args.size()));
  for (const auto& [name, value] : call.kwargs)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Unsupported("a lambda has no parameter " + name);
}

Value lambda(const NodePtr& node, const ScopePtr& scope) {
  List defaults;
  for (std::size_t i = 0; i < node->names.size(); ++i)
    defaults.push_back(node->children[i] ? evaluate(node->children[i], scope) : Value());
  return Function([node, scope, defaults](Call& call) {
    thread_local int depth = 0;
    struct Depth {
      Depth() {
        if (++depth > 100) {
          --depth;
          throw Unsupported("calls nested so deeply");
        }
      }
      ~Depth() { --depth; }
    } const guard;
    const auto inner = std::make_shared<Scope>(Scope{{}, scope});
    bind_arguments(node, defaults, call, *inner);
    return evaluate(node->children.back(), inner);
  });
}

Value call_node(const NodePtr& node, const ScopePtr& scope) {
  const Value callee = evaluate(node->children[0], scope);
  List args;
  std::map<std::string, Value> kwargs;
  for (std::size_t i = 1; i < node->children.size(); ++i) {
    const auto& name = node->names[i - 1];
    if (name.empty()) {
      const List given = evaluate_items({node->children[i]}, scope);
      args.insert(args.end(), given.begin(), given.end());
    } else if (!kwargs.emplace(name, evaluate(node->children[i], scope)).second) {
      throw Unsupported("the keyword " + name + " is given twice");
    }
  }
  return call(callee, std::move(args), std::move(kwargs));
}

Value slice_node(const NodePtr& node, const ScopePtr& scope) {
  std::optional<std::int64_t> bounds[3];
  for (std::size_t i = 0; i < 3; ++i) {
    if (!node->children[i]) continue;
    const Value bound = evaluate(node->children[i], scope);
    if (!bound.is_none()) bounds[i] = bound.integer("a slice");
  }
  return Slice{bounds[0], bounds[1], bounds[2]};
}

/// An index; unlike a tuple, a list of numbers picks elements as a tensor does.
Value index_node(const NodePtr& node, const ScopePtr& scope, bool of_tensor) {
  if (node->kind == Kind::tuple) {
    List out;
    for (const auto& child : node->children) out.push_back(index_node(child, scope, of_tensor));
    return out;
  }
  const Value value = evaluate(node, scope);
  if (of_tensor && node->kind == Kind::list) return call_function("tensor", {value});
  return value;
}

Value chain_of_comparisons(const NodePtr& node, const ScopePtr& scope) {
  Value left = evaluate(node->children[0], scope), result;
  for (std::size_t i = 0; i < node->names.size(); ++i) {
    const Value right = evaluate(node->children[i + 1], scope);
    result = compare(node->names[i], left, right);
    if (i + 1 < node->names.size() && !truth(result)) return result;
    left = right;
  }
  return result;
}

Value evaluate(const NodePtr& node, const ScopePtr& scope) {
  const auto& children = node->children;
  switch (node->kind) {
    case Kind::constant:
      return node->value;
    case Kind::name:
    case Kind::attribute:
      return name_or_attribute(node, scope);
    case Kind::unary:
      return unary(node->text, evaluate(children[0], scope));
    case Kind::binary: {
      const Value left = evaluate(children[0], scope);
      return binary(node->text, left, evaluate(children[1], scope));
    }
    case Kind::logic: {
      Value left = evaluate(children[0], scope);
      return truth(left) == (node->text == "or") ? left : evaluate(children[1], scope);
    }
    case Kind::compare:
      return chain_of_comparisons(node, scope);
    case Kind::conditional:
      return evaluate(children[truth(evaluate(children[1], scope)) ? 0 : 2], scope);
    case Kind::lambda:
      return lambda(node, scope);
    case Kind::walrus: {
      Scope* target = scope.get();
      while (target->of_loop) target = target->outer.get();
      return target->names[node->text] = evaluate(children[0], scope);
    }
    case Kind::tuple:
    case Kind::list:
      return evaluate_items(children, scope);
    case Kind::comprehension:
      return comprehension(node, scope);
    case Kind::subscript: {
      const Value object = evaluate(children[0], scope);
      return subscript(object, index_node(children[1], scope, object.is<Tensor>()));
    }
    case Kind::slice:
      return slice_node(node, scope);
    case Kind::call:
      return call_node(node, scope);
    case Kind::starred:
    case Kind::loop:
      break;
  }
  throw Unsupported("a starred expression stands alone");
}

}  // namespace

Value evaluate(const std::string& expression, const std::map<std::string, Value>& inputs) {
  const NodePtr tree = parse(expression);
  return evaluate(tree, std::make_shared<Scope>(Scope{inputs, nullptr}));
}

}  // namespace gradtape::conformance

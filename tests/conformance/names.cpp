#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "layers.hpp"
#include "python.hpp"

namespace gradtape::conformance {
namespace {

const std::map<std::string, Dtype> dtypes = {
    {"float64", float64}, {"double", float64}, {"float32", float32}, {"float", float32},
    {"int64", int64},     {"long", int64},     {"int32", int64},     {"int", int64},
    {"int16", int64},     {"short", int64},    {"int8", int64},      {"uint8", int64},
    {"bool", bool_}};

/// What PyTorch calls the results of its functions that return several.
const std::map<std::string, std::size_t> common_fields = {
    {"values", 0},      {"indices", 1},      {"solution", 0}, {"residuals", 1}, {"rank", 2},
    {"eigenvalues", 0}, {"eigenvectors", 1}, {"Q", 0},        {"R", 1},         {"U", 0},
    {"S", 1},           {"Vh", 2},           {"V", 2},        {"sign", 0},      {"logabsdet", 1},
    {"LU", 0},          {"pivots", 1},       {"inverse", 0},  {"L", 0},         {"info", 1},
    {"min", 0},         {"max", 1},          {"result", 0}};

Value list_attribute(const Value& x, const std::string& name) {
  const List& list = x.get<List>();
  const auto& fields = x.fields();
  const auto named = std::find(fields.begin(), fields.end(), name);
  const auto common = common_fields.find(name);
  std::size_t i = list.size();
  if (named != fields.end())
    i = static_cast<std::size_t>(named - fields.begin());
  else if (fields.empty() && common != common_fields.end())
    i = common->second;
  if (i >= list.size()) throw Unsupported("a tuple has no item " + name);
  return list[i];
}

Value dtype_attribute(Dtype dtype, const std::string& name) {
  if (name == "is_floating_point") return is_floating(dtype);
  return detail::visit_floating(dtype, "finfo", [&](auto zero) -> Value {
    using limits = std::numeric_limits<decltype(zero)>;
    if (name == "eps") return static_cast<double>(limits::epsilon());
    if (name == "max") return static_cast<double>(limits::max());
    if (name == "min") return static_cast<double>(limits::lowest());
    if (name == "tiny" || name == "smallest_normal") return static_cast<double>(limits::min());
    throw Unsupported("a dtype has no " + name);
  });
}

Value extents(const Shape& shape) { return List(shape.begin(), shape.end()); }

Value nested_list(const Tensor& x) {
  if (x.ndim() > 0) {
    List out;
    for (const auto& row : items(x)) out.push_back(nested_list(row.get<Tensor>()));
    return out;
  }
  if (x.dtype() == bool_) return x.item<bool>();
  if (x.dtype() == int64) return x.item<std::int64_t>();
  return x.item<double>();
}

using Method = Value (*)(const Tensor&, Call&);

/// What needs no op; argument 0 of the call is the tensor.
const std::map<std::string, Method> methods = {
    {"size",
     [](const Tensor& x, Call& c) -> Value {
       if (!c.has(1, "dim")) return extents(x.shape());
       return x.size(c.integer(1, "dim"));
     }},
    {"dim", [](const Tensor& x, Call&) -> Value { return x.ndim(); }},
    {"ndimension", [](const Tensor& x, Call&) -> Value { return x.ndim(); }},
    {"numel", [](const Tensor& x, Call&) -> Value { return x.numel(); }},
    {"nelement", [](const Tensor& x, Call&) -> Value { return x.numel(); }},
    {"item", [](const Tensor& x, Call&) -> Value { return nested_list(reshape(x, {})); }},
    {"tolist", [](const Tensor& x, Call&) -> Value { return nested_list(x); }},
    {"is_floating_point", [](const Tensor& x, Call&) -> Value { return is_floating(x.dtype()); }},
};

/// A function of the table or one of `methods`, with the tensor as argument 0; nothing where there
/// is none. `name_` stores what `name` gives into the tensor.
Function method(const std::string& name) {
  if (const auto found = methods.find(name); found != methods.end())
    return [f = found->second](Call& c) { return f(c.tensor(0, "input"), c); };
  if (Function function = find_function(name)) return function;
  if (name.size() < 2 || !name.ends_with('_') || name.ends_with("__")) return {};
  const Function function = method(name.substr(0, name.size() - 1));
  if (!function) return {};
  return [function](Call& c) {
    const Value self = c.at(0, "input");
    self.update(function(c).tensor("an operation in place"));
    return self;
  };
}

Value tensor_attribute(const Value& x, const std::string& name) {
  const Tensor& tensor = x.get<Tensor>();
  if (name == "shape") return extents(tensor.shape());
  if (name == "ndim") return tensor.ndim();
  if (name == "dtype") return tensor.dtype();
  if (name == "real") return x;
  if (name == "data") return tensor.detach();
  if (name == "requires_grad") return tensor.is_tracked();
  if (name == "device" || name == "layout") return {};
  if (name == "T" || name == "mT" || name == "H" || name == "mH") {
    const bool matrix = name[0] == 'm';
    if (find_function(name)) return call_function(name, {x});
    if (matrix || tensor.ndim() == 2) return transpose(tensor);
    return call_function(name, {x});
  }
  const Function function = method(name);
  if (!function) throw Unsupported("Tensor." + name + " has no equivalent");
  return Function([x, name, function](Call& c) {
    List args{x};
    args.insert(args.end(), c.args.begin(), c.args.end());
    Call bound(name, std::move(args), c.kwargs);
    return function(bound);
  });
}

/// A layer as Python has it: called, asked for its state by name, set to train or to evaluate.
Object layer_object(const MadeLayer& layer) {
  const auto mode = [layer](bool training) {
    return Function([=](Call&) -> Value {
      nn::Module module = layer.module;
      module.train(training);
      return layer_object(layer);
    });
  };
  return {[layer](Call& c) {
            Value result = layer.call(c);
            c.check_all_read();
            return result;
          },
          [=](const std::string& name) -> std::optional<Value> {
            if (name == "train" || name == "eval") return mode(name == "train");
            const StateDict state = layer.module.state_dict();
            const auto found = state.find(name);
            return found == state.end() ? std::nullopt : std::optional<Value>(found->second);
          }};
}

/// What makes a layer, fresh and in train mode. Its initial values must be known.
Value layer_constructor(const std::string& name) {
  return Function([name](Call& c) -> Value {
    const auto drawn = default_generator().position();
    MadeLayer layer = make_layer(name, c);
    if (default_generator().position() != drawn) throw Unsupported("random initial values");
    layer.module.to(float64);
    return layer_object(layer);
  });
}

/// A function of PyTorch under its table name, called so.
Value named_function(const std::string& name, Function function) {
  return Function([name, function = std::move(function)](Call& c) {
    Call named(name, c.args, c.kwargs);
    return function(named);
  });
}

std::optional<Value> torch_name(const std::string& name) {
  if (const auto dtype = dtypes.find(name); dtype != dtypes.end()) return dtype->second;
  for (const char* constant : {"pi", "e", "inf", "nan"})
    if (name == constant) return builtins().at("math." + name);
  if (name == "Size") return builtins().at("tuple");
  if (name.starts_with("nn.") && layers().contains(name.substr(3)))
    return layer_constructor(name.substr(3));
  if (name == "is_tensor")
    return Function([](Call& c) -> Value { return c.at(0, "obj").is<Tensor>(); });
  if (name == "finfo") return Function([](Call& c) -> Value { return c.at(0, "type"); });
  if (name == "contiguous_format" || name == "strided" || name == "preserve_format") return Value();
  constexpr std::string_view of_tensor = "Tensor.";
  const std::string plain = name.starts_with(of_tensor) ? name.substr(of_tensor.size()) : name;
  if (Function function = method(plain)) return named_function(plain, std::move(function));
  return {};
}

}  // namespace

Value attribute(const Value& x, const std::string& name) {
  if (x.is<Tensor>()) return tensor_attribute(x, name);
  if (x.is<List>()) return list_attribute(x, name);
  if (x.is<Dtype>()) return dtype_attribute(x.get<Dtype>(), name);
  if (x.is<Object>())
    if (const auto found = x.get<Object>().attribute(name)) return *found;
  throw Unsupported(fmt::format("{} has no attribute {}", x.kind(), name));
}

std::optional<Value> global(const std::string& path) {
  if (const auto found = builtins().find(path); found != builtins().end()) return found->second;
  for (const auto& [prefix, meant] : std::initializer_list<std::pair<std::string, std::string>>{
           {"torch.nn.functional.", "nn.functional."},
           {"nn.functional.", "nn.functional."},
           {"F.", "nn.functional."},
           {"nn.", "nn."},
           {"torch.", ""}})
    if (path.starts_with(prefix)) return torch_name(meant + path.substr(prefix.size()));
  return {};
}

}  // namespace gradtape::conformance

#include "cases.hpp"

#include <fmt/format.h>

#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/safetensors.hpp>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace gradtape::conformance {
namespace {

using nlohmann::json;

Value special(const json& value, const std::map<std::string, Value>& inputs) {
  const std::string& key = value.begin().key();
  const json& content = value.begin().value();
  if (key == "$") {
    const auto found = inputs.find(content.get<std::string>());
    if (found != inputs.end()) return found->second;
  }
  if (key == "float") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (content == "inf") return infinity;
    if (content == "-inf") return -infinity;
    if (content == "nan") return std::numeric_limits<double>::quiet_NaN();
  }
  if (key == "slice" && content.is_array() && content.size() == 3) {
    auto bound = [&](int i) {
      return content[i].is_null() ? std::nullopt
                                  : std::optional<std::int64_t>(content[i].get<std::int64_t>());
    };
    return Slice{bound(0), bound(1), bound(2)};
  }
  if (key == "ellipsis") return Ellipsis{};
  if (key == "dtype") {
    const std::string name = content;
    if (name == "float64" || name == "double") return float64;
    if (name == "float32" || name == "float") return float32;
    if (name == "bool") return bool_;
    if (name.find("int") != name.npos || name == "long") return int64;
  }
  throw Unsupported("the argument " + value.dump());
}

Value argument(const json& value, const std::map<std::string, Value>& inputs) {
  if (value.is_null()) return {};
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.size() == 1) return special(value, inputs);
  if (!value.is_array()) throw Unsupported("the argument " + value.dump());
  List list;
  for (const auto& item : value) list.push_back(argument(item, inputs));
  return list;
}

Tensor array(const json& name, const Arrays& arrays) {
  return name.is_null() ? Tensor() : arrays.at(name.get<std::string>());
}

Gradients gradients(const json& names, const Arrays& arrays) {
  Gradients out;
  for (const auto& [input, name] : names.items()) out[input] = array(name, arrays);
  return out;
}

void read_call(Case& c, const json& line, const Arrays& arrays) {
  c.expression = line.value("expr", "");
  const std::string constructor = c.kind == "module" ? "ctor_" : "";
  c.args = line.value(constructor + "args", json::array()).dump();
  c.kwargs = line.value(constructor + "kwargs", json::object()).dump();
  for (const auto& input : line.at("inputs"))
    c.inputs.push_back(
        {input.at("name"), array(input.at("array"), arrays), input.value("grad", false)});
  for (const auto& output : line.at("outputs"))
    c.outputs.push_back({array(output.at("array"), arrays), array(output.at("cotangent"), arrays)});
  c.grads = gradients(line.value("grads", json::object()), arrays);
  if (line.contains("hvp") && !line.at("hvp").is_null()) {
    c.hvp_directions = gradients(line.at("hvp").at("v"), arrays);
    c.hvp = gradients(line.at("hvp").at("out"), arrays);
  }
}

void add_arrays(const json& value, const Arrays& group, Arrays& out) {
  if (value.is_string()) {
    if (const auto found = group.find(value.get<std::string>()); found != group.end())
      out.insert(*found);
  } else if (value.is_structured()) {
    for (const auto& item : value) add_arrays(item, group, out);
  }
}

}  // namespace

bool Case::is_convention() const {
  for (const char* tag : {"kink", "tie", "boundary", "subgradient", "convention", "nonfinite"})
    if (tags.contains(tag)) return true;
  return false;
}

std::string Case::call() const {
  return expression.empty() ? fmt::format("{}(*{}, **{})", op, args, kwargs) : expression;
}

Arrays named_arrays(const std::string& line, const Arrays& group) {
  Arrays out;
  add_arrays(json::parse(line), group, out);
  return out;
}

List arguments(const Case& c, const std::map<std::string, Value>& inputs) {
  return argument(json::parse(c.args), inputs).get<List>();
}

std::map<std::string, Value> keywords(const Case& c, const std::map<std::string, Value>& inputs) {
  std::map<std::string, Value> out;
  const json parsed = json::parse(c.kwargs);
  for (const auto& [name, value] : parsed.items()) out.emplace(name, argument(value, inputs));
  return out;
}

std::vector<Case> read_cases(const std::string& folder) {
  const std::string path = folder + "/cases.jsonl";
  std::istringstream text(read_file(path, "read_cases"));
  std::map<std::string, Arrays> groups;
  std::vector<Case> cases;
  for (std::string line; std::getline(text, line);) {
    if (line.empty()) continue;
    try {
      const json parsed = json::parse(line);
      Case c;
      c.id = parsed.at("id");
      c.group = parsed.at("group");
      c.kind = parsed.at("kind");
      c.op = parsed.value("op", "");
      c.note = parsed.value("note", "");
      for (const auto& tag : parsed.value("tags", json::array())) c.tags.insert(tag);
      c.first_outputs_only = parsed.value("variant", "") == "grad_oriented";
      c.rtol = parsed.at("tol").at("rtol");
      c.atol = parsed.at("tol").at("atol");
      c.json = line;
      if (!groups.contains(c.group))
        groups[c.group] = load_safetensors(folder + "/" + c.group + ".safetensors");
      if (c.kind == "op" || c.kind == "module")
        read_call(c, parsed, groups[c.group]);
      else
        add_arrays(parsed, groups[c.group], c.arrays);
      cases.push_back(std::move(c));
    } catch (const json::exception& e) {
      fail<IoError>("read_cases",
                    fmt::format("'{}', line {}: {}", path, cases.size() + 1, e.what()));
    } catch (const std::out_of_range&) {
      fail<IoError>("read_cases", fmt::format("'{}', line {} names an array that its group lacks",
                                              path, cases.size() + 1));
    }
  }
  return cases;
}

}  // namespace gradtape::conformance

#include <stdexcept>
#include <utility>
#include <vector>

#include "value.hpp"

namespace gradtape::conformance {

namespace {

auto& families() {
  static std::vector<Mapping (*)()> all;
  return all;
}

}  // namespace

FunctionFamily::FunctionFamily(Mapping (*functions)()) { families().push_back(functions); }

const Mapping& mapping() {
  static const Mapping all = [] {
    Mapping joined;
    for (auto* family : families())
      for (auto& [name, function] : family())
        if (!joined.emplace(name, std::move(function)).second)
          throw std::logic_error("two maps give '" + name + "'");
    return joined;
  }();
  return all;
}

Function find_function(const std::string& name) {
  constexpr std::string_view functional = "nn.functional.";
  auto found = mapping().find(name);
  if (found == mapping().end() && name.starts_with(functional))
    found = mapping().find(name.substr(functional.size()));
  if (found == mapping().end()) return {};
  return [&function = found->second](Call& call) {
    Value result = function(call);
    call.check_all_read();
    return result;
  };
}

Value call_function(const std::string& name, List args, std::map<std::string, Value> kwargs) {
  const Function function = find_function(name);
  if (!function) throw Unsupported(name + " has no equivalent");
  Call call(name, std::move(args), std::move(kwargs));
  return function(call);
}

}  // namespace gradtape::conformance

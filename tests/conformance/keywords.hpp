/// The keyword arguments of optimizers and schedules.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "value.hpp"

namespace gradtape::conformance {

/// Keyword arguments; those that nobody read make the case unsupported.
class Keywords {
 public:
  explicit Keywords(nlohmann::json values) : values_(std::move(values)) {
    for (const char* speed : {"foreach", "fused", "capturable", "differentiable", "verbose"})
      values_.erase(speed);
  }

  template <class T> T get(const std::string& name, T fallback) {
    read_.insert(name);
    const auto found = values_.find(name);
    if (found == values_.end() || found->is_null()) return fallback;
    if constexpr (std::is_same_v<T, double>)
      if (*found == "inf" || *found == nlohmann::json{{"float", "inf"}})
        return std::numeric_limits<double>::infinity();
    return found->template get<T>();
  }
  template <class T> void set(const std::string& name, T& option) { option = get(name, option); }
  void set_pair(const std::string& name, double& first, double& second) {
    const auto pair = get(name, std::vector<double>{first, second});
    first = pair.at(0);
    second = pair.at(1);
  }
  void check_all_read() const {
    for (const auto& [name, value] : values_.items())
      if (!read_.contains(name)) throw Unsupported("the keyword " + name);
  }

 private:
  nlohmann::json values_;
  std::set<std::string> read_;
};

}  // namespace gradtape::conformance

/// Variables of the environment, for a while.
#pragma once

#include <gradtape/autograd/system/system.hpp>

#include <cstdlib>
#include <optional>
#include <string>

namespace gradtape::testing {

/// A variable of the environment, as long as this lives; nullptr for none.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    os::set_environment(name, value);
  }
  ~Variable() { os::set_environment(name_, before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace gradtape::testing

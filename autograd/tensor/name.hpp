/// Name: what a variable or a module is called.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace gradtape::detail {

/// The last part of a dotted name, and what it stands below: a model that becomes part of another
/// says so once, however much is below it.
struct Name {
  explicit Name(std::string own, std::shared_ptr<Name> parent = {})
      : last(std::move(own)), above(std::move(parent)) {}
  ~Name();
  Name(const Name&) = default;
  Name& operator=(const Name&) = default;
  /// "enc.0.weight"; the parts without a name, as a model by itself, are left out.
  [[nodiscard]] std::string str() const;

  std::string last;
  std::shared_ptr<Name> above;
};

}  // namespace gradtape::detail

/// Fields: options and state of update rules by name, so that they can be saved and loaded. For
/// rules only.
#pragma once

#include <cstdint>
#include <string>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::optim::detail {

/// Is shown every value that a rule must not forget, and reads or replaces it.
class Fields {
 public:
  virtual ~Fields() = default;

  /// What is shown next are the options of a group, or the state of parameter i.
  Fields& group(std::size_t i) { return enter("groups", i, {}); }
  Fields& state(std::size_t i, const Shape& shape) { return enter("state", i, shape); }

  /// That of the parameter.
  const Shape& shape() const { return shape_; }

  virtual void operator()(const char* name, double& value) = 0;
  /// A count, at least 0.
  virtual void operator()(const char* name, std::int64_t& value) = 0;
  virtual void operator()(const char* name, bool& value) = 0;
  /// A floating tensor, or none.
  virtual void operator()(const char* name, Tensor& value, const Shape& shape) = 0;
  /// A floating tensor of the parameter's shape, or none.
  void operator()(const char* name, Tensor& value) { (*this)(name, value, shape_); }

 protected:
  std::string full(const char* name) const { return prefix_ + name; }

 private:
  Fields& enter(const char* list, std::size_t i, const Shape& shape);

  std::string prefix_;
  Shape shape_;
};

}  // namespace gradtape::optim::detail

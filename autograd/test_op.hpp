/// test_op: all that the library's own ops are tested for, for an op of one's own.
#pragma once

#include <concepts>
#include <functional>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/check/call.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// A function of tensors with one result: of 1 to 4 tensors, or of a vector of them. A callable
/// that takes any number counts as a function of one.
class OpFunction {
 public:
  OpFunction() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, OpFunction>)
  OpFunction(F f)
      : function_([f = std::move(f)](const std::vector<Tensor>& x) mutable -> Tensor {
          return detail::call_on("test_op", f, x);
        }) {}

  Tensor operator()(const std::vector<Tensor>& x) const { return function_(x); }
  explicit operator bool() const { return static_cast<bool>(function_); }

 private:
  std::function<Tensor(const std::vector<Tensor>&)> function_;
};

/// An op, with a sample or several to test it on.
struct OpTest {
  std::string name;            ///< As given to `record`; its vjps are the ones to mutate.
  OpFunction f;                ///< The op.
  std::vector<Tensor> inputs;  ///< float64 where floating, at points where the op is smooth.
  std::vector<std::vector<Tensor>> more = {};  ///< Further samples, of other shapes say.
  int order = 2;                               ///< Of the derivatives to check.
  double float32_tolerance = 1e-5;     ///< Of value and gradient, relative to the largest element.
  std::vector<std::string> skip = {};  ///< Names of properties that the op does not promise.
};

/// One property and whether it holds.
struct OpProperty {
  std::string name;     ///< What it is called in OpTest::skip.
  bool applies = true;  ///< false: skipped, or nothing to test for these inputs
  std::string problem;  ///< empty where it holds
};

/// What test_op found. Converts to bool: no property fails.
struct OpTestResult {
  std::vector<OpProperty> properties;  ///< All of them, in the order of the message.
  std::string message;  ///< A line for each property, and what is wrong with those that fail.
  bool passed = true;   ///< Whether every one that applies holds.
  explicit operator bool() const { return passed; }
};

/// Writes the message.
std::ostream& operator<<(std::ostream& out, const OpTestResult& result);

/// Tests an op for everything that the library's own ops promise:
///
///     CHECK(test_op({.name = "swish", .f = swish, .inputs = {tensor({-1.0, 0.5}, float64)}}));
///
/// The properties: "gradient", right to the order; "float32" as float64; "mixed dtypes" throw;
/// "inputs" untouched; "fast pass" equal to the recorded one; "zero cotangent" gives zeros;
/// "visits" each node once; the same bits whichever "tracked inputs" there are; the sum of both
/// gradients for one tensor as two "equal inputs"; the same for "transposed inputs";
/// "broadcasting", "empty inputs" and "0-d inputs" right where the op takes them; and "mutations"
/// of its vjps all noticed by these samples. An exception of the op other than gradtape's own
/// passes through. Throws ValueError without a function or inputs, and for a name in `skip` that is
/// none of these.
[[nodiscard]] OpTestResult test_op(const OpTest& op);

}  // namespace gradtape

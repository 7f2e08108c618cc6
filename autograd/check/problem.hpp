/// What a gradient check differentiates: the inputs that vary, and a function of them.
#pragma once

#include "gradtape/autograd/gradcheck.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

namespace gradtape::gradient_check {

using Tensors = std::vector<Tensor>;
using Function = std::function<Tensors(const Tensors&)>;
using Vector = std::vector<double>;

/// Thrown inside gradcheck: the check is over, and why.
struct Stop {
  Verdict verdict;
  Cause cause;
  std::string message;
};
template <class... Args>
[[noreturn]] void stop(Cause cause, fmt::format_string<Args...> text, Args&&... args) {
  throw Stop{Verdict::inconclusive, cause, fmt::format(text, std::forward<Args>(args)...)};
}

/// The inputs that vary: floating inputs first, then parameters, whose values come back in the end.
class Problem {
 public:
  /// With all outputs that have a gradient, or with one alone.
  Problem(const Function& f, const Tensors& inputs, const GradcheckOptions& options,
          std::optional<std::size_t> only = {});
  ~Problem();
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  /// What f gives at the given values of what varies, tracked, and the leaves; a parameter's leaf
  /// is its own.
  Tensors operator()(const Tensors& x, Tensors& leaves) const;

  /// Says so where f uses one of the inputs as the variable that it was outside, which does not
  /// vary; f is called once.
  std::string captured_input() const;
  /// The tracked leaves behind f's outputs that are not checked: "'w' [2, 3]"; f is called once.
  std::vector<std::string> unchecked_leaves() const;
  /// "output 1" of several, "the output" of one.
  std::string output_name(std::size_t k) const;

  Tensors values;
  std::vector<std::string> names;
  mutable std::vector<std::size_t> outputs;  ///< which of f's outputs the last call gave

 private:
  const Function& f_;
  const Tensors& given_;
  Tensors inputs_;
  std::vector<std::size_t> varied_;
  std::vector<Parameter> parameters_;
  std::optional<std::size_t> only_;
};

/// A function y(x) of several tensors, some of its tape gradients, and what to call its parts.
struct Probe {
  const char* what;  ///< "gradient" or "second derivative"
  int order;
  Tensors x;
  std::vector<std::string> names;
  /// The elements of y, one output after the other.
  std::function<Vector(const Tensors& x)> value;
  /// The gradient of <weights, y> by the tape; undefined where it does not reach.
  std::function<Tensors(const Tensors& x, const Vector& weights)> gradient;
  Vector weights;
  Shape output;            ///< of y, at order 1, where it is one output
  std::size_t varied = 0;  ///< how many of x vary; at order 2 y is their gradients, one by one
};

/// Refuses outputs that no derivative can be taken of, and gives the probe of the first order.
Probe first_order(const Problem& problem);
/// That of the second: the gradient of <v, gradient of <w, f>> with respect to what varies and w,
/// in which the gradient must be linear.
Probe second_order(const Problem& problem);

/// The elements, converted to double.
Vector elements(const Tensor& x);
/// A fixed random tensor of the shape of x.
Tensor random_like(const Tensor& x, std::uint64_t stream);
/// A tensor of the shape of x with other elements.
Tensor with_elements(const Vector& elements, const Tensor& x);
double dot(const Vector& a, const Vector& b);

}  // namespace gradtape::gradient_check

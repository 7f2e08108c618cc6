/// What a gradient check differentiates: the inputs that vary, and a function of them.
#pragma once

#include "gradtape/autograd/gradcheck.hpp"

#include <fmt/format.h>

namespace gradtape::gradient_check {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;
using Tensors = std::vector<Tensor>;
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
  Problem(const Function& f, const Tensors& inputs, const GradcheckOptions& options);
  ~Problem();
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  /// f at the given values of what varies, tracked, and the leaves; a parameter's leaf is its own.
  Tensor operator()(const Tensors& x, Tensors& leaves) const;

  /// The tracked leaves behind f's output that are not checked: "'w' [2, 3]"; f is called once.
  std::string unchecked_leaves() const;

  Tensors values;
  std::vector<std::string> names;

 private:
  const Function& f_;
  Tensors inputs_;
  std::vector<std::size_t> varied_;
  std::vector<Parameter> parameters_;
};

/// A function y(x) of several tensors, some of its tape gradients, and what to call its parts.
struct Probe {
  const char* what;  ///< "gradient" or "second derivative"
  int order;
  Tensors x;
  std::vector<std::string> names;
  /// The elements of y.
  std::function<Vector(const Tensors& x)> value;
  /// The gradient of <weights, y> by the tape; undefined where it does not reach.
  std::function<Tensors(const Tensors& x, const Vector& weights)> gradient;
  Vector weights;
  Shape output;  ///< of y, at order 1
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

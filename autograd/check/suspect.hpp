/// A wrong gradient, and the experiments that hypotheses about it need.
#pragma once

#include "gradtape/autograd/check/compare.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace gradtape::gradient_check {

/// Whether all elements agree, relative to the largest. An empty vector agrees with nothing.
bool same(const Vector& a, const Vector& b, double tolerance);

/// For each element of a tensor, where it goes when two axes are transposed and the result is read
/// in the order of the original.
std::vector<std::size_t> transposition(const Shape& shape, int axis0, int axis1);

class Suspect {
 public:
  Suspect(const Comparison& comparison, std::size_t input);

  const Comparison& comparison;
  const std::size_t input;
  const Evidence& evidence;
  const Vector& weights;
  const std::string& name;
  const Shape shape;
  const int order;
  Estimate worst;

  /// Whether every element was moved.
  bool is_complete() const;
  /// Whether the analytic value of every element moved is `model` of what was found there.
  bool explained_by(const std::function<double(const Estimate&)>& model,
                    double tolerance = 1e-5) const;
  /// Whether the analytic value at `place(k)` is right for element k.
  bool explained_at(const std::function<std::size_t(std::size_t)>& place) const;
  /// Whether the analytic gradient is the numeric one of another input.
  bool explains_input(std::size_t other) const;
  /// The constant that fits analytic = constant * numeric best.
  double factor() const;
  /// How exactly a constant has to fit: well within its difference from 1.
  double tightness() const;
  /// The largest discrepancy, relative to the scale of the gradient.
  double worst_relative() const;
  /// What is left to say: where analytic / numeric lies.
  std::string spread() const;

  /// The gradient by the tape for another cotangent.
  Vector analytic_with(const Vector& weights) const;
  /// The numeric gradient for another cotangent; NAN at elements that were not moved.
  Vector numeric_with(const Vector& weights) const;
  /// The same for the given one, with another input transposed.
  Vector numeric_at_transposed(std::size_t other) const;
  /// The cotangent with its last two axes transposed; empty unless they are square.
  Vector transposed_weights() const;
  /// The cotangent, 0 outside a slice of the output.
  Vector weights_of_slice(int axis, std::int64_t slice) const;
  /// The numeric gradient summed over a set of axes (bits), spread back to its shape.
  Vector summed(unsigned axes) const;
  /// Derivatives of every output element with respect to some elements.
  const std::map<std::int64_t, Vector>& columns() const { return columns_; }

 private:
  std::map<std::int64_t, Vector> columns_;
};

/// The same where b may hold NAN for elements that nobody looked at.
bool same(const Vector& a, const Vector& b, double tolerance, const Suspect& suspect);

/// "2", "1/12 (1 / the 12 elements of the output)", "-0.3183".
std::string name_factor(double factor, const Suspect& suspect);

}  // namespace gradtape::gradient_check

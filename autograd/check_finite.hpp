/// check_finite: which op produced the first NaN or infinity, and from what.
#pragma once

#include <functional>
#include <string>

#include "gradtape/autograd/tape.hpp"

namespace gradtape {

/// An op produced a NaN or an infinity while a CheckFinite was alive.
struct NonFiniteError : Error {
  using Error::Error;
};

/// While one lives, the first op in this thread whose result, or whose vjp's result, holds a NaN or
/// an infinity throws a NonFiniteError that names the op, the element, and the inputs there.
///
///     const CheckFinite guard;
///     model(x).backward();
///
/// It looks at every element of every result, which costs one more pass each. An op that `where`
/// discards later throws all the same; check_finite(f) follows the values and knows.
class CheckFinite : public Watch {
 public:
  void recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs) override;
  Tensor contributed(const VjpCall& call) override;
};

/// What check_finite found. Converts to bool: finite or not.
struct FiniteReport {
  bool finite = true;
  /// Where not finite: the op that began it, with its inputs, and the ops that carried it to the
  /// result; or the op whose vjp began it.
  std::string message;
  /// What was not finite on the way but never reached the result, such as a branch that `where` did
  /// not take.
  std::string harmless;
  explicit operator bool() const { return finite; }
};

/// Calls f and, where its result is finite and tracked, one backward pass from it (nothing is
/// released, no leaf's grad() changes), and explains the first NaN or infinity: forward first.
[[nodiscard]] FiniteReport check_finite(const std::function<Tensor()>& f);

}  // namespace gradtape

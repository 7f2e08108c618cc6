/// mutate_check: would these samples notice a mistake?
#pragma once

#include "gradtape/autograd/gradcheck.hpp"

namespace gradtape {

/// A mistake that was made on purpose in the vjp of an op.
struct Mutation {
  std::string op;
  std::size_t input = 0;  ///< which of the op's tracked inputs got it
  std::string change;     ///< "wrong sign", "factor 2", "one element missing", ...
  bool caught = false;    ///< gradcheck did not pass
};

/// What mutate_check found. Converts to bool: mutations were tried, and all were caught.
struct MutateCheckResult {
  std::vector<Mutation> mutations;  ///< those that changed anything
  std::string message;              ///< Empty when all were caught. Else those that were not.
  explicit operator bool() const { return message.empty(); }
};

/// Writes the message, or how many mutations were caught.
std::ostream& operator<<(std::ostream& out, const MutateCheckResult& result);

/// Makes one mistake after another in what the vjps of `op` return (all ops that are differentiated
/// when `op` is empty), and lists those with which gradcheck(f, inputs, options) still passes. That
/// tells good samples from bad: a zero, two equal inputs, or a square of equal elements hide
/// mistakes. The mistakes: wrong sign, factor 2, fifth digit, nothing returned, cotangent replaced
/// by ones, cotangent detached (order 2 only), transposed, order of the elements reversed, one
/// element missing, one slice in place of the sum over a broadcast axis, gradient of another input.
/// A mistake that makes no difference to any contribution is left out.
[[nodiscard]] MutateCheckResult mutate_check(
    const std::string& op, const std::function<Tensor(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& inputs, const GradcheckOptions& options = {.order = 2});

}  // namespace gradtape

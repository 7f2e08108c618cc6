/// A Watch that may call vjps again, for checks of checks.
#pragma once

#include <cstddef>
#include <functional>

#include "gradtape/autograd/tape.hpp"

namespace gradtape {
class BackwardPass;
}

namespace gradtape::detail {

/// One contribution of a vjp, on its way to an input.
struct VjpCall {
  const char* op;
  std::size_t input, inputs;  ///< which of how many tracked inputs of the op
  Shape shape;                ///< of that input
  Tensor contribution;        ///< undefined where the vjp gave nothing
  /// The contribution for a tracked input, once more, with ones in place of the cotangents if
  /// asked.
  std::function<Tensor(std::size_t input, bool ones)> again;
};

/// While it lives, what vjps return in backward passes of this thread is replaced by what `alter`
/// makes of it. The innermost one counts.
class VjpInterception : Watch {
 public:
  explicit VjpInterception(std::function<Tensor(const VjpCall&)> alter);
  ~VjpInterception() override;

 private:
  friend class gradtape::BackwardPass;
  std::function<Tensor(const VjpCall&)> alter_;
  VjpInterception* outer_;
};

}  // namespace gradtape::detail

#include "gradtape/autograd/inspect/backward_work.hpp"

namespace gradtape::detail {

void BackwardWork::visited(const Tape& tape, std::size_t i, const Tensor&) {
  if (!is_pass(tape)) return;
  tape_ = &tape;
  close();
  work_.resize(tape.size());
  last_ = i;
  before_ = work;
}

const std::vector<Work>& BackwardWork::finish() {
  close();
  return work_;
}

void BackwardWork::close() {
  if (!work_.empty()) work_[last_] = work.since(before_);
}

}  // namespace gradtape::detail

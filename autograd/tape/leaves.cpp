#include "gradtape/autograd/leaves.hpp"

#include "gradtape/autograd/tape.hpp"

namespace gradtape {

std::vector<std::string> other_leaves(const std::vector<Tensor>& outputs,
                                      const std::vector<Tensor>& known) {
  const Tape tape(outputs);
  std::vector<bool> seen(tape.size() + 1);  // the last for what is not on the tape
  for (const auto& x : known) seen[tape.position(x)] = true;
  std::vector<std::string> found;
  const auto note = [&](std::size_t i) {
    if (tape.is_leaf(i) && !seen[i]) {
      const auto name = tape.leaf_name(i);
      found.push_back((name.empty() ? "an unnamed leaf " : "'" + name + "' ") +
                      tape.shape(i).str());
    }
    seen[i] = true;
  };
  for (std::size_t i = 0; i < tape.size(); ++i)
    for (const auto input : tape.inputs(i)) note(input);
  for (std::size_t i = 0; i < tape.size(); ++i) note(i);  // an output that is a leaf itself
  return found;
}

}  // namespace gradtape

/// Which variables a graph really uses.
#pragma once

#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Describes the leaves behind `outputs` that are none of the tensors in `known`, each once, in the
/// order in which they were used: "'fc1.weight' [3, 4]", or "an unnamed leaf [3, 4]". An output
/// that is a leaf itself counts; untracked ones have none.
[[nodiscard]] std::vector<std::string> other_leaves(const std::vector<Tensor>& outputs,
                                                    const std::vector<Tensor>& known = {});

}  // namespace gradtape

/// Checkpointing: a graph that is computed again when it is needed, instead of being kept.
#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// f(inputs), of which only the inputs are kept: the backward pass computes f again and
/// differentiates that, so what a deep model holds falls to the boundaries of its checkpointed
/// parts and one part's inside, for one more forward pass (Chen et al. 2016, "Training deep nets
/// with sublinear memory cost").
///
/// Random numbers from the thread's default generator are the same in the second run; f must not
/// differ in anything else. Parameters that f uses get their gradients; any other tracked tensor
/// must be among the inputs (GraphError says which is not). Differentiable to any order.
[[nodiscard]] std::vector<Tensor> checkpoint(
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& inputs);
/// The same for one result.
[[nodiscard]] Tensor checkpoint(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                                const std::vector<Tensor>& inputs);

/// The same for a function of one tensor, such as a module: `checkpoint(block, x)`. The function is
/// copied; modules are handles, and copies share their parameters.
template <class F>
  requires std::is_invocable_r_v<Tensor, const F&, const Tensor&>
[[nodiscard]] Tensor checkpoint(const F& f, const Tensor& x) {
  return checkpoint(std::function<Tensor(const std::vector<Tensor>&)>(
                        [f](const std::vector<Tensor>& inputs) -> Tensor { return f(inputs[0]); }),
                    std::vector<Tensor>{x});
}

}  // namespace gradtape

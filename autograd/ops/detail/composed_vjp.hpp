/// Derivatives of fused ops, by the public ops that they stand for; for ops/*.cpp only.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// For the vjp of a fused op, which its kernels give once but not to every order: the cotangents of
/// the inputs of f, the same function in public ops, for the cotangents g of its results; those
/// not needed, or that no path leads to, are undefined. They are recorded where recording is on. f
/// gets the inputs under names of their own, so that each has the derivative for it alone even
/// where a tensor is given twice.
[[nodiscard]] std::vector<Tensor> composed_vjp(
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& inputs, std::span<const Tensor> g, const std::vector<bool>& needed);

}  // namespace gradtape::detail

/// Differentiable ops over ranks.
#pragma once

#include <cstdint>

#include "gradtape/optim/distributed/world.hpp"

namespace gradtape::distributed {

// All ranks call an op, with inputs that are tracked on all of them or on none, and their backward
// passes come to it in the same order: its vjp is such an op too. Sums are in the order of ranks,
// the same bits on each. With a loss on every rank, gradients are those of the sum of all losses,
// but for the last two ops. Throw DistributedError, on all ranks, where these differ in what they
// bring; DtypeError for bool.

/// y = sum_r x_r on every rank.  x: [...], the same shape and dtype on all.
/// dx = all_reduce(dy).
[[nodiscard]] Tensor all_reduce(const World& world, const Tensor& x);

/// y = x of rank `root` on every rank.  x: [...], of the same shape and dtype on the others, whose
/// elements do not matter.  dx = sum_r dy_r on the root, 0 elsewhere.
/// Throws ValueError for a root out of range.
[[nodiscard]] Tensor broadcast(const World& world, const Tensor& x, int root = 0);

/// All ranks' x, joined along an axis in the order of ranks, on every rank.  x: [..., n_r, ...],
/// n_r may differ.  dx = this rank's part of all_reduce(dy).
[[nodiscard]] Tensor all_gather(const World& world, const Tensor& x, std::int64_t axis = 0);

/// This rank's part of sum_r x_r along an axis, as Shard divides it.  x: [..., n, ...] ->
/// [..., n_r, ...].  dx = all_gather(dy).
[[nodiscard]] Tensor reduce_scatter(const World& world, const Tensor& x, std::int64_t axis = 0);

// For one loss that all ranks compute alike, as layers with sharded weights do (Shoeybi et al.
// 2019, "Megatron-LM", section 3: f and g): gradients are those of this loss.

/// y = x, which is the same on every rank, on its way into computations that differ.
/// dx = sum_r dy_r.
[[nodiscard]] Tensor copy_to_ranks(const World& world, const Tensor& x);

/// y = sum_r x_r, on its way into computations that are the same on every rank.  dx = dy.
[[nodiscard]] Tensor sum_over_ranks(const World& world, const Tensor& x);

}  // namespace gradtape::distributed

/// Layers whose weights or statistics are spread over ranks.
#pragma once

#include "gradtape/nn/linear.hpp"
#include "gradtape/nn/module.hpp"
#include "gradtape/optim/distributed/world.hpp"

namespace gradtape::distributed {

/// The outputs of nn::Linear that are this rank's: y_r = x W_r^T + b_r, where W_r are its rows of
/// the weight, as Shard divides them.  x: [..., in], the same on all ranks -> [..., out_r]; join
/// them by all_gather(world, y, -1), or go on with a RowLinear.
///
/// The initial values are those of nn::Linear(in, out, options) on rank 0; the gradients are those
/// of one loss that all ranks compute alike. Throws ValueError when made with fewer outputs than
/// ranks.
class ColumnLinear : public nn::Layer {
 public:
  /// All ranks.
  ColumnLinear(const World& world, std::int64_t in, std::int64_t out,
               const nn::LinearOptions& options = {});

  const Parameter weight;  ///< [out_r, in]
  const Parameter bias;    ///< [out_r]; undefined where the options leave it out.

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  ColumnLinear(const World& world, const nn::Linear& whole);
  World world_;
};

/// nn::Linear of inputs that are spread over the ranks: y = sum_r x_r W_r^T + b, where W_r are this
/// rank's columns of the weight.  x: [..., in_r] -> [..., out], the same on all ranks; the in_r of
/// all ranks make in. Initial values, gradients and exceptions as ColumnLinear's, with inputs for
/// outputs.
class RowLinear : public nn::Layer {
 public:
  /// All ranks.
  RowLinear(const World& world, std::int64_t in, std::int64_t out,
            const nn::LinearOptions& options = {});

  const Parameter weight;  ///< [out, in_r]
  const Parameter bias;    ///< [out], the same on all ranks; undefined where left out.

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  RowLinear(const World& world, const nn::Linear& whole);
  World world_;
};

/// Makes every batch normalisation in `model` normalise by the statistics of all ranks' batches in
/// training, as one process with the whole batch does, instead of those of this rank's batch. Two
/// small sums over ranks for each such layer in each pass.
void synchronize_batch_norm(const World& world, nn::Module& model);

}  // namespace gradtape::distributed

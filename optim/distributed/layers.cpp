#include "gradtape/optim/distributed/layers.hpp"

#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/normalisation.hpp"
#include "gradtape/optim/distributed/collectives.hpp"

namespace gradtape::distributed {

namespace {

/// The layer that is to be spread, with the initial values that rank 0 has drawn; `n` of `spread`
/// are divided. All ranks draw, so that their generators stay in step.
nn::Linear drawn(const World& world, const char* layer, const char* spread, std::int64_t n,
                 std::int64_t in, std::int64_t out, const nn::LinearOptions& options) {
  author::require(layer, spread, n, author::at_least(world.size()));
  nn::Linear whole(in, out, options);
  for (const auto& parameter : whole.parameters())
    parameter.set(world.from_root([&] { return parameter.tensor().detach(); }));
  return whole;
}

/// This rank's part of the values along an axis.
Tensor part(const World& world, const Parameter& whole, int axis) {
  const Tensor values = whole.tensor().detach();
  const auto n = values.size(axis);
  const auto shard = world.shard();
  return narrow(values, axis, shard.begin(n), shard.end(n) - shard.begin(n));
}

}  // namespace

ColumnLinear::ColumnLinear(const World& world, std::int64_t in, std::int64_t out,
                           const nn::LinearOptions& options)
    : ColumnLinear(world, drawn(world, "ColumnLinear", "out", out, in, out, options)) {}

ColumnLinear::ColumnLinear(const World& world, const nn::Linear& whole)
    : weight(parameter("weight", part(world, whole.weight, 0))),
      bias(whole.bias.defined() ? parameter("bias", part(world, whole.bias, 0)) : Parameter()),
      world_(world) {}

Tensor ColumnLinear::forward(const Tensor& x) const {
  return linear(copy_to_ranks(world_, x), weight, bias);
}

RowLinear::RowLinear(const World& world, std::int64_t in, std::int64_t out,
                     const nn::LinearOptions& options)
    : RowLinear(world, drawn(world, "RowLinear", "in", in, in, out, options)) {}

RowLinear::RowLinear(const World& world, const nn::Linear& whole)
    : weight(parameter("weight", part(world, whole.weight, 1))),
      bias(whole.bias.defined() ? parameter("bias", whole.bias.tensor().detach()) : Parameter()),
      world_(world) {}

Tensor RowLinear::forward(const Tensor& x) const {
  const Tensor y = sum_over_ranks(world_, linear(x, weight));
  return bias.defined() ? y + bias : y;
}

void synchronize_batch_norm(const World& world, nn::Module& model) {
  if (world.size() == 1) return;
  model.apply([&](nn::Module& module) {
    if (auto* norm = dynamic_cast<nn::detail::BatchNorm*>(&module))
      norm->set_sum_over_processes([world](const Tensor& sum) { return all_reduce(world, sum); });
  });
}

}  // namespace gradtape::distributed

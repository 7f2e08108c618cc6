#include "gradtape/optim/distributed/collectives.hpp"

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <vector>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/optim/distributed/detail/channel.hpp"
#include "gradtape/optim/distributed/detail/reduction.hpp"

namespace gradtape::distributed {

using namespace detail;

namespace {

/// Whether there is anything to do: refuses what no number of ranks takes, and on several ranks an
/// input that is tracked on some only, whose vjp would wait for ever.
bool goes_to_ranks(const World& world, const char* op, const Tensor& x) {
  author::need_defined(op, x, "the tensor");
  if (x.dtype() == bool_) fail<DtypeError>(op, "of bool is not defined; convert to int64");
  if (world.size() == 1) return false;
  Channel::of(world).require_same(op, x.is_tracked() && recording()
                                          ? "an input that is tracked"
                                          : "an input that is not tracked");
  return true;
}

Tensor sum_of(const World& world, const char* op, const Tensor& x) {
  const auto inside = RecordingScope::inside_op();
  return reduced(Channel::of(world), op, x);
}

/// Every rank's x, which is not tracked.
std::vector<Tensor> gathered(Channel& channel, const char* op, const Tensor& x) {
  channel.require_same(op, fmt::format("{} axes of {}", x.ndim(), gradtape::name(x.dtype())));
  std::vector<Tensor> parts;
  for (int rank = 0; rank < channel.size(); ++rank) parts.push_back(channel.broadcast(op, x, rank));
  return parts;
}

}  // namespace

Tensor all_reduce(const World& world, const Tensor& x) {
  if (!goes_to_ranks(world, "all_reduce", x)) return x;
  return record("all_reduce", sum_of(world, "all_reduce", x), {x},
                {[world](const Tensor& g) { return all_reduce(world, g); }});
}

Tensor broadcast(const World& world, const Tensor& x, int root) {
  author::require("broadcast", "root", root, author::half_open(0, world.size()));
  if (!goes_to_ranks(world, "broadcast", x)) return x;
  auto& channel = Channel::of(world);
  channel.require_same("broadcast",
                       fmt::format("{} {}", x.shape().str(), gradtape::name(x.dtype())));
  Tensor y = author::empty(x.shape(), x.dtype());
  const auto bytes = static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  if (bytes) std::memcpy(author::mutable_data<char>(y), x.raw(), bytes);
  channel.broadcast("broadcast", author::mutable_data<void>(y), static_cast<std::int64_t>(bytes),
                    root);
  return record("broadcast", y, {x}, {[world, root](const Tensor& g) {
                  const Tensor sum = all_reduce(world, g);
                  // Also elsewhere an op of the sum, for its vjp takes part too.
                  return masked_mul(sum, zeros_like(sum) + (world.rank() == root ? 1.0 : 0.0));
                }});
}

Tensor all_gather(const World& world, const Tensor& x, std::int64_t axis) {
  const bool several = goes_to_ranks(world, "all_gather", x);
  const auto size = x.size(static_cast<int>(axis));
  if (!several) return x;
  auto& channel = Channel::of(world);
  Tensor y;
  std::int64_t begin = 0;
  {
    const auto inside = RecordingScope::inside_op();
    const auto parts = gathered(channel, "all_gather", x.detach());
    y = concat(parts, axis);
    for (int rank = 0; rank < world.rank(); ++rank)
      begin += parts[static_cast<std::size_t>(rank)].size(static_cast<int>(axis));
  }
  return record("all_gather", y, {x}, {[world, axis, begin, size](const Tensor& g) {
                  return narrow(all_reduce(world, g), axis, begin, size);
                }});
}

Tensor reduce_scatter(const World& world, const Tensor& x, std::int64_t axis) {
  const bool several = goes_to_ranks(world, "reduce_scatter", x);
  const auto n = x.size(static_cast<int>(axis));
  if (!several) return x;
  const Tensor sum = sum_of(world, "reduce_scatter", x.detach());
  const auto shard = world.shard();
  Tensor y;
  {
    const auto inside = RecordingScope::inside_op();
    y = narrow(sum, axis, shard.begin(n), shard.end(n) - shard.begin(n));
  }
  return record("reduce_scatter", y, {x},
                {[world, axis](const Tensor& g) { return all_gather(world, g, axis); }});
}

Tensor copy_to_ranks(const World& world, const Tensor& x) {
  if (!goes_to_ranks(world, "copy_to_ranks", x)) return x;
  return record("copy_to_ranks", x.detach(), {x},
                {[world](const Tensor& g) { return sum_over_ranks(world, g); }});
}

Tensor sum_over_ranks(const World& world, const Tensor& x) {
  if (!goes_to_ranks(world, "sum_over_ranks", x)) return x;
  return record("sum_over_ranks", sum_of(world, "sum_over_ranks", x), {x},
                {[world](const Tensor& g) { return copy_to_ranks(world, g); }});
}

}  // namespace gradtape::distributed

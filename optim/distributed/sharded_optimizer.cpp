#include "gradtape/optim/distributed/sharded_optimizer.hpp"

#include <fmt/format.h>

#include <charconv>
#include <deque>
#include <optional>
#include <string>

#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/optim/distributed/collectives.hpp"
#include "gradtape/optim/distributed/detail/channel.hpp"

namespace gradtape::distributed::detail {

namespace {

/// The parameter that "state.3.first_moment" belongs to.
std::optional<std::size_t> parameter_of(const std::string& entry, std::size_t count) {
  constexpr std::string_view prefix = "state.";
  if (!entry.starts_with(prefix)) return {};
  std::size_t number = 0;
  std::from_chars(entry.data() + prefix.size(), entry.data() + entry.size(), number);
  if (number >= count) return {};
  return number;
}

}  // namespace

ParameterShards::ParameterShards(const World& world, const std::vector<Parameter>& whole)
    : world_(world), whole_(whole) {
  optim::detail::check_parameters("ShardedOptimizer", whole_);
  for (const auto& parameter : whole_) parts_.emplace_back(part(parameter), parameter.name());
}

bool ParameterShards::is_divided(const Tensor& whole) const {
  return whole.ndim() > 0 && whole.numel() >= world_.size();
}

Tensor ParameterShards::part(const Tensor& whole) const {
  if (!is_divided(whole)) return whole.detach();
  const NoGrad no_grad;
  const auto n = whole.numel();
  const auto shard = world_.shard();
  return narrow(reshape(whole.detach(), {n}), 0, shard.begin(n), shard.end(n) - shard.begin(n));
}

void ParameterShards::scatter() const {
  for (std::size_t p = 0; p < whole_.size(); ++p) {
    parts_[p].freeze(whole_[p].is_frozen());
    parts_[p].set(part(whole_[p]));
    parts_[p].set_grad(whole_[p].has_grad() ? part(whole_[p].grad()) : Tensor());
  }
}

void ParameterShards::gather() const {
  auto& channel = Channel::of(world_);
  std::vector<MPI_Request> requests;
  std::deque<Parts> layouts;  // stay where they are until MPI has read them
  for (std::size_t p = 0; p < whole_.size(); ++p) {
    if (whole_[p].is_frozen() || !whole_[p].has_grad()) continue;
    if (!is_divided(whole_[p])) {
      whole_[p].set(parts_[p].tensor());
      continue;
    }
    std::vector<std::int64_t> counts;
    for (int rank = 0; rank < world_.size(); ++rank) {
      const Shard shard{rank, world_.size()};
      counts.push_back(shard.end(whole_[p].numel()) - shard.begin(whole_[p].numel()));
    }
    const auto& layout = layouts.emplace_back(counts);
    const auto type = mpi_type(whole_[p].dtype());
    check_mpi(MPI_Iallgatherv(parts_[p].tensor().raw(),
                              layout.lengths[static_cast<std::size_t>(world_.rank())], type,
                              whole_[p].mutable_raw(), layout.lengths.data(), layout.starts.data(),
                              type, channel.comm(), &requests.emplace_back()),
              "MPI_Iallgatherv");
  }
  channel.wait("the updated parameters", requests);
}

StateDict ParameterShards::gather(const StateDict& parts) const {
  StateDict whole;
  for (const auto& [name, value] : parts) {
    const auto p = parameter_of(name, whole_.size());
    // What has the shape of its part is elementwise; the rest are numbers, the same on all ranks.
    if (p && value.defined() && is_divided(whole_[*p]) && value.shape() == parts_[*p].shape())
      whole[name] = reshape(all_gather(world_, value), whole_[*p].shape());
    else
      whole[name] = value;
  }
  return whole;
}

StateDict ParameterShards::scatter(const StateDict& whole) const {
  StateDict parts;
  for (const auto& [name, value] : whole) {
    const auto p = parameter_of(name, whole_.size());
    // A tensor of another shape is left for the rule to refuse.
    if (p && value.defined() && value.shape() == whole_[*p].shape())
      parts[name] = part(value);
    else
      parts[name] = value;
  }
  return parts;
}

}  // namespace gradtape::distributed::detail

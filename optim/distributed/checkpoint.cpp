#include "gradtape/optim/distributed/checkpoint.hpp"

#include <string>

#include "gradtape/autograd/io/safetensors.hpp"
#include "gradtape/optim/distributed/detail/channel.hpp"

namespace gradtape::distributed {

namespace {

/// The entries that f gives on one rank, on every rank.
template <class F> StateDict state_from(const World& world, int owner, const F& f) {
  auto& channel = detail::Channel::of(world);
  StateDict state;
  std::string names;
  if (world.rank() == owner) {
    state = f();
    for (const auto& [name, value] : state) names += name + '\0';  // which no file's names have
  }
  auto count = static_cast<std::int64_t>(names.size());
  channel.broadcast("the state of a part", &count, sizeof(count), owner);
  names.resize(static_cast<std::size_t>(count));
  channel.broadcast("the state of a part", names.data(), count, owner);
  for (std::size_t at = 0; at < names.size();) {
    const auto end = names.find('\0', at);
    auto& value = state[names.substr(at, end - at)];
    value = channel.broadcast("the state of a part", value, owner);
    at = end + 1;
  }
  return state;
}

}  // namespace

bool Checkpoint::exists() const {
  return world_.from_root([&] { return optim::Checkpoint::exists(); });
}

void Checkpoint::save() {
  const StateDict content = state_dict();
  world_.on_root([&] { write(content); });
}

optim::CheckpointReport Checkpoint::load(optim::CheckpointOptions options) {
  StateDict content;
  world_.on_root([&] { content = load_safetensors(path()); });
  content = state_from(world_, 0, [&] { return content; });
  return restore(content, options, true);
}

StateDict Checkpoint::Each::state_dict() const {
  StateDict all;
  for (int rank = 0; rank < world.size(); ++rank)
    add_part(all, std::to_string(rank), state_from(world, rank, own));
  return all;
}

void Checkpoint::Each::load_state_dict(const StateDict& state) const {
  const StateDict saved = part_of(state, std::to_string(world.rank()));
  if (!saved.empty()) load_own(saved);
}

}  // namespace gradtape::distributed

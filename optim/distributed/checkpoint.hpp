/// Checkpoint of a run on several ranks.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/optim/checkpoint.hpp"
#include "gradtape/optim/distributed/world.hpp"

namespace gradtape::distributed {

/// An optim::Checkpoint of which rank 0 alone reads and writes the file; the other ranks are given
/// its content, and need no file system in common. A part of which all ranks hold the same, such as
/// a model, an optimizer or a loader, is saved as rank 0 has it and restored on any number of
/// ranks.
///
///     distributed::Checkpoint checkpoint(world, "run.safetensors");
///     checkpoint.track("model", model);
///     checkpoint.track("adam", adam);
///     checkpoint.track("loader", loader);
///     checkpoint.track_each("generator", default_generator());
///     if (checkpoint.exists()) checkpoint.load();
///
/// All ranks call each function; what it throws on rank 0 it throws on all.
class Checkpoint : public optim::Checkpoint {
 public:
  Checkpoint(World world, std::string path)
      : optim::Checkpoint(std::move(path)), world_(std::move(world)) {}

  /// Adds a part of which every rank has a state of its own, such as its random numbers. Of a
  /// file from fewer ranks, those above keep the state that they have. Throws as track.
  template <Stateful Part> void track_each(std::string name, Part& part) {
    auto each = std::make_shared<Each>(
        Each{world_, [&part] { return StateDict(part.state_dict()); },
             [&part](const StateDict& state) { part.load_state_dict(state); }});
    track(std::move(name), *each);
    each_.push_back(std::move(each));
  }

  /// Whether rank 0 has a file to load.
  [[nodiscard]] bool exists() const override;
  void save() override;
  optim::CheckpointReport load(optim::CheckpointOptions options = {}) override;

 private:
  /// A part's states on all ranks, as one: "2.state" is the entry "state" of rank 2.
  struct Each {
    World world;
    std::function<StateDict()> own;
    std::function<void(const StateDict&)> load_own;

    StateDict state_dict() const;
    void load_state_dict(const StateDict& state) const;
  };

  World world_;
  std::vector<std::shared_ptr<Each>> each_;
};

}  // namespace gradtape::distributed

/// The networks that are trained, and steps of them whose parts are timed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gradtape/optim/distributed.hpp>

#include "costs.hpp"

namespace bench {

/// Times of `steps` steps on the ranks of `world`.
struct Training {
  std::vector<double> seconds;                         ///< Of each step of this rank.
  gradtape::distributed::Communication communication;  ///< Of the fastest step.
  double delayed = 0;  ///< Seconds in it for which other work kept threads of this rank off cores.
  Profile profile;     ///< Of the fastest step, on one rank.
  std::int64_t parameters = 0;
};

/// Trains network `name` on a batch of its own on every rank, by Adam. Throws ValueError for an
/// unknown name.
Training train(const gradtape::distributed::World& world, const std::string& name, int steps,
               const gradtape::distributed::DataParallelOptions& options);

}  // namespace bench

/// What this machine's ranks and cores move in a second.
#pragma once

#include <gradtape/optim/distributed.hpp>

#include "costs.hpp"

namespace bench {

/// The least of many messages between ranks 0 and 1, both ways at once where bandwidth counts.
/// All ranks, of which there must be two.
Machine measured_link(const gradtape::distributed::World& world);

/// Of this core: gradients copied and added.
void measure_core(Machine& machine);

}  // namespace bench

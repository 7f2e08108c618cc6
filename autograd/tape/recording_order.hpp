/// Putting nodes in the order in which they were recorded. Private to autograd/tape/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gradtape/autograd/memory.hpp"

namespace gradtape::detail {

/// The number of a node in recording order. Its slot is its place in a list of these.
struct Recorded {
  std::uint64_t order;
};

/// Slots sorted by recording order.
struct RecordingOrder {
  CachedVector<std::uint32_t> slots;
  std::size_t steps;  ///< How often a node was moved or a counter seen to.
};

/// Sorts nodes by their numbers; of equal ones, which nodes of several threads may
/// have, the last comes first. Takes time linear in the number of nodes, since it counts digits and
/// compares nothing.
RecordingOrder by_recording_order(const CachedVector<Recorded>& nodes);

}  // namespace gradtape::detail

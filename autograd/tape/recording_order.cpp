#include "gradtape/autograd/tape/recording_order.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace gradtape::detail {
namespace {

using Slots = CachedVector<std::uint32_t>;

/// Moves slots behind each other by one digit of their nodes' numbers; equal ones keep their order.
/// `next` has a counter for each value of the digit.
template <class Digit> void move_by(const Digit& digit, const Slots& from, Slots& to, Slots& next) {
  std::fill(next.begin(), next.end(), 0);
  for (const auto slot : from) ++next[digit(slot)];
  std::exclusive_scan(next.begin(), next.end(), next.begin(), std::uint32_t{0});
  for (const auto slot : from) to[next[digit(slot)]++] = slot;
}

}  // namespace

RecordingOrder by_recording_order(const CachedVector<Recorded>& nodes) {
  const auto n = nodes.size();
  // Nodes are met from the outputs on: without branches, backwards is all.
  Slots slots(n);
  for (std::size_t i = 0; i < n; ++i) slots[i] = static_cast<std::uint32_t>(n - 1 - i);
  auto lowest = ~std::uint64_t{0}, highest = std::uint64_t{0}, last = lowest;
  bool in_order = true;
  for (const auto [order] : nodes) {
    in_order = in_order && order <= last;
    last = order;
    lowest = std::min(lowest, order);
    highest = std::max(highest, order);
  }
  if (in_order) return {std::move(slots), n};

  // One digit where the numbers are dense, as those of a graph recorded at once are; else several,
  // each with at most twice as many values as there are nodes.
  const int bits = std::bit_width(highest - lowest);
  const int widest = std::max(4, static_cast<int>(std::bit_width(n)));
  const int digits = (bits + widest - 1) / widest, width = (bits + digits - 1) / digits;
  const auto mask = (std::uint64_t{1} << width) - 1;
  Slots moved(n), counters(mask + 1);
  auto steps = n;
  for (int shift = 0; shift < bits; shift += width) {
    const auto digit = [&](std::uint32_t slot) {
      return (nodes[slot].order - lowest) >> shift & mask;
    };
    move_by(digit, slots, moved, counters);
    slots.swap(moved);
    steps += n + counters.size();
  }
  return {std::move(slots), steps};
}

}  // namespace gradtape::detail

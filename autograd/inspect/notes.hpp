/// What a Trace notes; for sources of the library only.
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "gradtape/autograd/draw.hpp"

namespace gradtape {
namespace detail {

using Clock = std::chrono::steady_clock;

/// The elements of a tensor in short.
struct Statistics {
  static constexpr std::size_t bins = 24, most_first = 8;

  double min = INFINITY, max = -INFINITY, sum = 0, norm = 0;  // of the finite elements
  std::int64_t finite = 0, nan = 0, infinite = 0;
  std::array<std::int64_t, bins> histogram{};  // of the finite elements, from min to max
  std::vector<double> first;
  bool known = false;

  bool all_finite() const { return nan == 0 && infinite == 0; }
};

/// Those of x, which must be floating.
Statistics statistics(const Tensor& x);

}  // namespace detail

struct Trace::Notes {
  struct Value {
    detail::Statistics statistics;
    std::chrono::nanoseconds time{};
  };
  std::unordered_map<const void*, Value> values;          // by node
  detail::Clock::time_point last = detail::Clock::now();  // when the op before was done, and noted
};

}  // namespace gradtape

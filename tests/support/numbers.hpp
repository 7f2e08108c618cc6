/// Numbers at the ends of their types.
#pragma once

#include <cstdint>
#include <limits>

namespace gradtape::testing {

inline constexpr auto most = std::numeric_limits<std::int64_t>::max();
inline constexpr auto least = std::numeric_limits<std::int64_t>::min();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace gradtape::testing

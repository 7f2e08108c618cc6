/// Shard: which of how many equal parts.
#pragma once

#include <cstdint>

namespace gradtape {

/// Part `index` of `count` parts of things in an order, such as that of one process of several.
/// Parts differ in size by one at most, and joined in order they are the whole.
struct Shard {
  std::int64_t index = 0;  ///< In [0, count).
  std::int64_t count = 1;  ///< At least 1.

  // Of n things the part has those in [begin(n), end(n)).
  [[nodiscard]] constexpr std::int64_t begin(std::int64_t n) const { return cut(n, index); }
  [[nodiscard]] constexpr std::int64_t end(std::int64_t n) const { return cut(n, index + 1); }

 private:
  /// n * i / count, rounded down, without the large product.
  [[nodiscard]] constexpr std::int64_t cut(std::int64_t n, std::int64_t i) const {
    return n / count * i + n % count * i / count;
  }
};

}  // namespace gradtape

#include "gradtape/autograd/inspect/notes.hpp"

#include <algorithm>
#include <cmath>

namespace gradtape::detail {

Statistics statistics(const Tensor& x) {
  Statistics s;
  s.known = true;
  visit_floating(x.dtype(), "trace", [&](auto zero) {
    const auto elements = x.data<decltype(zero)>();
    for (const auto element : elements) {
      const auto v = static_cast<double>(element);
      if (s.first.size() < Statistics::most_first) s.first.push_back(v);
      if (!std::isfinite(v)) {
        ++(std::isnan(v) ? s.nan : s.infinite);
        continue;
      }
      ++s.finite;
      s.min = std::min(s.min, v);
      s.max = std::max(s.max, v);
      s.sum += v;
    }
    const double largest = std::max(-s.min, s.max), scale = largest > 0 ? largest : 1;
    double squares = 0;  // of a size of 1, for those of 1e155 and 1e-163 are no numbers
    const double range = s.max / 2 - s.min / 2;  // halves: the whole may overflow
    for (const auto element : elements)
      if (const auto v = static_cast<double>(element); std::isfinite(v)) {
        squares += v / scale * (v / scale);
        const double part = range > 0 ? (v / 2 - s.min / 2) / range : 0;
        ++s.histogram[std::min(Statistics::bins - 1,
                               static_cast<std::size_t>(part * Statistics::bins))];
      }
    s.norm = scale * std::sqrt(squares);
  });
  return s;
}

}  // namespace gradtape::detail

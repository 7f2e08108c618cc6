#include "gradtape/optim/line_search.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace gradtape::optim::detail {
namespace {

constexpr double sufficient_decrease = 1e-4, curvature = 0.9;  // c1, c2
constexpr int most_trials = 25;

/// Where the cubic through two points, with their slopes, has its minimum, kept within [low, high];
/// the middle of that where there is none. Nocedal and Wright, equation 3.59.
double cubic_minimum(const LinePoint& p, const LinePoint& q, double low, double high) {
  const auto& [a, b] = p.t <= q.t ? std::tie(p, q) : std::tie(q, p);
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  const double d2 = std::sqrt(square);
  const double t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2));
  return std::isfinite(t) ? std::clamp(t, low, high) : (low + high) / 2;
}

/// What the two phases of a search share.
struct Search {
  const std::function<LinePoint(double)>& line;
  const LinePoint& start;
  int trials = 0;  // after the first

  LinePoint next(double t) {
    ++trials;
    return line(t);
  }
  bool is_too_high(const LinePoint& p) const {  // also where p is NaN
    return !(p.value <= start.value + sufficient_decrease * p.t * start.slope);
  }
  bool is_flat(const LinePoint& p) const { return std::abs(p.slope) <= -curvature * start.slope; }
  bool is_over() const { return trials >= most_trials; }

  /// Takes longer and longer steps until the point `now` is good (returns true), or a good point
  /// lies between `low` and `now`.
  bool extrapolate(LinePoint& low, LinePoint& now) {
    for (; !is_over(); std::swap(low, now)) {
      if (is_too_high(now) || (trials > 1 && now.value >= low.value)) return false;
      if (is_flat(now)) return true;
      if (now.slope >= 0) return false;
      low = next(cubic_minimum(low, now, now.t + 0.01 * (now.t - low.t), 10 * now.t));
    }
    low = start;
    return false;
  }

  /// Narrows the interval until `low` is a good point, or at least the best point seen.
  void zoom(LinePoint& low, LinePoint& high, double size, double tolerance) {
    if (high.value < low.value) std::swap(low, high);
    bool near_end = false;  // the last trial was
    while (!is_over() && std::abs(high.t - low.t) * size >= tolerance) {
      const double left = std::min(low.t, high.t), right = std::max(low.t, high.t);
      double t = cubic_minimum(low, high, left, right);
      const double margin = 0.1 * (right - left);
      const bool near = std::min(right - t, t - left) < margin;
      const bool move = near && (near_end || t >= right || t <= left);
      if (move) t = right - t < t - left ? right - margin : left + margin;
      near_end = near && !move;

      LinePoint now = next(t);
      if (is_too_high(now) || now.value >= low.value) {
        high = std::move(now);
        if (high.value < low.value) std::swap(low, high);
        continue;
      }
      const bool done = is_flat(now);
      if (!done && now.slope * (high.t - low.t) >= 0) high = low;
      low = std::move(now);
      if (done) return;
    }
  }
};

}  // namespace

LinePoint strong_wolfe(const std::function<LinePoint(double)>& line, const LinePoint& start,
                       double t, double size, double tolerance) {
  Search search{line, start};
  LinePoint low = start, now = line(t);
  if (search.extrapolate(low, now)) return now;
  search.zoom(low, now, size, tolerance);
  return low;
}

}  // namespace gradtape::optim::detail

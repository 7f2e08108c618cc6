#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/optim/picture.hpp"

namespace gradtape::optim {
namespace {

constexpr auto no_edge = std::numeric_limits<std::size_t>::max();

/// A grid of numbers. Point i has two edges: 2 i to the point at its right, 2 i + 1 to that below.
struct Plane {
  Numbers values;  // row by row
  std::size_t columns, rows;
  Limits x, y;
};

/// Where the curves of a level go: for each edge that they cross, the one or two edges next on
/// them. In order, so that the same grid always has the same curves.
using Crossings = std::map<std::size_t, std::array<std::size_t, 2>>;

void join(std::size_t a, std::size_t b, Crossings& crossings) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    auto& next = crossings.try_emplace(from, std::array{no_edge, no_edge}).first->second;
    next[next[0] == no_edge ? 0 : 1] = to;
  }
}

/// The curves within the cell whose top left corner is point i.
void cross_cell(const Plane& plane, std::size_t i, double level, Crossings& crossings) {
  const std::size_t below = i + plane.columns;
  const double corners[] = {plane.values[i], plane.values[i + 1], plane.values[below + 1],
                            plane.values[below]};
  const std::size_t edges[] = {2 * i, 2 * (i + 1) + 1, 2 * below, 2 * i + 1};  // between these
  double sum = 0;
  for (const double corner : corners) sum += corner;
  if (!std::isfinite(sum)) return;
  std::vector<std::size_t> crossed;
  for (std::size_t k = 0; k < 4; ++k)
    if ((corners[k] > level) != (corners[(k + 1) % 4] > level)) crossed.push_back(edges[k]);
  if (crossed.size() == 2) join(crossed[0], crossed[1], crossings);
  if (crossed.size() != 4) return;
  // A saddle: the middle decides which of the opposite corners are connected.
  const bool first_alone = (corners[0] > level) != (sum / 4 > level);
  join(crossed[0], crossed[first_alone ? 3 : 1], crossings);
  join(crossed[2], crossed[first_alone ? 1 : 3], crossings);
}

/// The place on an edge where the level lies, if values change evenly along it.
void append(const Plane& plane, std::size_t edge, double level, Series& out) {
  const std::size_t from = edge / 2, to = edge % 2 == 0 ? from + 1 : from + plane.columns;
  const double share = (level - plane.values[from]) / (plane.values[to] - plane.values[from]);
  const auto at = [](const Limits& limits, double place, std::size_t cells) {
    return std::lerp(limits.low, limits.high, (place + 0.5) / static_cast<double>(cells));
  };
  const double column = static_cast<double>(from % plane.columns) + (edge % 2 == 0 ? share : 0);
  const std::size_t whole_row = from / plane.columns;
  const double row = static_cast<double>(whole_row) + (edge % 2 == 0 ? 0 : share);
  out.x.push_back(at(plane.x, column, plane.columns));
  out.y.push_back(at({plane.y.high, plane.y.low}, row, plane.rows));
}

/// Takes the curve that begins with this edge out of the crossings.
void trace(const Plane& plane, std::size_t start, double level, Crossings& crossings, Series& out) {
  if (!out.x.empty()) {
    out.x.push_back(std::nan(""));
    out.y.push_back(std::nan(""));
  }
  const bool closed = crossings.at(start)[1] != no_edge;
  std::size_t edge = start;
  for (auto at = crossings.find(edge); at != crossings.end(); at = crossings.find(edge)) {
    append(plane, edge, level, out);
    const auto next = at->second;
    crossings.erase(at);
    edge = crossings.contains(next[0]) ? next[0] : next[1];
  }
  if (closed) append(plane, start, level, out);
}

void trace_level(const Plane& plane, double level, Series& out) {
  Crossings crossings;
  for (std::size_t row = 0; row + 1 < plane.rows; ++row)
    for (std::size_t column = 0; column + 1 < plane.columns; ++column)
      cross_cell(plane, row * plane.columns + column, level, crossings);
  std::vector<std::size_t> ends;  // of the curves that are not closed
  for (const auto& [edge, next] : crossings)
    if (next[1] == no_edge) ends.push_back(edge);
  for (const auto end : ends)
    if (crossings.contains(end)) trace(plane, end, level, crossings, out);
  while (!crossings.empty()) trace(plane, crossings.begin()->first, level, crossings, out);
}

void check(const char* what, const Limits& limits) {
  if (!(limits.low < limits.high))
    fail<ValueError>("contours", fmt::format("the limits of {} are {{{}, {}}}, but they must rise",
                                             what, limits.low, limits.high));
}

}  // namespace

std::vector<Series> contours(const Tensor& values, const Limits& x, const Limits& y,
                             const Numbers& levels, const Series& style) {
  if (values.ndim() != 2 || values.size(0) < 2 || values.size(1) < 2)
    fail<ShapeError>("contours", fmt::format("expected [rows, columns], 2 of each at least, got {}",
                                             values.shape().str()));
  check("x", x);
  check("y", y);
  const Plane plane{values, static_cast<std::size_t>(values.size(1)),
                    static_cast<std::size_t>(values.size(0)), x, y};
  std::vector<Series> curves;
  for (const double level : levels) {
    curves.push_back(style);
    curves.back().x.clear();
    curves.back().y.clear();
    trace_level(plane, level, curves.back());
  }
  return curves;
}

std::vector<Series> contours(const Tensor& values, const ChartOptions& options,
                             const Numbers& levels, const Series& style) {
  return contours(values, options.x_limits, options.y_limits, levels, style);
}

}  // namespace gradtape::optim

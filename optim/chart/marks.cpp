#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gradtape/optim/chart/drawing.hpp"

namespace gradtape::optim::detail {
namespace {

/// The running mean of the finite values, without the pull of its start.
std::vector<double> smoothed(const std::vector<double>& values, double smoothing) {
  std::vector<double> out;
  double sum = 0, weight = 0;
  for (const double value : values) {
    if (std::isfinite(value)) {
      sum = smoothing * sum + (1 - smoothing) * value;
      weight = smoothing * weight + (1 - smoothing);
    }
    out.push_back(std::isfinite(value) ? sum / weight : value);
  }
  return out;
}

/// Of the points in a column of pixels, those that can be seen: the first, the lowest, the highest
/// and the last.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() < 2000) return points;
  std::vector<Point> out;
  for (std::size_t start = 0, stop; start < points.size(); start = stop) {
    stop = start + 1;
    std::size_t low = start, high = start;
    for (; stop < points.size() && std::floor(points[stop].x) == std::floor(points[start].x);
         ++stop) {
      if (points[stop].y < points[low].y) low = stop;
      if (points[stop].y > points[high].y) high = stop;
    }
    std::size_t seen[] = {start, std::min(low, high), std::max(low, high), stop - 1};
    for (std::size_t i = 0; i < 4; ++i)
      if (i == 0 || seen[i] != seen[i - 1]) out.push_back(points[seen[i]]);
  }
  return out;
}

/// M and L commands along the points.
std::string path(const std::vector<Point>& points) {
  std::string path;
  for (const auto& p : thinned(points))
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', p.x, p.y);
  return path;
}

}  // namespace

Numbers shown(const Series& series) {
  return series.smoothing > 0 ? Numbers(smoothed(series.y, series.smoothing)) : series.y;
}

std::string last_number(const Series& series) {
  if (series.mark == Mark::dashes) return {};
  const auto ys = shown(series);
  for (auto y = ys.rbegin(); y != ys.rend(); ++y)
    if (std::isfinite(*y)) return short_number(*y);
  return {};
}

void Drawing::draw_series() {
  const bool cut = o_.x_limits.low < o_.x_limits.high || o_.y_limits.low < o_.y_limits.high;
  if (cut)
    svg_ += fmt::format(
        "<svg x='{0:.1f}' y='{1:.1f}' width='{2:.1f}' height='{3:.1f}' "
        "viewBox='{0:.1f} {1:.1f} {2:.1f} {3:.1f}'>\n",
        left_, top_, right_ - left_, bottom_ - top_);
  for (std::size_t i = 0; i < chart_.series.size(); ++i) draw(chart_.series[i], i);
  if (cut) svg_ += "</svg>\n";
}

void Drawing::draw(const Series& s, std::size_t place) {
  const std::string colour = escaped(s.colour);
  if (s.mark == Mark::band) draw_band(s, colour);
  if (s.mark == Mark::bars) draw_bars(s, place, colour);
  if (s.mark == Mark::points) draw_points(pieces(s.x, s.y), s, colour);
  if (s.mark == Mark::line || s.mark == Mark::dashes) {
    if (s.smoothing > 0) draw_lines(pieces(s.x, s.y), s, colour, true);
    draw_lines(pieces(s.x, shown(s)), s, colour, false);
  }
  if (!s.name.empty() && legend_.empty()) note_name(s, colour);
}

/// The name belongs beside the last point, if there is one.
void Drawing::note_name(const Series& s, const std::string& colour) {
  const auto ys = shown(s);
  for (std::size_t i = ys.size(); i-- > 0;) {
    if (!x_.has(s.x[i]) || !y_.has(ys[i])) continue;
    names_.push_back(
        {std::clamp(up(y_(ys[i])), top_, bottom_), colour, escaped(s.name), last_number(s)});
    return;
  }
}

Drawing::Pieces Drawing::pieces(const std::vector<double>& xs,
                                const std::vector<double>& ys) const {
  Pieces pieces(1);
  for (std::size_t i = 0; i < ys.size(); ++i) {
    if (x_.has(xs[i]) && y_.has(ys[i]))
      pieces.back().push_back({across(x_(xs[i])), up(y_(ys[i]))});
    else if (!pieces.back().empty())
      pieces.emplace_back();
  }
  return pieces;
}

void Drawing::draw_points(const Pieces& pieces, const Series& s, const std::string& colour) {
  svg_ += fmt::format("<g fill='{}' stroke='white'{}>\n", colour,
                      s.opacity < 1 ? fmt::format(" opacity='{}'", s.opacity) : "");
  for (const auto& piece : pieces)
    for (const auto& p : thinned(piece))
      svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='{}'/>\n", p.x, p.y,
                          s.size > 0 ? s.size : std::clamp(o_.width / 120, 3.0, 4.5));
  svg_ += "</g>\n";
}

void Drawing::draw_lines(const Pieces& pieces, const Series& s, const std::string& colour,
                         bool pale) {
  const double width = (s.size > 0 ? s.size : 2) * (pale ? 0.6 : 1);
  const double opacity = s.opacity * (pale ? 0.3 : 1);
  svg_ += fmt::format(
      "<path fill='none' stroke='{}' stroke-width='{}' stroke-opacity='{}'{} "
      "stroke-linejoin='round' stroke-linecap='round' d='",
      colour, width, opacity, s.mark == Mark::dashes ? " stroke-dasharray='5 5'" : "");
  for (const auto& piece : pieces) svg_ += path(piece);
  svg_ += "'/>\n";
  for (const auto& piece : pieces)  // between two gaps there is no line
    if (piece.size() == 1)
      svg_ +=
          fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='{}' fill='{}' opacity='{}'/>\n",
                      piece[0].x, piece[0].y, 1.25 * (s.size > 0 ? s.size : 2), colour, opacity);
}

void Drawing::draw_band(const Series& s, const std::string& colour) {
  std::vector<double> y = s.y, upper = s.upper;  // with their gaps at the same places
  for (std::size_t i = 0; i < y.size(); ++i)
    if (!y_.has(y[i]) || !y_.has(upper[i])) y[i] = upper[i] = std::nan("");
  const Pieces low = pieces(s.x, y), high = pieces(s.x, upper);
  for (std::size_t i = 0; i < low.size(); ++i) {
    auto outline = low[i];
    outline.insert(outline.end(), high[i].rbegin(), high[i].rend());
    if (!outline.empty())
      svg_ += fmt::format("<path fill='{}' fill-opacity='{}' d='{}Z'/>\n", colour, s.opacity,
                          path(outline));
  }
}

void Drawing::draw_bars(const Series& s, std::size_t place, const std::string& colour) {
  const double low = o_.log_y ? bottom_ : up(y_(0));
  const double unit = (right_ - left_) / x_.length();
  const double width = s.size > 0 ? s.size : bars_.width() * unit;
  svg_ += fmt::format("<path fill='{}' fill-opacity='{}' d='", colour, s.opacity);
  for (std::size_t i = 0; i < s.y.size(); ++i)
    if (x_.has(s.x[i]) && y_.has(s.y[i]))
      svg_ += fmt::format("M{:.1f} {:.1f}V{:.1f}h{:.1f}V{:.1f}Z",
                          across(x_(s.x[i] + bars_.offset(chart_, place))) - width / 2, low,
                          up(y_(s.y[i])), width, low);
  svg_ += "'/>\n";
  if (low < bottom_ - 0.5) svg_ += line({left_, low}, {right_, low}, axis);
}

}  // namespace gradtape::optim::detail

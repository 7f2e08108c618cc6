#include "gradtape/optim/chart/drawing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradtape/optim/chart/field.hpp"

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

std::string colour_of(const Series& series, std::size_t place) {
  return series.colour.empty() ? series_colour(place) : escaped(series.colour);
}

/// M and L commands along the points.
std::string path(const std::vector<Point>& points) {
  std::string path;
  for (const auto& p : thinned(points))
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', p.x, p.y);
  return path;
}

}  // namespace

bool has_legend(const Chart& chart) {
  bool bars = false, names = false;
  for (const auto& s : chart.series) {
    bars = bars || s.mark == Mark::bars;
    names = names || !s.name.empty();
  }
  return names && (bars || chart.options.legend);
}

Drawing::Drawing(const Chart& chart, double beside)
    : chart_(chart), o_(chart.options), bars_(chart), x_(scale(true)), y_(scale(false)) {
  left_ = o_.axes ? 62 : 14;
  right_ = o_.width - std::min(beside, o_.width / 2);
  top_ = 18 +
         (o_.title.empty() ? 0
          : o_.axes        ? 30
                           : 22) +
         (has_legend(chart) ? 24 : 0) + (o_.y_label.empty() ? 0 : 16);
  const double below = !o_.axes ? 14 : o_.x_label.empty() ? 30 : 48;
  const double area = std::clamp((right_ - left_) * y_.length() / x_.length(), 20.0, 1e5);
  height_ = o_.equal_units ? std::round(top_ + area + below) : o_.height;
  bottom_ = std::max(height_ - below, top_ + 8);
}

std::string Drawing::svg() {
  if (chart_.field.columns > 0)
    svg_ += field_svg(chart_.field, left_, top_, right_ - left_, bottom_ - top_);
  frame();
  if (has_bar(chart_.field)) colour_bar();
  const bool cut = o_.x_limits.low < o_.x_limits.high || o_.y_limits.low < o_.y_limits.high;
  if (cut)
    svg_ += fmt::format(
        "<svg x='{0:.1f}' y='{1:.1f}' width='{2:.1f}' height='{3:.1f}' "
        "viewBox='{0:.1f} {1:.1f} {2:.1f} {3:.1f}'>\n",
        left_, top_, right_ - left_, bottom_ - top_);
  for (std::size_t i = 0; i < chart_.series.size(); ++i) draw(chart_.series[i], i);
  if (cut) svg_ += "</svg>\n";
  if (has_legend(chart_))
    legend();
  else
    write_names();
  return std::move(svg_);
}

Scale Drawing::scale(bool of_x) const {
  const bool logarithmic = of_x ? o_.log_x : o_.log_y;
  const Limits& limits = of_x ? o_.x_limits : o_.y_limits;
  Range range;
  if (limits.low < limits.high) {
    range.add(limits.low);
    range.add(limits.high);
    range.whole = false;
    return {range, logarithmic, 0};
  }
  const auto fits = [](double value, bool log) {
    return std::isfinite(value) && (!log || value > 0);
  };
  bool points = false;
  for (const auto& s : chart_.series) {
    points = points || s.mark == Mark::points;
    const double half = of_x && s.mark == Mark::bars ? bars_.slot() / 2 : 0;
    for (const auto* ys : {&s.y, &s.upper})
      for (std::size_t i = 0; i < ys->size(); ++i)
        if (fits(s.x[i], o_.log_x) && fits((*ys)[i], o_.log_y))
          for (const double side : {-half, half}) range.add(of_x ? s.x[i] + side : (*ys)[i]);
  }
  if (bars_.count() > 0 && !of_x && !logarithmic) range.add(0);
  if (of_x && !o_.x_names.empty())
    for (const double end : {-0.5, static_cast<double>(o_.x_names.size()) - 0.5}) range.add(end);
  for (const double value : of_x ? o_.x_includes : o_.y_includes)
    if (fits(value, logarithmic)) range.add(value);
  if (const auto& field = chart_.field; field.columns > 0 && !range.any) {
    range.add(0);
    range.add(static_cast<double>(of_x ? field.columns : rows(field)));
    return {range, false, 0};
  }
  return {range, logarithmic, !of_x ? 0.05 : points && o_.x_names.empty() ? 0.03 : 0};
}

std::vector<Tick> Drawing::x_ticks() const {
  if (o_.x_names.empty()) return x_.ticks((right_ - left_) / 72);
  std::vector<Tick> ticks;
  for (std::size_t i = 0; i < o_.x_names.size(); ++i)
    if (const double at = x_(static_cast<double>(i)); at >= 0 && at <= 1)
      ticks.push_back({at, escaped(o_.x_names[i], 30)});
  return ticks;
}

void Drawing::label(double x, double y, const char* anchor, const std::string& content) {
  if (content.empty()) return;
  svg_ += text(x, y, fmt::format("fill='{}' text-anchor='{}'", quiet, anchor), content);
}

void Drawing::frame() {
  if (!o_.title.empty())
    svg_ += text(left_, 30, "font-size='16' font-weight='600'", escaped(o_.title));
  if (!o_.axes) return;
  label(left_, top_ - 14, "start", escaped(o_.y_label));
  for (const auto& tick : y_.ticks((bottom_ - top_) / 38)) {
    const double y = up(tick.at);
    if (chart_.field.columns == 0)
      svg_ += line({left_, y}, {right_, y}, tick.label.empty() ? faint : grid);
    label(left_ - 8, y + 4, "end", tick.label);
  }
  for (const auto& tick : x_ticks()) {
    const double x = across(tick.at);
    svg_ += line({x, bottom_}, {x, bottom_ + (tick.label.empty() ? 3 : 5)}, axis);
    label(x, bottom_ + 19, "middle", tick.label);
  }
  svg_ += line({left_, bottom_}, {right_, bottom_}, axis);
  label((left_ + right_) / 2, bottom_ + 38, "middle", escaped(o_.x_label));
}

/// Each name after a mark of its colour.
void Drawing::legend() {
  double x = left_;
  const double y = o_.title.empty() ? 22 : 52;
  for (std::size_t i = 0; i < chart_.series.size(); ++i) {
    const Series& s = chart_.series[i];
    if (s.name.empty()) continue;
    const auto colour = colour_of(s, i);
    if (s.mark == Mark::points)
      svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='4.5' fill='{}' opacity='{}'/>\n",
                          x + 9, y - 4, colour, s.opacity);
    else
      svg_ += fmt::format(
          "<path d='M{:.1f} {:.1f}h18' stroke='{}' stroke-width='{}' opacity='{}'{}/>\n", x, y - 4,
          colour, s.mark == Mark::band || s.mark == Mark::bars ? 9 : std::clamp(s.size, 2.0, 9.0),
          s.opacity, s.mark == Mark::dashes ? " stroke-dasharray='5 3.5'" : "");
    svg_ += text(x + 24, y, fmt::format("fill='{}'", quiet), escaped(s.name, 30));
    x += 44 + 7 * static_cast<double>(std::min<std::size_t>(s.name.size(), 30));
  }
}

/// The scale of the field with its numbers, at the right.
void Drawing::colour_bar() {
  constexpr std::size_t cells = 64;
  const double x = right_ + 14, width = 12, length = std::min(bottom_ - top_, 200.0);
  Field bar = chart_.field;
  bar.columns = 1;
  bar.values.clear();
  for (std::size_t i = 0; i < cells; ++i)
    bar.values.push_back(std::lerp(bar.high, bar.low, (static_cast<double>(i) + 0.5) / cells));
  svg_ += field_svg(bar, x, top_, width, length);
  label(x, top_ - 13, "start", escaped(bar.name, 10));
  Range range;
  range.add(bar.low);
  range.add(bar.high);
  range.whole = false;
  for (const auto& tick : Scale(range, false, 0).ticks(length / 38))
    label(x + width + 6, top_ + length * (1 - tick.at) + 4, "start", tick.label);
}

void Drawing::draw(const Series& s, std::size_t place) {
  const std::string colour = colour_of(s, place);
  if (s.mark == Mark::band) draw_band(s, colour);
  if (s.mark == Mark::bars) draw_bars(s, place, colour);
  const bool pale = s.smoothing > 0;
  auto last = draw(s, s.y, colour, pale);
  if (pale) last = draw(s, smoothed(s.y, s.smoothing), colour, false);
  if (s.name.empty() || !last.found) return;
  names_.push_back({std::clamp(last.y, top_, bottom_), colour, escaped(s.name, 30),
                    s.mark == Mark::dashes ? "" : short_number(last.value)});
}

/// Returns the last point, if there is one.
Drawing::Last Drawing::draw(const Series& s, const std::vector<double>& ys,
                            const std::string& colour, bool pale) {
  const Pieces found = pieces(s.x, ys);
  if (s.mark == Mark::points) draw_points(found, s, colour);
  if (s.mark == Mark::line || s.mark == Mark::dashes) draw_lines(found, s, colour, pale);
  for (std::size_t i = ys.size(); i-- > 0;)
    if (x_.has(s.x[i]) && y_.has(ys[i])) return {up(y_(ys[i])), ys[i], true};
  return {0, 0, false};
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
                          s.size > 0 ? s.size : 4.5);
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

/// Beside the ends of the lines, moved apart where they would overlap.
void Drawing::write_names() {
  constexpr double apart = 17;
  std::sort(names_.begin(), names_.end(), [](const Name& a, const Name& b) { return a.y < b.y; });
  for (std::size_t i = 1; i < names_.size(); ++i)
    names_[i].y = std::max(names_[i].y, names_[i - 1].y + apart);
  double lowest = bottom_;
  for (auto name = names_.rbegin(); name != names_.rend(); ++name) {
    name->y = std::min(name->y, lowest);
    lowest = name->y - apart;
  }
  for (const auto& [y, colour, name, value] : names_)
    svg_ += text(right_ + 10, y + 4, fmt::format("fill='{}' font-weight='600'", colour),
                 fmt::format("{} <tspan font-weight='400'>{}</tspan>", name, value));
}

}  // namespace gradtape::optim::detail

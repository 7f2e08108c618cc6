#include "gradtape/optim/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/optim/chart/chart_scale.hpp"

namespace gradtape::optim {
namespace {

constexpr const char* op = "Chart";

// Colours that those who cannot tell red from green tell apart too.
constexpr const char* palette[] = {"#1769aa", "#e07b39", "#2a9d8f", "#8e5ea2",
                                   "#b8860b", "#d6679a", "#5b6875", "#7a9a01"};
constexpr const char *ink = "#1d2733", *quiet = "#5b6875", *axis = "#9aa5b0", *grid = "#e6eaee",
                     *faint = "#f3f5f7";

struct Point {
  double x, y;
};

/// The length of the UTF-8 sequence at the front, 0 where there is none.
std::size_t sequence(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80                   ? 1
                           : lead >= 0xc2 && lead < 0xe0 ? 2
                           : lead >= 0xe0 && lead < 0xf0 ? 3
                           : lead >= 0xf0 && lead < 0xf5 ? 4
                                                         : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((text[i] & 0xc0) != 0x80) return 0;
  return size;
}

/// Any text as SVG text of at most `most` characters.
std::string escaped(std::string_view text, std::size_t most = 200) {
  std::string out;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count + 1 >= most && text.size() > 1) return out + "…";
    const auto size = sequence(text);
    switch (text[0]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += size == 0 || (text[0] >= 0 && text[0] < ' ') ? "?" : text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

std::string text(double x, double y, const std::string& style, const std::string& content) {
  return fmt::format("<text x='{:.1f}' y='{:.1f}' {}>{}</text>\n", x, y, style, content);
}

std::string line(Point from, Point to, const char* colour) {
  return fmt::format("<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' stroke='{}'/>\n", from.x, from.y, to.x,
                     to.y, colour);
}

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

/// One chart on its way to SVG; the corner of the area between the axes is (left, top).
class Drawing {
 public:
  /// With `beside` pixels for the names at the right.
  Drawing(const Chart& chart, double beside)
      : chart_(chart),
        o_(chart.options),
        x_(scale(true)),
        y_(scale(false)),
        right_(o_.width - std::min(beside, o_.width / 2)) {
    top_ = 18 + (o_.title.empty() ? 0 : 30) + (o_.y_label.empty() ? 0 : 16);
    bottom_ = o_.height - (o_.x_label.empty() ? 30 : 48);
  }

  std::string svg() {
    frame();
    for (std::size_t i = 0; i < chart_.series.size(); ++i) draw(chart_.series[i], i);
    write_names();
    return std::move(svg_);
  }

 private:
  struct Name {
    double y;
    std::string colour, name, value;
  };

  static constexpr double left_ = 62;

  detail::Scale scale(bool of_x) const {
    detail::Range range;
    const auto fits = [](double value, bool logarithmic) {
      return std::isfinite(value) && (!logarithmic || value > 0);
    };
    bool points = false;
    for (const auto& s : chart_.series) {
      points = points || s.mark == Mark::points;
      for (std::size_t i = 0; i < s.x.size(); ++i)
        if (fits(s.x[i], o_.log_x) && fits(s.y[i], o_.log_y)) range.add(of_x ? s.x[i] : s.y[i]);
    }
    const bool logarithmic = of_x ? o_.log_x : o_.log_y;
    for (const double value : of_x ? o_.x_includes : o_.y_includes)
      if (fits(value, logarithmic)) range.add(value);
    return {range, logarithmic, !of_x ? 0.05 : points ? 0.03 : 0};
  }

  double across(double share) const { return left_ + share * (right_ - left_); }
  double up(double share) const { return bottom_ - share * (bottom_ - top_); }

  void label(double x, double y, const char* anchor, const std::string& content) {
    if (content.empty()) return;
    svg_ += text(x, y, fmt::format("fill='{}' text-anchor='{}'", quiet, anchor), content);
  }

  void frame() {
    if (!o_.title.empty())
      svg_ += text(left_, 30, "font-size='16' font-weight='600'", escaped(o_.title));
    label(left_, top_ - 14, "start", escaped(o_.y_label));
    for (const auto& tick : y_.ticks((bottom_ - top_) / 38)) {
      const double y = up(tick.at);
      svg_ += line({left_, y}, {right_, y}, tick.label.empty() ? faint : grid);
      label(left_ - 8, y + 4, "end", tick.label);
    }
    for (const auto& tick : x_.ticks((right_ - left_) / 72)) {
      const double x = across(tick.at);
      svg_ += line({x, bottom_}, {x, bottom_ + (tick.label.empty() ? 3 : 5)}, axis);
      label(x, bottom_ + 19, "middle", tick.label);
    }
    svg_ += line({left_, bottom_}, {right_, bottom_}, axis);
    label((left_ + right_) / 2, bottom_ + 38, "middle", escaped(o_.x_label));
  }

  void draw(const Series& s, std::size_t place) {
    const std::string colour = s.colour.empty() ? series_colour(place) : escaped(s.colour);
    const bool pale = s.smoothing > 0;
    auto last = draw(s, s.y, colour, pale ? 0.3 : 1);
    if (pale) last = draw(s, smoothed(s.y, s.smoothing), colour, 1);
    if (s.name.empty() || !last.second) return;
    names_.push_back({last.first.y, colour, escaped(s.name, 30),
                      s.mark == Mark::dashes ? "" : detail::short_number(last_value_)});
  }

  /// Returns the last point, and whether there is one.
  std::pair<Point, bool> draw(const Series& s, const std::vector<double>& ys,
                              const std::string& colour, double opacity) {
    std::vector<std::vector<Point>> pieces(1);
    std::pair<Point, bool> last{{0, 0}, false};
    for (std::size_t i = 0; i < ys.size(); ++i) {
      if (!x_.has(s.x[i]) || !y_.has(ys[i])) {
        if (!pieces.back().empty()) pieces.emplace_back();
        continue;
      }
      last = {{across(x_(s.x[i])), up(y_(ys[i]))}, true};
      last_value_ = ys[i];
      pieces.back().push_back(last.first);
    }
    if (s.mark == Mark::points)
      draw_points(pieces, colour);
    else
      draw_lines(pieces, colour, opacity, s.mark == Mark::dashes);
    return last;
  }

  void draw_points(const std::vector<std::vector<Point>>& pieces, const std::string& colour) {
    svg_ += fmt::format("<g fill='{}' stroke='white'>\n", colour);
    for (const auto& piece : pieces)
      for (const auto& p : thinned(piece))
        svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='4.5'/>\n", p.x, p.y);
    svg_ += "</g>\n";
  }

  void draw_lines(const std::vector<std::vector<Point>>& pieces, const std::string& colour,
                  double opacity, bool dashed) {
    svg_ += fmt::format(
        "<path fill='none' stroke='{}' stroke-width='{}' stroke-opacity='{}'{} "
        "stroke-linejoin='round' stroke-linecap='round' d='",
        colour, opacity < 1 ? 1.2 : 2, opacity, dashed ? " stroke-dasharray='5 5'" : "");
    for (const auto& piece : pieces) {
      char command = 'M';
      for (const auto& p : thinned(piece)) {
        svg_ += fmt::format("{}{:.1f} {:.1f}", command, p.x, p.y);
        command = 'L';
      }
    }
    svg_ += "'/>\n";
    for (const auto& piece : pieces)  // between two gaps there is no line
      if (piece.size() == 1)
        svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='2.5' fill='{}' opacity='{}'/>\n",
                            piece[0].x, piece[0].y, colour, opacity);
  }

  /// Beside the ends of the lines, moved apart where they would overlap.
  void write_names() {
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

  const Chart& chart_;
  const ChartOptions& o_;
  const detail::Scale x_, y_;
  double right_, top_, bottom_, last_value_ = 0;
  std::vector<Name> names_;
  std::string svg_;
};

void check(const Chart& chart) {
  const auto& o = chart.options;
  const auto size = [](const char* what, double value, double least) {
    if (!(value >= least && value <= 1e5))
      fail<ValueError>(op, fmt::format("{} = {}, but it must be in [{}, 1e5]", what, value, least));
  };
  size("width", o.width, 200);
  size("height", o.height, 120);
  for (const auto& s : chart.series) {
    if (s.x.size() != s.y.size())
      fail<ValueError>(
          op, fmt::format("series '{}' has {} x and {} y", s.name, s.x.size(), s.y.size()));
    if (!(s.smoothing >= 0 && s.smoothing < 1))
      fail<ValueError>(op, fmt::format("smoothing = {}, but it must be in [0, 1)", s.smoothing));
  }
}

}  // namespace

std::string series_colour(std::size_t place) { return palette[place % std::size(palette)]; }

std::string chart_svg(const std::vector<Chart>& charts) {
  double beside = 24, width = 0, height = 0;  // all charts end at the same place
  for (const auto& chart : charts) {
    check(chart);
    for (const auto& s : chart.series)
      if (!s.name.empty())
        beside = std::max(beside,
                          7.6 * static_cast<double>(std::min<std::size_t>(s.name.size(), 30) + 8));
  }
  std::string panels;
  for (const auto& chart : charts) {
    panels += fmt::format("<g transform='translate(0 {:.1f})'>\n{}</g>\n", height,
                          Drawing(chart, beside).svg());
    width = std::max(width, chart.options.width);
    height += chart.options.height;
  }
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' width='{0}' height='{1}' "
      "font-family='system-ui, \"Helvetica Neue\", Arial, sans-serif' font-size='12.5' "
      "fill='{2}'>\n<rect width='100%' height='100%' fill='white'/>\n{3}</svg>\n",
      width, height, ink, panels);
}

void save_charts(const std::string& path, const std::vector<Chart>& charts) {
  write_file(path, chart_svg(charts), "save_charts");
}

void save_chart(const std::string& path, const std::vector<Series>& series,
                const ChartOptions& options) {
  write_file(path, chart_svg({{series, options}}), "save_chart");
}

}  // namespace gradtape::optim

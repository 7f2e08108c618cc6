#include "gradtape/optim/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/optim/chart/drawing.hpp"
#include "gradtape/optim/chart/field.hpp"
#include "gradtape/optim/chart/save.hpp"
#include "gradtape/optim/chart/svg.hpp"

namespace gradtape::optim {
namespace {

constexpr const char* op = "Chart";
constexpr double least_width = 120, least_height = 100;

// Colours that those who cannot tell red from green tell apart too.
constexpr const char* in_turn[] = {colour::blue,  colour::orange, colour::green, colour::purple,
                                   colour::ochre, colour::pink,   colour::slate, colour::olive};

void check(const Series& s) {
  if (!s.x.empty() && s.x.size() != s.y.size())
    fail<ValueError>(op,
                     fmt::format("series '{}' has {} x and {} y", s.name, s.x.size(), s.y.size()));
  if (s.upper.size() != (s.mark == Mark::band ? s.y.size() : 0))
    fail<ValueError>(op, fmt::format("series '{}' has {} upper values; a band needs one for each y,"
                                     " other marks none",
                                     s.name, s.upper.size()));
  if (!(s.smoothing >= 0 && s.smoothing < 1))
    fail<ValueError>(op, fmt::format("smoothing = {}, but it must be in [0, 1)", s.smoothing));
  if (!(s.opacity > 0 && s.opacity <= 1))
    fail<ValueError>(op, fmt::format("opacity = {}, but it must be in (0, 1]", s.opacity));
}

void check(const char* what, const Limits& limits, bool logarithmic) {
  if (limits.low == 0 && limits.high == 0) return;  // not given
  if (!(limits.low < limits.high && std::isfinite(limits.high - limits.low)) ||
      (logarithmic && limits.low <= 0))
    fail<ValueError>(op, fmt::format("{} = {{{}, {}}}, but they must rise{}", what, limits.low,
                                     limits.high, logarithmic ? " from above 0" : ""));
}

void check(const char* what, double value, double least) {
  if (value != 0 && !(value >= least && value <= 1e5))
    fail<ValueError>(op,
                     fmt::format("{} = {}, but it must be 0 or in [{}, 1e5]", what, value, least));
}

void check(const Chart& chart) {
  const auto& o = chart.options;
  check("width", o.width, least_width);
  check("height", o.height, least_height);
  check("x_limits", o.x_limits, o.log_x);
  check("y_limits", o.y_limits, o.log_y);
  if (o.log_x && !o.x_names.empty()) fail<ValueError>(op, "x_names need an axis without log_x");
  for (const auto& series : chart.series) {
    check(series);
    check("size", series.size, 0);
    if (o.log_x && series.mark == Mark::bars)
      fail<ValueError>(op, "bars need an x axis without log_x");
  }
  detail::check(chart.field);
}

/// With a width for each chart, and an x for each y and a colour for each series.
std::vector<Chart> completed(std::vector<Chart> charts, std::size_t columns) {
  for (auto& chart : charts) {
    auto& width = chart.options.width;
    if (width == 0)
      width = std::max(std::floor(detail::page_width / static_cast<double>(columns)), least_width);
    std::size_t colours = 0;
    for (auto& series : chart.series) {
      if (series.colour.empty()) series.colour = series_colour(colours++);
      if (!series.x.empty()) continue;
      for (std::size_t i = 0; i < series.y.size(); ++i) series.x.push_back(static_cast<double>(i));
    }
  }
  return charts;
}

/// Room for the labels around each chart: the areas of charts that only stand below each other
/// begin and end at the same place, those of charts in a row at the same height.
std::vector<detail::Sides> sides(const std::vector<Chart>& charts, std::size_t columns) {
  std::vector<detail::Sides> all;
  for (const auto& chart : charts) {
    // the height of the area, and so the numbers beside it, may depend on its width
    auto first = detail::Drawing(chart, {50, 24, 0}).needed();
    first.top = 0;
    all.push_back(detail::Drawing(chart, first).needed());
  }
  for (std::size_t start = 0; start < all.size(); start += columns) {
    const auto end = std::min(start + columns, all.size());
    double top = 0;
    for (std::size_t i = start; i < end; ++i) top = std::max(top, all[i].top);
    for (std::size_t i = start; i < end; ++i) all[i].top = top;
  }
  detail::Sides most;
  for (const auto& of_chart : all)
    most = {std::max(most.left, of_chart.left), std::max(most.right, of_chart.right), 0};
  if (columns == 1)
    for (auto& of_chart : all) of_chart = {most.left, most.right, of_chart.top};
  return all;
}

}  // namespace

Numbers::Numbers(const Tensor& tensor) : vector(tensor.detach().to(float64).values<double>()) {}

Numbers::Numbers(const Parameter& parameter) : Numbers(parameter.tensor()) {}

std::string series_colour(std::size_t place) { return in_turn[place % std::size(in_turn)]; }

std::string chart_svg(const std::vector<Chart>& given, std::size_t columns) {
  if (columns == 0) fail<ValueError>(op, "columns = 0, but it must be at least 1");
  for (const auto& chart : given) check(chart);
  const auto charts = completed(given, std::min(columns, std::max<std::size_t>(given.size(), 1)));
  const auto beside = sides(charts, columns);
  double width = 0, height = 0, x = 0, y = 0;  // of the whole, and of the next chart
  std::string panels;
  for (std::size_t i = 0; i < charts.size(); ++i) {
    if (i % columns == 0) {
      x = 0;
      y = height;
    }
    detail::Drawing drawing(charts[i], beside[i]);
    panels += fmt::format("<g transform='translate({} {:.1f})'>\n{}</g>\n", x, y, drawing.svg());
    x += charts[i].options.width;
    width = std::max(width, x);
    height = std::max(height, y + drawing.height());
  }
  return detail::page(width, height, panels);
}

void save_charts(const std::string& path, const std::vector<Chart>& charts, std::size_t columns) {
  detail::save_svg(path, chart_svg(charts, columns), "save_charts");
}

void save_chart(const std::string& path, const std::vector<Series>& series,
                const ChartOptions& options) {
  detail::save_svg(path, chart_svg({{series, options}}), "save_chart");
}

}  // namespace gradtape::optim

#include "gradtape/optim/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/optim/chart/drawing.hpp"
#include "gradtape/optim/chart/field.hpp"
#include "gradtape/optim/chart/svg.hpp"

namespace gradtape::optim {
namespace {

constexpr const char* op = "Chart";

// Colours that those who cannot tell red from green tell apart too.
constexpr const char* in_turn[] = {colour::blue,  colour::orange, colour::green, colour::purple,
                                   colour::ochre, colour::pink,   colour::slate, colour::olive};

void check(const Series& s) {
  if (s.x.size() != s.y.size())
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
  if (!(value >= least && value <= 1e5))
    fail<ValueError>(op, fmt::format("{} = {}, but it must be in [{}, 1e5]", what, value, least));
}

void check(const Chart& chart) {
  const auto& o = chart.options;
  check("width", o.width, 200);
  check("height", o.height, 120);
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

/// The pixels that the widest name, or the bar of a field, takes at the right of all charts: they
/// end at the same place.
double room_beside(const std::vector<Chart>& charts) {
  double room = 24;
  for (const auto& chart : charts) {
    if (detail::has_bar(chart.field)) room = std::max(room, 74.0);
    for (const auto& s : chart.series)
      if (!s.name.empty() && !detail::has_legend(chart))
        room =
            std::max(room, 7.6 * static_cast<double>(std::min<std::size_t>(s.name.size(), 30) + 8));
  }
  return room;
}

/// With an x for each y.
std::vector<Chart> with_x(std::vector<Chart> charts) {
  for (auto& chart : charts)
    for (auto& series : chart.series)
      if (series.x.empty())
        for (std::size_t i = 0; i < series.y.size(); ++i)
          series.x.push_back(static_cast<double>(i));
  return charts;
}

}  // namespace

Numbers::Numbers(const Tensor& tensor) : vector(tensor.detach().to(float64).values<double>()) {}

Numbers::Numbers(const Parameter& parameter) : Numbers(parameter.tensor()) {}

std::string series_colour(std::size_t place) { return in_turn[place % std::size(in_turn)]; }

std::string chart_svg(const std::vector<Chart>& given, std::size_t columns) {
  if (columns == 0) fail<ValueError>(op, "columns = 0, but it must be at least 1");
  const auto charts = with_x(given);
  for (const auto& chart : charts) check(chart);
  const double beside = room_beside(charts);
  double width = 0, height = 0, x = 0, y = 0;  // of the whole, and of the next chart
  std::string panels;
  for (std::size_t i = 0; i < charts.size(); ++i) {
    if (i % columns == 0) {
      x = 0;
      y = height;
    }
    detail::Drawing drawing(charts[i], beside);
    panels += fmt::format("<g transform='translate({} {:.1f})'>\n{}</g>\n", x, y, drawing.svg());
    x += charts[i].options.width;
    width = std::max(width, x);
    height = std::max(height, y + drawing.height());
  }
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' width='{0}' height='{1}' "
      "font-family='system-ui, \"Helvetica Neue\", Arial, sans-serif' font-size='12.5' "
      "fill='{2}'>\n<rect width='100%' height='100%' fill='white'/>\n{3}</svg>\n",
      width, height, detail::ink, panels);
}

void save_charts(const std::string& path, const std::vector<Chart>& charts, std::size_t columns) {
  write_file(path, chart_svg(charts, columns), "save_charts");
}

void save_chart(const std::string& path, const std::vector<Series>& series,
                const ChartOptions& options) {
  write_file(path, chart_svg({{series, options}}), "save_chart");
}

}  // namespace gradtape::optim

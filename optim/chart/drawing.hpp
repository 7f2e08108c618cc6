/// One chart on its way to SVG. For charts only.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "gradtape/optim/chart.hpp"
#include "gradtape/optim/chart/bars.hpp"
#include "gradtape/optim/chart/scale.hpp"
#include "gradtape/optim/chart/svg.hpp"

namespace gradtape::optim::detail {

/// The pixels around the area between the axes.
struct Sides {
  double left = page_margin, right = page_margin, top = 0;
};

/// Whether the names of series stand in rows above the chart: where that is asked for, where series
/// do not end at the right, and where there is no room for names beside their ends.
bool has_legend(const Chart& chart);

/// The y of a series as its line shows them: their running mean if it is smoothed.
Numbers shown(const Series& series);

/// The number that stands behind the name of a series: its last one.
std::string last_number(const Series& series);

/// Draws a chart whose width and colours are given, which must outlive it. (left, top) is the
/// corner of the area between the axes.
class Drawing {
 public:
  Drawing(const Chart& chart, const Sides& sides);

  /// What the labels around the area take.
  Sides needed() const;
  /// Of the whole chart, in pixels.
  double height() const { return height_; }
  std::string svg();

 private:
  using Pieces = std::vector<std::vector<Point>>;  // the points between two gaps
  struct Name {
    double y;
    std::string colour, name, value;
  };
  struct Entry {  // of the legend, at a place in its rows
    std::size_t series;
    double x, y;
    std::string name;
  };

  Scale scale(bool of_x) const;
  double across(double share) const { return left_ + share * (right_ - left_); }
  double up(double share) const { return bottom_ - share * (bottom_ - top_); }
  std::vector<Tick> y_ticks() const { return y_.ticks(std::max((bottom_ - top_) / 36, 2.0)); }
  std::vector<Tick> x_ticks() const;

  // layout
  void place_legend(double top);
  double place_names();
  // what is not data
  void label(double x, double y, const char* anchor, const std::string& content);
  void frame();
  void draw_x_axis();
  void draw_legend();
  void draw_colour_bar();
  void write_names();
  // data
  void draw_series();
  void draw(const Series& series, std::size_t place);
  void note_name(const Series& series, const std::string& colour);
  Pieces pieces(const std::vector<double>& xs, const std::vector<double>& ys) const;
  void draw_points(const Pieces& pieces, const Series& series, const std::string& colour);
  void draw_lines(const Pieces& pieces, const Series& series, const std::string& colour, bool pale);
  void draw_band(const Series& series, const std::string& colour);
  void draw_bars(const Series& series, std::size_t place, const std::string& colour);

  const Chart& chart_;
  const ChartOptions& o_;
  const Bars bars_;
  const Scale x_, y_;
  std::vector<std::string> title_, x_label_, y_label_;  // in lines
  std::vector<Entry> legend_;
  std::vector<Name> names_;
  bool slanted_ = false;  // the names of places along the x axis
  double left_, right_, top_, bottom_, height_;
  double ticks_height_;  // from the x axis to its label
  std::string svg_;
};

}  // namespace gradtape::optim::detail

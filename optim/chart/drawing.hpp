/// One chart on its way to SVG. For charts only.
#pragma once

#include <string>
#include <vector>

#include "gradtape/optim/chart.hpp"
#include "gradtape/optim/chart/bars.hpp"
#include "gradtape/optim/chart/scale.hpp"
#include "gradtape/optim/chart/svg.hpp"

namespace gradtape::optim::detail {

/// Whether the names of series stand in a row above the chart.
bool has_legend(const Chart& chart);

/// Draws a chart, which must outlive it. (left, top) is the corner of the area between the axes.
class Drawing {
 public:
  /// With `beside` pixels at the right of the area, for the names and the bar of a field.
  Drawing(const Chart& chart, double beside);

  /// Of the whole chart, in pixels.
  double height() const { return height_; }
  std::string svg();

 private:
  using Pieces = std::vector<std::vector<Point>>;  // the points between two gaps
  struct Name {
    double y;
    std::string colour, name, value;
  };
  struct Last {
    double y, value;
    bool found;
  };

  Scale scale(bool of_x) const;
  double across(double share) const { return left_ + share * (right_ - left_); }
  double up(double share) const { return bottom_ - share * (bottom_ - top_); }

  void label(double x, double y, const char* anchor, const std::string& content);
  void frame();
  std::vector<Tick> x_ticks() const;
  void legend();
  void colour_bar();
  void draw(const Series& series, std::size_t place);
  Last draw(const Series& series, const std::vector<double>& ys, const std::string& colour,
            bool pale);
  Pieces pieces(const std::vector<double>& xs, const std::vector<double>& ys) const;
  void draw_points(const Pieces& pieces, const Series& series, const std::string& colour);
  void draw_lines(const Pieces& pieces, const Series& series, const std::string& colour, bool pale);
  void draw_band(const Series& series, const std::string& colour);
  void draw_bars(const Series& series, std::size_t place, const std::string& colour);
  void write_names();

  const Chart& chart_;
  const ChartOptions& o_;
  const Bars bars_;
  const Scale x_, y_;
  double left_, right_, top_, bottom_, height_;
  std::vector<Name> names_;
  std::string svg_;
};

}  // namespace gradtape::optim::detail

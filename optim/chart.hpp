/// Charts as SVG pictures: lines, points, bars, bands between curves, and fields of coloured cells.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {
class Parameter;
}

namespace gradtape::optim {

/// The numbers of a chart: a vector that is made of a tensor too, so that
/// `Series{.x = steps, .y = losses}` takes both.
struct Numbers : std::vector<double> {
  using vector::vector;
  Numbers() = default;
  Numbers(std::vector<double> values) : vector(std::move(values)) {}
  /// The elements of a tensor of any shape and dtype, row by row. Throws GraphError if undefined.
  Numbers(const Tensor& tensor);
  Numbers(const Parameter& parameter);
};

/// How a series is drawn.
enum class Mark {
  line,    ///< From point to point.
  dashes,  ///< The same, broken.
  points,  ///< A dot at each.
  band,    ///< The area from y to `upper`.
  bars,    ///< From 0 to y, on a logarithmic axis from its low end; those of several series side by
           ///< side.
};

/// A named sequence of points (x[i], y[i]). Points that are not finite, or not above 0 on a
/// logarithmic axis, leave a gap in the line.
struct Series {
  std::string name = {};    ///< Written at its end, or in the legend; nothing if empty.
  Numbers x = {};           ///< [n]; 0, 1, ... n - 1 if empty.
  Numbers y = {};           ///< [n]
  Mark mark = Mark::line;   ///< How it is drawn.
  double smoothing = 0;     ///< In [0, 1): of a running mean, drawn over the pale line itself.
  std::string colour = {};  ///< A CSS colour; if empty, the next one of series_colour().
  Numbers upper = {};       ///< [n] for a band, else empty.
  /// Width of a line or a bar, radius of a point, in pixels; 0 for the usual one.
  double size = 0;
  double opacity = 1;  ///< In (0, 1].
};

/// A grid of equal cells that fills the area between the axes, behind the series: a heat map, the
/// decisions of a classifier, an image. Cells that are NaN stay white.
struct Field {
  std::size_t columns = 0;  ///< Cells in a row; 0 for no field.
  /// A number for each cell, row by row from the top left, [rows * columns]; where `scale` is empty
  /// its red, green and blue from 0 to 1, [rows * columns * 3].
  Numbers values = {};
  double low = 0, high = 1;  ///< The numbers at the ends of the scale, low < high.
  /// Colours "#rrggbb" at equal distances from low to high, mixed in between; one at least.
  std::vector<std::string> scale = {"#1769aa", "#f7f7f7", "#e07b39"};
  /// Of the numbers, above a bar of the scale at the right; no bar if empty.
  std::string name = {};
};

/// The ends of an axis.
struct Limits {
  double low = 0, high = 0;  ///< In the units of the data; both 0 for those of the data.
};

/// Options of a chart.
struct ChartOptions {
  std::string title = {};    ///< Above the chart.
  std::string x_label = {};  ///< Below the x axis.
  std::string y_label = {};  ///< Above the y axis.
  bool log_x = false;        ///< A logarithmic x axis; what is not above 0 is left out.
  bool log_y = false;        ///< A logarithmic y axis.
  Numbers x_includes = {};   ///< Values that the axis reaches, beside those of the data.
  Numbers y_includes = {};   ///< As x_includes.
  /// Names of the places 0, 1, ... of the x axis, in the place of its numbers.
  std::vector<std::string> x_names = {};
  /// Of the picture, in pixels, >= 120; 0 for its share of a row of 560, which is the width at
  /// which text is still read on a phone.
  double width = 0;
  double height = 0;  ///< Of the picture, in pixels, >= 100; 0 for what suits the width.
  /// The ends of the axis, low < high, where they are not to come from the data (or, in a chart of
  /// a field alone, from its columns and rows). What lies beyond is cut off.
  Limits x_limits = {};
  Limits y_limits = {};      ///< As x_limits.
  bool equal_units = false;  ///< A unit is as long on both axes: the height follows from the width.
  bool axes = true;          ///< Draw axes with ticks and labels.
  /// Names in rows above the chart instead of at the ends of lines; so they stand anyway where
  /// series do not lead to the right, as bars, clouds and paths, and where names are too long or
  /// too many.
  bool legend = false;
};

/// A chart and what it shows.
struct Chart {
  std::vector<Series> series = {};  ///< In the order in which they are drawn.
  ChartOptions options = {};        ///< Title, axes, size.
  Field field = {};                 ///< Behind the series; none by default.
};

/// The colours of series in turn, pale ones for what lies behind, and those of text.
namespace colour {
/// Those of series, in the order in which they are given out.
inline constexpr const char *blue = "#1769aa", *orange = "#cf6a25", *green = "#23877b",
                            *purple = "#8e5ea2", *ochre = "#a87a0a", *pink = "#c9588c",
                            *slate = "#5b6875", *olive = "#6d8a01";
/// Pale ones, for what lies behind.
inline constexpr const char *pale_blue = "#a5c8e4", *pale_orange = "#f6c9a8",
                            *pale_green = "#a8dad2";
/// Those of text.
inline constexpr const char *dark = "#1d2733", *grey = "#8795a1";
}  // namespace colour

/// The colour of the series at a place, from 0; after eight they come again.
[[nodiscard]] std::string series_colour(std::size_t place);

/// The charts, `columns` in a row and the rows below each other, as an SVG document that needs no
/// other file, and is dark where the reader's screen is. Lines of very many points are thinned out
/// to what can be seen. Throws ValueError for x, y and upper of different lengths, for values that
/// make no whole rows of a field, for options out of range, and for bars or names on a logarithmic
/// x axis.
[[nodiscard]] std::string chart_svg(const std::vector<Chart>& charts, std::size_t columns = 1);

/// Writes chart_svg() of the charts, `columns` in a row, to a file, which is replaced in one step;
/// for a name that ends in .png as an image, of light colours on white and with two pixels for each
/// of the SVG's, which the program rsvg-convert draws (Debian: librsvg2-bin). Throws as chart_svg,
/// and IoError, also where there is no rsvg-convert.
void save_charts(const std::string& path, const std::vector<Chart>& charts,
                 std::size_t columns = 1);
/// Writes one chart to a file, as save_charts.
void save_chart(const std::string& path, const std::vector<Series>& series,
                const ChartOptions& options = {});

}  // namespace gradtape::optim

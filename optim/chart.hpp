/// Charts of lines and points as SVG pictures.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gradtape::optim {

/// How a series is drawn.
enum class Mark { line, dashes, points };

/// A named sequence of points (x[i], y[i]). What is not finite, or not above 0 on a logarithmic
/// axis, is a gap in the line.
struct Series {
  std::string name = {};       ///< Written at its end; nothing if empty.
  std::vector<double> x = {};  ///< Each with
  std::vector<double> y = {};  ///< a y.
  Mark mark = Mark::line;
  double smoothing = 0;     ///< In [0, 1): that of a running mean, drawn over the pale line itself.
  std::string colour = {};  ///< As CSS has it; one of the palette by its place if empty.
};

/// Options of a chart.
struct ChartOptions {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  bool log_x = false;
  bool log_y = false;
  std::vector<double> x_includes = {};  ///< Values that the axis reaches, beside those of the data.
  std::vector<double> y_includes = {};  ///< Likewise.
  double width = 720;                   ///< Of the picture, in pixels; >= 200.
  double height = 400;                  ///< Likewise, >= 120.
};

/// A chart and what it shows.
struct Chart {
  std::vector<Series> series = {};
  ChartOptions options = {};
};

/// The colour of the series at a place, from 0; after eight they come again.
std::string series_colour(std::size_t place);

/// The charts, one below the other, as an SVG document that needs no other file. Lines of very many
/// points are thinned out to what can be seen. Throws ValueError for x and y of different lengths,
/// and for options out of range.
std::string chart_svg(const std::vector<Chart>& charts);

/// Writes the same to a file in one step. Throws IoError.
void save_charts(const std::string& path, const std::vector<Chart>& charts);
void save_chart(const std::string& path, const std::vector<Series>& series,
                const ChartOptions& options = {});

}  // namespace gradtape::optim

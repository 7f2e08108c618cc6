/// Tensors as charts: the series and fields of gradtape/optim/chart.hpp, made of tensors.
#pragma once

#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/optim/chart.hpp>

#include <string>
#include <utility>
#include <vector>

// Colours of the charts, pale ones for what lies behind.
inline const std::string blue = gradtape::optim::series_colour(0),
                         orange = gradtape::optim::series_colour(1),
                         green = gradtape::optim::series_colour(2), pale_blue = "#a5c8e4",
                         pale_orange = "#f6c9a8", pale_green = "#a8dad2", dark = "#1d2733",
                         grey = "#8795a1";

/// The elements of a tensor, row by row.
inline std::vector<double> numbers(const gradtape::Tensor& x) {
  const gradtape::Tensor wide = x.to(gradtape::float64);
  const auto values = wide.data<double>();
  return {values.begin(), values.end()};
}

/// The points (x[i], y[i]), drawn as `style` says.  x, y: [n]
inline gradtape::optim::Series series(const gradtape::Tensor& x, const gradtape::Tensor& y,
                                      gradtape::optim::Series style = {}) {
  style.x = numbers(x);
  style.y = numbers(y);
  return style;
}

/// The points (xy[i, 0], xy[i, 1]).  xy: [n, 2]
inline gradtape::optim::Series series(const gradtape::Tensor& xy,
                                      gradtape::optim::Series style = {}) {
  return series(select(xy, 1, 0), select(xy, 1, 1), std::move(style));
}

/// Cells with the colours of these values on the scale of `style`, the first row at the top.
/// values: [rows, columns], or [rows, columns, 3] of red, green and blue for a style without scale
inline gradtape::optim::Field field(const gradtape::Tensor& values,
                                    gradtape::optim::Field style = {}) {
  style.columns = static_cast<std::size_t>(values.size(1));
  style.values = numbers(values);
  return style;
}

/// A field of black on white.  image: [rows, columns] of 0 ... 1
inline gradtape::optim::Field image(const gradtape::Tensor& image) {
  return field(image, {.scale = {"#ffffff", dark}});
}

/// The centres of columns x rows equal cells between these limits, row by row from the top left, as
/// a field has them: [rows * columns, 2].
inline gradtape::Tensor grid(const gradtape::optim::ChartOptions& options, std::int64_t columns,
                             std::int64_t rows) {
  const auto centres = [](const gradtape::optim::Limits& limits, std::int64_t n) {
    const double half = (limits.high - limits.low) / static_cast<double>(2 * n);
    return gradtape::linspace(limits.low + half, limits.high - half, n);
  };
  const auto x = centres(options.x_limits, columns), y = flip(centres(options.y_limits, rows));
  return gradtape::stack({tile(x, {rows}), repeat_interleave(y, columns)}, 1);
}

/// The red, green and blue of colours, [n, 3] of 0 ... 1: their mixture for probabilities [..., n]
/// is matmul(probabilities, palette({blue, orange})).
inline gradtape::Tensor palette(const std::vector<std::string>& colours) {
  std::vector<float> rgb;
  for (const auto& colour : colours)
    for (const std::size_t channel : {1, 3, 5})
      rgb.push_back(static_cast<float>(std::stoi(colour.substr(channel, 2), nullptr, 16)) / 255);
  return gradtape::tensor(rgb, {static_cast<std::int64_t>(colours.size()), 3});
}

/// Images side by side in a larger one, `columns` to a row.  [n, h, w] -> [rows * h, columns * w];
/// n is a multiple of `columns`.
inline gradtape::Tensor mosaic(const gradtape::Tensor& images, std::int64_t columns) {
  const auto rows = images.size(0) / columns, h = images.size(1), w = images.size(2);
  return reshape(transpose(reshape(images, {rows, columns, h, w}), 1, 2), {rows * h, columns * w});
}

/// Writes charts, `columns` in a row, and says so. Throws IoError.
inline void save_picture(const std::string& path, const std::vector<gradtape::optim::Chart>& charts,
                         std::size_t columns = 1) {
  gradtape::optim::save_charts(path, charts, columns);
  fmt::print("wrote {}\n", path);
}

#include "gradtape/optim/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradtape/autograd/creation.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/optim/chart/announce.hpp"
#include "gradtape/optim/chart/field.hpp"

namespace gradtape::optim {
namespace {

void check_points(const Tensor& xy) {
  if (xy.ndim() != 2 || xy.size(1) != 2)
    fail<ShapeError>("points", fmt::format("expected points [n, 2], got {}", xy.shape().str()));
}

std::vector<std::int64_t> class_numbers(const Tensor& xy, const Tensor& classes) {
  if (classes.dtype() != int64 && classes.dtype() != bool_)
    fail<DtypeError>("points",
                     fmt::format("classes are of int64 or bool, got {}", name(classes.dtype())));
  if (classes.ndim() != 1 || classes.size(0) != xy.size(0))
    fail<ShapeError>("points", fmt::format("{} points need as many classes [n], got {}", xy.size(0),
                                           classes.shape().str()));
  auto numbers = classes.detach().to(int64).values<std::int64_t>();
  for (const auto number : numbers)
    if (number < 0) fail<ValueError>("points", fmt::format("there is a class {}", number));
  return numbers;
}

/// The centres of n cells, [n].
Tensor centres(const char* what, const Limits& limits, std::int64_t n, Dtype dtype) {
  if (n < 1) fail<ValueError>("grid", fmt::format("{} cells along {}", n, what));
  if (!(limits.low < limits.high))
    fail<ValueError>("grid", fmt::format("the limits of {} are {{{}, {}}}, but they must rise",
                                         what, limits.low, limits.high));
  const double half = (limits.high - limits.low) / static_cast<double>(2 * n);
  return linspace(limits.low + half, limits.high - half, n, dtype);
}

}  // namespace

Series curve(const Tensor& xy, Series style) {
  check_points(xy);
  style.x = select(xy.detach(), 1, 0);
  style.y = select(xy.detach(), 1, 1);
  return style;
}

Series points(const Tensor& xy, Series style) {
  style.mark = Mark::points;
  return curve(xy, std::move(style));
}

std::vector<Series> points(const Tensor& xy, const Tensor& classes,
                           const std::vector<std::string>& names, const Series& style) {
  const Series all = points(xy, style);
  const auto numbers = class_numbers(xy, classes);
  const std::int64_t most =
      numbers.empty() ? -1 : *std::max_element(numbers.begin(), numbers.end());
  if (!names.empty() && most >= std::ssize(names))
    fail<ValueError>("points",
                     fmt::format("class {} has no name: there are {} names", most, names.size()));
  std::vector<Series> series;
  const auto count = names.empty() ? static_cast<std::size_t>(most + 1) : names.size();
  for (std::size_t i = 0; i < count; ++i) {
    Series& s = series.emplace_back(style);
    s.mark = Mark::points;
    s.name = names.empty() ? std::to_string(i) : names[i];
    s.colour = series_colour(i);
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Series& s = series[static_cast<std::size_t>(numbers[i])];
    s.x.push_back(all.x[i]);
    s.y.push_back(all.y[i]);
  }
  return series;
}

Field field(const Tensor& values, Field style) {
  const bool colours = values.ndim() == 3 && values.size(2) == 3;
  if (!colours && values.ndim() != 2)
    fail<ShapeError>("field", fmt::format("expected [rows, columns] or [rows, columns, 3], got {}",
                                          values.shape().str()));
  if (colours) style.scale.clear();
  style.columns = static_cast<std::size_t>(values.size(1));
  style.values = values;
  return style;
}

Field field(const std::function<Tensor(const Tensor&)>& function, const ChartOptions& options,
            Field style, std::int64_t columns, std::int64_t rows, Dtype dtype) {
  const NoGrad no_grad;
  const Tensor values = function(grid(options, columns, rows, dtype));
  const std::int64_t cells = columns * rows;
  if (values.numel() == cells) return field(reshape(values, {rows, columns}), std::move(style));
  if (values.ndim() == 2 && values.shape() == Shape{cells, 3})
    return field(reshape(values, {rows, columns, 3}), std::move(style));
  fail<ShapeError>("field", fmt::format("the function made {} of {} points, but it must make a "
                                        "number or three of each",
                                        values.shape().str(), cells));
}

Field image(const Tensor& pixels) {
  if (pixels.ndim() != 2)
    fail<ShapeError>("image",
                     fmt::format("expected [rows, columns], got {}", pixels.shape().str()));
  return field(pixels, {.scale = {"#ffffff", colour::dark}});
}

Tensor grid(const Limits& x, const Limits& y, std::int64_t columns, std::int64_t rows,
            Dtype dtype) {
  if (!is_floating(dtype))
    fail<DtypeError>("grid", fmt::format("needs float32 or float64, got {}", name(dtype)));
  return stack({tile(centres("x", x, columns, dtype), {rows}),
                repeat_interleave(flip(centres("y", y, rows, dtype)), columns)},
               1);
}

Tensor grid(const ChartOptions& options, std::int64_t columns, std::int64_t rows, Dtype dtype) {
  return grid(options.x_limits, options.y_limits, columns, rows, dtype);
}

Tensor palette(const std::vector<std::string>& colours) {
  std::vector<float> rgb;
  for (const auto& colour : colours)
    for (const double channel : detail::red_green_blue(colour))
      rgb.push_back(static_cast<float>(channel));
  return tensor(rgb, {std::ssize(colours), 3});
}

Tensor mosaic(const Tensor& images, std::int64_t columns) {
  if (images.ndim() != 3)
    fail<ShapeError>("mosaic",
                     fmt::format("expected images [n, h, w], got {}", images.shape().str()));
  if (columns < 1) fail<ValueError>("mosaic", fmt::format("columns = {}", columns));
  const NoGrad no_grad;
  const auto n = images.size(0), h = images.size(1), w = images.size(2);
  const auto rows = (n + columns - 1) / columns;
  Tensor all = is_floating(images.dtype()) ? images : images.to(float32);
  if (const auto lacking = rows * columns - n; lacking > 0)
    all = concat({all, full({lacking, h, w}, std::nan(""), all.dtype())}, 0);
  return reshape(transpose(reshape(all, {rows, columns, h, w}), 1, 2), {rows * h, columns * w});
}

void save_picture(const std::string& path, const std::vector<Chart>& charts, std::size_t columns) {
  save_charts(path, charts, columns);
  detail::announce(path);
}

}  // namespace gradtape::optim

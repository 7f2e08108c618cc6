/// Pictures of tensors: what the charts of gradtape/optim/chart.hpp show, made of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"
#include "gradtape/optim/chart.hpp"

namespace gradtape::optim {

/// The points (xy[i, 0], xy[i, 1]); `style` says how they look, whatever its mark.
/// xy: [n, 2]. Throws ShapeError.
[[nodiscard]] Series points(const Tensor& xy, Series style = {});

/// The points of each class in its own colour, and in the order of the classes, 0 first: named as
/// `names` says, or by their numbers; looking as `style` says.
/// xy: [n, 2], classes: [n] of int64 from 0 on, or of bool. Throws ShapeError; DtypeError for
/// classes of another dtype; ValueError for negative classes, and for names that are too few.
[[nodiscard]] std::vector<Series> points(const Tensor& xy, const Tensor& classes,
                                         const std::vector<std::string>& names = {},
                                         const Series& style = {});

/// The line from (xy[0, 0], xy[0, 1]) to the last point, as `style` says: a path through the plane.
/// xy: [n, 2]. Throws ShapeError.
[[nodiscard]] Series curve(const Tensor& xy, Series style = {});

/// Cells with the colours of these values on the scale of `style`, the first row at the top.
/// values: [rows, columns], or [rows, columns, 3] of red, green and blue from 0 to 1. Throws
/// ShapeError.
[[nodiscard]] Field field(const Tensor& values, Field style = {});

/// Brightness the other way round, as ink on paper: 0 is white and 1 is dark.
/// pixels: [rows, columns] of 0 ... 1. Throws ShapeError.
[[nodiscard]] Field image(const Tensor& pixels);

/// The centres of rows x columns equal cells between these limits, row by row from the top left, as
/// a field has them: [rows * columns, 2]. Throws ValueError for limits that do not rise and for
/// less than one cell, DtypeError for a dtype that is not floating.
[[nodiscard]] Tensor grid(const Limits& x, const Limits& y, std::int64_t columns, std::int64_t rows,
                          Dtype dtype = float32);
/// Between the limits of these options.
[[nodiscard]] Tensor grid(const ChartOptions& options, std::int64_t columns, std::int64_t rows,
                          Dtype dtype = float32);

/// What a function of the plane says in each cell between the limits of `options`, such as the
/// decisions of a model: `field([&](const Tensor& xy) { return sigmoid(model(xy)); }, options)`.
/// The function is called once, unrecorded, with grid(): [rows * columns, 2] -> a number for each
/// point (any shape), or [rows * columns, 3] of red, green and blue. Throws ShapeError for another
/// number of results, and as grid().
[[nodiscard]] Field field(const std::function<Tensor(const Tensor&)>& function,
                          const ChartOptions& options, Field style = {}, std::int64_t columns = 160,
                          std::int64_t rows = 120, Dtype dtype = float32);

/// The curves along which the values are equal to a level, a series for each: straight across cells
/// between their centres (marching squares, Lorensen and Cline 1987 in the plane), in pieces with
/// NaN between them. They end where values are not finite. values: [rows, columns] at the points of
/// grid() with these limits, 2 of each at least; levels in any order. Throws ShapeError, and
/// ValueError for limits that do not rise.
[[nodiscard]] std::vector<Series> contours(const Tensor& values, const Limits& x, const Limits& y,
                                           const Numbers& levels,
                                           const Series& style = {.colour = colour::grey,
                                                                  .size = 1});
/// Between the limits of these options.
[[nodiscard]] std::vector<Series> contours(const Tensor& values, const ChartOptions& options,
                                           const Numbers& levels,
                                           const Series& style = {.colour = colour::grey,
                                                                  .size = 1});

/// The red, green and blue of colours "#rrggbb", [n, 3] of 0 ... 1: their mixture for probabilities
/// [..., n] is `matmul(probabilities, palette({colour::blue, colour::orange}))`. Throws ValueError.
[[nodiscard]] Tensor palette(const std::vector<std::string>& colours);

/// Images side by side in a larger one, `columns` to a row; what the last row lacks is NaN, as no
/// cell of a field has. images: [n, h, w] -> [rows * h, columns * w]. Throws ShapeError, and
/// ValueError for columns < 1.
[[nodiscard]] Tensor mosaic(const Tensor& images, std::int64_t columns);

/// Writes charts, `columns` in a row, as save_charts() does, and where somebody watches, on a
/// terminal, says where.
void save_picture(const std::string& path, const std::vector<Chart>& charts,
                  std::size_t columns = 1);

}  // namespace gradtape::optim

/// Fields of coloured cells. For charts only.
#pragma once

#include <array>
#include <string>

#include "gradtape/optim/chart.hpp"

namespace gradtape::optim::detail {

using Colour = std::array<double, 3>;  // red, green and blue from 0 to 1

/// Of "#rrggbb". Throws ValueError.
Colour red_green_blue(const std::string& text);

/// Throws ValueError for values that make no whole rows, and for a scale that is none.
void check(const Field& field);

std::size_t rows(const Field& field);

/// Whether the scale is shown at the right of the chart.
bool has_bar(const Field& field);

/// The cells as SVG in a rectangle whose top left corner is (left, top).
std::string field_svg(const Field& field, double left, double top, double width, double height);

}  // namespace gradtape::optim::detail

/// The pieces of an SVG picture. For charts only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gradtape::optim::detail {

// Of text, of labels, of axes, of grid lines, and of the finer of these.
inline constexpr const char *ink = "#1d2733", *quiet = "#5b6875", *axis = "#9aa5b0",
                            *grid = "#e6eaee", *faint = "#f3f5f7";

struct Point {
  double x, y;
};

/// Any text as SVG text of at most `most` characters.
std::string escaped(std::string_view text, std::size_t most = 200);

/// `content`, SVG text, at a place, with further attributes.
std::string text(double x, double y, const std::string& attributes, const std::string& content);

std::string line(Point from, Point to, const char* colour);

}  // namespace gradtape::optim::detail

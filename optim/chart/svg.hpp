/// The pieces of an SVG picture: its page, in light and in dark, and its text. For charts only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gradtape/optim/chart.hpp"

namespace gradtape::optim::detail {

// Of text, of labels, of axes, of grid lines, and of the finer of these.
inline constexpr const char *ink = colour::dark, *quiet = colour::slate, *axis = "#9aa5b0",
                            *grid = "#e6eaee", *faint = "#f3f5f7";

/// Sizes in pixels on a page of usual width, which a phone shows at two thirds: text of 15 pixels
/// becomes one of 9.6, which is still read.
inline constexpr double page_width = 560, text_size = 15, title_size = 18, page_margin = 14,
                        line_height = 20, title_height = 24;

struct Point {
  double x, y;
};

/// Any text as SVG text of at most `most` characters.
std::string escaped(std::string_view text, std::size_t most = 200);

/// The pixels that a text takes, rather too many: the reader's font is not known.
double text_width(std::string_view text, double size = text_size);
/// As much of the text as fits into these pixels, ending in "…" if something is missing.
std::string fitted(std::string_view text, double width, double size = text_size);
/// The text in lines that fit, broken between words; a word that does not fit is cut.
std::vector<std::string> wrapped(std::string_view text, double width, double size = text_size);

/// `content`, SVG text, at a place, with further attributes.
std::string text(double x, double y, const std::string& attributes, const std::string& content);

/// The lines of a title, the first one's baseline at y.
std::string title(double x, double y, const std::vector<std::string>& lines);
/// The lines that a title has on this width.
std::vector<std::string> title_lines(std::string_view text, double width);

std::string line(Point from, Point to, const char* colour);

/// Begins and ends what keeps its light colours where the reader's screen is dark: what lies on a
/// light ground of its own.
std::string begin_light();
std::string end_light();

/// The document: white with dark text, or the other way round where the reader prefers that.
std::string page(double width, double height, const std::string& content);

}  // namespace gradtape::optim::detail

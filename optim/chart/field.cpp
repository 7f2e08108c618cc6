#include "gradtape/optim/chart/field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <vector>

#include "gradtape/autograd/error.hpp"

namespace gradtape::optim::detail {
namespace {

/// The colours of the cells.
std::vector<Colour> colours(const Field& field) {
  std::vector<Colour> cells, scale;
  for (const auto& text : field.scale) scale.push_back(red_green_blue(text));
  if (scale.empty()) {
    for (std::size_t i = 0; i < field.values.size(); i += 3)
      cells.push_back({field.values[i], field.values[i + 1], field.values[i + 2]});
    return cells;
  }
  const auto last = static_cast<double>(scale.size() - 1);
  for (const double value : field.values) {
    const double share = std::clamp((value - field.low) / (field.high - field.low), 0.0, 1.0);
    const double place = std::isnan(value) ? 0 : share * last;
    const auto below = static_cast<std::size_t>(place);
    const auto &a = scale[below], &b = scale[std::min(below + 1, scale.size() - 1)];
    Colour& cell = cells.emplace_back();
    for (std::size_t i = 0; i < 3; ++i)
      cell[i] = std::isnan(value) ? value : std::lerp(a[i], b[i], place - std::floor(place));
  }
  return cells;
}

/// "#rrggbb" in steps of 4 of 255, so that runs are long; nothing for NaN.
std::string name(const Colour& colour) {
  std::string name = "#";
  for (const double level : colour) {
    if (std::isnan(level)) return {};
    name +=
        fmt::format("{:02x}", std::min(255L, std::lround(std::clamp(level, 0.0, 1.0) * 64) * 4));
  }
  return name;
}

}  // namespace

Colour red_green_blue(const std::string& text) {
  int rgb = 0;
  const char* end = text.data() + text.size();
  if (text.size() == 7 && text[0] == '#')
    if (const auto [stop, error] = std::from_chars(text.data() + 1, end, rgb, 16);
        stop == end && error == std::errc() && rgb >= 0)
      return {(rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0};
  fail<ValueError>("Chart", fmt::format("the colour '{}' must be \"#rrggbb\"", text));
}

std::size_t rows(const Field& field) {
  return field.values.size() / field.columns / (field.scale.empty() ? 3 : 1);
}

bool has_bar(const Field& field) {
  return field.columns > 0 && !field.scale.empty() && !field.name.empty();
}

void check(const Field& field) {
  const auto channels = field.scale.empty() ? 3u : 1u;
  if (field.columns == 0 ? !field.values.empty()
                         : field.values.empty() || field.values.size() % (field.columns * channels))
    fail<ValueError>(
        "Chart", fmt::format("{} values make no rows of {} cells of a field{}", field.values.size(),
                             field.columns, channels == 3 ? ", three values each" : ""));
  for (const auto& colour : field.scale) red_green_blue(colour);
  if (!(field.low < field.high && std::isfinite(field.high - field.low)))
    fail<ValueError>("Chart",
                     fmt::format("the scale of a field goes from {} to {}", field.low, field.high));
}

std::string field_svg(const Field& field, double left, double top, double width, double height) {
  std::vector<std::string> names;
  for (const auto& colour : colours(field)) names.push_back(name(colour));
  std::map<std::string, std::string> paths;  // of each colour: a stroke for each run of cells
  for (std::size_t row = 0; row < rows(field); ++row)
    for (std::size_t start = 0, stop; start < field.columns; start = stop) {
      const auto* cells = names.data() + row * field.columns;
      for (stop = start + 1; stop < field.columns && cells[stop] == cells[start];) ++stop;
      if (!cells[start].empty())
        paths[cells[start]] += fmt::format("M{} {}.5h{}", start, row, stop - start);
    }
  std::string svg = fmt::format(
      "<g transform='translate({:.1f} {:.1f}) scale({:.6g} {:.6g})' "
      "shape-rendering='crispEdges'>\n",
      left, top, width / static_cast<double>(field.columns),
      height / static_cast<double>(rows(field)));
  for (const auto& [colour, path] : paths)
    svg += fmt::format("<path stroke='{}' stroke-width='1.03' d='{}'/>\n", colour, path);
  return svg + "</g>\n";
}

}  // namespace gradtape::optim::detail

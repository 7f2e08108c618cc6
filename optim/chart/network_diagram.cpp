#include "gradtape/optim/network_diagram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradtape/autograd/error.hpp"
#include "gradtape/optim/chart/announce.hpp"
#include "gradtape/optim/chart/field.hpp"
#include "gradtape/optim/chart/save.hpp"
#include "gradtape/optim/chart/scale.hpp"
#include "gradtape/optim/chart/svg.hpp"

namespace gradtape::optim {
namespace detail {
namespace {

constexpr const char* op = "NetworkDiagram";
constexpr double largest_radius = 26,
                 least_radius = 10;  // of units: a number fits into the largest
constexpr double small = 14;         // the size of numbers on edges
constexpr std::size_t most_units = 64, most_numbers = 24;

/// The weights between two columns, row by row.
struct Layer {
  std::size_t inputs, outputs;
  Numbers weights;
  bool numbers;  ///< Whether they are more than whether there is an edge.
  double at(std::size_t to, std::size_t from) const { return weights[to * inputs + from]; }
};

/// A diagram whose numbers of units are known.
struct Network {
  std::vector<UnitColumn> columns;
  std::vector<Layer> layers;
};

/// Of the column at a place, 0 if nothing says it.
std::size_t count_units(const NetworkDiagram& d, std::size_t place) {
  const UnitColumn& c = d.columns[place];
  for (const std::size_t n : {c.units, c.names.size(), c.values.size(), c.notes.size()})
    if (n > 0) return n;
  const auto extent = [&](std::size_t layer, int axis) -> std::size_t {
    const bool there =
        layer < d.weights.size() && d.weights[layer].defined() && d.weights[layer].ndim() == 2;
    return there ? static_cast<std::size_t>(d.weights[layer].size(axis)) : 0;
  };
  return std::max(extent(place, 1), place > 0 ? extent(place - 1, 0) : 0);
}

void check(const UnitColumn& c, std::size_t place) {
  if (c.units == 0 || c.units > most_units)
    fail<ValueError>(op, fmt::format("column {} has {} units, but it must have 1 to {}", place,
                                     c.units, most_units));
  const std::pair<const char*, std::size_t> lists[] = {
      {"names", c.names.size()}, {"values", c.values.size()}, {"notes", c.notes.size()}};
  for (const auto& [what, n] : lists)
    if (n != 0 && n != c.units)
      fail<ValueError>(op,
                       fmt::format("column {} has {} units and {} {}", place, c.units, n, what));
}

Layer layer(const Tensor& weights, std::size_t place, std::size_t inputs, std::size_t outputs) {
  if (!weights.defined()) return {inputs, outputs, Numbers(inputs * outputs, 1), false};
  if (weights.shape() != Shape{outputs, inputs})
    fail<ShapeError>(
        op, fmt::format("weights {} have shape {}, but columns {} and {} want [{}, {}]", place,
                        weights.shape().str(), place, place + 1, outputs, inputs));
  Layer made{inputs, outputs, weights, weights.dtype() != bool_};
  if (!made.numbers)
    for (double& there : made.weights)
      if (there == 0) there = std::nan("");
  return made;
}

Network network(const NetworkDiagram& d) {
  if (d.columns.size() < 2)
    fail<ValueError>(op, fmt::format("{} columns, but there must be 2 at least", d.columns.size()));
  if (!d.weights.empty() && d.weights.size() + 1 != d.columns.size())
    fail<ShapeError>(
        op, fmt::format("{} weights between {} columns", d.weights.size(), d.columns.size()));
  Network made{d.columns, {}};
  for (std::size_t i = 0; i < d.columns.size(); ++i) {
    made.columns[i].units = count_units(d, i);
    check(made.columns[i], i);
  }
  for (std::size_t i = 0; i + 1 < d.columns.size(); ++i)
    made.layers.push_back(layer(d.weights.empty() ? Tensor() : d.weights[i], i,
                                made.columns[i].units, made.columns[i + 1].units));
  return made;
}

void include(double& most, double value) {
  if (std::isfinite(value)) most = std::max(most, std::abs(value));
}

/// Blue below 0, orange above.
const char* colour_of(double value) { return value < 0 ? colour::blue : colour::orange; }

class NetworkDrawing {
 public:
  explicit NetworkDrawing(const NetworkDiagram& diagram);
  std::string svg();

 private:
  bool names_inside(const UnitColumn& column) const {
    return column.values.empty() &&
           std::all_of(column.names.begin(), column.names.end(),
                       [&](const std::string& name) { return text_width(name) < 2 * radius_ - 6; });
  }
  bool is_outer(std::size_t place) const {
    return place == 0 || place + 1 == network_.columns.size();
  }
  static std::string note(const UnitColumn& column, std::size_t unit);
  double room_beside(const UnitColumn& column) const;
  double pitch() const;
  double label_share(const Layer& layer) const;
  double gap() const { return (right_ - left_) / static_cast<double>(network_.layers.size()); }
  Point place(std::size_t column, std::size_t unit) const;

  void titles();
  void edges(std::size_t place);
  void edge_numbers(std::size_t place);
  void unit(std::size_t place, std::size_t unit);
  void name(std::size_t place, std::size_t unit);

  const NetworkDiagram& d_;
  const Network network_;
  std::vector<std::string> title_;
  std::vector<std::vector<std::string>> column_titles_;
  double largest_weight_ = 0, largest_value_ = 0;
  std::size_t most_units_ = 0;  // of a column
  double radius_ = largest_radius;
  double above_ = 0, below_ = 0;  // what names and notes take above and below units
  double left_, right_, top_, bottom_, height_;
  std::string svg_;
};

NetworkDrawing::NetworkDrawing(const NetworkDiagram& diagram)
    : d_(diagram), network_(network(diagram)) {
  for (const auto& layer : network_.layers)
    for (const double weight : layer.weights) include(largest_weight_, weight);
  bool values = false;
  for (const auto& column : network_.columns) {
    for (const double value : column.values) include(largest_value_, value);
    values = values || !column.values.empty();
    most_units_ = std::max(most_units_, column.units);
  }
  if (!values)
    radius_ = std::clamp(160 / static_cast<double>(most_units_), least_radius, largest_radius);

  for (std::size_t i = 0; i < network_.columns.size(); ++i) {
    const auto& column = network_.columns[i];
    if (!column.notes.empty()) below_ = line_height;
    if (!column.names.empty() && !is_outer(i) && !names_inside(column)) above_ = line_height;
  }
  // the middles of the first and the last column
  left_ = page_margin + radius_ + room_beside(network_.columns.front());
  right_ = d_.width - page_margin - radius_ - room_beside(network_.columns.back());
  right_ = std::max(right_, left_ + 2 * radius_);
  title_ = title_lines(d_.title, d_.width - 2 * page_margin);
  std::size_t lines = 0;
  for (const auto& column : network_.columns) {
    column_titles_.push_back(wrapped(column.title, std::max(gap() - 8, 2.0 * radius_)));
    lines = std::max(lines, column_titles_.back().size());
  }
  top_ = 8 + title_height * static_cast<double>(title_.size()) + (title_.empty() ? 0 : 6) +
         line_height * static_cast<double>(lines) + 4;
  height_ = d_.height > 0
                ? d_.height
                : std::ceil(top_ + pitch() * static_cast<double>(most_units_) + page_margin / 2);
  bottom_ = std::max(height_ - page_margin / 2, top_ + 2 * radius_);
}

/// Empty if the unit has none.
std::string NetworkDrawing::note(const UnitColumn& column, std::size_t unit) {
  if (column.notes.empty() || !std::isfinite(column.notes[unit])) return {};
  return column.note_name + (column.note_name.empty() ? "" : " ") +
         short_number(column.notes[unit], 3);
}

/// What names and notes take beside the units of an outer column.
double NetworkDrawing::room_beside(const UnitColumn& column) const {
  double room = 0;
  for (std::size_t i = 0; i < column.units; ++i) {
    room = std::max(room, text_width(note(column, i)) / 2 - radius_);
    if (!column.names.empty() && !names_inside(column))
      room = std::max(room, 8 + text_width(column.names[i]));
  }
  return std::min(room, d_.width / 4);
}

/// The height of a unit with what is written around it; more where the numbers of edges need it.
double NetworkDrawing::pitch() const {
  double height = above_ + 2 * radius_ + below_ + 14;
  for (const auto& layer : network_.layers)
    if (layer.numbers && d_.numbers)
      height =
          std::max(height, 17.0 * static_cast<double>(1 + std::min(layer.inputs, layer.outputs)));
  return std::min(height, 130.0);
}

/// How far along the edges their numbers stand: where they are at equal distances, nearer to the
/// column with more units.
double NetworkDrawing::label_share(const Layer& layer) const {
  const double share = 1.0 / static_cast<double>(1 + std::min(layer.inputs, layer.outputs));
  const double least = std::min((radius_ + 20) / gap(), 0.5);
  return layer.outputs <= layer.inputs ? std::max(share, least) : 1 - std::max(share, least);
}

Point NetworkDrawing::place(std::size_t column, std::size_t unit) const {
  const double each = (bottom_ - top_) / static_cast<double>(most_units_);
  const double above = static_cast<double>(most_units_ - network_.columns[column].units) / 2;
  return {left_ + gap() * static_cast<double>(column),
          top_ + each * (above + static_cast<double>(unit) + 0.5) + (above_ - below_) / 2};
}

std::string NetworkDrawing::svg() {
  titles();
  for (std::size_t i = 0; i < network_.layers.size(); ++i) edges(i);
  for (std::size_t i = 0; i < network_.layers.size(); ++i) edge_numbers(i);
  for (std::size_t i = 0; i < network_.columns.size(); ++i)
    for (std::size_t j = 0; j < network_.columns[i].units; ++j) {
      unit(i, j);
      if (!network_.columns[i].names.empty()) name(i, j);
    }
  return page(d_.width, height_, svg_);
}

void NetworkDrawing::titles() {
  svg_ += title(page_margin, 26, title_);
  for (std::size_t i = 0; i < column_titles_.size(); ++i) {
    double half = 0, y = top_ - 10 - line_height * static_cast<double>(column_titles_[i].size());
    for (const auto& content : column_titles_[i])
      half = std::max(half, text_width(content) / 2 + 4);
    const double x = std::clamp(place(i, 0).x, half, std::max(d_.width - half, half));
    for (const auto& content : column_titles_[i])
      svg_ += text(x, y += line_height, fmt::format("fill='{}' text-anchor='middle'", quiet),
                   escaped(content));
  }
}

void NetworkDrawing::edges(std::size_t i) {
  const Layer& layer = network_.layers[i];
  const double usual = layer.weights.size() > most_numbers ? 1 : 1.5;
  for (std::size_t to = 0; to < layer.outputs; ++to)
    for (std::size_t from = 0; from < layer.inputs; ++from) {
      const double weight = layer.at(to, from);
      if (!std::isfinite(weight)) continue;
      const Point a = place(i, from), b = place(i + 1, to);
      const double share = largest_weight_ > 0 ? std::abs(weight) / largest_weight_ : 0;
      svg_ += fmt::format(
          "<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' stroke='{}' stroke-width='{:.2f}'/>\n", a.x, a.y,
          b.x, b.y, layer.numbers ? colour_of(weight) : axis,
          layer.numbers ? 1 + 4 * share : usual);
    }
}

void NetworkDrawing::edge_numbers(std::size_t i) {
  const Layer& layer = network_.layers[i];
  if (!layer.numbers || !d_.numbers || layer.weights.size() > most_numbers) return;
  const double share = label_share(layer);
  const int digits = std::min(layer.inputs, layer.outputs) > 3 ? 2 : 3;  // they stand close
  for (std::size_t to = 0; to < layer.outputs; ++to)
    for (std::size_t from = 0; from < layer.inputs; ++from) {
      const double weight = layer.at(to, from);
      if (!std::isfinite(weight)) continue;
      const Point a = place(i, from), b = place(i + 1, to);
      const double x = std::lerp(a.x, b.x, share), y = std::lerp(a.y, b.y, share);
      const std::string number = short_number(weight, digits);
      const double width = 0.94 * text_width(number, small);
      svg_ += fmt::format(
          "<rect x='{:.1f}' y='{:.1f}' width='{:.1f}' height='17' rx='3' fill='white'/>\n",
          x - width / 2, y - 8.5, width);
      svg_ += text(x, y + 5, fmt::format("font-size='{}' text-anchor='middle'", small), number);
    }
}

/// The unit on its own light ground, with its value and, below it, its note.
void NetworkDrawing::unit(std::size_t i, std::size_t j) {
  const UnitColumn& column = network_.columns[i];
  const Point at = place(i, j);
  const double value = column.values.empty() ? std::nan("") : column.values[j];
  const double share =
      std::isfinite(value) && largest_value_ > 0 ? 0.6 * std::abs(value) / largest_value_ : 0;
  const auto full = red_green_blue(colour_of(value));
  svg_ += begin_light();
  svg_ += fmt::format(
      "<circle cx='{:.1f}' cy='{:.1f}' r='{}' fill='rgb({:.0f},{:.0f},{:.0f})' stroke='{}' "
      "stroke-width='1.5'/>\n",
      at.x, at.y, radius_, 255 * std::lerp(1, full[0], share), 255 * std::lerp(1, full[1], share),
      255 * std::lerp(1, full[2], share), quiet);
  if (std::isfinite(value)) {
    std::string number;
    for (int digits = 3; digits > 0; --digits)
      if (number = short_number(value, digits); text_width(number) < 2 * radius_ - 2) break;
    svg_ += text(at.x, at.y + 5, "text-anchor='middle'", number);
  }
  svg_ += end_light();
  if (const auto content = note(column, j); !content.empty())
    svg_ += text(at.x, at.y + radius_ + 17, fmt::format("fill='{}' text-anchor='middle'", quiet),
                 escaped(content));
}

void NetworkDrawing::name(std::size_t i, std::size_t j) {
  const UnitColumn& column = network_.columns[i];
  const Point at = place(i, j);
  const auto& content = column.names[j];
  if (names_inside(column)) {
    svg_ += begin_light() + text(at.x, at.y + 5, "text-anchor='middle'", escaped(content)) +
            end_light();
  } else if (is_outer(i)) {
    const double away = i == 0 ? -radius_ - 8 : radius_ + 8;
    svg_ += text(at.x + away, at.y + 5, fmt::format("text-anchor='{}'", i == 0 ? "end" : "start"),
                 escaped(fitted(content, d_.width / 4 - 8)));
  } else {
    svg_ += text(at.x, at.y - radius_ - 7, "text-anchor='middle'",
                 escaped(fitted(content, std::max(gap() - 8, 2.0 * radius_))));
  }
}

void check_size(const char* what, double value, double least) {
  if (!(value >= least && value <= 1e5))
    fail<ValueError>(op, fmt::format("{} = {}, but it must be in [{}, 1e5]", what, value, least));
}

}  // namespace
}  // namespace detail

std::string network_svg(const NetworkDiagram& diagram) {
  detail::check_size("width", diagram.width, 200);
  if (diagram.height != 0) detail::check_size("height", diagram.height, 120);
  return detail::NetworkDrawing(diagram).svg();
}

void save_network(const std::string& path, const NetworkDiagram& diagram) {
  detail::save_svg(path, network_svg(diagram), "save_network");
  detail::announce(path);
}

}  // namespace gradtape::optim

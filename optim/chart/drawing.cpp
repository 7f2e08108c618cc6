#include "gradtape/optim/chart/drawing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gradtape/optim/chart/field.hpp"

namespace gradtape::optim::detail {
namespace {

constexpr double legend_height = 24, bar_room = 84, longest_slanted = 160;
constexpr double sine = 0.643, cosine = 0.766;  // of the 40 degrees by which names are slanted

/// The height of the area between the axes, but for labels that take much.
double usual_area(const ChartOptions& o) {
  return o.height > 0 ? 0.75 * o.height : std::max(0.5 * o.width, 150.0);
}

double names_room(const Chart& chart) {
  double room = 0;
  for (const auto& s : chart.series)
    if (!s.name.empty())
      room = std::max(room, 22 + text_width(s.name, 1.06 * text_size) + text_width(last_number(s)));
  return room;
}

/// Whether a series goes from left to right, and about as far as all.
bool ends_at_right(const Series& s, const Range& xs) {
  return std::is_sorted(s.x.begin(), s.x.end()) &&
         (s.x.empty() || !(s.x.back() < std::lerp(xs.low, xs.high, 0.7)));
}

double widest(const std::vector<std::string>& names) {
  double width = 0;
  for (const auto& name : names) width = std::max(width, text_width(name));
  return width;
}

/// Whether labels under the middle of their ticks come too close on an axis of this length.
bool overlap(const std::vector<Tick>& ticks, double length) {
  constexpr double between_labels = 14, between_ticks = 50;
  double middle = -1e9, end = -1e9;  // of the label before
  for (const auto& tick : ticks) {
    if (tick.label.empty()) continue;
    const double half = text_width(tick.label) / 2, before = middle;
    middle = tick.at * length;
    if (middle - half < end + between_labels || middle < before + between_ticks) return true;
    end = middle + half;
  }
  return false;
}

}  // namespace

bool has_legend(const Chart& chart) {
  std::size_t names = 0;
  bool elsewhere = has_bar(chart.field);  // whether names have no place at the right
  Range xs;
  for (const auto& s : chart.series)
    for (const double x : s.x)
      if (std::isfinite(x)) xs.add(x);
  for (const auto& s : chart.series) {
    names += !s.name.empty();
    elsewhere = elsewhere || s.mark == Mark::bars || (!s.name.empty() && !ends_at_right(s, xs));
  }
  const auto& o = chart.options;
  return names > 0 && (o.legend || elsewhere || names_room(chart) > 0.4 * o.width ||
                       static_cast<double>(names) * line_height > usual_area(o));
}

Drawing::Drawing(const Chart& chart, const Sides& sides)
    : chart_(chart), o_(chart.options), bars_(chart), x_(scale(true)), y_(scale(false)) {
  const double inside = o_.width - 2 * page_margin;
  left_ = std::min(sides.left, o_.width / 2);
  right_ = o_.width - std::min(sides.right, o_.width / 2);
  title_ = title_lines(o_.title, inside);
  if (o_.axes) x_label_ = wrapped(o_.x_label, inside);
  if (o_.axes) y_label_ = wrapped(o_.y_label, inside - (has_bar(chart.field) ? bar_room : 0));
  const auto lines = [](const auto& label) { return static_cast<double>(label.size()); };

  double y = 8 + title_height * lines(title_) + (title_.empty() ? 0 : 4);
  if (has_legend(chart)) place_legend(y);
  if (!legend_.empty()) y = legend_.back().y + 8;
  const bool above = !y_label_.empty() || has_bar(chart.field);
  top_ = y + std::max(lines(y_label_), above ? 1.0 : 0.0) * line_height + 10;
  top_ = std::max(top_, sides.top);

  ticks_height_ = place_names();
  const double below = !o_.axes           ? page_margin
                       : x_label_.empty() ? ticks_height_
                                          : ticks_height_ + line_height * lines(x_label_) + 6;
  const double area = o_.equal_units
                          ? std::clamp((right_ - left_) * y_.length() / x_.length(), 20.0, 1e5)
                      : o_.height > 0 ? o_.height - top_ - below
                                      : usual_area(o_);
  height_ = o_.equal_units || o_.height == 0 ? std::round(top_ + area + below) : o_.height;
  bottom_ = std::max(height_ - below, top_ + 8);
}

Sides Drawing::needed() const {
  Sides sides;
  if (o_.axes) {
    double label = 0;
    for (const auto& tick : y_ticks()) label = std::max(label, text_width(tick.label));
    sides = {10 * std::ceil((page_margin + 8 + label) / 10), 24, 0};
    if (slanted_)
      sides.left = std::max(sides.left, cosine * std::min(widest(o_.x_names), longest_slanted));
  }
  if (has_bar(chart_.field)) sides.right = bar_room;
  if (!has_legend(chart_)) sides.right = std::max(sides.right, std::ceil(names_room(chart_)));
  sides.top = top_;
  return sides;
}

std::string Drawing::svg() {
  const bool has_field = chart_.field.columns > 0;
  if (has_field)
    svg_ += begin_light() + field_svg(chart_.field, left_, top_, right_ - left_, bottom_ - top_) +
            end_light();
  frame();
  if (has_bar(chart_.field)) draw_colour_bar();
  if (has_field) svg_ += begin_light();
  draw_series();
  if (has_field) svg_ += end_light();
  if (legend_.empty())
    write_names();
  else
    draw_legend();
  return std::move(svg_);
}

Scale Drawing::scale(bool of_x) const {
  const bool logarithmic = of_x ? o_.log_x : o_.log_y;
  const Limits& limits = of_x ? o_.x_limits : o_.y_limits;
  Range range;
  if (limits.low < limits.high) {
    range.add(limits.low);
    range.add(limits.high);
    range.whole = false;
    return {range, logarithmic, 0};
  }
  const auto fits = [](double value, bool log) {
    return std::isfinite(value) && (!log || value > 0);
  };
  bool points = false;
  for (const auto& s : chart_.series) {
    points = points || s.mark == Mark::points;
    const double half = of_x && s.mark == Mark::bars ? bars_.slot() / 2 : 0;
    for (const auto* ys : {&s.y, &s.upper})
      for (std::size_t i = 0; i < ys->size(); ++i)
        if (fits(s.x[i], o_.log_x) && fits((*ys)[i], o_.log_y))
          for (const double side : {-half, half}) range.add(of_x ? s.x[i] + side : (*ys)[i]);
  }
  if (bars_.count() > 0 && !of_x && !logarithmic) range.add(0);
  if (of_x && !o_.x_names.empty())
    for (const double end : {-0.5, static_cast<double>(o_.x_names.size()) - 0.5}) range.add(end);
  for (const double value : of_x ? o_.x_includes : o_.y_includes)
    if (fits(value, logarithmic)) range.add(value);
  if (const auto& field = chart_.field; field.columns > 0 && !range.any) {
    range.add(0);
    range.add(static_cast<double>(of_x ? field.columns : rows(field)));
    return {range, false, 0};
  }
  return {range, logarithmic, !of_x ? 0.05 : points && o_.x_names.empty() ? 0.03 : 0};
}

/// The names of the series in rows of the chart's width, each with room for a mark before it.
void Drawing::place_legend(double top) {
  constexpr double mark = 24, apart = 18;
  double x = page_margin, y = top + 16;
  for (std::size_t i = 0; i < chart_.series.size(); ++i) {
    const auto& name = chart_.series[i].name;
    if (name.empty()) continue;
    const auto shown = fitted(name, o_.width - 2 * page_margin - mark);
    const double width = mark + text_width(shown);
    if (x > page_margin && x + width > o_.width - page_margin) {
      x = page_margin;
      y += legend_height;
    }
    legend_.push_back({i, x, y, escaped(shown)});
    x += width + apart;
  }
}

/// Slants the names along the x axis if they are wider than their places. Returns the height below
/// the axis that they, or numbers in their place, take.
double Drawing::place_names() {
  constexpr double of_numbers = 30;
  if (o_.x_names.empty()) return of_numbers;
  const double width = widest(o_.x_names);
  slanted_ = width > (right_ - left_) / x_.length() - 8;
  return slanted_ ? of_numbers + sine * std::min(width, longest_slanted) : of_numbers;
}

std::vector<Tick> Drawing::x_ticks() const {
  std::vector<Tick> ticks;
  if (o_.x_names.empty()) {  // as many as there is room for
    double count = std::max((right_ - left_) / 40, 4.0);
    do ticks = x_.ticks(count);
    while (overlap(ticks, right_ - left_) && (count *= 0.8) > 1);
    return ticks;
  }
  for (std::size_t i = 0; i < o_.x_names.size(); ++i)
    if (const double at = x_(static_cast<double>(i)); at >= 0 && at <= 1)
      ticks.push_back(
          {at, escaped(slanted_ ? fitted(o_.x_names[i], longest_slanted) : o_.x_names[i])});
  return ticks;
}

void Drawing::label(double x, double y, const char* anchor, const std::string& content) {
  if (content.empty()) return;
  svg_ += text(x, y, fmt::format("fill='{}' text-anchor='{}'", quiet, anchor), content);
}

void Drawing::frame() {
  svg_ += title(page_margin, 26, title_);
  if (!o_.axes) return;
  double y = top_ - 14 - line_height * static_cast<double>(y_label_.size());
  for (const auto& content : y_label_)
    label(page_margin, y += line_height, "start", escaped(content));
  for (const auto& tick : y_ticks()) {
    const double at = up(tick.at);
    if (chart_.field.columns == 0)
      svg_ += line({left_, at}, {right_, at}, tick.label.empty() ? faint : grid);
    label(left_ - 8, at + 5, "end", tick.label);
  }
  draw_x_axis();
}

void Drawing::draw_x_axis() {
  for (const auto& tick : x_ticks()) {
    const double x = across(tick.at);
    svg_ += line({x, bottom_}, {x, bottom_ + (tick.label.empty() ? 3 : 5)}, axis);
    if (slanted_)
      svg_ += text(x + 4, bottom_ + 17,
                   fmt::format("fill='{}' text-anchor='end' transform='rotate(-40 {:.1f} {:.1f})'",
                               quiet, x + 4, bottom_ + 17),
                   tick.label);
    else
      label(x, bottom_ + 21, "middle", tick.label);
  }
  svg_ += line({left_, bottom_}, {right_, bottom_}, axis);
  // in the middle of the axis, or of the chart if it is too long for that
  const double half = widest(x_label_) / 2, middle = (left_ + right_) / 2;
  const bool sticks_out = middle - half < page_margin || middle + half > o_.width - page_margin;
  double y = bottom_ + ticks_height_ - 5;
  for (const auto& content : x_label_)
    label(sticks_out ? o_.width / 2 : middle, y += line_height, "middle", escaped(content));
}

/// Each name after a mark of its colour.
void Drawing::draw_legend() {
  for (const auto& [series, x, y, name] : legend_) {
    const Series& s = chart_.series[series];
    const auto colour = escaped(s.colour);
    const bool wide = s.mark == Mark::band || s.mark == Mark::bars;
    if (s.mark == Mark::points)
      svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='5' fill='{}' opacity='{}'/>\n", x + 9,
                          y - 5, colour, s.opacity);
    else
      svg_ += fmt::format(
          "<path d='M{:.1f} {:.1f}h18' stroke='{}' stroke-width='{}' opacity='{}'{}/>\n", x, y - 5,
          colour, wide ? 10 : std::clamp(s.size, 2.5, 9.0), s.opacity,
          s.mark == Mark::dashes ? " stroke-dasharray='5 3.5'" : "");
    svg_ += text(x + 24, y, fmt::format("fill='{}'", quiet), name);
  }
}

/// The scale of the field with its numbers, at the right.
void Drawing::draw_colour_bar() {
  constexpr std::size_t cells = 64;
  const double x = right_ + 14, width = 12, length = std::min(bottom_ - top_, 220.0);
  Field bar = chart_.field;
  bar.columns = 1;
  bar.values.clear();
  for (std::size_t i = 0; i < cells; ++i)
    bar.values.push_back(std::lerp(bar.high, bar.low, (static_cast<double>(i) + 0.5) / cells));
  svg_ += begin_light() + field_svg(bar, x, top_, width, length) + end_light();
  label(o_.width - 8, top_ - 14, "end", escaped(fitted(bar.name, 140)));
  Range range;
  range.add(bar.low);
  range.add(bar.high);
  range.whole = false;
  for (const auto& tick : Scale(range, false, 0).ticks(length / 36))
    label(x + width + 6, top_ + length * (1 - tick.at) + 5, "start", tick.label);
}

/// Beside the ends of the lines, moved apart where they would overlap.
void Drawing::write_names() {
  std::sort(names_.begin(), names_.end(), [](const Name& a, const Name& b) { return a.y < b.y; });
  for (std::size_t i = 1; i < names_.size(); ++i)
    names_[i].y = std::max(names_[i].y, names_[i - 1].y + line_height);
  double lowest = bottom_;
  for (auto name = names_.rbegin(); name != names_.rend(); ++name) {
    name->y = std::min(name->y, lowest);
    lowest = name->y - line_height;
  }
  for (const auto& [y, colour, name, value] : names_)
    svg_ += text(right_ + 10, y + 5, fmt::format("fill='{}' font-weight='600'", colour),
                 fmt::format("{} <tspan font-weight='400'>{}</tspan>", name, value));
}

}  // namespace gradtape::optim::detail

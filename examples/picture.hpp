/// Charts as SVG files: lines, points, bands and coloured fields over labelled axes.
#pragma once

#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>

#include <cmath>
#include <map>
#include <string>
#include <vector>

// Colours that go together, also for those who cannot tell red from green; pale ones lie behind.
inline constexpr const char *blue = "#1769aa", *orange = "#e07b39", *green = "#2a9d8f",
                            *dark = "#1d2733", *grey = "#8795a1";
inline constexpr const char *pale_blue = "#a5c8e4", *pale_orange = "#f6c9a8",
                            *pale_green = "#a8dad2";

/// One axis of a picture.
struct Axis {
  double low = 0, high = 1;
  std::string label = {};
};

/// Options of Picture.
struct PictureOptions {
  std::string title = {};
  Axis x = {}, y = {};
  double width = 420, height = 320;  ///< Of the area between the axes, in pixels.
  bool axes = true;                  ///< Draw ticks and labels.
};

/// How a line, band or set of points looks.
struct Style {
  std::string colour = blue;
  std::string label = {};  ///< Its name in the legend, if it has one.
  double size = 2;         ///< Width of a line or radius of a point, in pixels.
  double opacity = 1;
  bool dashed = false;
};

/// A chart, drawn from back to front.
///
///     Picture picture({.title = "two moons", .x = {-2, 3}, .y = {-1.5, 2}});
///     picture.pixels(coloured(reshape(f(picture.grid(200, 150)), {150, 200}), 0, 1));
///     picture.points(x, y, {.colour = orange, .label = "class 1"});
///     picture.save("moons.svg");
///
/// Coordinates are tensors of one axis.
class Picture {
 public:
  using Tensor = gradtape::Tensor;

  explicit Picture(PictureOptions options) : options_(std::move(options)) {}

  /// The centres of columns x rows equal cells, from the top left, row by row:
  /// [rows * columns, 2].
  Tensor grid(std::int64_t columns, std::int64_t rows) const {
    const auto centres = [](const Axis& axis, std::int64_t n) {
      const double half = (axis.high - axis.low) / static_cast<double>(2 * n);
      return gradtape::linspace(axis.low + half, axis.high - half, n);
    };
    const Tensor x = centres(options_.x, columns);
    const Tensor y = gradtape::flip(centres(options_.y, rows));
    return gradtape::stack({gradtape::tile(x, {rows}), gradtape::repeat_interleave(y, columns)}, 1);
  }

  /// Fills the picture with cells of these colours, the first row at the top.
  /// rgb: [rows, columns, 3] of 0 ... 1
  void pixels(const Tensor& rgb) {
    const auto rows = rgb.size(0), columns = rgb.size(1);
    const auto values = numbers(rgb);
    const auto colour = [&](std::int64_t cell) {  // in steps of 4 of 255, so that runs are long
      const auto level = [&](std::int64_t channel) {
        const double value = values[static_cast<std::size_t>(3 * cell + channel)];
        return std::min(255, static_cast<int>(std::lround(value * 64)) * 4);
      };
      return fmt::format("#{:02x}{:02x}{:02x}", level(0), level(1), level(2));
    };
    std::map<std::string, std::string> paths;  // of each colour: a stroke a run of equal cells
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t start = 0, stop; start < columns; start = stop) {
        const auto here = colour(row * columns + start);
        for (stop = start + 1; stop < columns && colour(row * columns + stop) == here;) ++stop;
        paths[here] += fmt::format("M{} {}.5h{}", start, row, stop - start);
      }
    svg_ += fmt::format("<g transform='scale({:.6g} {:.6g})' shape-rendering='crispEdges'>\n",
                        options_.width / static_cast<double>(columns),
                        options_.height / static_cast<double>(rows));
    for (const auto& [colour, path] : paths)
      svg_ += fmt::format("<path stroke='{}' stroke-width='1.03' d='{}'/>\n", colour, path);
    svg_ += "</g>\n";
  }

  /// Straight lines from point to point.
  void line(const Tensor& x, const Tensor& y, const Style& style = {}) {
    svg_ += fmt::format(
        "<polyline points='{}' fill='none' stroke='{}' stroke-width='{}' opacity='{}'"
        " stroke-linejoin='round'{}/>\n",
        path(x, y), style.colour, style.size, style.opacity,
        style.dashed ? " stroke-dasharray='6 4'" : "");
    add_to_legend(style, style.dashed ? "6 4" : "none", 3);
  }

  /// A dot with a white rim at each point.
  void points(const Tensor& x, const Tensor& y, const Style& style = {.size = 3.5}) {
    const auto xs = numbers(x), ys = numbers(y);
    svg_ += fmt::format("<g fill='{}' stroke='white' stroke-width='0.8' opacity='{}'>\n",
                        style.colour, style.opacity);
    for (std::size_t i = 0; i < xs.size(); ++i)
      svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='{}'/>\n", across(xs[i]), up(ys[i]),
                          style.size);
    svg_ += "</g>\n";
    add_to_legend(style, "none", 8);
  }

  /// The area between two curves.
  void band(const Tensor& x, const Tensor& low, const Tensor& high, const Style& style = {}) {
    svg_ += fmt::format("<polygon points='{} {}' fill='{}' opacity='{}'/>\n", path(x, low),
                        path(gradtape::flip(x), gradtape::flip(high)), style.colour, style.opacity);
    add_to_legend(style, "none", 8);
  }

  /// Writes the picture, or several side by side. Throws IoError.
  void save(const std::string& path) const { save(path, {*this}); }
  static void save(const std::string& path, const std::vector<Picture>& pictures) {
    double width = 0, height = 0;
    std::string panels;
    for (const auto& picture : pictures) {
      const auto& o = picture.options_;
      const double left = o.axes ? 66 : 14, below = !o.axes ? 14 : o.x.label.empty() ? 32 : 52;
      panels += fmt::format("<g transform='translate({} {})'>\n{}</g>\n", width + left, 60,
                            picture.drawn());
      width += left + o.width + 24;
      height = std::max(height, 60 + o.height + below);
    }
    gradtape::write_file(
        path, fmt::format("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' "
                          "width='{0}' height='{1}' font-family='sans-serif' font-size='13' "
                          "fill='{2}'>\n<rect width='100%' height='100%' fill='white'/>\n{3}"
                          "</svg>\n",
                          width, height, dark, panels));
    fmt::print("wrote {}\n", path);
  }

 private:
  static std::vector<double> numbers(const Tensor& x) {
    const Tensor wide = x.to(gradtape::float64);
    const auto values = wide.data<double>();
    return {values.begin(), values.end()};
  }

  static std::string text(double x, double y, const char* anchor, const std::string& what) {
    return fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>\n", x, y, anchor,
                       what);
  }

  /// Where a value lies between the ends of its axis, from 0 to 1.
  static double share(const Axis& axis, double value) {
    return (value - axis.low) / (axis.high - axis.low);
  }
  double across(double x) const { return options_.width * share(options_.x, x); }
  double up(double y) const { return options_.height * (1 - share(options_.y, y)); }

  std::string path(const Tensor& x, const Tensor& y) const {
    const auto xs = numbers(x), ys = numbers(y);
    std::string out;
    for (std::size_t i = 0; i < xs.size(); ++i)
      out += fmt::format("{:.1f},{:.1f} ", across(xs[i]), up(ys[i]));
    return out;
  }

  void add_to_legend(const Style& style, const char* dashes, int thickness) {
    if (style.label.empty()) return;
    legend_ += fmt::format(
        "<line x1='{0}' y1='-12' x2='{1}' y2='-12' stroke='{2}' stroke-width='{3}' opacity='{4}'"
        " stroke-dasharray='{5}'/>\n",
        legend_width_, legend_width_ + 18, style.colour, thickness, style.opacity, dashes);
    legend_ += text(legend_width_ + 24, -8, "start", style.label);
    legend_width_ += 44 + 7 * static_cast<double>(style.label.size());
  }

  /// Round values about 70 pixels apart.
  static std::vector<double> ticks(const Axis& axis, double length) {
    std::vector<double> out;
    const double wanted = (axis.high - axis.low) * 70 / length;
    const double power = std::pow(10, std::floor(std::log10(wanted)));
    const double step = power * (wanted > 5 * power ? 10 : wanted > 2 * power ? 5 : 2);
    for (double k = std::ceil(axis.low / step - 1e-9); k * step <= axis.high + 1e-9 * step; ++k)
      out.push_back(k * step + 0.0);  // 0, not -0
    return out;
  }

  /// Grid, drawing, frame, ticks, labels.
  std::string drawn() const {
    const auto& [title, x, y, width, height, axes] = options_;
    std::string grid,
        labels = text(width / 2, -36, "middle", "<tspan font-weight='bold'>" + title + "</tspan>");
    for (const double tick : axes ? ticks(x, width) : std::vector<double>()) {
      grid += fmt::format("M{:.1f} 0v{}", across(tick), height);
      labels += text(across(tick), height + 18, "middle", fmt::format("{:.4g}", tick));
    }
    for (const double tick : axes ? ticks(y, height) : std::vector<double>()) {
      grid += fmt::format("M0 {:.1f}h{}", up(tick), width);
      labels += text(-8, up(tick) + 4, "end", fmt::format("{:.4g}", tick));
    }
    labels += text(width / 2, height + 40, "middle", x.label);
    labels += fmt::format("<g transform='translate(-48 {}) rotate(-90)'>{}</g>\n", height / 2,
                          text(0, 0, "middle", y.label));
    return fmt::format(
        "<path d='{0}' stroke='#e3e8ed'/>\n"
        "<svg width='{1}' height='{2}' overflow='hidden'>\n{3}</svg>\n"
        "<rect width='{1}' height='{2}' fill='none' stroke='{4}'/>\n{5}{6}",
        grid, width, height, svg_, grey, labels, legend_);
  }

  PictureOptions options_;
  std::string svg_, legend_;
  double legend_width_ = 0;
};

/// The rgb of colours, [n, 3] of 0 ... 1: their mixture for probabilities [..., n] is
/// matmul(probabilities, palette({blue, orange})).
inline gradtape::Tensor palette(const std::vector<std::string>& colours) {
  std::vector<float> rgb;
  for (const auto& colour : colours)
    for (const std::size_t channel : {1, 3, 5})
      rgb.push_back(static_cast<float>(std::stoi(colour.substr(channel, 2), nullptr, 16)) / 255);
  return gradtape::tensor(rgb, {static_cast<std::int64_t>(colours.size()), 3});
}

/// Colours of numbers from `low` to `high` along a scale.  values: [...] -> rgb [..., 3]
inline gradtape::Tensor coloured(const gradtape::Tensor& values, double low, double high,
                                 const std::vector<std::string>& scale = {blue, "#f7f7f7",
                                                                          orange}) {
  // each colour's share falls from 1 at its place on the scale to 0 at its neighbours'
  const auto last = static_cast<double>(scale.size() - 1);
  const auto place = clamp((values.to(gradtape::float32) - low) * (last / (high - low)), 0, last);
  const auto places = gradtape::linspace(0, last, static_cast<std::int64_t>(scale.size()));
  return matmul(relu(1.0 - abs(unsqueeze(place, -1) - places)), palette(scale));
}

/// Images side by side in a larger one, `columns` to a row.  [n, h, w] -> [rows * h, columns * w];
/// n is a multiple of `columns`.
inline gradtape::Tensor mosaic(const gradtape::Tensor& images, std::int64_t columns) {
  const auto rows = images.size(0) / columns, h = images.size(1), w = images.size(2);
  return reshape(transpose(reshape(images, {rows, columns, h, w}), 1, 2), {rows * h, columns * w});
}

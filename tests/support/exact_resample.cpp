// Images at other resolutions and at given places.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <cmath>
#include <functional>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

/// One of the pixels of an axis that an output reads: which, and how much of it.
struct Tap {
  std::size_t at;
  Real50 weight;
};
using Taps = std::vector<Tap>;

/// The weights of four neighbours, of which the second is t to the left: Keys 1981 with a = -3/4.
std::vector<Real50> cubic_weights(const Real50& t) {
  const auto near = [](const Real50& d) { return (1.25 * d - Real50(2.25)) * d * d + Real50(1.); };
  const auto far = [](const Real50& d) {
    return ((-0.75 * d + Real50(3.75)) * d - Real50(6.)) * d + Real50(3.);
  };
  const Real50 one = 1., two = 2.;
  return {far(t + one), near(t), near(one - t), far(two - t)};
}

std::size_t clipped(double i, std::size_t n) {
  return static_cast<std::size_t>(std::min(std::max(i, 0.), static_cast<double>(n) - 1));
}
double floor_of(const Real50& x) { return std::floor(static_cast<double>(x.value)); }

struct Axis {
  std::size_t in, out;
  const char* mode;
  bool align_corners = false;
  double factor = 0;  ///< out / in, where it was given

  [[nodiscard]] Real50 position(std::size_t o) const {
    const auto n = static_cast<double>(in), m = static_cast<double>(out), i = double(o);
    if (align_corners) return i * (Real50(n - 1) / Real50(m - 1));
    const Real50 step = factor > 0 ? Real50(1.) / Real50(factor) : Real50(n) / Real50(m);
    return (i + 0.5) * step - Real50(0.5);
  }
  [[nodiscard]] Taps taps(std::size_t o) const {
    const std::string name = mode;
    if (name == "nearest") return {{o * in / out, 1.}};
    if (name == "nearest-exact") return {{clipped(floor_of(position(o) + Real50(0.5)), in), 1.}};
    const Real50 at = name == "linear" && position(o).value < 0 ? Real50(0.) : position(o);
    const double left = floor_of(at);
    const Real50 t = at - Real50(left);
    if (name == "linear") return {{clipped(left, in), Real50(1.) - t}, {clipped(left + 1, in), t}};
    Taps all;
    const auto weights = cubic_weights(t);
    for (std::size_t k = 0; k < 4; ++k)
      all.push_back({clipped(left + double(k) - 1, in), weights[k]});
    return all;
  }
};

/// One image at another resolution; the last axis is the fastest.
Numbers resampled(const Numbers& x, const std::vector<Axis>& axes) {
  std::vector<std::vector<std::pair<std::size_t, Real50>>> reads{{{0, 1.}}};  // of each output
  for (const auto& axis : axes) {
    std::vector<std::vector<std::pair<std::size_t, Real50>>> longer;
    for (const auto& outer : reads)
      for (std::size_t o = 0; o < axis.out; ++o) {
        longer.emplace_back();
        for (const auto& [index, weight] : outer)
          for (const auto& tap : axis.taps(o))
            longer.back().emplace_back(index * axis.in + tap.at, weight * tap.weight);
      }
    reads = std::move(longer);
  }
  Numbers y;
  for (const auto& read : reads) {
    Numbers terms;
    for (const auto& [index, weight] : read) terms.push_back(x[index] * weight);
    y.push_back(sum(terms));
  }
  return y;
}

Row row(const char* name, const Shape& shape, const InterpolateOptions& options,
        const std::vector<Axis>& axes) {
  return {name,
          [=](const Tensors& x) { return interpolate(x[0], options); },
          [=](const Operands& x) { return resampled(x[0], axes); },
          {{shape}}};
}

/// The gradient of an interpolation from 4 to 7 pixels, given that of its result.
Tensor gradient_of_linear(const Tensors& x) {
  const Tensor image = zeros({1, 1, 4}, float64).requires_grad();
  const Tensor y = interpolate(image, {.size = 7, .mode = "linear"});
  return grad(y, {image}, {.create_graph = true, .seed = x[0]})[0];
}

// ---- places ----

struct Places {
  const char* mode;
  const char* padding_mode;
  bool align_corners = false;
};

Real50 clip(const Real50& u, double last) {
  return u.value <= 0 ? Real50(0.) : u.value >= last ? Real50(last) : u;
}

/// u moved into an axis of `last` + 1 pixels.
Real50 bound(const Real50& u, double last, const Places& places) {
  const std::string mode = places.padding_mode;
  if (mode == "zeros") return u;
  if (mode == "border") return clip(u, last);
  const double low = places.align_corners ? 0 : -0.5, span = last - 2 * low;
  const Real50 distance = abs(u - Real50(low));
  const double times = floor_of(distance / Real50(span));
  const Real50 rest = distance - Real50(times * span);
  return clip((std::fmod(times, 2) == 1 ? Real50(span) - rest : rest) + Real50(low), last);
}

Taps taps_at(const Real50& place, std::size_t n, const Places& places) {
  const double last = static_cast<double>(n) - 1;
  const Real50 u = places.align_corners ? (place + Real50(1.)) * (last / 2)
                                        : (place + Real50(1.)) * (double(n) / 2) - Real50(0.5);
  Taps all;
  const auto add = [&](const Real50& i, const Real50& weight) {
    if (i.value >= 0 && i.value <= last) all.push_back({clipped(double(i.value), n), weight});
  };
  if (places.mode == std::string("bicubic")) {
    const double left = floor_of(u);
    const auto weights = cubic_weights(u - Real50(left));
    for (std::size_t k = 0; k < 4; ++k) add(bound(left + double(k) - 1, last, places), weights[k]);
    return all;
  }
  const Real50 inside = bound(u, last, places);
  const double left = floor_of(inside);
  const Real50 t = inside - Real50(left);
  add(left, Real50(1.) - t);
  add(left + 1, t);
  return all;
}

/// x: an image of 3 x 4 pixels, and places in it.
Row grid_row(const char* name, const Places& places) {
  return {
      name,
      [=](const Tensors& x) {
        return grid_sample(x[0], x[1], {places.mode, places.padding_mode, places.align_corners});
      },
      [=](const Operands& x) {
        Numbers y;
        for (std::size_t i = 0; i < x[1].size(); i += 2) {
          Numbers terms;
          for (const auto& [row, of_row] : taps_at(x[1][i + 1], 3, places))
            for (const auto& [column, of_column] : taps_at(x[1][i], 4, places))
              terms.push_back(x[0][row * 4 + column] * (of_row * of_column));
          y.push_back(sum(terms));
        }
        return y;
      },
      {{{1, 1, 3, 4}}, {{1, 1, 3, 2}, Kind::place}}};
}

}  // namespace

std::vector<Row> resample_rows() {
  return {
      row("interpolate, nearest", {1, 1, 3}, {.size = 8}, {{3, 8, "nearest"}}),
      row("interpolate, nearest-exact", {1, 1, 3}, {.size = 8, .mode = "nearest-exact"},
          {{3, 8, "nearest-exact"}}),
      row("interpolate, linear", {1, 1, 4}, {.size = 7, .mode = "linear"}, {{4, 7, "linear"}}),
      row("interpolate, bilinear", {1, 1, 3, 4}, {.size = {4, 3}, .mode = "bilinear"},
          {{3, 4, "linear"}, {4, 3, "linear"}}),
      row("interpolate, bilinear, scaled", {1, 1, 3, 4},
          {.scale_factor = {1.7, 0.7}, .mode = "bilinear"},
          {{3, 5, "linear", false, 1.7}, {4, 2, "linear", false, 0.7}}),
      row("interpolate, bilinear, aligned", {1, 1, 6, 3},
          {.size = {4, 5}, .mode = "bilinear", .align_corners = true},
          {{6, 4, "linear", true}, {3, 5, "linear", true}}),
      row("interpolate, trilinear", {1, 1, 2, 3, 2}, {.size = {3, 2, 3}, .mode = "trilinear"},
          {{2, 3, "linear"}, {3, 2, "linear"}, {2, 3, "linear"}}),
      row("interpolate, cubic", {1, 1, 6}, {.size = 7, .mode = "cubic"}, {{6, 7, "cubic"}}),
      row("interpolate, bicubic", {1, 1, 3, 4}, {.size = {4, 3}, .mode = "bicubic"},
          {{3, 4, "cubic"}, {4, 3, "cubic"}}),
      row("interpolate, bicubic, aligned", {1, 1, 4, 3},
          {.size = {3, 5}, .mode = "bicubic", .align_corners = true},
          {{4, 3, "cubic", true}, {3, 5, "cubic", true}}),
      {"interpolate, area",
       [](const Tensors& x) { return interpolate(x[0], {.size = 3, .mode = "area"}); },
       [](const Operands& x) {
         const auto part = [&](std::size_t begin, std::size_t end) {
           Numbers all;
           for (std::size_t i = begin; i < end; ++i) all.push_back(x[0][i]);
           return mean(all);
         };
         return Numbers{part(0, 3), part(2, 5), part(4, 7)};
       },
       {{{1, 1, 7}}}},
      {"resample_backward",
       gradient_of_linear,
       [](const Operands& x) {
         const Axis axis{4, 7, "linear"};
         std::vector<Numbers> terms(4);
         for (std::size_t o = 0; o < 7; ++o)
           for (const auto& [at, weight] : axis.taps(o)) terms[at].push_back(x[0][o] * weight);
         Numbers y;
         for (const auto& part : terms) y.push_back(sum(part));
         return y;
       },
       {{{1, 1, 7}}}},
      grid_row("grid_sample", {"bilinear", "zeros"}),
      grid_row("grid_sample, border, aligned", {"bilinear", "border", true}),
      grid_row("grid_sample, reflection", {"bilinear", "reflection"}),
      grid_row("grid_sample, bicubic", {"bicubic", "zeros"}),
      grid_row("grid_sample, bicubic, reflection", {"bicubic", "reflection"}),
  };
}

}  // namespace gradtape::testing::exact

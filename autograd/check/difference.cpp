#include "gradtape/autograd/check/difference.hpp"

#include "gradtape/autograd/generator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace gradtape::gradient_check {
namespace {

constexpr int first_halving = 6, last_halving = 26;  // steps 2^-6 ... 2^-26
constexpr std::size_t columns = 5;

}  // namespace

Vector measure_noise(const std::function<Vector(const Tensors&)>& f, const Tensors& x0,
                     double spacing) {
  constexpr int points = 7, order = 4;
  constexpr double gamma = 1.0 / 70;  // (4!)^2 / 8!: what independent errors add to a difference
  Tensors directions;
  for (std::size_t i = 0; i < x0.size(); ++i) directions.push_back(random_like(x0[i], 100 + i));
  std::array<Vector, points> y;
  for (int p = 0; p < points; ++p) {
    Tensors moved;
    for (std::size_t i = 0; i < x0.size(); ++i) {
      Vector x = elements(x0[i]);
      const auto d = directions[i].data<double>();
      for (std::size_t k = 0; k < x.size(); ++k)
        x[k] += (p + 1) * spacing * d[k] * (x[k] == 0 ? 1 : std::abs(x[k]));
      moved.push_back(with_elements(x, x0[i]));
    }
    y[static_cast<std::size_t>(p)] = f(moved);
  }
  Vector noise(y[0].size());
  for (std::size_t i = 0; i < noise.size(); ++i) {
    std::array<double, points> table;
    for (std::size_t p = 0; p < points; ++p) table[p] = y[p][i];
    const double last_place = 0.5 * std::numeric_limits<double>::epsilon() * std::abs(table[3]);
    for (int o = 0; o < order; ++o)
      for (std::size_t p = 0; p + 1 < points; ++p) table[p] = table[p + 1] - table[p];
    double squares = 0;
    for (std::size_t p = 0; p < points - order; ++p) squares += table[p] * table[p];
    const double measured = std::sqrt(gamma * squares / (points - order));
    noise[i] = std::isfinite(measured) ? std::max(measured, last_place) : last_place;
  }
  return noise;
}

Line::Line(const Probe& probe, const Vector& noise, std::size_t input, std::int64_t element)
    : probe_(probe), noise_(noise), input_(input), x_(elements(probe.x[input])), element_(element) {
  unit_ = std::max(1.0, std::abs(x_[static_cast<std::size_t>(element)]));
}

Line::Line(const Probe& probe, const Vector& noise, std::size_t input, Vector direction)
    : probe_(probe),
      noise_(noise),
      input_(input),
      x_(elements(probe.x[input])),
      direction_(std::move(direction)) {}

Vector Line::at(double t) const {
  if (t == 0 && !middle_.empty()) return middle_;
  Vector x = x_;
  if (element_ >= 0)
    x[static_cast<std::size_t>(element_)] += t * unit_;
  else
    for (std::size_t k = 0; k < x.size(); ++k) x[k] += t * direction_[k];
  Tensors moved = probe_.x;
  moved[input_] = with_elements(x, moved[input_]);
  Vector y = probe_.value(moved);
  if (t == 0) middle_ = y;
  return y;
}

Line::Slope Line::slope(double from, double to) const { return slope(from, to, at(from), at(to)); }

Line::Slope Line::slope(double from, double to, const Vector& low, const Vector& high) const {
  if (low.size() != high.size())
    stop(Cause::noise, "the shape of the output changes when {} moves", probe_.names[input_]);
  double way = to - from;
  if (element_ >= 0) {  // how far it really went
    const double x = x_[static_cast<std::size_t>(element_)];
    const volatile double a = x + from * unit_, b = x + to * unit_;
    way = b - a;
  }
  double rise = 0, squares = 0;
  for (std::size_t i = 0; i < low.size(); ++i) {
    const double moved = high[i] - low[i];
    if (moved == 0) continue;
    rise += probe_.weights[i] * moved;
    const double rounding = probe_.weights[i] * noise_[i];
    squares += rounding * rounding;
  }
  Slope slope{rise / way, std::sqrt(2 * squares) / std::abs(way)};
  // Rounding x + t d moves the point itself; along one element `way` knows.
  if (element_ < 0)
    slope.rounding +=
        std::numeric_limits<double>::epsilon() * std::abs(slope.value) / std::abs(way);
  slope.rounding += std::numeric_limits<double>::epsilon() * std::abs(slope.value);
  return slope;
}

template <class SlopeAt> Difference Line::extrapolate(SlopeAt slope_at, double base) const {
  Difference best;
  Vector before;  // the extrapolations from the step before: each column one order higher
  int rows = 0;
  for (int halving = first_halving; halving <= last_halving; ++halving) {
    const double h = std::ldexp(1, -halving);
    const Slope slope = slope_at(h);
    if (!std::isfinite(slope.value)) {
      before.clear();
      rows = 0;
      continue;
    }
    Vector now{slope.value};
    double factor = 1;
    double truncation = INFINITY;
    for (std::size_t k = 0; k < std::min(before.size(), columns - 1); ++k) {
      factor *= base;
      const double correction = (now[k] - before[k]) / (factor - 1);
      now.push_back(now[k] + correction);
      const double change = std::max(std::abs(correction), std::abs(now[k + 1] - before[k]));
      // Two equal slopes may be chance, three rows are not.
      if (rows < 2) continue;
      truncation = std::min(truncation, change);
      const double error = change + safety * slope.rounding;
      if (error < best.error)
        best = {.value = now[k + 1], .error = error, .step = h, .bends = false};
    }
    before = std::move(now);
    ++rows;
    if (rows >= 3 &&
        (truncation <= safety * slope.rounding || safety * slope.rounding > best.error))
      break;
  }
  if (best.step != 0) best.error += std::numeric_limits<double>::denorm_min();
  return best;
}

Difference Line::derivative() const {
  // What the slopes to both sides differ by, step after step: half as much each time, or a kink.
  std::vector<Slope> bends;
  Difference best = extrapolate(
      [&](double h) {
        const Vector low = at(-h), high = at(h), middle = at(0);
        const Slope central = slope(-h, h, low, high);
        double bend = 0;
        for (std::size_t i = 0; i < low.size(); ++i)
          bend += probe_.weights[i] * ((high[i] - middle[i]) - (middle[i] - low[i]));
        bends.push_back({std::abs(bend) / h, 2 * central.rounding});
        return central;
      },
      4);
  const auto real = [&](std::size_t back) {
    const Slope& b = bends[bends.size() - back];
    return b.value > safety * b.rounding && b.value > 0.75 * bends[bends.size() - back - 1].value;
  };
  best.bends = bends.size() >= 3 && real(1) && real(2);
  return best;
}

Difference Line::one_sided(int side) const {
  return extrapolate([&](double h) { return side > 0 ? slope(0, h) : slope(-h, 0); }, 2);
}

double Line::remainder_order(double analytic, double discrepancy) const {
  int run = 0;
  double first = 0;
  for (int halving = first_halving; halving <= last_halving; ++halving) {
    const double h = std::ldexp(1, -halving);
    const Slope s = slope(-h, h);
    const double off = std::abs(s.value - analytic);  // the remainder over h
    const bool follows = std::isfinite(off) && off > 4 * s.rounding &&
                         off < 1.25 * std::abs(discrepancy) && off > 0.8 * std::abs(discrepancy);
    run = follows ? run + 1 : 0;
    if (run == 1) first = off;
    if (run == 4) return 1 + std::log2(first / off) / 3;
    if (!follows && 4 * s.rounding > std::abs(discrepancy)) break;
  }
  return NAN;
}

Vector Line::column(const Difference& found) const {
  const double h = found.step == 0 ? std::ldexp(1, -16) : found.step;
  const auto central = [&](double step) {
    const Vector low = at(-step), high = at(step);
    Vector rise(low.size());
    const double way = 2 * step * (element_ >= 0 ? unit_ : 1);
    for (std::size_t i = 0; i < rise.size(); ++i) rise[i] = (high[i] - low[i]) / way;
    return rise;
  };
  Vector coarse = central(2 * h), fine = central(h);
  const Vector coarsest = central(4 * h);
  for (std::size_t i = 0; i < fine.size(); ++i) {
    const double a = (4 * coarse[i] - coarsest[i]) / 3, b = (4 * fine[i] - coarse[i]) / 3;
    fine[i] = std::isfinite(a) ? (16 * b - a) / 15 : b;
  }
  return fine;
}

}  // namespace gradtape::gradient_check

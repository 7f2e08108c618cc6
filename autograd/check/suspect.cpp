#include "gradtape/autograd/check/suspect.hpp"
#include "gradtape/autograd/ops/detail/strided.hpp"

namespace gradtape::gradient_check {
namespace {

constexpr std::size_t most_columns = 64;

std::int64_t index_along(std::int64_t flat, const Shape& shape, int axis) {
  return detail::index_of(flat, shape)[static_cast<std::size_t>(axis)];
}

double largest(const Vector& a) {
  double scale = 0;
  for (double v : a)
    if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  return scale;
}

}  // namespace

bool same(const Vector& a, const Vector& b, double tolerance) {
  if (a.empty() || a.size() != b.size()) return false;
  const double scale = std::max(largest(a), largest(b));
  for (std::size_t k = 0; k < a.size(); ++k)
    if (!(std::abs(a[k] - b[k]) <= tolerance * scale)) return false;
  return true;
}

bool same(const Vector& a, const Vector& b, double tolerance, const Suspect& s) {
  if (a.size() != b.size()) return false;
  Vector x, y;
  for (const auto& [element, column] : s.columns()) {
    x.push_back(a[static_cast<std::size_t>(element)]);
    y.push_back(b[static_cast<std::size_t>(element)]);
  }
  return same(x, y, tolerance);
}

std::vector<std::size_t> transposition(const Shape& shape, int axis0, int axis1) {
  std::vector<std::int64_t> extents(shape.begin(), shape.end());
  std::swap(extents[static_cast<std::size_t>(axis0)], extents[static_cast<std::size_t>(axis1)]);
  const auto from = detail::strides_of(shape), to = detail::strides_of(Shape(extents));
  std::vector<std::size_t> place(static_cast<std::size_t>(shape.numel()));
  for (std::size_t k = 0; k < place.size(); ++k) {
    std::int64_t at = 0;
    for (int axis = 0; axis < shape.ndim(); ++axis) {
      const auto i =
          static_cast<std::int64_t>(k) / from[static_cast<std::size_t>(axis)] % shape[axis];
      const int there = axis == axis0 ? axis1 : axis == axis1 ? axis0 : axis;
      at += i * to[static_cast<std::size_t>(there)];
    }
    place[k] = static_cast<std::size_t>(at);
  }
  return place;
}

Suspect::Suspect(const Comparison& c, std::size_t which)
    : comparison(c),
      input(which),
      evidence(c.inputs[which]),
      weights(c.probe.weights),
      name(c.probe.names[which]),
      shape(c.probe.x[which].shape()),
      order(c.probe.order) {
  double most = -1;
  for (const auto& e : evidence.estimates)
    if (e.finding == Finding::wrong && !(e.discrepancy() <= most)) {
      worst = e;
      most = e.discrepancy();
    }
  const std::size_t step = evidence.estimates.size() / most_columns + 1;
  for (std::size_t i = 0; i < evidence.estimates.size(); i += step) {
    const auto& e = evidence.estimates[i];
    if (std::isfinite(e.numeric.error))
      columns_[e.element] = Line(c.probe, c.noise, input, e.element).column(e.numeric);
  }
}

bool Suspect::is_complete() const { return evidence.estimates.size() == evidence.analytic.size(); }

bool Suspect::explained_by(const std::function<double(const Estimate&)>& model,
                           double tolerance) const {
  for (const auto& e : evidence.estimates)
    if (!(std::abs(e.analytic - model(e)) <= 2 * e.numeric.error + tolerance * evidence.scale))
      return false;
  return !evidence.estimates.empty();
}

bool Suspect::explained_at(const std::function<std::size_t(std::size_t)>& place) const {
  for (const auto& e : evidence.estimates) {
    const double moved = evidence.analytic[place(static_cast<std::size_t>(e.element))];
    if (!(std::abs(moved - e.numeric.value) <= 2 * e.numeric.error + 1e-5 * evidence.scale))
      return false;
  }
  return !evidence.estimates.empty();
}

bool Suspect::explains_input(std::size_t other) const {
  for (const auto& e : evidence.estimates) {
    const auto there = comparison.estimate(other, e.element);
    if (!(std::abs(e.analytic - there.numeric.value) <=
          2 * there.numeric.error + 1e-5 * evidence.scale))
      return false;
  }
  return !evidence.estimates.empty();
}

double Suspect::factor() const {
  double both = 0, square = 0;
  for (const auto& e : evidence.estimates) {
    both += e.analytic * e.numeric.value;
    square += e.numeric.value * e.numeric.value;
  }
  return square > 0 ? both / square : 0;
}

double Suspect::tightness() const { return std::min(1e-6, 1e-3 * std::abs(factor() - 1)); }

double Suspect::worst_relative() const {
  double most = 0;
  for (const auto& e : evidence.estimates) most = std::max(most, e.discrepancy());
  return most / evidence.scale;
}

std::string Suspect::spread() const {
  double least = INFINITY, most = -INFINITY;
  for (const auto& e : evidence.estimates) {
    if (!(std::abs(e.numeric.value) > e.numeric.error)) continue;
    least = std::min(least, e.analytic / e.numeric.value);
    most = std::max(most, e.analytic / e.numeric.value);
  }
  std::string text = "none of those that gradcheck knows";
  if (least < most)
    text += fmt::format("; analytic / numeric lies between {:.4g} and {:.4g}", least, most);
  return text;
}

Vector Suspect::analytic_with(const Vector& cotangent) const {
  const auto g = comparison.probe.gradient(comparison.probe.x, cotangent)[input];
  return g.defined() ? elements(g) : Vector(evidence.analytic.size());
}

Vector Suspect::numeric_with(const Vector& cotangent) const {
  Vector g(evidence.analytic.size(), NAN);
  for (const auto& [element, column] : columns_)
    g[static_cast<std::size_t>(element)] = dot(cotangent, column);
  return g;
}

Vector Suspect::numeric_at_transposed(std::size_t other) const {
  Probe probe = comparison.probe;
  const Vector x = elements(probe.x[other]);
  const auto place =
      transposition(probe.x[other].shape(), probe.x[other].ndim() - 2, probe.x[other].ndim() - 1);
  Vector moved(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) moved[place[k]] = x[k];
  probe.x[other] = with_elements(moved, probe.x[other]);
  Vector g(evidence.analytic.size(), NAN);
  for (const auto& [element, column] : columns_)
    g[static_cast<std::size_t>(element)] =
        Line(probe, comparison.noise, input, element).derivative().value;
  return g;
}

Vector Suspect::transposed_weights() const {
  const Shape& y = comparison.probe.output;
  const int n = y.ndim();
  if (n < 2 || y[n - 1] != y[n - 2] || y[n - 1] < 2) return {};
  const auto place = transposition(y, n - 2, n - 1);
  Vector w(weights.size());
  for (std::size_t k = 0; k < w.size(); ++k) w[place[k]] = weights[k];
  return w;
}

Vector Suspect::weights_of_slice(int axis, std::int64_t slice) const {
  Vector w = weights;
  for (std::size_t k = 0; k < w.size(); ++k)
    if (index_along(static_cast<std::int64_t>(k), comparison.probe.output, axis) != slice) w[k] = 0;
  return w;
}

Vector Suspect::summed(unsigned axes) const {
  std::map<std::int64_t, double> sums;
  const auto stride = detail::strides_of(shape);
  const auto group = [&](std::int64_t k) {
    for (int axis = 0; axis < shape.ndim(); ++axis)
      if (axes >> axis & 1U)
        k -= index_along(k, shape, axis) * stride[static_cast<std::size_t>(axis)];
    return k;
  };
  for (const auto& e : evidence.estimates) sums[group(e.element)] += e.numeric.value;
  Vector spread;
  for (std::int64_t k = 0; k < shape.numel(); ++k) spread.push_back(sums[group(k)]);
  return spread;
}

std::string name_factor(double factor, const Suspect& s) {
  const std::string sign = factor < 0 ? "-" : "";
  const double size = std::abs(factor);
  const auto near = [&](double a, double b) {
    return std::abs(a - b) <= 2 * s.tightness() * std::abs(b);
  };
  for (std::int64_t q = 1; q <= 12; ++q) {
    const double p = std::round(size * static_cast<double>(q));
    if (p < 1 || p > 12 || !near(size, p / static_cast<double>(q))) continue;
    std::string text = fmt::format("{}{:.0f}", sign, p);
    if (q > 1) text += fmt::format("/{}", q);
    if (p != 1 && q != 1) return text;
    const auto n = p == 1 ? q : static_cast<std::int64_t>(p);
    if (n <= 2) return text;
    for (int axis = 0; axis < s.comparison.probe.output.ndim(); ++axis)
      if (s.comparison.probe.output[axis] == n)
        return fmt::format("{} ({} is the extent of axis {} of the output)", text, n, axis);
    for (int axis = 0; axis < s.shape.ndim(); ++axis)
      if (s.shape[axis] == n)
        return fmt::format("{} ({} is the extent of axis {} of {})", text, n, axis, s.name);
    if (s.comparison.probe.output.numel() == n)
      return fmt::format("{} ({} is the number of elements of the output)", text, n);
    if (s.shape.numel() == n)
      return fmt::format("{} ({} is the number of elements of {})", text, n, s.name);
    return text;
  }
  for (const auto& [n, what] :
       {std::pair<std::int64_t, std::string>{s.shape.numel(), s.name},
        std::pair<std::int64_t, std::string>{s.comparison.probe.output.numel(), "the output"}})
    for (bool inverse : {false, true})
      if (n > 12 && near(inverse ? 1 / size : size, static_cast<double>(n)))
        return fmt::format("{}{}{} ({} is the number of elements of {})", sign, inverse ? "1/" : "",
                           n, n, what);
  if (std::abs(factor - 1) < 1e-3)
    return fmt::format("1 {} {:.2g}", factor < 1 ? '-' : '+', std::abs(factor - 1));
  return fmt::format("{:.10g}", factor);
}

}  // namespace gradtape::gradient_check

#include "gradtape/autograd/check/compare.hpp"

#include "gradtape/autograd/generator.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace gradtape::gradient_check {
namespace {

// Rounding of f shows between neighbours; what f rounds on its way, to float32 or beside a large
// number, only between points further apart.
constexpr double narrow_spacing = 0x1p-26, wide_spacing = 0x1p-16;
constexpr std::int64_t sampled_elements = 48;

bool is_discrepant(const Estimate& e) { return !(e.discrepancy() <= e.numeric.error); }

/// Fills in the differences along `line`, and what they show.
void judge(Estimate& e, const Line& line, const Evidence& evidence) {
  e.numeric = line.derivative();
  e.numeric.error += evidence.rounding;
  if (!std::isfinite(e.analytic)) {
    e.finding = std::isfinite(e.numeric.value) ? Finding::wrong : Finding::unclear;
    return;
  }
  if (!std::isfinite(e.numeric.error)) {
    e.finding = Finding::unclear;
    return;
  }
  if (e.numeric.bends) {
    const Difference left = line.one_sided(-1), right = line.one_sided(1);
    const double error = left.error + right.error + evidence.negligible;
    if (std::abs(left.value - right.value) > error) {
      e.left = left.value;
      e.right = right.value;
      const bool between = e.analytic >= std::min(e.left, e.right) - error &&
                           e.analytic <= std::max(e.left, e.right) + error;
      e.finding = between ? Finding::kink : Finding::wrong;
      return;
    }
  }
  if (!is_discrepant(e)) return;
  e.finding = Finding::unclear;
  if (e.discrepancy() <= evidence.negligible) return;
  e.remainder_order = line.remainder_order(e.analytic, e.discrepancy());
  if (std::abs(e.remainder_order - 1) < 0.25) e.finding = Finding::wrong;
}

/// A random direction over elements [begin, end) of x, whose length does not grow with their
/// number.
Vector direction(const Tensor& x, std::size_t begin, std::size_t end, std::uint64_t stream) {
  const Vector all = elements(x);
  Generator generator = Generator(977).split(stream);
  const Tensor random = randn({static_cast<std::int64_t>(end - begin)}, float64, generator);
  Vector d(all.size());
  for (std::size_t k = begin; k < end; ++k)
    d[k] = random.data<double>()[k - begin] * std::max(1.0, std::abs(all[k])) /
           std::sqrt(static_cast<double>(end - begin));
  return d;
}

/// What rounding alone may do to an analytic value: that of terms as large as the largest
/// derivative and, since saturated functions cancel larger ones, as the function itself; every
/// order multiplies the rounding of the one below. And what cancellation may well do, though it
/// seldom does.
void set_rounding(Comparison& c) {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  double overall = 0;
  for (auto& evidence : c.inputs) {
    for (double a : evidence.analytic)
      if (std::isfinite(a)) evidence.rounding = std::max(evidence.rounding, std::abs(a));
    overall = std::max(overall, evidence.rounding);
  }
  for (auto& evidence : c.inputs) {
    const double terms = c.size + (c.probe.order == 2 ? overall : evidence.rounding);
    evidence.rounding = std::pow(safety, c.probe.order) * epsilon * terms;
    evidence.negligible = std::pow(epsilon, 2.0 / 3) * terms;
  }
}

class Comparer {
 public:
  explicit Comparer(Comparison& c) : c_(c) {}

  void element(std::size_t input, std::int64_t k) {
    auto& evidence = c_.inputs[input];
    evidence.estimates.push_back(c_.estimate(input, k));
    note_scale(evidence, evidence.estimates.back());
  }

  void directions(std::size_t input, int count) {
    auto& evidence = c_.inputs[input];
    const auto n = evidence.analytic.size();
    for (int i = 0; i < count; ++i) {
      evidence.directions.push_back(along(input, 0, n, static_cast<std::uint64_t>(i)));
      note_scale(evidence, evidence.directions.back());
    }
    const bool suspicious = evidence.any(Finding::wrong) || evidence.any(Finding::unclear);
    if (!suspicious) return;
    std::set<std::int64_t> chosen{bisect(input)};
    const auto size = static_cast<std::int64_t>(n);
    for (std::int64_t i = 0; i < std::min(size, sampled_elements); ++i)
      chosen.insert(i * size / std::min(size, sampled_elements));
    for (auto k : chosen) element(input, k);
  }

 private:
  static void note_scale(Evidence& evidence, const Estimate& e) {
    for (double v : {e.analytic, e.numeric.value})
      if (std::isfinite(v)) evidence.scale = std::max(evidence.scale, std::abs(v));
  }

  Estimate along(std::size_t input, std::size_t begin, std::size_t end, std::uint64_t stream) {
    Vector d = direction(c_.probe.x[input], begin, end, stream);
    Estimate e;
    e.analytic = dot(c_.inputs[input].analytic, d);
    judge(e, Line(c_.probe, c_.noise, input, std::move(d)), c_.inputs[input]);
    return e;
  }

  /// An element that makes a direction wrong: always into the half that is further off.
  std::int64_t bisect(std::size_t input) {
    std::size_t begin = 0, end = c_.inputs[input].analytic.size();
    const auto off = [&](std::size_t from, std::size_t to) {
      const Estimate e = along(input, from, to, from + 7);
      const double parts = std::sqrt(static_cast<double>(to - from));
      return std::isfinite(e.discrepancy()) ? parts * (e.discrepancy() - e.numeric.error)
                                            : INFINITY;
    };
    while (end - begin > 1) {
      const auto middle = begin + (end - begin) / 2;
      (off(begin, middle) >= off(middle, end) ? end : begin) = middle;
    }
    return static_cast<std::int64_t>(begin);
  }

  Comparison& c_;
};

}  // namespace

bool Evidence::any(Finding finding) const {
  const auto found = [&](const Estimate& e) { return e.finding == finding; };
  return std::any_of(estimates.begin(), estimates.end(), found) ||
         std::any_of(directions.begin(), directions.end(), found);
}

bool Evidence::proves_something() const {
  const auto slope = [](const Estimate& e) {
    return e.finding == Finding::agrees &&
           std::max(std::abs(e.analytic), std::abs(e.numeric.value)) > e.numeric.error;
  };
  return std::any_of(estimates.begin(), estimates.end(), slope) ||
         std::any_of(directions.begin(), directions.end(), slope);
}

double Evidence::widest_error() const {
  double widest = 0;
  for (const auto list : {&estimates, &directions})
    for (const auto& e : *list) widest = std::max(widest, e.numeric.error);
  return widest;
}

bool Comparison::any(Finding finding) const {
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const Evidence& evidence) { return evidence.any(finding); });
}

Estimate Comparison::estimate(std::size_t input, std::int64_t element) const {
  Estimate e;
  e.element = element;
  e.analytic = inputs[input].analytic[static_cast<std::size_t>(element)];
  judge(e, Line(probe, noise, input, element), inputs[input]);
  return e;
}

Comparison compare(Probe probe, bool exact, int directions, double size) {
  Comparison c{std::move(probe), {}, size, exact, {}};
  const Tensors analytic = c.probe.gradient(c.probe.x, c.probe.weights);
  const Tensors again = c.probe.gradient(c.probe.x, c.probe.weights);
  for (std::size_t i = 0; i < analytic.size(); ++i) {
    Evidence evidence;
    evidence.reached = analytic[i].defined();
    evidence.analytic = evidence.reached ? elements(analytic[i])
                                         : Vector(static_cast<std::size_t>(c.probe.x[i].numel()));
    if (again[i].defined() != evidence.reached)
      stop(Cause::random_backward, "two backward passes reached different inputs");
    if (evidence.reached) {
      const Vector twice = elements(again[i]);
      for (std::size_t k = 0; k < twice.size(); ++k)
        if (twice[k] != evidence.analytic[k] &&
            (twice[k] == twice[k] || evidence.analytic[k] == evidence.analytic[k]))
          stop(Cause::random_backward,
               "two backward passes gave different {}s of {}: a vjp draws random numbers, or "
               "keeps a state",
               c.probe.what, c.probe.names[i]);
    }
    c.inputs.push_back(std::move(evidence));
  }
  c.noise = measure_noise(c.probe.value, c.probe.x, narrow_spacing);
  const Vector wide = measure_noise(c.probe.value, c.probe.x, wide_spacing),
               y = c.probe.value(c.probe.x);
  for (std::size_t i = 0; i < y.size(); ++i) {
    c.noise[i] = std::max(c.noise[i], wide[i]);
    c.size = std::max(c.size, std::abs(c.probe.weights[i] * y[i]));
  }
  set_rounding(c);

  Comparer comparer(c);
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const auto n = c.probe.x[i].numel();
    if (exact)
      for (std::int64_t k = 0; k < n; ++k) comparer.element(i, k);
    else if (n > 0)
      comparer.directions(i, directions);
  }
  return c;
}

}  // namespace gradtape::gradient_check

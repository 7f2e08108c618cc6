// Ops that are not elementwise, in float64 against 50 digits: values and gradients at ordinary,
// huge, tiny and mixed arguments.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/exact.hpp"
#include "support/sanitizers.hpp"
#include "support/skip.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using namespace gradtape::testing::exact;

namespace {

constexpr Size sizes[] = {Size::ordinary, Size::huge, Size::tiny, Size::mixed, Size::saturated};
constexpr const char* size_names[] = {"ordinary", "huge", "tiny", "mixed", "saturated"};

double draw(Kind kind, Size size, std::mt19937_64& engine) {
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine);
  };
  if (kind == Kind::place) return uniform(-1.4, 1.4);
  if (kind == Kind::label) return uniform(-1, 1) < 0 ? -1 : 1;
  if (kind == Kind::probability) {
    const double small = size == Size::tiny    ? 1e-150 * uniform(0.1, 1)
                         : size == Size::mixed ? std::pow(10, -uniform(0, 150))
                                               : std::pow(10, -uniform(2, 15));
    if (size == Size::ordinary) return uniform(0.05, 0.95);
    return size == Size::huge || (size == Size::saturated && uniform(-1, 1) < 0) ? 1 - small
                                                                                 : small;
  }
  double x = uniform(0.1, 3);
  if (size == Size::huge) x *= 1e150;
  if (size == Size::tiny) x *= 1e-150;
  if (size == Size::mixed) x = std::pow(10, uniform(-150, 150));
  if (size == Size::saturated) x = uniform(20, 1000);
  if (kind == Kind::real && uniform(-1, 1) < 0) return -x;
  return kind == Kind::logarithm ? -x : x;
}

double ulp_of(const Real& exact) {
  const double x = std::abs(static_cast<double>(exact));
  int exponent = 0;
  std::frexp(x, &exponent);
  exponent = std::max(exponent, std::numeric_limits<double>::min_exponent);
  return std::ldexp(1, exponent - std::numeric_limits<double>::digits);
}

/// The figures are those of an optimised library. Its sums are in another order under sanitizers
/// and without optimisation, where loops run element by element; half of the bound, which holds for
/// any order, is asked of them.
#ifdef __OPTIMIZE__
constexpr double least_part = under_sanitizer ? 0.5 : 0;
#else
constexpr double least_part = 0.5;
#endif

/// The largest errors of a row so far.
struct Seen {
  double ulp = 0, part = 0;

  /// Whether `got` is as close to `exact` as the figures say.
  bool see(double got, const Real& exact, const Real& bound, bool in_range,
           const Figures& figures) {
    const double rounded = static_cast<double>(exact);
    if (got == rounded) return true;
    if (std::isinf(rounded) || !in_range) return std::isinf(rounded) && !in_range;
    if (!std::isfinite(got)) return false;
    const Real error = abs(Real(got) - exact);
    const auto in_ulp = static_cast<double>(error / ulp_of(exact));
    const auto of_bound = static_cast<double>(error / (bound * 0x1p-53));
    if (in_ulp <= figures.ulp) {
      ulp = std::max(ulp, in_ulp);
      return true;
    }
    part = std::max(part, of_bound);
    return of_bound <= std::max(figures.part, least_part);
  }
};

/// One call: the value, and the gradient of the sum of the values times `weights`.
struct Measured {
  const Row& row;
  Seen value = {}, slope = {};
  std::size_t judged = 0, out_of_range = 0;

  void call(Size size, std::mt19937_64& engine) {
    std::vector<Numbers> x;
    std::vector<Tensor> at;
    for (const auto& operand : row.operands) {
      std::vector<double> numbers;
      for (std::int64_t i = 0; i < operand.shape.numel(); ++i)
        numbers.push_back(draw(operand.kind, size, engine));
      x.emplace_back(numbers.begin(), numbers.end());
      const Tensor t = reshape(tensor(numbers), operand.shape);
      at.push_back(operand.kind == Kind::label ? t : t.requires_grad());
    }
    CAPTURE(std::string(row.name));
    CAPTURE(std::string(size_names[static_cast<int>(size)]));
    const Tensor y = row.f(at);
    const Numbers exact = row.reference(x);
    REQUIRE(static_cast<std::size_t>(y.numel()) == exact.size());
    Numbers weights;
    std::vector<double> seed;
    for (std::size_t k = 0; k < exact.size(); ++k) {
      seed.push_back(std::uniform_real_distribution<double>(0.5, 1.5)(engine));
      weights.emplace_back(seed.back());
      judge(value, "value", y.data<double>()[k], exact[k].value, exact[k].value_bound,
            exact[k].in_range, row.value);
    }
    for (std::size_t a = 0; a < x.size(); ++a) {
      if (!at[a].is_tracked()) continue;
      const Tensor g =
          grad(y, {at[a]}, {.retain_graph = true, .seed = reshape(tensor(seed), y.shape())})[0];
      for (std::size_t i = 0; i < x[a].size(); ++i) {
        x[a][i].slope = 1;
        const Real50 along = sum(map(row.reference(x), weights, std::multiplies<>()));
        x[a][i].slope = 0;
        CAPTURE(a);
        CAPTURE(i);
        judge(slope, "derivative", g.data<double>()[i], along.slope, along.slope_bound,
              along.in_range, row.slope);
      }
    }
  }

  void judge(Seen& seen, const char* what, double got, const Real& exact, const Real& bound,
             bool in_range, const Figures& figures) {
    // Near the largest number a last rounding may overflow, or not.
    const auto rounded = std::abs(static_cast<double>(exact));
    if (std::isnan(rounded) || (!in_range && std::isfinite(rounded)) ||
        (std::isinf(got) && rounded > 1e307)) {
      ++out_of_range;
      return;
    }
    ++judged;
    if (seen.see(got, exact, bound, in_range, figures)) return;
    CAPTURE(std::string(what));
    CAPTURE(got);
    CAPTURE(static_cast<double>(exact));
    CAPTURE(static_cast<double>(abs(Real(got) - exact) / ulp_of(exact)));
    CAPTURE(static_cast<double>(abs(Real(got) - exact) / (bound * 0x1p-53)));
    CHECK(false);
  }
};

}  // namespace

TEST_CASE("ops that are not elementwise keep the accuracy of docs/contract.md") {
  if (!has_many_digits) return skip("needs Boost.Multiprecision (libboost-dev)");
  for (const auto& row : rows()) {
    Measured measured{row};
    std::mt19937_64 engine(2026);
    for (const auto size : sizes)
      for (int round = std::ranges::count(row.unlike, size) ? 4 : 0; round < 4; ++round)
        measured.call(size, engine);
    CAPTURE(std::string(row.name));
    CHECK(measured.judged > measured.out_of_range);
    if (std::getenv("GRADTAPE_PRINT_ERRORS"))
      std::printf(
          "%-24s value %.3g ulp, %.3g of the bound; derivative %.3g ulp, %.3g of the bound; "
          "%zu judged, %zu left out\n",
          row.name, measured.value.ulp, measured.value.part, measured.slope.ulp,
          measured.slope.part, measured.judged, measured.out_of_range);
  }
}

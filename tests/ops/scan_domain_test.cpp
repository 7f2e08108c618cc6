// Every elementwise function over its whole domain, in float32 and float64: value and derivatives
// against long double, and elements against themselves in other places.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/accuracy.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Real = long double;

/// 4000 numbers: every exponent and both signs, subnormals, what functions are mostly used at, and
/// numbers close to 0, 1 and -1.
template <class T> std::vector<T> points(std::uint64_t seed) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::mt19937_64 draw(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<T> x{0, T(-0.), 1, -1, T(0.5), T(-0.5), 2};
  for (const T limit : {std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN(),
                        std::numeric_limits<T>::max(), std::numeric_limits<T>::min(),
                        std::numeric_limits<T>::denorm_min()})
    x.insert(x.end(), {limit, -limit});
  for (int k = 0; k < 1500; ++k) x.push_back(std::bit_cast<T>(static_cast<Bits>(draw())));
  for (const double scale : {1., 3., 10., 30., 100., 800.})
    for (int k = 0; k < 300; ++k) x.push_back(static_cast<T>(scale * uniform(draw)));
  const int digits = std::numeric_limits<T>::digits;
  for (int k = 0; k < 200; ++k) {
    x.push_back(static_cast<T>(1 + std::ldexp(uniform(draw), -k % digits)));
    x.push_back(static_cast<T>(-1 + std::ldexp(uniform(draw), -k % digits)));
    x.push_back(std::numeric_limits<T>::min() * static_cast<T>(uniform(draw)));
  }
  while (x.size() < 4000) x.push_back(static_cast<T>(uniform(draw)));
  std::shuffle(x.begin(), x.end(), draw);
  return x;
}

template <class T> Tensor tensor_of(const std::vector<T>& x) {
  Tensor y = tensor(std::vector<double>(x.begin(), x.end()));
  return y.to(sizeof(T) == 4 ? float32 : float64);
}

/// How far `got` is from `exact`, in units of the last place of the larger of exact and `terms`.
template <class T> double error_ulp(T got, Real exact, Real terms, Real edge) {
  const T rounded = static_cast<T>(exact);
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) == std::isnan(got) ? 0 : 1e99;
  if (std::isinf(rounded) || std::isinf(got)) {
    if (got == rounded) return 0;
    // At the largest number, where a last multiplication may overflow first.
    const bool at_the_edge = std::abs(exact) > std::numeric_limits<T>::max() * edge &&
                             std::abs(got) > std::numeric_limits<T>::max() * edge &&
                             std::signbit(got) == std::signbit(exact);
    return at_the_edge ? 0 : 1e99;
  }
  int exponent = 0;
  std::frexp(std::max(std::abs(exact), terms), &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  return static_cast<double>(std::abs(static_cast<Real>(got) - exact) /
                             std::ldexp(Real(1), exponent - std::numeric_limits<T>::digits));
}

/// The largest error, and where it is.
struct Worst {
  double ulp = 0, at = 0, other = 0, got = 0, exact = 0;
  Real edge = 0.999;
  template <class T> void see(Real at, Real other, T got, Real exact, Real terms = 0) {
    const double error = error_ulp(got, exact, terms, edge);
    if (error > ulp)
      *this = {error,
               static_cast<double>(at),
               static_cast<double>(other),
               static_cast<double>(got),
               static_cast<double>(exact),
               edge};
  }
  /// Where the test fails, it says more than the figure.
  void check(const char* what, double most) const {
    CAPTURE(std::string(what));
    CAPTURE(at);
    CAPTURE(other);
    CAPTURE(got);
    CAPTURE(exact);
    CHECK(ulp <= most);
  }
};

template <class T> void scan(const AccuracyRow& row) {
  const auto x = points<T>(1);
  const Tensor at = tensor_of(x).requires_grad(), y = row.f(at);
  const Tensor slope = grad(sum(y), {at}, {.create_graph = row.second != nullptr})[0];
  Tensor second;
  if (row.second) second = slope.is_tracked() ? grad(sum(slope), {at})[0] : zeros_like(at);
  Worst of_value, of_slope, of_second;
  of_slope.edge = of_second.edge = 0.1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Real exact = row.value(x[i]);
    const Real terms = row.terms ? row.terms(x[i]) : 0;
    of_value.see(x[i], 0, y.data<T>()[i], exact, row.terms_of_value ? terms : 0);
    // Derivatives where the value is a number of this type; those at infinite values, NaN and zeros
    // of either sign are docs/contract.md's.
    if (std::isnan(exact) || x[i] == 0 || std::isinf(static_cast<T>(exact))) continue;
    of_slope.see(x[i], 0, slope.data<T>()[i], row.slope(x[i]), terms);
    if (row.second) of_second.see(x[i], 0, second.data<T>()[i], row.second(x[i]), terms);
  }
  const char* const dtype = sizeof(T) == 4 ? "float32" : "float64";
  CAPTURE(std::string(row.name));
  CAPTURE(std::string(dtype));
  of_value.check("value", row.value_ulp);
  of_slope.check("first derivative", row.slope_ulp);
  if (row.second) of_second.check("second derivative", row.second_ulp);
}

template <class T> void scan(const BinaryAccuracyRow& row) {
  const auto a = points<T>(1), b = points<T>(2);
  const Tensor at = tensor_of(a).requires_grad(), and_at = tensor_of(b).requires_grad();
  const Tensor y = row.f(at, and_at);
  const auto slopes = grad(sum(y), {at, and_at});
  Worst of_value, of_slope;
  of_slope.edge = 0.1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Real exact = row.value(a[i], b[i]);
    of_value.see(a[i], b[i], y.data<T>()[i], exact, row.terms ? row.terms(a[i], b[i]) : 0);
    const T rounded = static_cast<T>(exact);
    if (!std::isfinite(rounded) || a[i] == 0 || b[i] == 0) continue;
    of_slope.see(a[i], b[i], slopes[0].data<T>()[i], row.slope_a(a[i], b[i]));
    const Real slope_b = row.slope_b ? row.slope_b(a[i], b[i]) : std::nan("");
    if (!std::isnan(slope_b)) of_slope.see(a[i], b[i], slopes[1].data<T>()[i], slope_b);
  }
  const char* const dtype = sizeof(T) == 4 ? "float32" : "float64";
  CAPTURE(std::string(row.name));
  CAPTURE(std::string(dtype));
  of_value.check("value", row.value_ulp);
  of_slope.check("first derivative", row.slope_ulp);
}

template <class T> bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0 || (std::isnan(a) && std::isnan(b));
}

/// Value and gradient of f at x[begin], x[begin + 1], ...: bit for bit those of the whole.
template <class T> void check_places(const AccuracyRow& row) {
  auto x = points<T>(3);
  const auto results = [&](const Tensor& at) {
    const Tensor leaf = at.requires_grad(), y = row.f(leaf);
    return std::vector<Tensor>{y, grad(sum(y), {leaf})[0]};
  };
  const std::vector<Tensor> whole = results(tensor_of(x));
  CAPTURE(std::string(row.name));
  std::vector<std::size_t> order(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) order[i] = i;
  std::mt19937_64 draw(4);
  for (int round = 0; round < 3; ++round) {  // new neighbours, lanes and ends
    std::shuffle(order.begin(), order.end(), draw);
    std::vector<T> moved;
    for (const auto i : order) moved.push_back(x[i]);
    moved.resize(x.size() - static_cast<std::size_t>(round) * 7 - 1);
    const std::vector<Tensor> there = results(tensor_of(moved));
    for (std::size_t k = 0; k < moved.size(); ++k)
      for (std::size_t which = 0; which < 2; ++which) {
        const T a = whole[which].data<T>()[order[k]], b = there[which].data<T>()[k];
        if (same_bits(a, b)) continue;
        CAPTURE(which);
        CAPTURE(moved[k]);
        CHECK(a == b);
        return;
      }
  }
  for (std::size_t i = 0; i < x.size(); i += 41) {  // by itself
    const Tensor one = tensor_of(std::vector<T>{x[i]});
    const std::vector<Tensor> alone = results(one), scalar = results(reshape(one, {}).detach());
    CAPTURE(x[i]);
    for (std::size_t which = 0; which < 2; ++which) {
      CAPTURE(which);
      CHECK(same_bits(alone[which].data<T>()[0], whole[which].data<T>()[i]));
      CHECK(same_bits(scalar[which].data<T>()[0], whole[which].data<T>()[i]));
    }
  }
}

}  // namespace

TEST_CASE("elementwise functions keep the accuracy of docs/contract.md over their whole domain") {
  for (const auto& row : accuracy_rows()) {
    scan<float>(row);
    scan<double>(row);
  }
}

TEST_CASE(
    "functions of two tensors keep the accuracy of docs/contract.md over their whole domain") {
  for (const auto& row : binary_accuracy_rows()) {
    scan<float>(row);
    scan<double>(row);
  }
}

TEST_CASE("an element's value and slope depend on neither its neighbours nor its place") {
  for (const auto& row : accuracy_rows()) {
    check_places<float>(row);
    check_places<double>(row);
  }
}

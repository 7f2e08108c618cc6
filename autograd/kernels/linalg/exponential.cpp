#include "gradtape/autograd/kernels/linalg/exponential.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

/// An unevaluated sum, |low| <= ulp(high) / 2: a number of twice the digits (Dekker 1971).
struct Pair {
  double high = 0, low = 0;

  Pair() = default;
  Pair(double high, double low = 0) : high(high), low(low) {}
  explicit operator double() const { return high; }
  static Pair normalised(double a, double b) {  // |a| >= |b|
    const double sum = a + b;
    return {sum, b - (sum - a)};
  }
  Pair& operator+=(Pair x) {
    const double sum = high + x.high, part = sum - high;
    const double lost = (high - (sum - part)) + (x.high - part);
    return *this = normalised(sum, lost + (low + x.low));
  }
  friend Pair operator*(Pair x, Pair y) {
    const double product = x.high * y.high;
    const double lost = std::fma(x.high, y.high, -product);
    return normalised(product, lost + (x.high * y.low + x.low * y.high));
  }
  friend Pair operator/(Pair x, double y) {
    const double ratio = x.high / y;
    return normalised(ratio, (std::fma(-ratio, y, x.high) + x.low) / y);
  }
};

/// What e^x is computed in.
template <class Number> struct Precision;
template <> struct Precision<double> {
  static constexpr int largest_degree = 16;
  static constexpr double epsilon = 0x1p-53;
};
template <> struct Precision<Pair> {
  static constexpr int largest_degree = 24;
  static constexpr double epsilon = 0x1p-104;
};

/// The largest norm for which a Taylor polynomial of e^x - 1 is exact to the precision: there its
/// first missing term is epsilon times x.
template <class Number> double largest_norm(int degree) {
  const double log_factorial = std::log(std::tgamma(degree + 2.0));
  return std::exp((log_factorial + std::log(Precision<Number>::epsilon)) / degree);
}

template <class Number> using Elements = std::vector<Number>;

std::size_t square(int64_t n) { return static_cast<std::size_t>(n * n); }

template <class Number>
Elements<Number> product(const Elements<Number>& a, const Elements<Number>& b, int64_t n) {
  Elements<Number> c(square(n));
  if constexpr (std::is_same_v<Number, double>)
    if (n > 8) {
      gemm<double>({a.data(), n, n}, {b.data(), n, n}, c.data());
      return c;
    }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < n; ++k) {
      const Number factor = a[static_cast<std::size_t>(i * n + k)];
      const Number* const row = b.data() + k * n;
      Number* const to = c.data() + i * n;
      for (int64_t j = 0; j < n; ++j) to[j] += factor * row[j];
    }
  return c;
}

/// sum_k x^k / k! from 1 to `degree`, a multiple of 4, by Horner's rule in x^4 (Paterson and
/// Stockmeyer 1973).
template <class Number> Elements<Number> taylor(const Elements<Number>& x, int64_t n, int degree) {
  std::vector<Elements<Number>> powers{x};
  while (powers.size() < 4) powers.push_back(product(powers.back(), x, n));
  std::vector<Number> coefficients{Number(1.0)};
  for (int k = 1; k <= degree; ++k) coefficients.push_back(coefficients.back() / double(k));
  Elements<Number> y;
  for (int first = degree - 4; first >= 0; first -= 4) {
    y = y.empty() ? Elements<Number>(square(n)) : product(powers[3], y, n);
    const int last = first == degree - 4 ? degree : first + 3;
    for (int k = first + 1; k <= last; ++k) {
      const Number c = coefficients[static_cast<std::size_t>(k)];
      const auto& power = powers[static_cast<std::size_t>(k - first - 1)];
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += c * power[i];
    }
    for (int64_t i = 0; first > 0 && i < n; ++i)
      y[static_cast<std::size_t>(i * (n + 1))] += coefficients[static_cast<std::size_t>(first)];
  }
  return y;
}

/// A matrix 1 + y, with the ones of the diagonal kept apart where y is small beside them.
template <class Number> class NearOne {
 public:
  NearOne(Elements<Number> y, int64_t n)
      : n_(n), y_(std::move(y)), one_(static_cast<std::size_t>(n), 1.0) {
    join();
  }

  /// False, and nothing changed, where the square overflows.
  bool square_once() {
    Elements<Number> z = product(y_, y_, n_);
    for (int64_t i = 0; i < n_; ++i)
      for (int64_t j = 0; j < n_; ++j) z[at(i, j)] += y_[at(i, j)] * Number(one(i) + one(j));
    if (!std::all_of(z.begin(), z.end(), [](Number v) { return std::isfinite(double(v)); }))
      return false;
    y_ = std::move(z);
    join();
    return true;
  }
  std::vector<double> whole() const {
    std::vector<double> result(y_.size());
    for (std::size_t i = 0; i < y_.size(); ++i) result[i] = double(y_[i]);
    for (int64_t i = 0; i < n_; ++i) result[at(i, i)] += one(i);
    return result;
  }

 private:
  std::size_t at(int64_t i, int64_t j) const { return static_cast<std::size_t>(i * n_ + j); }
  double one(int64_t i) const { return one_[static_cast<std::size_t>(i)]; }
  void join() {
    for (int64_t i = 0; i < n_; ++i)
      if (one(i) != 0 && std::abs(double(y_[at(i, i)])) > 0.5) {
        y_[at(i, i)] += Number(1.0);
        one_[static_cast<std::size_t>(i)] = 0;
      }
  }

  int64_t n_;
  Elements<Number> y_;
  std::vector<double> one_;
};

/// The square of a matrix whose elements overflow: 0 times infinity is 0, for the zero is exact or
/// beyond all comparison smaller.
std::vector<double> overflowing_square(const std::vector<double>& x, int64_t n) {
  std::vector<double> y(x.size());
  const auto at = [&](int64_t i, int64_t j) { return x[static_cast<std::size_t>(i * n + j)]; };
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      long double sum = 0;
      for (int64_t k = 0; k < n; ++k)
        if (at(i, k) != 0 && at(k, j) != 0) sum += static_cast<long double>(at(i, k)) * at(k, j);
      y[static_cast<std::size_t>(i * n + j)] = static_cast<double>(sum);
    }
  return y;
}

double norm(const std::vector<double>& x, int64_t n) {
  double largest = 0;
  for (int64_t j = 0; j < n; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::abs(x[static_cast<std::size_t>(i * n + j)]);
    largest = std::max(largest, sum);
  }
  return largest;
}

/// How often x must be halved for the largest polynomial.
template <class Number> int halvings(double norm) {
  const double ratio = norm / largest_norm<Number>(Precision<Number>::largest_degree);
  return ratio > 1 ? static_cast<int>(std::ceil(std::log2(ratio))) : 0;
}

/// e^(2^doublings x)
template <class Number>
std::vector<double> exponential_in(const std::vector<double>& x, int64_t n, double norm,
                                   int doublings) {
  const int halved = halvings<Number>(norm), squarings = halved + doublings;
  const double scaled = std::ldexp(norm, -halved);
  int degree = 4;
  while (degree < Precision<Number>::largest_degree && scaled > largest_norm<Number>(degree))
    degree += 4;
  const auto flops = 2.0 * static_cast<double>(n) * static_cast<double>(square(n));
  const int products = 2 + degree / 4 + squarings;
  detail::count_work(flops * products, 2 * sizeof(double) * square(n));

  Elements<Number> small(x.begin(), x.end());
  for (auto& v : small) v = Number(std::ldexp(double(v), -halved));
  NearOne<Number> y(taylor(small, n, degree), n);
  for (int i = 0; i < squarings; ++i)
    if (!y.square_once()) {
      auto rest = y.whole();
      for (; i < squarings; ++i) rest = overflowing_square(rest, n);
      return rest;
    }
  return y.whole();
}

/// Makes x = d^-1 x d of nearly the smallest norm, with d powers of two, whose exponents it gives
/// (Parlett and Reinsch 1969). Where a row or a column has nothing off the diagonal the other may
/// shrink to the size of the diagonal, which leaves no more to gain.
std::vector<int> balance(std::vector<double>& x, int64_t n) {
  constexpr int limit = 480;  // d_i / d_j is a number
  std::vector<int> exponents(static_cast<std::size_t>(n));
  const auto at = [&](int64_t i, int64_t j) -> double& {
    return x[static_cast<std::size_t>(i * n + j)];
  };
  double diagonal = 1;
  for (int64_t i = 0; i < n; ++i) diagonal = std::max(diagonal, std::abs(at(i, i)));
  bool changed = true;
  for (int sweep = 0; changed && sweep < 200; ++sweep) {
    changed = false;
    for (int64_t i = 0; i < n; ++i) {
      double column = 0, row = 0;
      for (int64_t j = 0; j < n; ++j) {
        if (j == i) continue;
        column += std::abs(at(j, i));
        row += std::abs(at(i, j));
      }
      if (column == 0) column = std::min(row, diagonal);
      if (row == 0) row = std::min(column, diagonal);
      if (row == 0) continue;
      const int e = static_cast<int>(std::lround(std::log2(row / column) / 2));
      int& own = exponents[static_cast<std::size_t>(i)];
      if (std::abs(own + e) > limit ||
          std::ldexp(column, e) + std::ldexp(row, -e) > 0.95 * (column + row))
        continue;
      own += e;
      changed = true;
      for (int64_t j = 0; j < n; ++j) {
        if (j == i) continue;
        at(j, i) = std::ldexp(at(j, i), e);
        at(i, j) = std::ldexp(at(i, j), -e);
      }
    }
  }
  return exponents;
}

}  // namespace

template <class T> void exponential(const T* a, int64_t n, T* y) {
  if (!all_finite(a, n * n)) {
    std::fill_n(y, n * n, std::numeric_limits<T>::quiet_NaN());
    return;
  }
  std::vector<double> x(a, a + n * n);
  int doublings = 0;
  if (std::isinf(norm(x, n))) {  // of sums of numbers, fewer than 2^32
    doublings = 32;
    for (double& v : x) v = std::ldexp(v, -doublings);
  }
  std::vector<int> exponents(static_cast<std::size_t>(n));
  if (halvings<double>(norm(x, n)) > 0) exponents = balance(x, n);
  // Every squaring may cost a bit, of which there are 29 to spare for a float.
  constexpr int may_lose = std::is_same_v<T, float> ? 24 : 5;
  const double size = norm(x, n);
  const auto result = halvings<double>(size) > may_lose
                          ? exponential_in<Pair>(x, n, size, doublings)
                          : exponential_in<double>(x, n, size, doublings);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      y[i * n + j] = static_cast<T>(std::ldexp(
          result[static_cast<std::size_t>(i * n + j)],
          exponents[static_cast<std::size_t>(i)] - exponents[static_cast<std::size_t>(j)]));
}

template void exponential(const float*, int64_t, float*);
template void exponential(const double*, int64_t, double*);

}  // namespace gradtape::kernels

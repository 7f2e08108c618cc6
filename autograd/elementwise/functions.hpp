/// The functions that formulas are written in, of packs and of dual numbers; on tensors they are
/// the ops of the same name. What each computes is in primitives.hpp and special.hpp.
#pragma once

#include "gradtape/autograd/elementwise/dual.hpp"
#include "gradtape/autograd/elementwise/special.hpp"

namespace gradtape {

template <detail::FormulaValue T> T abs(const T& x) {
  return detail::lift<primitive::Abs>(x, [](const auto& v) { return abs(v); });
}
template <detail::FormulaValue T> T sign(const T& x) {
  return detail::lift<primitive::Sign>(x, [](const auto& v) { return sign(v); });
}
template <detail::FormulaValue T> T step(const T& x) {
  return detail::lift<primitive::Step>(x, [](const auto& v) { return step(v); });
}
template <detail::FormulaValue T> T floor(const T& x) {
  return detail::lift<primitive::Floor>(x, [](const auto& v) { return floor(v); });
}
template <detail::FormulaValue T> T ceil(const T& x) {
  return detail::lift<primitive::Ceil>(x, [](const auto& v) { return ceil(v); });
}
template <detail::FormulaValue T> T round(const T& x) {
  return detail::lift<primitive::Round>(x, [](const auto& v) { return round(v); });
}
template <detail::FormulaValue T> T trunc(const T& x) {
  return detail::lift<primitive::Trunc>(x, [](const auto& v) { return trunc(v); });
}
template <detail::FormulaValue T> T square(const T& x) {
  return detail::lift<primitive::Square>(x, [](const auto& v) { return square(v); });
}
template <detail::FormulaValue T> T sqrt(const T& x) {
  return detail::lift<primitive::Sqrt>(x, [](const auto& v) { return sqrt(v); });
}
template <detail::FormulaValue T> T cbrt(const T& x) {
  return detail::lift<primitive::Cbrt>(x, [](const auto& v) { return cbrt(v); });
}
template <detail::FormulaValue T> T rsqrt(const T& x) {
  return detail::lift<primitive::Rsqrt>(x, [](const auto& v) { return rsqrt(v); });
}
template <detail::FormulaValue T> T reciprocal(const T& x) {
  return detail::lift<primitive::Reciprocal>(x, [](const auto& v) { return reciprocal(v); });
}
template <detail::FormulaValue T> T exp(const T& x) {
  return detail::lift<primitive::Exp>(x, [](const auto& v) { return exp(v); });
}
template <detail::FormulaValue T> T exp2(const T& x) {
  return detail::lift<primitive::Exp2>(x, [](const auto& v) { return exp2(v); });
}
template <detail::FormulaValue T> T expm1(const T& x) {
  return detail::lift<primitive::Expm1>(x, [](const auto& v) { return expm1(v); });
}
template <detail::FormulaValue T> T log(const T& x) {
  return detail::lift<primitive::Log>(x, [](const auto& v) { return log(v); });
}
template <detail::FormulaValue T> T log2(const T& x) {
  return detail::lift<primitive::Log2>(x, [](const auto& v) { return log2(v); });
}
template <detail::FormulaValue T> T log10(const T& x) {
  return detail::lift<primitive::Log10>(x, [](const auto& v) { return log10(v); });
}
template <detail::FormulaValue T> T log1p(const T& x) {
  return detail::lift<primitive::Log1p>(x, [](const auto& v) { return log1p(v); });
}
template <detail::FormulaValue T> T sin(const T& x) {
  return detail::lift<primitive::Sin>(x, [](const auto& v) { return sin(v); });
}
template <detail::FormulaValue T> T cos(const T& x) {
  return detail::lift<primitive::Cos>(x, [](const auto& v) { return cos(v); });
}
template <detail::FormulaValue T> T tan(const T& x) {
  return detail::lift<primitive::Tan>(x, [](const auto& v) { return tan(v); });
}
template <detail::FormulaValue T> T asin(const T& x) {
  return detail::lift<primitive::Asin>(x, [](const auto& v) { return asin(v); });
}
template <detail::FormulaValue T> T acos(const T& x) {
  return detail::lift<primitive::Acos>(x, [](const auto& v) { return acos(v); });
}
template <detail::FormulaValue T> T atan(const T& x) {
  return detail::lift<primitive::Atan>(x, [](const auto& v) { return atan(v); });
}
template <detail::FormulaValue T> T sinh(const T& x) {
  return detail::lift<primitive::Sinh>(x, [](const auto& v) { return sinh(v); });
}
template <detail::FormulaValue T> T cosh(const T& x) {
  return detail::lift<primitive::Cosh>(x, [](const auto& v) { return cosh(v); });
}
template <detail::FormulaValue T> T tanh(const T& x) {
  return detail::lift<primitive::Tanh>(x, [](const auto& v) { return tanh(v); });
}
template <detail::FormulaValue T> T asinh(const T& x) {
  return detail::lift<primitive::Asinh>(x, [](const auto& v) { return asinh(v); });
}
template <detail::FormulaValue T> T acosh(const T& x) {
  return detail::lift<primitive::Acosh>(x, [](const auto& v) { return acosh(v); });
}
template <detail::FormulaValue T> T atanh(const T& x) {
  return detail::lift<primitive::Atanh>(x, [](const auto& v) { return atanh(v); });
}
template <detail::FormulaValue T> T erf(const T& x) {
  return detail::lift<primitive::Erf>(x, [](const auto& v) { return erf(v); });
}
template <detail::FormulaValue T> T erfc(const T& x) {
  return detail::lift<primitive::Erfc>(x, [](const auto& v) { return erfc(v); });
}
template <detail::FormulaValue T> T erfinv(const T& x) {
  return detail::lift<primitive::Erfinv>(x, [](const auto& v) { return erfinv(v); });
}
template <detail::FormulaValue T> T lgamma(const T& x) {
  return detail::lift<primitive::Lgamma>(x, [](const auto& v) { return lgamma(v); });
}
template <detail::FormulaValue T> T digamma(const T& x) {
  return detail::lift<primitive::Digamma>(x, [](const auto& v) { return digamma(v); });
}
template <detail::FormulaValue T> T sinc(const T& x) {
  return detail::lift<primitive::Sinc>(x, [](const auto& v) { return sinc(v); });
}
template <detail::FormulaValue T> T logit(const T& x) {
  return detail::lift<primitive::Logit>(x, [](const auto& v) { return logit(v); });
}
template <detail::FormulaValue T> T sigmoid(const T& x) {
  return detail::lift<primitive::Sigmoid>(x, [](const auto& v) { return sigmoid(v); });
}
template <detail::FormulaValue T> T softplus(const T& x) {
  return detail::lift<primitive::Softplus>(x, [](const auto& v) { return softplus(v); });
}
template <detail::FormulaValue T> T relu(const T& x) {
  return detail::lift<primitive::Relu>(x, [](const auto& v) { return relu(v); });
}
template <detail::FormulaValue T> T tanhshrink(const T& x) {
  return detail::lift<primitive::Tanhshrink>(x, [](const auto& v) { return tanhshrink(v); });
}
template <detail::FormulaValue T> T softsign(const T& x) {
  return detail::lift<primitive::Softsign>(x, [](const auto& v) { return softsign(v); });
}

template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto pow(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Pow>(T(a), T(b),
                                      [](const auto& v, const auto& w) { return pow(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto maximum(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Maximum>(
      T(a), T(b), [](const auto& v, const auto& w) { return maximum(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto minimum(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Minimum>(
      T(a), T(b), [](const auto& v, const auto& w) { return minimum(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto fmax(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Fmax>(T(a), T(b),
                                       [](const auto& v, const auto& w) { return fmax(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto fmin(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Fmin>(T(a), T(b),
                                       [](const auto& v, const auto& w) { return fmin(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto atan2(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Atan2>(T(a), T(b),
                                        [](const auto& v, const auto& w) { return atan2(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto hypot(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Hypot>(T(a), T(b),
                                        [](const auto& v, const auto& w) { return hypot(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto copysign(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Copysign>(
      T(a), T(b), [](const auto& v, const auto& w) { return copysign(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto fmod(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Fmod>(T(a), T(b),
                                       [](const auto& v, const auto& w) { return fmod(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto remainder(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Remainder>(
      T(a), T(b), [](const auto& v, const auto& w) { return remainder(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto floor_divide(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::FloorDivide>(
      T(a), T(b), [](const auto& v, const auto& w) { return floor_divide(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto logaddexp(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Logaddexp>(
      T(a), T(b), [](const auto& v, const auto& w) { return logaddexp(v, w); });
}
template <class A, class B>
  requires(detail::FormulaValue<A> || detail::FormulaValue<B>)
auto xlogy(const A& a, const B& b) {
  using T = detail::common<A, B>;
  return detail::lift<primitive::Xlogy>(T(a), T(b),
                                        [](const auto& v, const auto& w) { return xlogy(v, w); });
}
/// x^n for a literal exponent: small whole ones by products, and no logarithm for the slope.
template <detail::FormulaValue T> T pow(const T& x, double n) {
  if constexpr (detail::is_dual<T>) {
    return x.scaled(pow(x.value, n), n * pow(x.value, n - 1));
  } else {
    if (n != std::nearbyint(n) || n < -8 || n > 8) return detail::apply<primitive::Pow>(x, T(n));
    T y(1), power = x;
    for (int left = std::abs(static_cast<int>(n)); left; left /= 2, power = power * power)
      if (left % 2) y = y * power;
    return n < 0 ? T(1) / y : y;
  }
}
/// min(max(x, low), high); the slope at the bounds is 1.
template <detail::FormulaValue T> T clamp(const T& x, double low, double high) {
  return where(x < low, T(low), where(x > high, T(high), x));
}
/// The n-th derivative of digamma.
template <detail::FormulaValue T> T polygamma(int n, const T& x) {
  if constexpr (detail::is_dual<T>) {
    return x.scaled(polygamma(n, x.value), polygamma(n + 1, x.value));
  } else if constexpr (std::same_as<T, Pack<detail::Counted>>) {
    return detail::counted(x);
  } else {
    return primitive::each(
        [n](auto e) { return static_cast<decltype(e)>(detail::polygamma(n, e)); }, x.v);
  }
}

}  // namespace gradtape

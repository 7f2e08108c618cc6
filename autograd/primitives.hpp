/// The primitives of formulas: for each function its value, and the one place where its derivative
/// is written.
///
/// `value` works on elements and registers; the slope is generic over packs, dual numbers and
/// tensors, so that it serves the fused backward pass and every higher order alike. It is given
/// `of_output(y)` where the result alone determines it, which saves keeping the input, else
/// `of_input(x)`.
#pragma once

#include "gradtape/autograd/pack.hpp"

namespace gradtape::primitive {

/// f element by element, for functions whose register version in xsimd is wrong or imprecise
/// somewhere.
template <class V, class F, class... More> V each(F f, V x, More... more) {
  using T = typename Pack<V>::scalar;
  if constexpr (std::same_as<V, T>) {
    return f(x, more...);
  } else {
    constexpr auto size = V::size;
    alignas(V) T out[size], in[1 + sizeof...(more)][size];
    std::size_t k = 0;
    x.store_aligned(in[k++]);
    (more.store_aligned(in[k++]), ...);
    for (std::size_t i = 0; i < size; ++i) {
      if constexpr (sizeof...(more) == 0)
        out[i] = f(in[0][i]);
      else
        out[i] = f(in[0][i], in[1][i]);
    }
    return V::load_aligned(out);
  }
}
/// y, but x where x is 0: keeps the sign of a zero.
template <class V> V keep_zero(V x, V y) {
  return where(Pack<V>(x) == 0, Pack<V>(x), Pack<V>(y)).v;
}

struct Abs {
  static constexpr const char* name = "abs";
  static auto value(auto x) {
    using std::abs;
    return abs(x);
  }
  static auto of_input(const auto& x) { return sign(x); }
};
struct Sign {
  static constexpr const char* name = "sign";
  template <class V> static V value(V x) {
    const Pack<V> p(x);
    return where(p > 0, Pack<V>(1), where(p < 0, Pack<V>(-1), p)).v;  // keeps -0 and NaN
  }
  static auto of_input(const auto& x) { return 0.0 * step(x); }
};
/// 1 where x > 0, 0 elsewhere: the slope of relu.
struct Step {
  static constexpr const char* name = "step";
  template <class V> static V value(V x) { return where(Pack<V>(x) > 0, Pack<V>(1), Pack<V>(0)).v; }
  static auto of_input(const auto& x) { return 0.0 * step(x); }
};
struct Floor {
  static constexpr const char* name = "floor";
  static auto value(auto x) {
    using std::floor;
    return floor(x);
  }
  static auto of_input(const auto& x) { return 0.0 * step(x); }
};
struct Ceil {
  static constexpr const char* name = "ceil";
  static auto value(auto x) {
    using std::ceil;
    return ceil(x);
  }
  static auto of_input(const auto& x) { return 0.0 * step(x); }
};
struct Round {
  static constexpr const char* name = "round";
  static auto value(auto x) {
    using std::nearbyint;
    return nearbyint(x);
  }
  static auto of_input(const auto& x) { return 0.0 * step(x); }
};

struct Square {
  static constexpr const char* name = "square";
  static auto value(auto x) { return decltype(x)(x * x); }
  static auto of_input(const auto& x) { return 2.0 * x; }
};
struct Sqrt {
  static constexpr const char* name = "sqrt";
  static auto value(auto x) {
    using std::sqrt;
    return sqrt(x);
  }
  static auto of_output(const auto& y) { return 0.5 / y; }
};
struct Rsqrt {
  static constexpr const char* name = "rsqrt";
  template <class V> static V value(V x) {
    using std::sqrt;
    return (Pack<V>(1) / Pack<V>(sqrt(x))).v;
  }
  static auto of_output(const auto& y) { return -0.5 * (y * y * y); }
};
struct Reciprocal {
  static constexpr const char* name = "reciprocal";
  template <class V> static V value(V x) { return (Pack<V>(1) / Pack<V>(x)).v; }
  static auto of_output(const auto& y) { return -(y * y); }
};

struct Exp {
  static constexpr const char* name = "exp";
  static auto value(auto x) {
    using std::exp;
    return exp(x);
  }
  static auto of_output(const auto& y) { return y; }
};
struct Expm1 {
  static constexpr const char* name = "expm1";
  static auto value(auto x) {
    using std::expm1;
    return keep_zero(x, expm1(x));
  }
  static auto of_output(const auto& y) { return y + 1.0; }
};
struct Log {
  static constexpr const char* name = "log";
  static auto value(auto x) {
    using std::log;
    return log(x);
  }
  static auto of_input(const auto& x) { return 1.0 / x; }
};
struct Log1p {
  static constexpr const char* name = "log1p";
  static auto value(auto x) {
    using std::log1p;
    return keep_zero(x, log1p(x));
  }
  static auto of_input(const auto& x) { return 1.0 / (1.0 + x); }
};

struct Sin {
  static constexpr const char* name = "sin";
  static auto value(auto x) {
    using std::sin;
    return sin(x);
  }
  static auto of_input(const auto& x) { return cos(x); }
};
struct Cos {
  static constexpr const char* name = "cos";
  static auto value(auto x) {
    using std::cos;
    return cos(x);
  }
  static auto of_input(const auto& x) { return -sin(x); }
};
struct Tan {
  static constexpr const char* name = "tan";
  static auto value(auto x) {
    using std::tan;
    return tan(x);
  }
  static auto of_output(const auto& y) { return 1.0 + y * y; }
};
struct Asin {
  static constexpr const char* name = "asin";
  static auto value(auto x) {
    using std::asin;
    return asin(x);
  }
  static auto of_input(const auto& x) { return rsqrt(1.0 - x * x); }
};
struct Acos {
  static constexpr const char* name = "acos";
  static auto value(auto x) {
    using std::acos;
    return acos(x);
  }
  static auto of_input(const auto& x) { return -rsqrt(1.0 - x * x); }
};
struct Atan {
  static constexpr const char* name = "atan";
  static auto value(auto x) {
    using std::atan;
    return atan(x);
  }
  static auto of_input(const auto& x) { return 1.0 / (1.0 + x * x); }
};
struct Sinh {
  static constexpr const char* name = "sinh";
  static auto value(auto x) {
    using std::sinh;
    return sinh(x);
  }
  static auto of_input(const auto& x) { return cosh(x); }
};
struct Cosh {
  static constexpr const char* name = "cosh";
  static auto value(auto x) {
    using std::cosh;
    return cosh(x);
  }
  static auto of_input(const auto& x) { return sinh(x); }
};
struct Tanh {
  static constexpr const char* name = "tanh";
  static auto value(auto x) {
    using std::tanh;
    return tanh(x);
  }
  static auto of_output(const auto& y) { return 1.0 - y * y; }
};
struct Erf {
  static constexpr const char* name = "erf";
  template <class V> static V value(V x) {
    using std::erf;
    if constexpr (std::same_as<typename Pack<V>::scalar, double>)
      return each([](double e) { return std::erf(e); }, x);  // xsimd: 30 ulp off in double
    else
      return erf(x);
  }
  static auto of_input(const auto& x) {
    return 1.1283791670955126 * exp(-(x * x));
  }  // 2 / sqrt(pi)
};

/// 1 / (1 + e^-x): e^-x may overflow to infinity, which gives the right 0.
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  template <class V> static V value(V x) {
    using std::exp;
    return (Pack<V>(1) / (Pack<V>(1) + Pack<V>(exp(-Pack<V>(x).v)))).v;
  }
  static auto of_output(const auto& y) { return y * (1.0 - y); }
};
/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|)
struct Softplus {
  static constexpr const char* name = "softplus";
  template <class V> static V value(V x) {
    using std::abs, std::exp, std::log1p;
    const Pack<V> p(x), tail(log1p(exp((-Pack<V>(abs(x))).v)));
    return where(p > 0, p + tail, where(p <= 0, tail, p)).v;
  }
  static auto of_input(const auto& x) { return sigmoid(x); }
};
struct Relu {
  static constexpr const char* name = "relu";
  template <class V> static V value(V x) {
    const Pack<V> p(x);
    return where(p <= 0, Pack<V>(0), p).v;  // NaN stays
  }
  static auto of_output(const auto& y) { return step(y); }
};

// Two inputs: `slopes` returns d/da and d/db.

struct Pow {
  static constexpr const char* name = "pow";
  template <class V> static V value(V a, V b) {
    return each([](auto p, auto q) { return std::pow(p, q); }, a,
                b);  // xsimd: wrong at 0 and infinity
  }
  /// b a^(b-1), and 0 where b is 0 whatever a is
  static auto slope_a(const auto& a, const auto& b, const auto&) {
    return chain(b, pow(a, b - 1.0));
  }
  /// a^b log(a), and 0 where a = 0 and b >= 0: the limit from the right for b > 0
  static auto slope_b(const auto& a, const auto& b, const auto& y) {
    return chain(y, log(where(a == 0.0, where(b >= 0.0, 1.0, a), a)));
  }
};
/// 1 for the winner, half for each of two equals.
auto share(const auto& wins, const auto& equal) {
  return where(wins, 1.0, where(equal, 0.5, 0.0));
}

struct Maximum {
  static constexpr const char* name = "maximum";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b);
    return where(p != p, p, where(p > q, p, q)).v;
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) { return share(a > b, a == b); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return share(b > a, a == b); }
};
struct Minimum {
  static constexpr const char* name = "minimum";
  template <class V> static V value(V a, V b) {
    const Pack<V> p(a), q(b);
    return where(p != p, p, where(p < q, p, q)).v;
  }
  static auto slope_a(const auto& a, const auto& b, const auto&) { return share(a < b, a == b); }
  static auto slope_b(const auto& a, const auto& b, const auto&) { return share(b < a, a == b); }
};

/// Whether the slope is given by the output.
template <class P>
concept FromOutput = requires(Pack<float> y) {
  P::of_output(y);
};

}  // namespace gradtape::primitive

/// What elementwise ops compute on int64; for ops/*.cpp only. Results wrap around modulo 2^64, as
/// NumPy's do: abs of the least int64 is itself, pow(3, 41) is negative.
#pragma once

#include <algorithm>
#include <cstdint>

#include "gradtape/autograd/elementwise/binary.hpp"
#include "gradtape/autograd/elementwise/loop.hpp"
#include "gradtape/autograd/elementwise/unary.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// The function of int64 that a primitive is; primitives that have none take floats alone.
template <class P> struct OnIntegers;
template <class P>
concept HasIntegers = requires { sizeof(OnIntegers<P>); };

// Without a sign overflow is defined.
inline std::int64_t negated(std::int64_t x) {
  return static_cast<std::int64_t>(-static_cast<std::uint64_t>(x));
}
inline std::int64_t times(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

template <> struct OnIntegers<primitive::Abs> {
  std::int64_t operator()(std::int64_t x) const { return x < 0 ? negated(x) : x; }
};
template <> struct OnIntegers<primitive::Sign> {
  std::int64_t operator()(std::int64_t x) const { return (x > 0) - (x < 0); }
};
template <> struct OnIntegers<primitive::Square> {
  std::int64_t operator()(std::int64_t x) const { return times(x, x); }
};
template <> struct OnIntegers<primitive::Maximum> {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return std::max(a, b); }
};
template <> struct OnIntegers<primitive::Minimum> {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return std::min(a, b); }
};
template <> struct OnIntegers<primitive::Fmax> : OnIntegers<primitive::Maximum> {};
template <> struct OnIntegers<primitive::Fmin> : OnIntegers<primitive::Minimum> {};

// Those that divide: by -1 on its own, as the least int64 / -1 overflows. No b is 0.
struct Dividing {
  static constexpr bool refuses(std::int64_t b) { return b == 0; }
  static constexpr const char* because = "and integers have no infinity; convert with to(float32)";
};
template <> struct OnIntegers<primitive::Fmod> : Dividing {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return b == -1 ? 0 : a % b; }
};
template <> struct OnIntegers<primitive::Remainder> : Dividing {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const {
    const auto rest = b == -1 ? 0 : a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
};
template <> struct OnIntegers<primitive::FloorDivide> : Dividing {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const {
    if (b == -1) return negated(a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
  }
};
template <> struct OnIntegers<primitive::Pow> {
  std::int64_t operator()(std::int64_t a, std::int64_t n) const {
    std::int64_t y = 1;
    for (; n > 0; n /= 2, a = times(a, a))
      if (n % 2) y = times(y, a);
    return y;
  }
  static constexpr bool refuses(std::int64_t n) { return n < 0; }
  static constexpr const char* because = "and would give a fraction; convert with to(float32)";
};

/// f of integers as a function of the packs that loops pass.
template <class F> struct OfPacks {
  Pack<std::int64_t> operator()(const auto&... p) const { return F()(p.v...); }
};
template <std::size_t In, class F>
inline constexpr Kernel integer_kernels[] = {{}, {}, kernel_of<std::int64_t, In, OfPacks<F>>(), {}};

/// Throws ValueError: "remainder: b [2] holds 0 at [1], and ...".
[[noreturn]] void refuse_operand(const char* op, const Tensor& b, std::int64_t at,
                                 const char* because);

/// A primitive of int64 tensors that broadcast together. Throws ValueError for an operand b that it
/// refuses.
template <class P, class... Inputs> Tensor map_integers(const Inputs&... x) {
  using F = OnIntegers<P>;
  const Tensor* const in[] = {&x...};
  if constexpr (requires { F::because; }) {
    const auto b = in[1]->template data<std::int64_t>();
    const auto bad = std::find_if(b.begin(), b.end(), F::refuses);
    if (bad != b.end()) refuse_operand(P::name, *in[1], bad - b.begin(), F::because);
  }
  const F f;
  Tensor y = map_tensors(P::name, {integer_kernels<sizeof...(x), F>, &f, 1}, in, sizeof...(x));
  const auto never = [](const Tensor& g) { return g; };  // integers have no gradient
  return record(P::name, std::move(y), {x...}, {(static_cast<void>(x), never)...});
}

}  // namespace gradtape::detail

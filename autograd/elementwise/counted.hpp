/// Counting the operations of a formula: one more reading of the same lambda, over packs that hold
/// nothing and count what is done to them.
#pragma once

#include <utility>

#include "gradtape/autograd/elementwise/pack.hpp"

namespace gradtape {

namespace detail {

/// The element that Pack<Counted> pretends to hold.
struct Counted {};
template <> struct pack_traits<Counted> {
  using scalar = double;
  using mask = bool;
};

inline constinit thread_local int counted_operations = 0;
/// Of these, the functions that take many instructions, such as exp.
inline constinit thread_local int counted_functions = 0;

template <class T> T counted(const T& result) {
  ++counted_operations;
  return result;
}

}  // namespace detail

template <> struct Mask<detail::Counted> {
  friend Mask operator&&(Mask a, Mask) { return detail::counted(a); }
  friend Mask operator||(Mask a, Mask) { return detail::counted(a); }
  friend Mask operator!(Mask a) { return detail::counted(a); }
  explicit operator bool() const { return false; }  // Mask of elements says why this is an error
  friend Pack<detail::Counted> where(Mask, Pack<detail::Counted> a, Pack<detail::Counted> b);
};

template <> struct Pack<detail::Counted> {
  using scalar = double;

  Pack() = default;
  template <class A>
    requires std::is_arithmetic_v<A>
  Pack(A) {}

  friend Pack operator+(Pack a, Pack) { return detail::counted(a); }
  friend Pack operator-(Pack a, Pack) { return detail::counted(a); }
  friend Pack operator*(Pack a, Pack) { return detail::counted(a); }
  friend Pack operator/(Pack a, Pack) { return detail::counted(a); }
  friend Pack operator-(Pack a) { return detail::counted(a); }
  Pack& operator+=(Pack b) { return *this = *this + b; }
  Pack& operator-=(Pack b) { return *this = *this - b; }
  Pack& operator*=(Pack b) { return *this = *this * b; }
  Pack& operator/=(Pack b) { return *this = *this / b; }

  friend Mask<detail::Counted> operator==(Pack, Pack) {
    return detail::counted(Mask<detail::Counted>());
  }
  friend Mask<detail::Counted> operator!=(Pack a, Pack b) { return a == b; }
  friend Mask<detail::Counted> operator<(Pack a, Pack b) { return a == b; }
  friend Mask<detail::Counted> operator<=(Pack a, Pack b) { return a == b; }
  friend Mask<detail::Counted> operator>(Pack a, Pack b) { return a == b; }
  friend Mask<detail::Counted> operator>=(Pack a, Pack b) { return a == b; }
};

inline Pack<detail::Counted> where(Mask<detail::Counted>, Pack<detail::Counted> a,
                                   Pack<detail::Counted>) {
  return detail::counted(a);
}
/// A product, whichever way a zero is kept.
inline Pack<detail::Counted> masked_mul(Pack<detail::Counted> g, Pack<detail::Counted>) {
  return detail::counted(g);
}
inline bool any_nan(Pack<detail::Counted>) { return false; }

namespace detail {

/// How many operations `f` does to one element of each of its N inputs: arithmetic, comparisons,
/// choices and primitives such as exp count one each.
template <std::size_t N, class F> int count_operations(const F& f) {
  const int before = counted_operations;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    static_cast<void>(f((static_cast<void>(I), Pack<Counted>())...));
  }(std::make_index_sequence<N>());
  return std::exchange(counted_operations, before) - before;
}

/// Whether `f` computes functions such as exp.
template <std::size_t N, class F> bool computes_functions(const F& f) {
  const int before = counted_functions;
  count_operations<N>(f);
  return std::exchange(counted_functions, before) != before;
}

}  // namespace detail
}  // namespace gradtape

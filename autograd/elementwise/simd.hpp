/// xsimd, with what it needs to compile wherever we do.
#pragma once

// Without optimisation GCC's intrinsics with a mask are macros that cast their arguments, which a
// batch of xsimd does not allow; as functions they convert them.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE__) && defined(__AVX512BW__)
#include <immintrin.h>
namespace gradtape::detail {
inline __m512i blend_8(__mmask64 mask, __m512i a, __m512i b) {
  return _mm512_mask_blend_epi8(mask, a, b);
}
inline __m512i blend_16(__mmask32 mask, __m512i a, __m512i b) {
  return _mm512_mask_blend_epi16(mask, a, b);
}
}  // namespace gradtape::detail
#undef _mm512_mask_blend_epi8
#undef _mm512_mask_blend_epi16
#define _mm512_mask_blend_epi8(mask, a, b) ::gradtape::detail::blend_8(mask, a, b)
#define _mm512_mask_blend_epi16(mask, a, b) ::gradtape::detail::blend_16(mask, a, b)
#endif

#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "gradtape/autograd/runtime/transpose.hpp"

namespace gradtape::detail {

/// a b + c in one instruction where the CPU has it. xsimd 8.1 multiplies and adds for AVX-512,
/// which only GCC makes one again.
template <class T, class A>
xsimd::batch<T, A> multiply_add(xsimd::batch<T, A> a, xsimd::batch<T, A> b, xsimd::batch<T, A> c) {
#ifdef __AVX512F__
  if constexpr (sizeof(a) == 64 && sizeof(T) == 4) return _mm512_fmadd_ps(a, b, c);
  if constexpr (sizeof(a) == 64 && sizeof(T) == 8) return _mm512_fmadd_pd(a, b, c);
#endif
  return xsimd::fma(a, b, c);
}

/// The smaller and the larger of two, element by element; of NaN, and of two zeros, b. xsimd 14
/// hands its operands to the CPU in the other order, which only NaN and the sign of a zero show.
template <class T, class A>
xsimd::batch<T, A> smaller_of(xsimd::batch<T, A> a, xsimd::batch<T, A> b) {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::min(b, a);
#else
  return xsimd::min(a, b);
#endif
}
template <class T, class A>
xsimd::batch<T, A> larger_of(xsimd::batch<T, A> a, xsimd::batch<T, A> b) {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::max(b, a);
#else
  return xsimd::max(a, b);
#endif
}

/// Keeps x in a register: what is used several times would be read at each use by GCC when it
/// compiles for AMD's CPUs, as the second operand of an instruction.
template <class Batch> void hold(Batch& x) {
#ifdef __GNUC__
#if defined(__AVX512F__)
  asm("" : "+v"(x.data));
#elif defined(__x86_64__)
  asm("" : "+x"(x.data));
#endif
#endif
  static_cast<void>(x);
}

/// The elements of a register as the compiler's own vector, which it can shuffle.
template <class Batch> auto vector_of(const Batch& v) {
  return std::bit_cast<typename BitVector<sizeof(typename Batch::value_type)>::type>(v);
}

/// A register with its elements k and k + half, for every block of twice as many, in each other's
/// place.
template <int half, class Batch, std::size_t... I>
Batch exchange_halves(const Batch& v, std::index_sequence<I...>) {
  const auto x = vector_of(v);
#ifdef __GNUC__
  return std::bit_cast<Batch>(__builtin_shufflevector(x, x, (static_cast<int>(I) ^ half)...));
#else
  return std::bit_cast<Batch>(decltype(vector_of(v)){x[I ^ static_cast<std::size_t>(half)]...});
#endif
}

/// The elements of a register combined into one, by halves: k with k + half, and so on down to one.
/// op takes registers, and does not care for the order of its two.
template <class Op, class Batch, int half = static_cast<int>(Batch::size / 2)>
typename Batch::value_type combine_lanes(Batch v, Op op) {
  if constexpr (half == 0) {
    return v.get(0);
  } else {
    const auto other = exchange_halves<half>(v, std::make_index_sequence<Batch::size>());
    return combine_lanes<Op, Batch, half / 2>(op(v, other), op);
  }
}

/// The sums of as many registers as one has elements, element i that of register i, which
/// combine_lanes would give: two registers become one at a time, whose elements are those of the
/// two in turn, first halves added to second halves. The registers are overwritten.
template <class Batch> Batch sum_each(Batch* x) {
  constexpr auto n = static_cast<int>(Batch::size);
  constexpr std::make_index_sequence<Batch::size> all;
#pragma GCC unroll 4
  for (int half = n / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      const auto a = vector_of(x[i]), b = vector_of(x[i + half]);
      x[i] = std::bit_cast<Batch>(interleave<0>(a, b, all)) +
             std::bit_cast<Batch>(interleave<n / 2>(a, b, all));
    }
  return x[0];
}

/// The first n elements of a register, n at most all of them, for the end of an array that has no
/// more: what load() does not read becomes `fill`, what store() does not write stays, what keep()
/// does not keep becomes 0.
#ifdef __AVX512F__
template <class T> class FirstLanes {
  using Batch = xsimd::batch<T>;
  using Mask = std::conditional_t<sizeof(T) == 4, __mmask16, __mmask8>;
  Mask mask_;

 public:
  explicit FirstLanes(std::int64_t n)
      : mask_(static_cast<Mask>(n >= static_cast<std::int64_t>(Batch::size) ? -1 : (1 << n) - 1)) {}
  Batch load(const T* from, const Batch& fill = Batch(T(0))) const {
    if constexpr (sizeof(T) == 4)
      return _mm512_mask_loadu_ps(fill, mask_, from);
    else
      return _mm512_mask_loadu_pd(fill, mask_, from);
  }
  void store(const Batch& v, T* to) const {
    if constexpr (sizeof(T) == 4)
      _mm512_mask_storeu_ps(to, mask_, v);
    else
      _mm512_mask_storeu_pd(to, mask_, v);
  }
  Batch keep(const Batch& v) const {
    if constexpr (sizeof(T) == 4)
      return _mm512_maskz_mov_ps(mask_, v);
    else
      return _mm512_maskz_mov_pd(mask_, v);
  }
};
#else
template <class T> class FirstLanes {
  using Batch = xsimd::batch<T>;
  static constexpr std::int64_t width = Batch::size;
  std::int64_t n_;

 public:
  explicit FirstLanes(std::int64_t n) : n_(n) {}
  // Loops of a fixed length become masked moves where there are some, three times as fast.
  Batch load(const T* from, const Batch& fill = Batch(T(0))) const {
    if (n_ >= width) return Batch::load_unaligned(from);
    alignas(Batch) T part[width];
    fill.store_aligned(part);
    for (std::int64_t k = 0; k < width; ++k)
      if (k < n_) part[k] = from[k];
    return Batch::load_aligned(part);
  }
  void store(const Batch& v, T* to) const {
    if (n_ >= width) return v.store_unaligned(to);
    alignas(Batch) T part[width];
    v.store_aligned(part);
    for (std::int64_t k = 0; k < width; ++k)
      if (k < n_) to[k] = part[k];
  }
  Batch keep(const Batch& v) const {
    alignas(Batch) T part[width];
    v.store_aligned(part);
    return load(part);
  }
};
#endif

}  // namespace gradtape::detail

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

#include <xsimd/xsimd.hpp>

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

}  // namespace gradtape::detail

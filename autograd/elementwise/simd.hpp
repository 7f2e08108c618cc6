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

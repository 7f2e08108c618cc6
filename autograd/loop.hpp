/// The loop under every elementwise op: operands that broadcast to one shape, walked row by row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "gradtape/autograd/counted.hpp"
#include "gradtape/autograd/pack.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/tensor.hpp"
#include "gradtape/autograd/work.hpp"

namespace gradtape::detail {

/// How to walk `count` operands that broadcast to `out`: axes that every operand steps through
/// alike are joined, so that the innermost one, the row, has step 1 or 0 for each. Contiguous
/// operands of one shape make one long row.
class Loop {
 public:
  static constexpr std::size_t max_operands = 8;

  /// shapes[i]: the shape of operand i, which must broadcast to `out`.
  Loop(const Shape& out, const Shape* shapes, std::size_t count);

  /// The elements of a row, and the number of rows.
  std::int64_t row() const { return extents_[0]; }
  std::int64_t rows() const { return rows_; }
  /// 0 or 1: how operand i steps along a row.
  std::int64_t step(std::size_t i) const { return strides_[0][i]; }

  /// Calls f(offsets, out_offset, n) for pieces of rows, on several threads; offsets[i] is that of
  /// operand i.
  template <class F> void run(const F& f) const {
    run_pieces(&f, [](const void* f, const std::int64_t* offsets, std::int64_t out_offset,
                      std::int64_t n) { (*static_cast<const F*>(f))(offsets, out_offset, n); });
  }

 private:
  // By pointer: the walk is compiled once and not again for every op.
  using Piece = void (*)(const void* f, const std::int64_t* offsets, std::int64_t out_offset,
                         std::int64_t n);
  void run_pieces(const void* f, Piece piece) const;

  struct Position {
    Position(const Loop& loop, std::int64_t row);
    void next();

    const Loop& loop;
    std::int64_t row;
    std::array<std::int64_t, max_ndim> index{};
    std::array<std::int64_t, max_operands> offsets{};
  };

  std::size_t count_;
  int ndim_ = 1;  // of the joined axes, innermost first
  std::int64_t rows_ = 1;
  std::array<std::int64_t, max_ndim> extents_{};
  std::array<std::array<std::int64_t, max_operands>, max_ndim> strides_{};
};

template <class T> struct register_of {
  using type = T;
  static constexpr std::int64_t size = 1;
};
template <class T>
requires std::is_floating_point_v<T>
struct register_of<T> {
  using type = xsimd::batch<T>;
  static constexpr std::int64_t size = static_cast<std::int64_t>(type::size);
};

/// Computes n elements: out[o][k] = f(in[0][k * step[0]], ...)[o]. Null outputs are skipped.
template <class T, std::size_t In, std::size_t Out, class F>
void map_row(std::array<const T*, In> in, const std::array<std::int64_t, In>& step,
             std::array<T*, Out> out, std::int64_t n, const F& f) {
  using V = typename register_of<T>::type;
  constexpr std::int64_t width = register_of<T>::size;
  const auto scalars = [&](std::int64_t k) {
    std::array<Pack<T>, In> x;
    for (std::size_t i = 0; i < In; ++i) x[i] = in[i][k * step[i]];
    const std::array<Pack<T>, Out> y = f(x);
    for (std::size_t o = 0; o < Out; ++o)
      if (out[o]) out[o][k] = y[o].v;
  };
  if constexpr (width == 1) {
    for (std::int64_t k = 0; k < n; ++k) scalars(k);
  } else {
    if (n == 1) return scalars(0);
    // An operand that does not move is spread over a register once; reading it again and again
    // costs nothing.
    alignas(V) T spread[In][width];
    std::array<std::int64_t, In> stride;
    for (std::size_t i = 0; i < In; ++i) {
      stride[i] = step[i] ? width : 0;
      if (step[i]) continue;
      V(*in[i]).store_aligned(spread[i]);
      in[i] = spread[i];
    }
    [&]<std::size_t... I, std::size_t... O>(std::index_sequence<I...>, std::index_sequence<O...>) {
      for (; n >= width; n -= width) {
        const std::array<Pack<V>, Out> y =
            f(std::array<Pack<V>, In>{Pack<V>(V::load_unaligned(in[I]))...});
        ((out[O] ? (y[O].v.store_unaligned(out[O]), out[O] += width) : nullptr), ...);
        ((in[I] += stride[I]), ...);
      }
    }
    (std::make_index_sequence<In>(), std::make_index_sequence<Out>());
    if (n == 0) return;
    // The rest goes through registers too, so that equal inputs give equal results wherever they
    // stand.
    alignas(V) T rest[Out][width];
    std::array<T*, Out> to;
    for (std::size_t i = 0; i < In; ++i) {
      if (!stride[i]) continue;
      for (std::int64_t k = 0; k < width; ++k) spread[i][k] = in[i][k < n ? k : 0];
      in[i] = spread[i];
    }
    for (std::size_t o = 0; o < Out; ++o) to[o] = out[o] ? rest[o] : nullptr;
    map_row<T>(in, step, to, width, f);
    for (std::size_t o = 0; o < Out; ++o)
      for (std::int64_t k = 0; out[o] && k < n; ++k) out[o][k] = rest[o][k];
  }
}

/// One piece of a row through pointers without types: the kernel of an elementwise op as `map_rows`
/// sees it.
using RowKernel = void (*)(const void* f, const void* const* in, const std::int64_t* step,
                           void* const* out, std::int64_t n);

/// Runs `kernel` over tensors of elements of `element_bytes` that broadcast to `shape`, and counts
/// its work. Compiled once: with the code for broadcasting and threads inside, every op would be
/// several times as large.
void map_rows(const Shape& shape, const Tensor* const* in, std::size_t in_count, const Tensor* out,
              std::size_t out_count, std::size_t element_bytes, int operations, const void* f,
              RowKernel kernel);

/// f over tensors of type T that broadcast to `shape`, in one pass; `out` tensors are fresh and of
/// that shape, or undefined where not wanted. f: array<Pack, In> -> array<Pack, Out>, for packs of
/// T and of registers of T.
template <class T, std::size_t In, std::size_t Out, class F>
void map(const Shape& shape, const std::array<const Tensor*, In>& in,
         const std::array<Tensor, Out>& out, const F& f) {
  map_rows(shape, in.data(), In, out.data(), Out, sizeof(T), count_operations<In>(f), &f,
           [](const void* f, const void* const* in, const std::int64_t* step, void* const* out,
              std::int64_t n) {
             [&]<std::size_t... I, std::size_t... O>(std::index_sequence<I...>,
                                                     std::index_sequence<O...>) {
               map_row<T, In, Out>({static_cast<const T*>(in[I])...}, {step[I]...},
                                   {static_cast<T*>(out[O])...}, n, *static_cast<const F*>(f));
             }
             (std::make_index_sequence<In>(), std::make_index_sequence<Out>());
           });
}

}  // namespace gradtape::detail

/// The loop under every elementwise op: operands that broadcast to one shape, walked row by row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "gradtape/autograd/elementwise/counted.hpp"
#include "gradtape/autograd/elementwise/pack.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tensor.hpp"

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
    run_pieces(&f, [](const void* piece, const std::int64_t* offsets, std::int64_t out_offset,
                      std::int64_t n) { (*static_cast<const F*>(piece))(offsets, out_offset, n); });
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

/// What holds the elements that a kernel computes at once: a SIMD register, or one integer.
template <class T> struct register_of {
  using type = T;
  static type load(const void* from) { return *static_cast<const T*>(from); }
  static void store(const type& value, void* to) { *static_cast<T*>(to) = value; }
};
template <class T>
  requires std::is_floating_point_v<T>
struct register_of<T> {
  using type = xsimd::batch<T>;
  static type load(const void* from) { return type::load_unaligned(static_cast<const T*>(from)); }
  static void store(const type& value, void* to) { value.store_unaligned(static_cast<T*>(to)); }
};

/// The bytes of a register in the library's own files. A file of a program may be compiled for
/// less.
extern const std::size_t library_register_bytes;

/// Computes `count` registers out[o] = f(in...)[o]; stride[i] is that of operand i in bytes, and
/// null outputs are skipped. All that f calls is inlined, so that constants stay in registers.
template <class T, std::size_t In, std::size_t Out, class F>
[[gnu::flatten]] void map_registers(const F& f, const void* const* in, const std::int64_t* stride,
                                    void* const* out, std::int64_t count) {
  using Register = register_of<T>;
  using P = Pack<typename Register::type>;
  [&]<std::size_t... I, std::size_t... O>(std::index_sequence<I...>, std::index_sequence<O...>) {
    // Copies, which no store through y can change.
    const std::array<std::int64_t, In> step{stride[I]...};
    std::array<const char*, In> x{static_cast<const char*>(in[I])...};
    std::array<char*, Out> y{static_cast<char*>(out[O])...};
    for (; count > 0; --count) {
      const std::array<P, Out> value = f(std::array<P, In>{P(Register::load(x[I]))...});
      ((y[O] ? (Register::store(value[O].v, y[O]), y[O] += sizeof(P)) : nullptr), ...);
      ((x[I] += step[I]), ...);
    }
  }(std::make_index_sequence<In>(), std::make_index_sequence<Out>());
}

/// An elementwise function for elements of one type, as the loops see it: through pointers without
/// types, so that what surrounds it is compiled once and not for every function.
struct Kernel {
  /// map_registers of the function that `f` points at.
  void (*registers)(const void* f, const void* const* in, const std::int64_t* stride,
                    void* const* out, std::int64_t count) = nullptr;
  std::size_t element_bytes = 0, register_bytes = 0;
};

/// An elementwise function for each dtype that it takes.
struct Elementwise {
  const Kernel* kernels;  ///< By dtype; without pointers where the function does not take it.
  const void* f;          ///< What the function captured.
  int operations;         ///< For each element; see cost.hpp.
};

/// Calls f(p...) with the elements of an array of packs.
template <class F> struct Unpacked {
  const F& f;
  template <class P, std::size_t N>
  std::array<P, 1> operator()(const std::array<P, N>& packs) const {
    return std::apply([&](const auto&... p) { return std::array<P, 1>{P(f(p...))}; }, packs);
  }
};

template <class T, std::size_t In, class F> constexpr Kernel kernel_of() {
  return {[](const void* f, const void* const* in, const std::int64_t* stride, void* const* out,
             std::int64_t count) {
            const Unpacked<F> unpacked{*static_cast<const F*>(f)};
            map_registers<T, In, 1>(unpacked, in, stride, out, count);
          },
          sizeof(T), sizeof(typename register_of<T>::type)};
}

/// The kernels of a function of `In` inputs, by dtype.
template <std::size_t In, class F>
inline constexpr Kernel floating_kernels[] = {
    kernel_of<float, In, F>(), kernel_of<double, In, F>(), {}, {}};
template <std::size_t In, class F>
inline constexpr Kernel numeric_kernels[] = {
    kernel_of<float, In, F>(), kernel_of<double, In, F>(), kernel_of<std::int64_t, In, F>(), {}};

/// f(x...) of `count` tensors of one dtype that broadcast together, in one pass. Throws ShapeError
/// where they do not, DtypeError for a dtype without a kernel.
Tensor map_tensors(const char* op, const Elementwise& f, const Tensor* const* x, std::size_t count);

/// Runs f over tensors that broadcast to `shape`, and counts its work; `out` tensors are fresh and
/// of that shape, or undefined where not wanted.
void map_into(const Shape& shape, const Elementwise& f, const Tensor* const* in,
              std::size_t in_count, const Tensor* out, std::size_t out_count);

}  // namespace gradtape::detail

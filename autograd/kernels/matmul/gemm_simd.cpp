#include "gradtape/autograd/kernels/matmul/gemm_simd.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <type_traits>
#include <utility>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/runtime/transpose.hpp"

// A tile of c, `most_rows` rows of two registers, stays in registers while a walk over k adds to
// it: each step loads two registers of a row of b and multiplies them by an element of each row of
// a. (The plan of Goto and van de Geijn, Anatomy of high-performance matrix multiplication, ACM
// TOMS 34 (3), 2008, without its packed copy of a where a is small.) A step costs ten loads for
// sixteen multiplications, so what is left to care for is where b and a come from: blocks of b are
// copied into panels, two registers wide, that stay in cache for all rows; b is transposed on the
// way.

namespace gradtape::kernels {
namespace {

template <class T> using Register = xsimd::batch<T>;
template <class T> inline constexpr std::int64_t width = Register<T>::size;

/// Rows of a tile: with two registers of b and one of a, its sums fill the registers that are
/// there. Some more are faster where rows of a lie side by side; only that case is compiled.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int most_rows = 8, tall_rows = 12;  // of 32 registers
#else
inline constexpr int most_rows = 6, tall_rows = 6;  // of 16
#endif

template <class T> struct Tile {
  const T* a;
  std::int64_t a_row, a_col;  ///< distances in a
  const T* b;
  std::int64_t b_row;
  T* c;
  std::int64_t c_row;
  std::int64_t depth;
  std::int64_t columns;  ///< of c
  bool accumulate;
};

template <class T> using Lanes = detail::FirstLanes<T>;

/// Of `columns` elements in so many registers.
template <class T, int Registers> std::array<Lanes<T>, Registers> lanes_of(std::int64_t columns) {
  return [&]<int... J>(std::integer_sequence<int, J...>) {
    return std::array{Lanes<T>(columns - J * width<T>)...};
  }(std::make_integer_sequence<int, Registers>());
}

// Not inlined: its sums would no longer stay in registers.
template <class T, int Rows, int Registers, bool Transposed>
[[gnu::noinline]] void tile(const Tile<T>& t) {
  const std::int64_t a_row = Transposed ? 1 : t.a_row, a_col = Transposed ? t.a_col : 1;
  Register<T> sum[Rows][Registers];
  for (auto& row : sum)
    for (auto& x : row) x = Register<T>(T(0));
  for (int i = 0; i < Rows; ++i)
    for (int j = 0; j < Registers; ++j) __builtin_prefetch(t.c + i * t.c_row + j * width<T>, 1);
  for (std::int64_t k = 0; k < t.depth; ++k) {
    Register<T> b[Registers];
    for (int j = 0; j < Registers; ++j)
      b[j] = Register<T>::load_unaligned(t.b + k * t.b_row + j * width<T>);
    for (int i = 0; i < Rows; ++i) {
      const Register<T> a(t.a[i * a_row + k * a_col]);
      for (int j = 0; j < Registers; ++j) sum[i][j] = detail::multiply_add(a, b[j], sum[i][j]);
    }
  }
  const auto columns = lanes_of<T, Registers>(t.columns);
#pragma GCC unroll 12
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
    for (int j = 0; j < Registers; ++j) {
      T* const c = t.c + i * t.c_row + j * width<T>;
      const auto& lanes = columns[j];
      lanes.store(t.accumulate ? sum[i][j] + lanes.load(c) : sum[i][j], c);
    }
}

template <class T> using TileFunction = void (*)(const Tile<T>&);

/// tile() for 1, 2, ... most_rows rows.
template <class T, int Registers, bool Transposed>
constexpr auto tiles = []<int... I>(std::integer_sequence<int, I...>) {
  return std::array<TileFunction<T>, most_rows>{tile<T, I + 1, Registers, Transposed>...};
}(std::make_integer_sequence<int, most_rows>{});

template <class T>
TileFunction<T> tile_function(std::int64_t rows, std::int64_t columns, bool transposed) {
  const auto& all = columns > width<T> ? (transposed ? tiles<T, 2, true> : tiles<T, 2, false>)
                                       : (transposed ? tiles<T, 1, true> : tiles<T, 1, false>);
  return all[static_cast<std::size_t>(rows - 1)];
}

template <class T> inline constexpr std::int64_t panel_width = 2 * width<T>;

std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

/// b [rows x cols] as rows of `row` elements, zeros behind its own.
template <class T>
void copy_panel(Strided<T> b, std::int64_t rows, std::int64_t cols, T* to, std::int64_t row) {
  if (b.cols_apart != 1) {
    detail::transpose_block(b.data, b.cols_apart, to, row, cols, rows);
    for (std::int64_t i = 0; i < rows; ++i)
      std::fill(to + i * row + cols, to + (i + 1) * row, T(0));
    return;
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < row; j += width<T>)
      Lanes<T>(cols - j).load(b.at(i, j)).store_unaligned(to + i * row + j);
}

/// b, [k x n], in panels two registers wide: where it is, or copied to where each panel is one
/// block of memory. The last panel may have one register, and fills it up with zeros.
template <class T> class Panels {
 public:
  Panels(Strided<T> b, std::int64_t k, std::int64_t n, bool copied, T* memory)
      : b_(b),
        k_(k),
        n_(n),
        copied_(b.cols_apart != 1 || (copied && b.rows_apart > panel_width<T>)),
        memory_(memory) {
    const auto whole = n - n % panel_width<T>;
    if (whole < n) copy_panel(part(whole), k, n - whole, memory + whole * k, row(whole));
    if (!copied_) return;
    if (b.cols_apart != 1)
      for (std::int64_t j = 0; j < whole; j += panel_width<T>)
        copy_panel(part(j), k, panel_width<T>, memory + j * k, panel_width<T>);
    else  // row by row, as each row of b may lie on pages of its own
      for (std::int64_t i = 0; i < k; ++i)
        for (std::int64_t j = 0; j < whole; j += panel_width<T>)
          for (std::int64_t x = 0; x < panel_width<T>; x += width<T>)
            Register<T>::load_unaligned(b.at(i, j + x))
                .store_unaligned(memory + j * k + i * panel_width<T> + x);
  }
  /// The panel that starts at column j, and the distance of its rows.
  const T* at(std::int64_t j) const { return moved(j) ? memory_ + j * k_ : b_.at(0, j); }
  std::int64_t row(std::int64_t j) const {
    return moved(j) ? round_up(std::min(panel_width<T>, n_ - j), width<T>) : b_.rows_apart;
  }

 private:
  bool moved(std::int64_t j) const { return copied_ || n_ - j < panel_width<T>; }
  Strided<T> part(std::int64_t j) const { return {b_.at(0, j), b_.rows_apart, b_.cols_apart}; }

  Strided<T> b_;
  std::int64_t k_, n_;
  bool copied_;
  T* memory_;
};

/// All rows of c for one panel, in tiles of nearly equal heights.
template <class T> void panel_product(Strided<T> a, std::int64_t m, Tile<T> t) {
  const bool transposed = a.cols_apart != 1;
  T* const c = t.c;
  const auto count = (m + most_rows - 1) / most_rows;
  for (std::int64_t i = 0, row = 0; i < count; ++i) {
    const auto end = (i + 1) * m / count;
    t.a = a.at(row, 0);
    t.a_row = a.rows_apart, t.a_col = a.cols_apart;
    t.c = c + row * t.c_row;
    tile_function<T>(end - row, t.columns, transposed)(t);
    row = end;
  }
}

/// Rows of a that are copied together: whole tiles, and whole squares of a transpose.
template <class T>
inline constexpr std::int64_t group = std::lcm<std::int64_t>(tall_rows, detail::square_side<T>);

/// All rows of c for one panel and a copied group of rows of a.
template <class T> void group_product(const T* a, std::int64_t rows, Tile<T> t) {
  if (rows < group<T> || t.columns <= width<T>) return panel_product<T>({a, 1, group<T>}, rows, t);
  t.a_row = 1, t.a_col = group<T>;
  T* const c = t.c;
  for (std::int64_t row = 0; row < rows; row += tall_rows) {
    t.a = a + row;
    t.c = c + row * t.c_row;
    tile<T, tall_rows, 2, true>(t);
  }
}

/// A copy of a [m x k] in groups of rows, each one block of memory that is read from its start to
/// its end: step by step of k the elements of its rows.
template <class T> void copy_groups(Strided<T> a, std::int64_t m, std::int64_t k, T* to) {
  for (std::int64_t row = 0; row < m; row += group<T>, to += group<T> * k) {
    const auto rows = std::min(group<T>, m - row);
    const T* const from = a.at(row, 0);
    if (a.cols_apart == 1)
      detail::transpose_block(from, a.rows_apart, to, group<T>, rows, k);
    else
      for (std::int64_t i = 0; i < k; ++i)
        std::copy_n(from + i * a.cols_apart, rows, to + i * group<T>);
  }
}

/// y (+)= x b for up to `Registers` registers of columns of b, which lie side by side.
template <class T, int Registers>
void row_tile(const T* x, const T* b, std::int64_t b_row, std::int64_t n, std::int64_t k, T* y,
              bool accumulate) {
  Register<T> sum[Registers];
  const auto columns = lanes_of<T, Registers>(n);
  for (auto& s : sum) s = Register<T>(T(0));
  for (std::int64_t i = 0; i < k; ++i) {
    const Register<T> factor(x[i]);
    for (int j = 0; j < Registers; ++j)
      sum[j] = detail::multiply_add(factor, columns[j].load(b + i * b_row + j * width<T>), sum[j]);
  }
  for (int j = 0; j < Registers; ++j) {
    T* const to = y + j * width<T>;
    columns[j].store(accumulate ? sum[j] + columns[j].load(to) : sum[j], to);
  }
}

template <class T>
void row_by_columns(const T* x, const T* b, std::int64_t b_row, std::int64_t n, std::int64_t k,
                    T* y, bool accumulate) {
  std::int64_t j = 0;
  for (; j + 8 * width<T> <= n; j += 8 * width<T>)
    row_tile<T, 8>(x, b + j, b_row, 8 * width<T>, k, y + j, accumulate);
  for (; j + width<T> < n; j += 2 * width<T>)
    row_tile<T, 2>(x, b + j, b_row, std::min(2 * width<T>, n - j), k, y + j, accumulate);
  if (j < n) row_tile<T, 1>(x, b + j, b_row, n - j, k, y + j, accumulate);
}

/// y[j] (+)= x . b[j] for up to a register's width of rows of b.
template <class T, int Rows>
void dots(const T* x, const T* b, std::int64_t b_row, std::int64_t k, T* y, bool accumulate) {
  constexpr auto n = static_cast<int>(width<T>);
  static_assert(Rows <= n);
  Register<T> sum[n];
  for (auto& s : sum) s = Register<T>(T(0));
  for (std::int64_t i = 0; i < k; i += width<T>) {
    const Lanes<T> left(k - i);
    const auto factor = left.load(x + i);
    for (int j = 0; j < Rows; ++j)
      sum[j] = detail::multiply_add(factor, left.load(b + j * b_row + i), sum[j]);
  }
  const auto sums = detail::sum_each(sum);
  const Lanes<T> all(Rows);
  all.store(accumulate ? sums + all.load(y) : sums, y);
}

template <class T>
void row_by_rows(const T* x, const T* b, std::int64_t b_row, std::int64_t n, std::int64_t k, T* y,
                 bool accumulate) {
  constexpr int many = static_cast<int>(width<T>);
  std::int64_t j = 0;
  for (; j + many <= n; j += many) dots<T, many>(x, b + j * b_row, b_row, k, y + j, accumulate);
  if constexpr (many > 4)
    for (; j + 4 <= n; j += 4) dots<T, 4>(x, b + j * b_row, b_row, k, y + j, accumulate);
  for (; j < n; ++j) dots<T, 1>(x, b + j * b_row, b_row, k, y + j, accumulate);
}

}  // namespace

template <class T>
void multiply(Strided<T> a, Strided<T> b, std::int64_t m, std::int64_t n, std::int64_t k, T* c,
              std::int64_t c_row, bool accumulate) {
  // A block of a stays in the second level of cache for all of a block of b.
  constexpr auto size = static_cast<std::int64_t>(sizeof(T));
  constexpr std::int64_t deepest = 400, height = 768 / size / group<T> * group<T>,
                         breadth = 8192 / size;
  const auto blocks = std::max<std::int64_t>(1, (k + deepest - 1) / deepest);
  const auto depth = round_up((k + blocks - 1) / blocks, 8);
  const auto deep = std::min(k, depth), high = std::min(m, height), broad = std::min(n, breadth);
  // A copy is worth it where it is read often: of a for many columns, of b for many rows, or for
  // fewer where each row of b lies on a page of its own.
  const bool copy_a = n >= 256, copy_b = m > (b.rows_apart * size < 4096 ? 96 : 40);
  const Scratch<T> a_memory(copy_a ? deep * round_up(high, group<T>) : 0);
  const Scratch<T> b_memory(deep * round_up(broad, panel_width<T>));
  for (std::int64_t p = 0; p < k; p += depth)
    for (std::int64_t j = 0; j < n; j += breadth) {
      const auto cols = std::min(deep, k - p), wide = std::min(broad, n - j);
      const Panels<T> panels({b.at(p, j), b.rows_apart, b.cols_apart}, cols, wide, copy_b,
                             b_memory);
      for (std::int64_t i = 0; i < m; i += height) {
        const auto rows = std::min(high, m - i);
        const Strided<T> x{a.at(i, p), a.rows_apart, a.cols_apart};
        if (copy_a) copy_groups<T>(x, rows, cols, a_memory);
        for (std::int64_t first = 0; first < wide; first += panel_width<T>) {
          Tile<T> t{.a = nullptr,
                    .a_row = x.rows_apart,
                    .a_col = x.cols_apart,
                    .b = panels.at(first),
                    .b_row = panels.row(first),
                    .c = c + i * c_row + j + first,
                    .c_row = c_row,
                    .depth = cols,
                    .columns = std::min(panel_width<T>, wide - first),
                    .accumulate = accumulate || p > 0};
          if (!copy_a) {
            panel_product(x, rows, t);
            continue;
          }
          for (std::int64_t row = 0; row < rows; row += group<T>, t.c += group<T> * c_row)
            group_product<T>(a_memory + row * cols, std::min(group<T>, rows - row), t);
        }
      }
    }
}

template <class T>
void multiply_row(const T* x, Strided<T> b, std::int64_t n, std::int64_t k, T* y, bool accumulate) {
  if (b.cols_apart == 1) return row_by_columns(x, b.data, b.rows_apart, n, k, y, accumulate);
  row_by_rows(x, b.data, b.cols_apart, n, k, y, accumulate);
}

template void multiply(Strided<float>, Strided<float>, std::int64_t, std::int64_t, std::int64_t,
                       float*, std::int64_t, bool);
template void multiply(Strided<double>, Strided<double>, std::int64_t, std::int64_t, std::int64_t,
                       double*, std::int64_t, bool);

template void multiply_row(const float*, Strided<float>, std::int64_t, std::int64_t, float*, bool);
template void multiply_row(const double*, Strided<double>, std::int64_t, std::int64_t, double*,
                           bool);

}  // namespace gradtape::kernels

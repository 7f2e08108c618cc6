#include "gradtape/autograd/kernels/index.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using detail::elementwise_grain;
using detail::parallel_for;
using std::int64_t;

int64_t from_front(int64_t i, int64_t extent) { return i < 0 ? i + extent : i; }

/// Calls f(o, begin, end) for pieces of the axis n of every o, which threads share out.
template <class F> void for_pieces(const Indexing& at, F f) {
  parallel_for(at.outer * at.n, elementwise_grain / (at.inner + 1) + 1,
               [&](int64_t begin, int64_t end) {
                 while (begin < end) {
                   const auto o = begin / at.n, stop = std::min(end, (o + 1) * at.n);
                   f(o, begin - o * at.n, stop - o * at.n);
                   begin = stop;
                 }
               });
}

template <class T> void select_rows(const T* x, T* y, const Indexing& at) {
  for_pieces(at, [&](int64_t o, int64_t begin, int64_t end) {
    const T* const from = x + o * at.extent * at.inner;
    T* const to = y + o * at.n * at.inner;
    if (at.inner == 1)
      for (auto i = begin; i < end; ++i) to[i] = from[from_front(at.index[i], at.extent)];
    else
      for (auto i = begin; i < end; ++i)
        std::memcpy(to + i * at.inner, from + from_front(at.index[i], at.extent) * at.inner,
                    static_cast<std::size_t>(at.inner) * sizeof(T));
  });
}

/// Calls f(offset in [outer, n, inner], offset in [outer, extent, inner]) for every index, in order
/// along axis n, and before those of each o start(o). Threads share out the outer axis, so no two
/// write to one element.
template <class F, class Start> void for_each_index(const Indexing& at, F f, Start start) {
  const auto n = at.n, inner = at.inner, extent = at.extent;
  const auto* const index = at.index;
  const auto size = n * inner;
  parallel_for(at.outer, elementwise_grain / (size + 1) + 1, [=](int64_t begin, int64_t end) {
    for (auto o = begin; o < end; ++o) {
      start(o);
      if (inner == 1) {
        for (auto k = o * n; k < (o + 1) * n; ++k) f(k, o * extent + from_front(index[k], extent));
        continue;
      }
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < inner; ++j) {
          const auto k = (o * n + i) * inner + j;
          f(k, (o * extent + from_front(index[k], extent)) * inner + j);
        }
    }
  });
}

template <class F> void for_each_index(const Indexing& at, F f) {
  for_each_index(at, f, [](int64_t) {});
}

template <class T> void gather_elements(const void* x, void* y, const Indexing& at) {
  for_each_index(at, [from = static_cast<const T*>(x), to = static_cast<T*>(y)](
                         int64_t k, int64_t source) { to[k] = from[source]; });
}

template <class T> void scatter_elements(const void* x, void* y, const Indexing& at) {
  for_each_index(at, [from = static_cast<const T*>(x), to = static_cast<T*>(y)](
                         int64_t k, int64_t target) { to[target] = from[k]; });
}

/// Counts the reads of the index, and `accesses` of each element that it names.
void count_indexed(const Indexing& at, bool each, int64_t flops, int64_t accesses,
                   std::size_t element_bytes) {
  const auto named = at.outer * at.n * at.inner;
  detail::count_work(flops * named, 8 * (each ? named : at.n) +
                                        accesses * named * static_cast<int64_t>(element_bytes));
}

template <class T> void fill_with_zeros(T* y, const Indexing& at) {
  parallel_for(at.outer * at.extent * at.inner, elementwise_grain,
               [=](int64_t begin, int64_t end) { std::fill(y + begin, y + end, T(0)); });
}

/// index_sum for outer == 1 in one pass over y, which is much larger than x where few rows are
/// used: each row of y is a copy of its first row of x, or of zeros, to which the others are added.
template <class T> void sum_rows(const T* x, T* y, const Indexing& at) {
  count_indexed(at, false, 1, 2, sizeof(T));
  const auto n = at.n, inner = at.inner;
  // Lists of the rows of x that belong to a row of y, in their order.
  constexpr int64_t none = -1;
  const Scratch<int64_t> first(at.extent), links(n + 1);
  int64_t* const next = links + 1;  // next[none] is none
  next[none] = none;
  std::fill_n(first.get(), at.extent, none);
  for (auto i = n; i-- > 0;) next[i] = std::exchange(first[from_front(at.index[i], at.extent)], i);
  const Scratch<T> zeros(inner);
  std::fill_n(zeros.get(), inner, T(0));
  parallel_for(at.extent, elementwise_grain / inner + 1, [&](int64_t begin, int64_t end) {
    for (auto row = begin; row < end; ++row) {
      const auto i = first[row];
      // No branch, which could not be predicted.
      const T* const from = i == none ? zeros : x + i * inner;
      T* const to = y + row * inner;
      for (int64_t j = 0; j < inner; ++j) to[j] = T(0) + from[j];  // never -0, as in index_add
      for (auto other = next[i]; other != none; other = next[other])
        for (int64_t j = 0; j < inner; ++j) to[j] += x[other * inner + j];
    }
  });
}

}  // namespace

void index_select(const void* x, void* y, std::size_t element_bytes, const Indexing& at) {
  count_indexed(at, false, 0, 2, element_bytes);
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    select_rows(static_cast<const T*>(x), static_cast<T*>(y), at);
  };
  switch (element_bytes) {
    case 1:
      return run(std::uint8_t{});
    case 4:
      return run(std::uint32_t{});
    default:
      return run(std::uint64_t{});
  }
}

template <class T> void index_add(const T* x, T* y, const Indexing& at) {
  count_indexed(at, false, 1, 3, sizeof(T));
  const auto add = [&](int64_t o, int64_t first, int64_t last) {
    if (at.inner == 1) {
      T* const to = y + o * at.extent;
      for (int64_t i = 0; i < at.n; ++i) to[from_front(at.index[i], at.extent)] += x[o * at.n + i];
      return;
    }
    for (int64_t i = 0; i < at.n; ++i) {
      const T* from = x + (o * at.n + i) * at.inner;
      T* to = y + (o * at.extent + from_front(at.index[i], at.extent)) * at.inner;
      for (auto j = first; j < last; ++j) to[j] += from[j];
    }
  };
  if (at.outer == 1) {  // equal indices meet in one row, so threads share out its columns
    const auto grain = std::max<int64_t>(16, elementwise_grain / (at.n + 1) + 1);
    return parallel_for(at.inner, grain, [&](int64_t begin, int64_t end) { add(0, begin, end); });
  }
  parallel_for(at.outer, elementwise_grain / (at.n * at.inner + 1) + 1,
               [&](int64_t begin, int64_t end) {
                 for (auto o = begin; o < end; ++o) add(o, 0, at.inner);
               });
}

void gather(const void* x, void* y, std::size_t element_bytes, const Indexing& at) {
  count_indexed(at, true, 0, 2, element_bytes);
  switch (element_bytes) {
    case 1:
      return gather_elements<std::uint8_t>(x, y, at);
    case 4:
      return gather_elements<std::uint32_t>(x, y, at);
    default:
      return gather_elements<std::uint64_t>(x, y, at);
  }
}

void scatter(const void* x, void* y, std::size_t element_bytes, const Indexing& at) {
  count_indexed(at, true, 0, 2, element_bytes);
  switch (element_bytes) {
    case 1:
      return scatter_elements<std::uint8_t>(x, y, at);
    case 4:
      return scatter_elements<std::uint32_t>(x, y, at);
    default:
      return scatter_elements<std::uint64_t>(x, y, at);
  }
}

template <class T> void scatter_add(const T* x, T* y, const Indexing& at) {
  count_indexed(at, true, 1, 3, sizeof(T));
  for_each_index(at, [=](int64_t k, int64_t target) { y[target] += x[k]; });
}

template <class T> void index_sum(const T* x, T* y, const Indexing& at) {
  if (at.outer == 1 && at.n <= at.extent && at.inner >= 8) return sum_rows(x, y, at);
  fill_with_zeros(y, at);
  index_add(x, y, at);
}

template <class T> void scatter_sum(const T* x, T* y, const Indexing& at) {
  const auto slab = at.extent * at.inner;
  if (at.outer == 1 || slab > elementwise_grain) {  // the zeros would leave the cache
    fill_with_zeros(y, at);
    return scatter_add(x, y, at);
  }
  count_indexed(at, true, 1, 3, sizeof(T));
  for_each_index(
      at, [=](int64_t k, int64_t target) { y[target] += x[k]; },
      [=](int64_t o) { std::fill_n(y + o * slab, slab, T(0)); });
}

template void index_add(const float*, float*, const Indexing&);
template void index_add(const double*, double*, const Indexing&);
template void index_add(const int64_t*, int64_t*, const Indexing&);
template void index_sum(const float*, float*, const Indexing&);
template void index_sum(const double*, double*, const Indexing&);
template void index_sum(const int64_t*, int64_t*, const Indexing&);
template void scatter_add(const float*, float*, const Indexing&);
template void scatter_add(const double*, double*, const Indexing&);
template void scatter_add(const int64_t*, int64_t*, const Indexing&);
template void scatter_sum(const float*, float*, const Indexing&);
template void scatter_sum(const double*, double*, const Indexing&);
template void scatter_sum(const int64_t*, int64_t*, const Indexing&);

}  // namespace gradtape::kernels

#include "gradtape/autograd/kernels/index.hpp"

#include <algorithm>
#include <cstring>

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
/// along axis n. Threads share out the outer axis, so no two write to one element.
template <class F> void for_each_index(const Indexing& at, F f) {
  const auto n = at.n, inner = at.inner, extent = at.extent;
  const auto* const index = at.index;
  const auto size = n * inner;
  parallel_for(at.outer, elementwise_grain / (size + 1) + 1, [=](int64_t begin, int64_t end) {
    for (auto o = begin; o < end; ++o) {
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

template void index_add(const float*, float*, const Indexing&);
template void index_add(const double*, double*, const Indexing&);
template void index_add(const int64_t*, int64_t*, const Indexing&);
template void scatter_add(const float*, float*, const Indexing&);
template void scatter_add(const double*, double*, const Indexing&);
template void scatter_add(const int64_t*, int64_t*, const Indexing&);

}  // namespace gradtape::kernels

#include "gradtape/autograd/kernels/windows.hpp"

#include <algorithm>
#include <utility>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using detail::parallel_for;

/// sum_i weights[i] x[taps[i]]
template <class T>
T dot_row(const T* x, const std::int64_t* taps, const T* weights, std::int64_t count) {
  T sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += weights[i] * x[taps[i]];
  return sum;
}

/// dot_row for `inner` neighbours at once.
template <class T>
void dot_rows(const T* x, T* y, std::int64_t inner, const std::int64_t* taps, const T* weights,
              std::int64_t count) {
  if (count == 0) std::fill_n(y, inner, T(0));
  for (std::int64_t i = 0; i < count; ++i) {
    const T* const from = x + taps[i] * inner;
    const T w = weights[i];
    if (i == 0)
      for (std::int64_t j = 0; j < inner; ++j) y[j] = w * from[j];
    else
      for (std::int64_t j = 0; j < inner; ++j) y[j] += w * from[j];
  }
}

/// The largest of one window seen so far.
template <class T> struct Largest {
  T value;
  std::int64_t at;

  void meet(T v, std::int64_t position) {
    if (v > value || (v != v && value == value)) *this = {v, position};
  }
};

}  // namespace

Windows Windows::transposed() const {
  Windows t;
  t.inputs = outputs();
  t.starts.assign(static_cast<std::size_t>(inputs) + 1, 0);
  t.taps.resize(taps.size());
  t.weights.resize(taps.size());
  for (const auto tap : taps) ++t.starts[static_cast<std::size_t>(tap) + 1];
  for (std::size_t i = 1; i < t.starts.size(); ++i) t.starts[i] += t.starts[i - 1];
  auto next = t.starts;
  for (std::size_t o = 0; o + 1 < starts.size(); ++o)
    for (auto i = static_cast<std::size_t>(starts[o]); i < static_cast<std::size_t>(starts[o + 1]);
         ++i) {
      const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(taps[i])]++);
      t.taps[to] = static_cast<std::int64_t>(o);
      t.weights[to] = weights[i];
    }
  return t;
}

template <class T>
void window_sum(const T* x, T* y, std::int64_t outer, std::int64_t inner, const Windows& windows) {
  const auto in = windows.inputs, out = windows.outputs();
  const auto reads = static_cast<std::int64_t>(windows.taps.size()) * inner;
  detail::count_work(2 * outer * reads,
                     static_cast<std::int64_t>(sizeof(T)) * outer * (in + out) * inner);
  const std::vector<T> weights(windows.weights.begin(), windows.weights.end());
  parallel_for(outer, detail::elementwise_grain / (reads + 1) + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (auto a = begin; a < end; ++a)
                   for (std::int64_t o = 0; o < out; ++o) {
                     const auto first = windows.starts[static_cast<std::size_t>(o)];
                     const auto count = windows.starts[static_cast<std::size_t>(o) + 1] - first;
                     const T* const from = x + a * in * inner;
                     T* const to = y + (a * out + o) * inner;
                     const auto* const taps = windows.taps.data() + first;
                     if (inner == 1)
                       *to = dot_row(from, taps, weights.data() + first, count);
                     else
                       dot_rows(from, to, inner, taps, weights.data() + first, count);
                   }
               });
}

template <class T>
void window_max(const T* x, T* y, std::int64_t* index, std::int64_t planes,
                const WindowsOfAxes& windows) {
  const Windows &deep = windows[0], &high = windows[1], &wide = windows[2];
  const auto pixels_in = deep.inputs * high.inputs * wide.inputs;
  const auto pixels_out = deep.outputs() * high.outputs() * wide.outputs();
  const auto reads =
      static_cast<std::int64_t>(deep.taps.size() * high.taps.size() * wide.taps.size());
  detail::count_work(planes * reads,
                     static_cast<std::int64_t>(sizeof(T)) * planes * (pixels_in + pixels_out) +
                         static_cast<std::int64_t>(sizeof(std::int64_t)) * planes * pixels_out);
  // The taps of output o of one axis.
  const auto row = [](const Windows& w, std::int64_t o) {
    return std::pair(w.taps.data() + w.starts[static_cast<std::size_t>(o)],
                     w.taps.data() + w.starts[static_cast<std::size_t>(o) + 1]);
  };
  parallel_for(planes, detail::elementwise_grain / (reads + 1) + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (auto plane = begin; plane < end; ++plane) {
                   const T* const from = x + plane * pixels_in;
                   auto to = plane * pixels_out;
                   for (std::int64_t od = 0; od < deep.outputs(); ++od)
                     for (std::int64_t oh = 0; oh < high.outputs(); ++oh)
                       for (std::int64_t ow = 0; ow < wide.outputs(); ++ow, ++to) {
                         const auto [d0, d1] = row(deep, od);
                         const auto [h0, h1] = row(high, oh);
                         const auto [w0, w1] = row(wide, ow);
                         const auto first = (*d0 * high.inputs + *h0) * wide.inputs + *w0;
                         Largest<T> largest{from[first], first};
                         for (auto d = d0; d != d1; ++d)
                           for (auto h = h0; h != h1; ++h) {
                             const auto line = (*d * high.inputs + *h) * wide.inputs;
                             for (auto w = w0; w != w1; ++w)
                               largest.meet(from[line + *w], line + *w);
                           }
                         y[to] = largest.value;
                         index[to] = largest.at;
                       }
                 }
               });
}

template void window_sum(const float*, float*, std::int64_t, std::int64_t, const Windows&);
template void window_sum(const double*, double*, std::int64_t, std::int64_t, const Windows&);
template void window_max(const float*, float*, std::int64_t*, std::int64_t, const WindowsOfAxes&);
template void window_max(const double*, double*, std::int64_t*, std::int64_t, const WindowsOfAxes&);

}  // namespace gradtape::kernels

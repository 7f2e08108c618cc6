#include "gradtape/autograd/kernels/spatial/windows.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "gradtape/autograd/elementwise/simd.hpp"
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

/// f(position in a plane) for what window o of the plane reads, in order.
template <class F> void for_each_tap(const WindowsOfAxes& windows, std::int64_t o, F f) {
  const auto& [deep, high, wide] = windows;
  const auto row = [](const Windows& w, std::int64_t i) {
    return std::span(w.taps).subspan(
        static_cast<std::size_t>(w.starts[static_cast<std::size_t>(i)]),
        static_cast<std::size_t>(w.starts[static_cast<std::size_t>(i) + 1] -
                                 w.starts[static_cast<std::size_t>(i)]));
  };
  const auto line = o / wide.outputs();
  for (const auto d : row(deep, line / high.outputs()))
    for (const auto h : row(high, line % high.outputs()))
      for (const auto w : row(wide, o % wide.outputs())) f((d * high.inputs + h) * wide.inputs + w);
}

std::int64_t most_taps(const Windows& w) {
  std::int64_t most = 0;
  for (std::size_t o = 0; o + 1 < w.starts.size(); ++o)
    most = std::max(most, w.starts[o + 1] - w.starts[o]);
  return most;
}

/// What some outputs of every plane read: for each tap of the largest window a row of positions,
/// where smaller windows repeat their last, which changes no maximum.
template <class T> class TapTable {
  using Register = xsimd::batch<T>;
  using Position = xsimd::as_integer_t<T>;
  using Positions = xsimd::batch<Position>;
  static constexpr auto lanes = static_cast<std::int64_t>(Register::size);

 public:
  TapTable(const WindowsOfAxes& windows, std::int64_t taps, std::int64_t begin, std::int64_t end)
      : taps_(taps), count_(end - begin), row_((count_ + lanes - 1) / lanes * lanes) {
    positions_.resize(static_cast<std::size_t>(taps_ * row_));
    for (std::int64_t i = 0; i < row_; ++i) {
      std::int64_t tap = 0;
      const auto put = [&](std::int64_t at) {
        positions_[static_cast<std::size_t>(tap++ * row_ + i)] = static_cast<Position>(at);
      };
      for_each_tap(windows, begin + std::min(i, count_ - 1), put);
      for (const auto last = positions_[static_cast<std::size_t>((tap - 1) * row_ + i)];
           tap < taps_;)
        put(last);
    }
  }

  /// The outputs of one plane. Nothing branches, as nobody can predict where a maximum is.
  void maxima(const T* plane, T* y, std::int64_t* index) const {
    for (std::int64_t i = 0; i < count_; i += lanes) {
      const Position* const first = positions_.data() + i;
      auto largest = Register::gather(plane, Positions::load_unaligned(first));
      Register found(T(0));  // the tap
      for (std::int64_t tap = 1; tap < taps_; ++tap) {
        const auto value = Register::gather(plane, Positions::load_unaligned(first + tap * row_));
        const auto take = (value > largest) | (xsimd::isnan(value) & !xsimd::isnan(largest));
        largest = xsimd::select(take, value, largest);
        found = xsimd::select(take, Register(static_cast<T>(tap)), found);
      }
      T values[lanes], taps[lanes];
      largest.store_unaligned(values);
      found.store_unaligned(taps);
      const auto wanted = std::min(lanes, count_ - i);
      std::copy_n(values, wanted, y + i);
      for (std::int64_t j = 0; j < wanted; ++j)
        index[i + j] = first[static_cast<std::int64_t>(taps[j]) * row_ + j];
    }
  }

 private:
  std::int64_t taps_, count_, row_;
  std::vector<Position> positions_;
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
  const auto grain = detail::elementwise_grain / (reads + 1) + 1;
  constexpr std::int64_t countable = 1 << 24;  // taps, in a float
  const auto taps = most_taps(deep) * most_taps(high) * most_taps(wide);
  if (pixels_in > std::numeric_limits<std::int32_t>::max() || taps > countable)
    return parallel_for(planes, grain, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin * pixels_out; i < end * pixels_out; ++i) {
        const T* const plane = x + i / pixels_out * pixels_in;
        Largest<T> largest{0, -1};
        for_each_tap(windows, i % pixels_out, [&](std::int64_t at) {
          if (largest.at < 0) largest = {plane[at], at};
          largest.meet(plane[at], at);
        });
        y[i] = largest.value;
        index[i] = largest.at;
      }
    });
  constexpr std::int64_t table = 1 << 16;  // positions
  const auto part = std::max<std::int64_t>(64, table / std::max<std::int64_t>(1, taps));
  for (std::int64_t o = 0; planes > 0 && o < pixels_out; o += part) {
    const TapTable<T> reads_of(windows, taps, o, std::min(o + part, pixels_out));
    parallel_for(planes, grain, [&](std::int64_t begin, std::int64_t end) {
      for (auto plane = begin; plane < end; ++plane)
        reads_of.maxima(x + plane * pixels_in, y + plane * pixels_out + o,
                        index + plane * pixels_out + o);
    });
  }
}

template void window_sum(const float*, float*, std::int64_t, std::int64_t, const Windows&);
template void window_sum(const double*, double*, std::int64_t, std::int64_t, const Windows&);
template void window_max(const float*, float*, std::int64_t*, std::int64_t, const WindowsOfAxes&);
template void window_max(const double*, double*, std::int64_t*, std::int64_t, const WindowsOfAxes&);

}  // namespace gradtape::kernels

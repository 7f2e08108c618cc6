#include "gradtape/autograd/kernels/normalise.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <utility>
#include <vector>

#include "gradtape/autograd/elementwise/pack.hpp"
#include "gradtape/autograd/kernels/group_loops.hpp"

namespace gradtape::kernels {
namespace {

using namespace group_loops;

/// g d, and 0 where g is 0 even if d is infinite or NaN.
template <class V> Pack<V> masked(Pack<V> g, Pack<V> d) { return where(g == 0, Pack<V>(0), g * d); }

template <class V, class T> Pack<V> load(const T* p) {
  if constexpr (std::same_as<V, T>)
    return *p;
  else
    return V::load_unaligned(p);
}
template <class V, class T> void store(Pack<V> v, T* p) {
  if constexpr (std::same_as<V, T>)
    *p = v.v;
  else
    v.v.store_unaligned(p);
}
template <class T>
double total(Pack<T> v)
  requires std::floating_point<T>
{
  return static_cast<double>(v.v);
}
template <class T, class A> double total(Pack<xsimd::batch<T, A>> v) {
  alignas(xsimd::batch<T, A>) T lane[xsimd::batch<T, A>::size];
  v.v.store_aligned(lane);
  double sum = 0;
  for (const T x : lane) sum += static_cast<double>(x);
  return sum;
}

/// f.template operator()<V>(begin, end) for [0, n): in registers V, and the rest one by one.
template <class T, class F> void in_registers(int64_t n, F f) {
  using V = xsimd::batch<T>;
  const auto whole = n - n % static_cast<int64_t>(V::size);
  f.template operator()<V>(int64_t{0}, whole);
  f.template operator()<T>(whole, n);
}
template <class V, class T> constexpr int64_t step = sizeof(V) / sizeof(T);

/// One group, as it is looked at, or several side by side. Number: T or a Pack.
template <class Number> struct View {
  template <class V> Pack<V> operator()(Pack<V> x) const {
    return ((x * shrink - center) - rest) * factor;
  }
  /// The gradient of x from h and its means.
  template <class V> Pack<V> gradient(Pack<V> h, Pack<V> x) const {
    return masked(h - mean_h - masked(Pack<V>(mean_hz), (*this)(x)), Pack<V>(factor)) * shrink;
  }

  Number shrink, center, rest, factor;
  Number mean_h = 0, mean_hz = 0;
};

/// The means of n numbers as they enter the gradient of x; the factor is 0 where the mean square is
/// infinite, and so is the gradient.
template <class T>
void set_means(About about, Sums<2> of_h_and_hz, double n, T factor, T& mean_h, T& mean_hz) {
  mean_h = static_cast<T>(about == About::mean ? of_h_and_hz[0] / n : 0);
  mean_hz = static_cast<T>(factor == 0 ? 0 : of_h_and_hz[1] / n);
}

/// What a channel's number is in a run of one channel, and in one where each element has its own.
template <class T> struct OfRun {
  template <class V> Pack<V> at(int64_t) const { return value; }
  T value;
};
template <class T> struct OfElements {
  template <class V> Pack<V> at(int64_t i) const { return load<V>(values + i); }
  const T* values;
};

/// y = view(x) weight + bias
template <class T, class Numbers>
void map_run(View<T> view, const T* x, Numbers weight, Numbers bias, T* y, int64_t n) {
  detail::parallel_for(n, detail::elementwise_grain, [=](int64_t begin, int64_t end) {
    const auto own = view;  // a copy that no store can change
    in_registers<T>(end - begin, [=]<class V>(int64_t first, int64_t last) {
      for (auto i = begin + first; i < begin + last; i += step<V, T>)
        store(own(load<V>(x + i)) * weight.template at<V>(i) + bias.template at<V>(i), y + i);
    });
  });
}
/// dx for the cotangent g of view(x) weight + bias
template <class T, class Numbers>
void slope_run(View<T> view, const T* g, const T* x, Numbers weight, T* dx, int64_t n) {
  detail::parallel_for(n, detail::elementwise_grain, [=](int64_t begin, int64_t end) {
    const auto own = view;
    in_registers<T>(end - begin, [=]<class V>(int64_t first, int64_t last) {
      for (auto i = begin + first; i < begin + last; i += step<V, T>)
        store(own.gradient(masked(load<V>(g + i), weight.template at<V>(i)), load<V>(x + i)),
              dx + i);
    });
  });
}

/// The sums of g and of g z for each run of one channel.
template <class T> using RunSums = std::vector<Sums<2>>;

/// Their sums for each channel, in order.
template <class T> void add_runs(const RunSums<T>& sums, int64_t channels, NormaliseSlopes<T> to) {
  RunSums<T> totals(static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < sums.size(); ++i)
    for (std::size_t s = 0; s < 2; ++s) totals[i % totals.size()][s] += sums[i][s];
  for (std::size_t c = 0; c < totals.size(); ++c) {
    if (to.bias) to.bias[c] = static_cast<T>(totals[c][0]);
    if (to.weight) to.weight[c] = static_cast<T>(totals[c][1]);
  }
}

// ---- groups that consist of runs of one channel ----

/// f(first, run) for the runs of group k, of which `first` is the first element.
template <class F> void for_runs(AxisView groups, int64_t length, int64_t k, F f) {
  for (int64_t o = 0; o < groups.outer; ++o) {
    const auto begin = (o * groups.n + k) * groups.inner;
    for (auto first = begin; first < begin + groups.inner; first += length)
      f(first, first / length);
  }
}

template <class T>
void normalise_runs(const T* x, View<T> view, Affine<T> affine, T* y, AxisView groups, int64_t k) {
  for_runs(groups, affine.run, k, [=](int64_t first, int64_t run) {
    const auto c = run % affine.channels;
    map_run(view, x + first, OfRun<T>{affine.weight[c]}, OfRun<T>{affine.bias[c]}, y + first,
            affine.run);
  });
}

template <class T>
void slope_runs(const T* g, const T* x, About about, View<T> view, Affine<T> affine,
                RunSums<T>& sums, T* dx, AxisView groups, int64_t k) {
  const double n = size_of_group(groups);
  double of_h = 0, of_hz = 0;
  for_runs(groups, affine.run, k, [&](int64_t first, int64_t run) {
    const auto own = run_sums<T>(
        first, affine.run, [=](int64_t at) { return g[at]; },
        [=](int64_t at) { return masked<T>(g[at], view(Pack<T>(x[at]))).v; });
    const double weight = affine.weight[run % affine.channels];
    of_h += masked<double>(own[0], weight).v;
    of_hz += masked<double>(own[1], weight).v;
    sums[static_cast<std::size_t>(run)] = own;
  });
  if (!dx) return;
  set_means(about, {of_h, of_hz}, n, view.factor, view.mean_h, view.mean_hz);
  for_runs(groups, affine.run, k, [=](int64_t first, int64_t run) {
    slope_run(view, g + first, x + first, OfRun<T>{affine.weight[run % affine.channels]},
              dx + first, affine.run);
  });
}

// ---- rows, whose elements have each a channel ----

/// Adds g and g z to the sums of their channels, and gives the sums of h and h z.
template <class T>
Sums<2> sums_of_row(View<T> view, const T* g, const T* x, const T* weight, T* of_g, T* of_gz,
                    int64_t n) {
  constexpr int64_t block = 1024;  // then rounding errors would add up
  Sums<2> sums{};
  for (int64_t start = 0; start < n; start += block)
    in_registers<T>(std::min(block, n - start), [&]<class V>(int64_t first, int64_t last) {
      Pack<V> of_h, of_hz;
      for (auto i = start + first; i < start + last; i += step<V, T>) {
        const Pack<V> v = load<V>(g + i), z = view(load<V>(x + i)),
                      h = masked(v, load<V>(weight + i));
        store(load<V>(of_g + i) + v, of_g + i);
        store(load<V>(of_gz + i) + masked(v, z), of_gz + i);
        of_h += h;
        of_hz += masked(h, z);
      }
      sums[0] += total(of_h);
      sums[1] += total(of_hz);
    });
  return sums;
}

/// Rows are cut into pieces by their shape alone; each piece has sums of its own.
template <class T> class RowSlopes {
 public:
  RowSlopes(const T* g, const T* x, About about, Affine<T> affine, AxisView groups)
      : g_(g), x_(x), about_(about), affine_(affine), groups_(groups) {
    constexpr int64_t most = 32, least = 2 * detail::elementwise_grain;
    rows_ = std::max((groups.n + most - 1) / most, (least + groups.inner - 1) / groups.inner);
    pieces_ = (groups.n + rows_ - 1) / rows_;
    sums_.resize(static_cast<std::size_t>(2 * pieces_ * affine.channels));
  }

  template <class ViewOf> void run(ViewOf view_of, NormaliseSlopes<T> to) {
    detail::parallel_for(pieces_, 1, [&](int64_t begin, int64_t end) {
      for (auto piece = begin; piece < end; ++piece) run_piece(piece, view_of, to.x);
    });
    const auto channels = affine_.channels;
    for (int64_t c = 0; c < channels; ++c) {
      double of_g = 0, of_gz = 0;
      for (int64_t piece = 0; piece < pieces_; ++piece) {
        of_g += sums(piece)[c];
        of_gz += sums(piece)[channels + c];
      }
      if (to.bias) to.bias[c] = static_cast<T>(of_g);
      if (to.weight) to.weight[c] = static_cast<T>(of_gz);
    }
  }

 private:
  double* sums(int64_t piece) { return sums_.data() + 2 * piece * affine_.channels; }

  template <class ViewOf> void run_piece(int64_t piece, ViewOf view_of, T* dx) {
    const auto end = std::min((piece + 1) * rows_, groups_.n), n = groups_.inner;
    const auto count = static_cast<std::size_t>(2 * affine_.channels);
    std::vector<T> part(count);
    for (auto row = piece * rows_; row < end;) {
      for (const auto stop = std::min(end, row + 32); row < stop; ++row) {
        const auto first = row * n, c = first % affine_.channels;
        View<T> view = view_of(row);
        const auto own = sums_of_row(view, g_ + first, x_ + first, affine_.weight + c,
                                     part.data() + c, part.data() + affine_.channels + c, n);
        set_means(about_, own, static_cast<double>(n), view.factor, view.mean_h, view.mean_hz);
        if (dx)
          slope_run(view, g_ + first, x_ + first, OfElements<T>{affine_.weight + c}, dx + first, n);
      }
      for (std::size_t i = 0; i < count; ++i)
        sums(piece)[i] += static_cast<double>(std::exchange(part[i], T(0)));
    }
  }

  const T *g_, *x_;
  About about_;
  Affine<T> affine_;
  AxisView groups_;
  int64_t rows_, pieces_;
  std::vector<double> sums_;
};

// ---- columns ----

/// The columns of a band side by side.
template <class T> struct Columns {
  T weight[band], bias[band], shrink[band], center[band], rest[band], factor[band];
  T mean_h[band] = {}, mean_hz[band] = {};

  template <class Number>
  Columns(const Frame<Number>& frame, const T* factors, Affine<T> affine, int64_t begin,
          int64_t end) {
    for (auto k = begin; k < end; ++k) {
      const auto j = k - begin, c = k % affine.channels;
      weight[j] = affine.weight[c];
      bias[j] = affine.bias[c];
      shrink[j] = frame.shrink[k];
      center[j] = frame.center[k];
      rest[j] = frame.rest[k];
      factor[j] = factors[k];
    }
  }
  template <class V> View<Pack<V>> view(int64_t j) const {
    return {load<V>(shrink + j), load<V>(center + j), load<V>(rest + j),
            load<V>(factor + j), load<V>(mean_h + j), load<V>(mean_hz + j)};
  }
};

/// f.template operator()<V>(j, at) for the elements of columns [begin, end), with j counted from
/// begin.
template <class T, class F>
void for_columns(AxisView groups, int64_t begin, int64_t end, const F& f) {
  const auto width = end - begin, grain = detail::elementwise_grain / width + 1;
  detail::parallel_for(groups.outer, grain, [&](int64_t from, int64_t to) {
    for (auto row = from; row < to; ++row)
      in_registers<T>(width, [&]<class V>(int64_t first, int64_t last) {
        for (auto j = first; j < last; j += step<V, T>)
          f.template operator()<V>(j, row * groups.n + begin + j);
      });
  });
}

template <class T>
void slope_columns(const T* g, const T* x, About about, Columns<T>& columns, RunSums<T>& sums,
                   T* dx, AxisView groups, int64_t begin, int64_t end) {
  const double n = size_of_group(groups);
  const auto z = [&columns, x, begin](int64_t k, int64_t at) {
    return columns.template view<T>(k - begin)(Pack<T>(x[at]));
  };
  const auto own = band_sums<T>(
      groups, begin, end, [=](int64_t, int64_t at) { return g[at]; },
      [=](int64_t k, int64_t at) { return masked<T>(g[at], z(k, at)).v; });
  for (auto k = begin; k < end; ++k) {
    const auto j = static_cast<std::size_t>(k - begin);
    const double weight = columns.weight[j];
    set_means(about, {masked<double>(own[0][j], weight).v, masked<double>(own[1][j], weight).v}, n,
              columns.factor[j], columns.mean_h[j], columns.mean_hz[j]);
    sums[static_cast<std::size_t>(k)] = {own[0][j], own[1][j]};
  }
  if (!dx) return;
  for_columns<T>(groups, begin, end, [&columns, g, x, dx]<class V>(int64_t j, int64_t at) {
    const auto h = masked(load<V>(g + at), load<V>(columns.weight + j));
    store(columns.template view<V>(j).gradient(h, load<V>(x + at)), dx + at);
  });
}

/// 1 / sqrt(variance + eps)
template <class T> T inverse_root(const Frame<T>& frame, int64_t k, double eps) {
  const double square = frame.variance[k], shrink = frame.shrink[k];
  return static_cast<T>(1 / (shrink == 1 ? std::sqrt(square + eps)
                                         : std::hypot(std::sqrt(square), std::sqrt(eps) * shrink)));
}

}  // namespace

template <class T>
void normalise(const T* x, About about, Frame<T> frame, T* factor, double eps, Affine<T> affine,
               T* y, AxisView groups) {
  count(groups, sizeof(T), 12, 2);
  for_groups(groups, [=](int64_t begin, int64_t end) {
    (about == About::mean ? moments_of<T> : squares_of<T>)(x, frame, groups, begin, end);
    for (auto k = begin; k < end; ++k) factor[k] = inverse_root(frame, k, eps);
    if (groups.inner == 1) {
      const Columns<T> columns(frame, factor, affine, begin, end);
      return for_columns<T>(groups, begin, end, [&]<class V>(int64_t j, int64_t at) {
        const auto z = columns.template view<V>(j)(load<V>(x + at));
        store(z * load<V>(columns.weight + j) + load<V>(columns.bias + j), y + at);
      });
    }
    const View<T> view{frame.shrink[begin], frame.center[begin], frame.rest[begin], factor[begin]};
    if (affine.run > 1) return normalise_runs(x, view, affine, y, groups, begin);
    const auto first = begin * groups.inner, c = first % affine.channels;
    map_run(view, x + first, OfElements<T>{affine.weight + c}, OfElements<T>{affine.bias + c},
            y + first, groups.inner);
  });
}

template <class T>
void normalise_backward(const T* g, const T* x, About about, Frame<const T> frame, const T* factor,
                        Affine<T> affine, NormaliseSlopes<T> to, AxisView groups) {
  count(groups, sizeof(T), 16, 3);
  const auto view_of = [=](int64_t k) {
    return View<T>{frame.shrink[k], frame.center[k], frame.rest[k], factor[k]};
  };
  if (affine.run == 1 && groups.inner > 1)
    return RowSlopes<T>(g, x, about, affine, groups).run(view_of, to);
  RunSums<T> sums(static_cast<std::size_t>(groups.outer * groups.n * groups.inner /
                                           (groups.inner == 1 ? groups.outer : affine.run)));
  for_groups(groups, [&](int64_t begin, int64_t end) {
    if (groups.inner > 1)
      return slope_runs(g, x, about, view_of(begin), affine, sums, to.x, groups, begin);
    Columns<T> columns(frame, factor, affine, begin, end);
    slope_columns(g, x, about, columns, sums, to.x, groups, begin, end);
  });
  add_runs(sums, affine.channels, to);
}

template void normalise(const float*, About, Frame<float>, float*, double, Affine<float>, float*,
                        AxisView);
template void normalise(const double*, About, Frame<double>, double*, double, Affine<double>,
                        double*, AxisView);
template void normalise_backward(const float*, const float*, About, Frame<const float>,
                                 const float*, Affine<float>, NormaliseSlopes<float>, AxisView);
template void normalise_backward(const double*, const double*, About, Frame<const double>,
                                 const double*, Affine<double>, NormaliseSlopes<double>, AxisView);

}  // namespace gradtape::kernels

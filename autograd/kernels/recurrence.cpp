#include "gradtape/autograd/kernels/recurrence.hpp"

#include <algorithm>
#include <type_traits>

#include "gradtape/autograd/elementwise/functions.hpp"
#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/runtime/parallel_items.hpp"

namespace gradtape::kernels {
namespace {

using primitive::Relu, primitive::Sigmoid, primitive::Tanh;
using std::int64_t;

template <class T> using Register = xsimd::batch<T>;
template <class T> using Values = Pack<Register<T>>;

/// Some elements of a row that fit a register.
template <class T> struct Lanes {
  static constexpr int64_t width = static_cast<int64_t>(Register<T>::size);
  int64_t at, count;

  Values<T> load(const T* row) const {
    if (count == width) return Register<T>::load_unaligned(row + at);
    alignas(Register<T>) T part[width] = {};
    std::copy_n(row + at, count, part);
    return Register<T>::load_aligned(part);
  }
  void store(const Values<T>& x, T* row) const {
    if (count == width) return x.v.store_unaligned(row + at);
    alignas(Register<T>) T part[width];
    x.v.store_aligned(part);
    std::copy_n(part, count, row + at);
  }
};

template <class T, class F> void for_lanes(int64_t n, F f) {
  constexpr auto width = Lanes<T>::width;
  for (int64_t at = 0; at < n; at += width) f(Lanes<T>{at, std::min(width, n - at)});
}

template <class Function, class V> Pack<V> of(const Pack<V>& x) { return Function::value(x.v); }

/// a b, and 0 where one of both is 0: a slope along two functions, as dual numbers have it.
template <class V> Pack<V> both(const Pack<V>& a, const Pack<V>& b) {
  const Pack<V> y = a * b;
  return any_nan(y) ? where(y != y && (a == 0 || b == 0), Pack<V>(0), y) : y;
}

/// One sequence at one step: rows of the arrays in the header.
template <class T> struct Row {
  int64_t hidden;
  const T *input, *bias, *h, *c;  // h and c before the step
  T *sums, *next_h, *next_c;
};
/// The same on the way back. `carry`, the gradient of the next step's h, becomes that of this one's
/// without what goes through the sums.
template <class T> struct RowBack {
  Row<T> row;
  const T* of_h;  // or null
  T *input, *sums, *carry, *c;
  Values<T> cotangent(Lanes<T> lanes) const {
    const auto carried = lanes.load(carry);
    return of_h ? carried + lanes.load(of_h) : carried;
  }
};

template <Recurrence kind> struct Step {  // rnn
  using Function = std::conditional_t<kind == Recurrence::rnn_tanh, Tanh, Relu>;

  template <class T> static void forward(const Row<T>& r) {
    for_lanes<T>(r.hidden, [&](auto lanes) {
      auto s = lanes.load(r.input) + lanes.load(r.sums);
      if (r.bias) s += lanes.load(r.bias);
      lanes.store(s, r.sums);
      lanes.store(of<Function>(s), r.next_h);
    });
  }
  template <class T> static void backward(const RowBack<T>& b) {
    for_lanes<T>(b.row.hidden, [&](auto lanes) {
      const auto g = b.cotangent(lanes);
      if constexpr (kind == Recurrence::rnn_tanh)
        lanes.store(masked_mul(g, Tanh::grad_from_input(lanes.load(b.row.sums))), b.sums);
      else
        lanes.store(masked_mul(g, Pack(Relu::grad_from_output(lanes.load(b.row.next_h)))), b.sums);
      lanes.store(0, b.carry);
    });
  }
};

template <> struct Step<Recurrence::lstm> {
  template <class T> static void forward(const Row<T>& r) {
    for_lanes<T>(r.hidden, [&](auto lanes) {
      const auto sum = [&](int64_t gate) {
        const auto at = gate * r.hidden;
        auto s = lanes.load(r.input + at) + lanes.load(r.sums + at);
        if (r.bias) s += lanes.load(r.bias + at);
        lanes.store(s, r.sums + at);
        return s;
      };
      const auto i = of<Sigmoid>(sum(0)), f = of<Sigmoid>(sum(1)), g = of<Tanh>(sum(2)),
                 o = of<Sigmoid>(sum(3)), c = f * lanes.load(r.c) + i * g;
      lanes.store(c, r.next_c);
      lanes.store(o * of<Tanh>(c), r.next_h);
    });
  }
  template <class T> static void backward(const RowBack<T>& b) {
    const Row<T>& r = b.row;
    for_lanes<T>(r.hidden, [&](auto lanes) {
      const auto sum = [&](int64_t gate) { return lanes.load(r.sums + gate * r.hidden); };
      const auto give = [&](int64_t gate, const auto& x) {
        lanes.store(x, b.sums + gate * r.hidden);
      };
      const auto [i, slope_i] = Sigmoid::with_slope(sum(0));
      const auto [f, slope_f] = Sigmoid::with_slope(sum(1));
      const auto [o, slope_o] = Sigmoid::with_slope(sum(3));
      const auto [g, slope_g] = Tanh::with_slope(sum(2));
      const auto [tanh_c, slope_c] = Tanh::with_slope(lanes.load(r.next_c));
      const auto of_h = b.cotangent(lanes);
      const auto of_c = lanes.load(b.c) + masked_mul(of_h, both(o, slope_c));
      give(0, masked_mul(of_c, both(slope_i, g)));
      give(1, masked_mul(of_c, both(slope_f, lanes.load(r.c))));
      give(2, masked_mul(of_c, both(i, slope_g)));
      give(3, masked_mul(of_h, both(slope_o, tanh_c)));
      lanes.store(masked_mul(of_c, f), b.c);
      lanes.store(0, b.carry);
    });
  }
};

template <> struct Step<Recurrence::gru> {
  template <class T> static void forward(const Row<T>& r) {
    for_lanes<T>(r.hidden, [&](auto lanes) {
      const auto input = [&](int64_t gate) { return lanes.load(r.input + gate * r.hidden); };
      const auto state = [&](int64_t gate) {
        const auto at = gate * r.hidden;
        auto s = lanes.load(r.sums + at);
        if (r.bias) s += lanes.load(r.bias + at);
        lanes.store(s, r.sums + at);
        return s;
      };
      const auto reset = of<Sigmoid>(input(0) + state(0)), z = of<Sigmoid>(input(1) + state(1)),
                 n = of<Tanh>(input(2) + reset * state(2));
      lanes.store(n + z * (lanes.load(r.h) - n), r.next_h);
    });
  }
  template <class T> static void backward(const RowBack<T>& b) {
    const Row<T>& r = b.row;
    for_lanes<T>(r.hidden, [&](auto lanes) {
      const auto input = [&](int64_t gate) { return lanes.load(r.input + gate * r.hidden); };
      const auto state = [&](int64_t gate) { return lanes.load(r.sums + gate * r.hidden); };
      const auto give = [&](int64_t gate, const auto& of_input, const auto& of_state) {
        lanes.store(of_input, b.input + gate * r.hidden);
        lanes.store(of_state, b.sums + gate * r.hidden);
      };
      const auto [reset, slope_r] = Sigmoid::with_slope(input(0) + state(0));
      const auto [z, slope_z] = Sigmoid::with_slope(input(1) + state(1));
      const auto [n, slope_n] = Tanh::with_slope(input(2) + reset * state(2));
      const auto g = b.cotangent(lanes);
      const auto of_z = masked_mul(g, masked_mul(slope_z, lanes.load(r.h) - n));
      const auto of_n = masked_mul(masked_mul(g, Values<T>(1) - z), slope_n);
      const auto of_r = masked_mul(of_n, masked_mul(slope_r, state(2)));
      give(0, of_r, of_r);
      give(1, of_z, of_z);
      give(2, of_n, masked_mul(of_n, reset));
      lanes.store(masked_mul(g, z), b.carry);
    });
  }
};

/// Calls f(Step<kind>{}).
template <class F> void visit(Recurrence kind, const F& f) {
  switch (kind) {
    case Recurrence::rnn_tanh:
      return f(Step<Recurrence::rnn_tanh>{});
    case Recurrence::rnn_relu:
      return f(Step<Recurrence::rnn_relu>{});
    case Recurrence::lstm:
      return f(Step<Recurrence::lstm>{});
    case Recurrence::gru:
      return f(Step<Recurrence::gru>{});
  }
}

/// Where the rows of a step lie.
template <class T> struct Walk {
  const RecurrenceOperands<T>& x;
  const RecurrenceStates<T>& y;

  int64_t gates() const { return gate_count(x.kind) * x.hidden; }
  /// The index of the k-th step.
  int64_t time(int64_t k) const { return x.reverse ? x.steps - 1 - k : k; }
  bool over(int64_t t, int64_t n) const { return x.lengths && t >= x.lengths[n]; }
  T* sums(int64_t k, int64_t n) const {
    return y.sums + ((y.kept ? time(k) : 0) * x.batch + n) * gates();
  }
  const T* h_before(int64_t k, int64_t n) const {
    return k == 0 ? x.h + n * x.hidden : h(k - 1, n);
  }
  T* h(int64_t k, int64_t n) const { return y.h + (time(k) * x.batch + n) * x.hidden; }
  const T* c_before(int64_t k, int64_t n) const {
    return k == 0 ? x.c + n * x.hidden : c(k - 1, n);
  }
  T* c(int64_t k, int64_t n) const {
    return y.c + ((y.kept ? time(k) : 0) * x.batch + n) * x.hidden;
  }
  Row<T> row(int64_t k, int64_t n) const {
    const bool cell = x.kind == Recurrence::lstm;
    return {x.hidden,
            x.input + (time(k) * x.batch + n) * gates(),
            x.bias,
            h_before(k, n),
            cell ? c_before(k, n) : nullptr,
            sums(k, n),
            h(k, n),
            cell ? c(k, n) : nullptr};
  }
};

/// f(first, rows) for pieces of the batch, on several threads.
template <class T, class F> void for_pieces(const RecurrenceOperands<T>& x, const F& f) {
  constexpr int64_t most = 16, grain = 1 << 18;  // sequences; multiply-adds that pay for a thread
  const auto pieces = (x.batch + most - 1) / most;
  const auto work = x.steps * most * gate_count(x.kind) * x.hidden * x.hidden;
  detail::parallel_items(pieces, grain / (work + 1) + 1, [&](int64_t i) {
    const auto first = i * x.batch / pieces;
    f(first, (i + 1) * x.batch / pieces - first);
  });
}

/// Each gate's function and its place in the sum are some twelve operations.
template <class T> void count(const RecurrenceOperands<T>& x, int arrays) {
  const auto gates = x.steps * x.batch * gate_count(x.kind) * x.hidden;
  detail::count_work(12 * gates, arrays * gates * static_cast<int64_t>(sizeof(T)));
}

}  // namespace

template <class T>
void recurrence(const RecurrenceOperands<T>& x, const T* transposed, const RecurrenceStates<T>& y) {
  const Walk<T> walk{x, y};
  const Matrix<T> to_gates{transposed ? transposed : x.weight, x.hidden, walk.gates(), !transposed};
  count(x, 3);
  visit(x.kind, [&]<class S>(S) {
    for_pieces(x, [&](int64_t first, int64_t rows) {
      for (int64_t k = 0; k < x.steps; ++k) {
        gemm<T>({walk.h_before(k, first), rows, x.hidden}, to_gates, walk.sums(k, first));
        for (auto n = first; n < first + rows; ++n) {
          const Row<T> row = walk.row(k, n);
          if (!walk.over(walk.time(k), n)) {
            S::forward(row);
            continue;
          }
          std::copy_n(row.h, x.hidden, row.next_h);
          if (row.c && row.c != row.next_c) std::copy_n(row.c, x.hidden, row.next_c);
        }
      }
    });
  });
}

template <class T>
void recurrence_backward(const RecurrenceOperands<T>& x, const RecurrenceStates<T>& y,
                         const RecurrenceGradients<T>& g) {
  const Walk<T> walk{x, y};
  count(x, 3);
  const auto start = [&](const T* from, T* to, int64_t first, int64_t rows) {
    if (!to) return;
    const auto at = first * x.hidden, count = rows * x.hidden;
    from ? void(std::copy_n(from + at, count, to + at)) : void(std::fill_n(to + at, count, T(0)));
  };
  visit(x.kind, [&]<class S>(S) {
    for_pieces(x, [&](int64_t first, int64_t rows) {
      start(g.of_last_h, g.h, first, rows);
      start(g.of_last_c, g.c, first, rows);
      for (auto k = x.steps - 1; k >= 0; --k) {
        const auto t = walk.time(k);
        for (auto n = first; n < first + rows; ++n) {
          const auto at = (t * x.batch + n) * x.hidden, gates = (t * x.batch + n) * walk.gates();
          const RowBack<T> row{walk.row(k, n),     g.of_h ? g.of_h + at : nullptr,
                               g.input + gates,    g.sums + gates,
                               g.h + n * x.hidden, g.c ? g.c + n * x.hidden : nullptr};
          if (!walk.over(t, n)) {
            S::backward(row);
            continue;
          }
          for_lanes<T>(x.hidden, [&](auto lanes) { lanes.store(row.cotangent(lanes), row.carry); });
          std::fill_n(row.input, walk.gates(), T(0));
          std::fill_n(row.sums, walk.gates(), T(0));
        }
        gemm<T>({g.sums + (t * x.batch + first) * walk.gates(), rows, walk.gates()},
                {x.weight, walk.gates(), x.hidden}, g.h + first * x.hidden, true);
      }
    });
  });
}

template <class T>
void recurrence_weight_gradient(const RecurrenceOperands<T>& x, const T* states, const T* sums,
                                T* gradient) {
  const auto gates = gate_count(x.kind) * x.hidden, step = x.batch * gates;
  const auto later = (x.steps - 1) * x.batch;
  const T* const from_states = x.reverse ? states + x.batch * x.hidden : states;
  const T* const after = x.reverse ? sums : sums + step;
  const T* const first = x.reverse ? sums + (x.steps - 1) * step : sums;
  gemm<T>({after, gates, later, true}, {from_states, later, x.hidden}, gradient);
  gemm<T>({first, gates, x.batch, true}, {x.h, x.batch, x.hidden}, gradient, true);
}

#define GRADTAPE_RECURRENCE(T)                                                                  \
  template void recurrence(const RecurrenceOperands<T>&, const T*, const RecurrenceStates<T>&); \
  template void recurrence_backward(const RecurrenceOperands<T>&, const RecurrenceStates<T>&,   \
                                    const RecurrenceGradients<T>&);                             \
  template void recurrence_weight_gradient(const RecurrenceOperands<T>&, const T*, const T*, T*)
GRADTAPE_RECURRENCE(float);
GRADTAPE_RECURRENCE(double);
#undef GRADTAPE_RECURRENCE

}  // namespace gradtape::kernels

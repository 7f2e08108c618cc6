#include "gradtape/optim/adafactor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::above;
using author::at_least;
using author::below;

namespace {

double root_mean_square(const Tensor& x) {
  if (x.numel() == 0) return 0;
  return norm(x).item<double>() / std::sqrt(static_cast<double>(x.numel()));
}

Tensor clamp_below(double bound, const Tensor& x) {
  return clamp(x, bound, std::numeric_limits<double>::infinity());
}

/// Moves a running mean, zeros at first, by a share of the way to `value`.
void average(Tensor& running, const Tensor& value, double share) {
  const Tensor old = running.defined() ? running.to(value.dtype()) : zeros_like(value);
  running = old + share * (value - old);
}

/// g over the root of the second moment, that of Algorithm 4 for matrices.
Tensor update_of(AdafactorState& s, const Tensor& g, double share, double eps) {
  const Tensor square = g * g;
  Tensor moment;
  if (g.ndim() < 2) {
    average(s.second_moment, square, share);
    moment = s.second_moment;
  } else {
    average(s.rows, mean(square, -1, {.keepdim = true}), share);
    average(s.columns, mean(square, -2, {.keepdim = true}), share);
    moment = s.rows / clamp_below(eps, mean(s.rows, -2, {.keepdim = true})) * s.columns;
  }
  const double least = g.dtype() == float32 ? double{std::numeric_limits<float>::min()}
                                            : std::numeric_limits<double>::min();
  return g * rsqrt(clamp_below(std::max(eps * eps, least), moment));
}

}  // namespace

void AdafactorOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("beta2_decay", beta2_decay, below(0));
  each("eps1", eps1, at_least(0));
  each("eps2", eps2, at_least(0));
  each("clip", clip, above(0).or_infinity());
  each("weight_decay", weight_decay, at_least(0));
  each("maximize", maximize);
}

void AdafactorState::fields(detail::Fields& each) {
  each("steps", steps, detail::counter);
  Shape by_row = each.shape(), by_column = each.shape();
  if (by_row.ndim() > 1) by_row[by_row.ndim() - 1] = by_column[by_row.ndim() - 2] = 1;
  each("rows", rows, by_row);
  each("columns", columns, by_column);
  each("second_moment", second_moment);
}

void Adafactor::step() {
  struct Planned {
    AdafactorState state;
    Tensor update;
    double size;
  };
  std::vector<Planned> planned;  // in the rehearsal
  std::size_t next = 0;
  each([&]<class T>(const AdafactorOptions& o, AdafactorState& s, const detail::Pass<T>& pass) {
    if (pass.gradient().numel() == 0) return;
    if (pass.rehearses()) {
      const double t = static_cast<double>(++s.steps);
      const double eps = o.eps1 > 0 ? o.eps1 : double{std::numeric_limits<T>::epsilon()};
      const Tensor u = update_of(s, pass.gradient(), std::pow(t, o.beta2_decay), eps);
      const double size = std::min(o.lr, 1 / std::sqrt(t)) *
                          std::max(o.eps2, root_mean_square(pass.parameter().tensor().detach())) /
                          std::max(1.0, root_mean_square(u) / o.clip);
      planned.push_back({s, u, size});
    } else {
      s = planned[next].state;
    }
    const auto& [state, update, size] = pass.rehearses() ? planned.back() : planned[next++];
    const T keep = T(1 - o.lr * o.weight_decay), step = T(o.maximize ? -size : size);
    pass.along(update, [keep, step](T& w, T d) { w = keep * w - step * d; });
  });
}

}  // namespace gradtape::optim

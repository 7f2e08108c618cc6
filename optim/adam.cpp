#include "gradtape/optim/adam.hpp"

#include <algorithm>
#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::half_open;

namespace {

/// The options of both.
template <class Options> void list(Options& o, detail::Fields& each) {
  each("lr", o.lr, at_least(0));
  each("beta1", o.beta1, half_open(0, 1));
  each("beta2", o.beta2, half_open(0, 1));
  each("eps", o.eps, at_least(0));
  each("weight_decay", o.weight_decay, at_least(0));
  each("amsgrad", o.amsgrad);
  each("maximize", o.maximize);
}

/// The step of both: `coupled` decay joins the gradient, and the parameter `keeps` a share of
/// itself.
template <class T, class Options>
void adam(const Options& o, AdamState& s, const detail::Pass<T>& pass, double coupled,
          double keeps) {
  ++s.steps;
  const T lr = T(o.lr / detail::bias_correction(o.beta1, s.steps));
  const T root = T(1 / std::sqrt(detail::bias_correction(o.beta2, s.steps)));
  const T beta1 = T(o.beta1), rest1 = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2);
  const T eps = T(o.eps), decay = T(coupled), keep = T(keeps), sign = T(o.maximize ? -1 : 1);
  const auto average = [=](T& w, T g, T& m, T& v) {
    w *= keep;
    const T d = sign * g + decay * w;
    m = beta1 * m + rest1 * d;
    v = beta2 * v + rest2 * d * d;
  };
  if (o.amsgrad)
    pass(
        [=](T& w, T g, T& m, T& v, T& largest) {
          average(w, g, m, v);
          largest = std::max(largest, v);
          w -= detail::quotient(lr * m, std::sqrt(largest) * root + eps);
        },
        s.first_moment, s.second_moment, s.max_second_moment);
  else
    pass(
        [=](T& w, T g, T& m, T& v) {
          average(w, g, m, v);
          w -= detail::quotient(lr * m, std::sqrt(v) * root + eps);
        },
        s.first_moment, s.second_moment);
}

}  // namespace

void AdamOptions::fields(detail::Fields& each) { list(*this, each); }
void AdamWOptions::fields(detail::Fields& each) { list(*this, each); }

void AdamState::fields(detail::Fields& each) {
  each("steps", steps, detail::counter);
  each("first_moment", first_moment);
  each("second_moment", second_moment);
  each("max_second_moment", max_second_moment);
}

void Adam::step() {
  each([]<class T>(const AdamOptions& o, AdamState& s, const detail::Pass<T>& pass) {
    adam(o, s, pass, o.weight_decay, 1);
  });
}

void AdamW::step() {
  each([]<class T>(const AdamWOptions& o, AdamState& s, const detail::Pass<T>& pass) {
    adam(o, s, pass, 0, 1 - o.lr * o.weight_decay);
  });
}

}  // namespace gradtape::optim

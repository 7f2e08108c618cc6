#include "gradtape/optim/adamax.hpp"

#include <algorithm>
#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::half_open;

void AdamaxOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("beta1", beta1, half_open(0, 1));
  each("beta2", beta2, half_open(0, 1));
  each("eps", eps, at_least(0));
  each("weight_decay", weight_decay, at_least(0));
  each("maximize", maximize);
}

void AdamaxState::fields(detail::Fields& each) {
  each("steps", steps, detail::counter);
  each("first_moment", first_moment);
  each("norm", norm);
}

void Adamax::step() {
  each([]<class T>(const AdamaxOptions& o, AdamaxState& s, const detail::Pass<T>& pass) {
    const T lr = T(o.lr / detail::bias_correction(o.beta1, ++s.steps)), eps = T(o.eps);
    const T beta1 = T(o.beta1), rest1 = T(1 - o.beta1), beta2 = T(o.beta2);
    const T decay = T(o.weight_decay), sign = T(o.maximize ? -1 : 1);
    pass(
        [=](T& w, T g, T& m, T& u) {
          const T d = sign * g + decay * w;
          m = beta1 * m + rest1 * d;
          u = std::max(beta2 * u, std::abs(d) + eps);
          w -= detail::quotient(lr * m, u);
        },
        s.first_moment, s.norm);
  });
}

}  // namespace gradtape::optim

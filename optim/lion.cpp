#include "gradtape/optim/lion.hpp"

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::half_open;

void LionOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("beta1", beta1, half_open(0, 1));
  each("beta2", beta2, half_open(0, 1));
  each("weight_decay", weight_decay, at_least(0));
  each("maximize", maximize);
}

void LionState::fields(detail::Fields& each) { each("momentum", momentum); }

void Lion::step() {
  each([]<class T>(const LionOptions& o, LionState& s, const detail::Pass<T>& pass) {
    const T lr = T(o.lr), keep = T(1 - o.lr * o.weight_decay), sign = T(o.maximize ? -1 : 1);
    const T beta1 = T(o.beta1), rest1 = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2);
    pass(
        [=](T& w, T g, T& m) {
          const T d = sign * g, c = beta1 * m + rest1 * d;
          w = keep * w - lr * (c > 0 ? T(1) : c < 0 ? T(-1) : c);  // c: 0 or NaN
          m = beta2 * m + rest2 * d;
        },
        s.momentum);
  });
}

}  // namespace gradtape::optim

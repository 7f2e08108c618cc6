#include "gradtape/optim/adadelta.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::closed;

void AdadeltaOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("rho", rho, closed(0, 1));
  each("eps", eps, at_least(0));
  each("weight_decay", weight_decay, at_least(0));
  each("maximize", maximize);
}

void AdadeltaState::fields(detail::Fields& each) {
  each("square", square);
  each("delta", delta);
}

void Adadelta::step() {
  each([]<class T>(const AdadeltaOptions& o, AdadeltaState& s, const detail::Pass<T>& pass) {
    const T lr = T(o.lr), rho = T(o.rho), rest = T(1 - o.rho), eps = T(o.eps);
    const T decay = T(o.weight_decay), sign = T(o.maximize ? -1 : 1);
    pass(
        [=](T& w, T g, T& v, T& u) {
          const T d = sign * g + decay * w;
          v = rho * v + rest * d * d;
          const T rate = std::sqrt(u + eps) / std::sqrt(v + eps);
          const T delta = d == 0 ? T(0) : rate * d;
          u = rho * u + rest * delta * delta;
          w -= lr * delta;
        },
        s.square, s.delta);
  });
}

}  // namespace gradtape::optim

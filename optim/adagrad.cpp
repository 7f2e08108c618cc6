#include "gradtape/optim/adagrad.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;

void AdagradOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("lr_decay", lr_decay, at_least(0));
  each("weight_decay", weight_decay, at_least(0));
  each("initial_sum", initial_sum, at_least(0));
  each("eps", eps, at_least(0));
  each("maximize", maximize);
}

void AdagradState::fields(detail::Fields& each) {
  each("steps", steps, detail::counter);
  each("sum", sum);
}

void Adagrad::step() {
  const auto update = []<class T>(const AdagradOptions& o, AdagradState& s,
                                  const detail::Pass<T>& pass) {
    const T lr = T(o.lr / (1 + static_cast<double>(s.steps++) * o.lr_decay)), eps = T(o.eps);
    const T decay = T(o.weight_decay), sign = T(o.maximize ? -1 : 1);
    const T initial = s.sum.defined() ? T(0) : T(o.initial_sum);
    pass(
        [=](T& w, T g, T& v) {
          const T d = sign * g + decay * w;
          v += initial + d * d;
          w -= detail::quotient(lr * d, std::sqrt(v) + eps);
        },
        s.sum);
  };
  each(update, [](const AdagradOptions& o) { return o.weight_decay == 0 && o.initial_sum == 0; });
}

}  // namespace gradtape::optim

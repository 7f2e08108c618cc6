#include "gradtape/optim/sgd.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::finite;

void SGDOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("momentum", momentum, at_least(0));
  each("dampening", dampening, finite());
  each("weight_decay", weight_decay, at_least(0));
  each("nesterov", nesterov);
  each("maximize", maximize);
  each.require(!nesterov || momentum > 0, "momentum", momentum, "positive with nesterov");
  each.require(!nesterov || dampening == 0, "dampening", dampening, "0 with nesterov");
}

void SGDState::fields(detail::Fields& each) { each("velocity", velocity); }

void SGD::step() {
  const auto update = []<class T>(const SGDOptions& o, SGDState& s, const detail::Pass<T>& pass) {
    const T lr = T(o.lr), decay = T(o.weight_decay), sign = T(o.maximize ? -1 : 1);
    if (o.momentum == 0) return pass([=](T& w, T g) { w -= lr * (sign * g + decay * w); });
    const T momentum = T(o.momentum), share = s.velocity.defined() ? T(1 - o.dampening) : T(1);
    const bool nesterov = o.nesterov;
    pass(
        [=](T& w, T g, T& v) {
          const T d = sign * g + decay * w;
          v = momentum * v + share * d;
          w -= lr * (nesterov ? d + momentum * v : v);
        },
        s.velocity);
  };
  each(update, [](const SGDOptions& o) { return o.momentum == 0 && o.weight_decay == 0; });
}

}  // namespace gradtape::optim

#include "gradtape/optim/sgd.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

void SGDOptions::check() const {
  detail::require_non_negative(rule, "lr", lr);
  detail::require_non_negative(rule, "momentum", momentum);
  detail::require(std::isfinite(dampening), rule, "dampening", dampening, "finite");
  detail::require_non_negative(rule, "weight_decay", weight_decay);
  detail::require(!nesterov || momentum > 0, rule, "momentum", momentum, "positive with nesterov");
  detail::require(!nesterov || dampening == 0, rule, "dampening", dampening, "0 with nesterov");
}

void SGDOptions::fields(detail::Fields& each) {
  each("lr", lr);
  each("momentum", momentum);
  each("dampening", dampening);
  each("weight_decay", weight_decay);
  each("nesterov", nesterov);
  each("maximize", maximize);
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

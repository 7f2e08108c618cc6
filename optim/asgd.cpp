#include "gradtape/optim/asgd.hpp"

#include <algorithm>
#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

void ASGDOptions::check() const {
  detail::require_non_negative(rule, "lr", lr);
  detail::require_non_negative(rule, "lambda", lambda);
  detail::require_non_negative(rule, "alpha", alpha);
  detail::require_non_negative(rule, "start", start);
  detail::require_non_negative(rule, "weight_decay", weight_decay);
}

void ASGDOptions::fields(detail::Fields& each) {
  each("lr", lr);
  each("lambda", lambda);
  each("alpha", alpha);
  each("start", start);
  each("weight_decay", weight_decay);
  each("maximize", maximize);
}

void ASGDState::fields(detail::Fields& each) {
  each("steps", steps);
  each("eta", eta);
  each("mu", mu);
  each("average", average);
}

void ASGD::step() {
  each([]<class T>(const ASGDOptions& o, ASGDState& s, const detail::Pass<T>& pass) {
    if (++s.steps == 1) s.eta = o.lr;
    const T eta = T(s.eta), keep = T(1 - o.lambda * s.eta), mu = T(s.mu);
    const T decay = T(o.weight_decay), sign = T(o.maximize ? -1 : 1);
    pass(
        [=](T& w, T g, T& a) {
          const T d = sign * g + decay * w;
          w = keep * w - eta * d;
          a = mu == T(1) ? w : a + mu * (w - a);
        },
        s.average);
    const double t = static_cast<double>(s.steps);
    s.eta = o.lr / std::pow(1 + o.lambda * o.lr * t, o.alpha);
    s.mu = 1 / std::max(1.0, t - o.start);
  });
}

}  // namespace gradtape::optim

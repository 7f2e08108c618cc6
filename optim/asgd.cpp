#include "gradtape/optim/asgd.hpp"

#include <algorithm>
#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::left_open;

void ASGDOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("lambda", lambda, at_least(0));
  each("alpha", alpha, at_least(0));
  each("start", start, at_least(0));
  each("weight_decay", weight_decay, at_least(0));
  each("maximize", maximize);
}

void ASGDState::fields(detail::Fields& each) {
  each("steps", steps, detail::counter);
  each("eta", eta, at_least(0));
  each("mu", mu, left_open(0, 1));
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

#include "gradtape/optim/rmsprop.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::closed;

void RMSpropOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("alpha", alpha, closed(0, 1));
  each("eps", eps, at_least(0));
  each("weight_decay", weight_decay, at_least(0));
  each("momentum", momentum, at_least(0));
  each("centered", centered);
  each("maximize", maximize);
}

void RMSpropState::fields(detail::Fields& each) {
  each("square", square);
  each("variance", variance);
  each("mean", mean);
  each("velocity", velocity);
}

void RMSprop::step() {
  each([]<class T>(const RMSpropOptions& o, RMSpropState& s, const detail::Pass<T>& pass) {
    const T lr = T(o.lr), alpha = T(o.alpha), rest = T(1 - o.alpha), eps = T(o.eps);
    const T decay = T(o.weight_decay), momentum = T(o.momentum), sign = T(o.maximize ? -1 : 1);
    // Both return g / (sqrt(v) + eps); centered, v is the running variance, which is kept as such:
    // mean square less squared mean would cancel, and could become negative.
    const auto plain = [=](T w, T g, T& v) {
      const T d = sign * g + decay * w;
      v = alpha * v + rest * d * d;
      return detail::quotient(d, std::sqrt(v) + eps);
    };
    const auto centered = [=](T w, T g, T& v, T& m) {
      const T d = sign * g + decay * w;
      v = alpha * (v + rest * (d - m) * (d - m));
      m = alpha * m + rest * d;
      return detail::quotient(d, std::sqrt(v) + eps);
    };
    const auto move = [=](T& w, T& b, T d) {
      b = momentum * b + d;
      w -= lr * b;
    };
    if (o.centered && o.momentum > 0)
      pass([=](T& w, T g, T& v, T& m, T& b) { move(w, b, centered(w, g, v, m)); }, s.variance,
           s.mean, s.velocity);
    else if (o.centered)
      pass([=](T& w, T g, T& v, T& m) { w -= lr * centered(w, g, v, m); }, s.variance, s.mean);
    else if (o.momentum > 0)
      pass([=](T& w, T g, T& v, T& b) { move(w, b, plain(w, g, v)); }, s.square, s.velocity);
    else
      pass([=](T& w, T g, T& v) { w -= lr * plain(w, g, v); }, s.square);
  });
}

}  // namespace gradtape::optim

#include "gradtape/optim/nadam.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::closed;
using author::half_open;

void NAdamOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("beta1", beta1, half_open(0, 1));
  each("beta2", beta2, half_open(0, 1));
  each("eps", eps, at_least(0));
  each("weight_decay", weight_decay, at_least(0));
  each("momentum_decay", momentum_decay, at_least(0));
  each("maximize", maximize);
}

void NAdamState::fields(detail::Fields& each) {
  each("steps", steps, detail::counter);
  each("momentum_product", momentum_product, closed(0, 1));
  each("first_moment", first_moment);
  each("second_moment", second_moment);
}

void NAdam::step() {
  each([]<class T>(const NAdamOptions& o, NAdamState& s, const detail::Pass<T>& pass) {
    const auto mu = [&](std::int64_t t) {
      return o.beta1 * (1 - 0.5 * std::pow(0.96, static_cast<double>(t) * o.momentum_decay));
    };
    const double now = mu(++s.steps), next = mu(s.steps + 1);
    s.momentum_product *= now;
    const T of_gradient = T(o.lr * (1 - now) / (1 - s.momentum_product));
    const T of_moment = T(o.lr * next / (1 - s.momentum_product * now * next));
    const T root = T(1 / std::sqrt(detail::bias_correction(o.beta2, s.steps))), eps = T(o.eps);
    const T beta1 = T(o.beta1), rest1 = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2);
    const T decay = T(o.weight_decay), sign = T(o.maximize ? -1 : 1);
    pass(
        [=](T& w, T g, T& m, T& v) {
          const T d = sign * g + decay * w;
          m = beta1 * m + rest1 * d;
          v = beta2 * v + rest2 * d * d;
          w -= detail::quotient(of_gradient * d + of_moment * m, std::sqrt(v) * root + eps);
        },
        s.first_moment, s.second_moment);
  });
}

}  // namespace gradtape::optim

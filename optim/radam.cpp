#include "gradtape/optim/radam.hpp"

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::half_open;

void RAdamOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("beta1", beta1, half_open(0, 1));
  each("beta2", beta2, half_open(0, 1));
  each("eps", eps, at_least(0));
  each("weight_decay", weight_decay, at_least(0));
  each("maximize", maximize);
}

void RAdam::step() {
  each([]<class T>(const RAdamOptions& o, AdamState& s, const detail::Pass<T>& pass) {
    const double t = static_cast<double>(++s.steps);
    const double first = detail::bias_correction(o.beta1, s.steps);
    const double second = detail::bias_correction(o.beta2, s.steps);
    const double rho = 2 / (1 - o.beta2) - 1, rho_t = rho - 2 * t * (1 - second) / second;
    const bool adaptive = rho_t > 5;
    const double rectification =
        adaptive ? std::sqrt((rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t)) : 1;
    const T lr = T(o.lr / first * (adaptive ? rectification * std::sqrt(second) : 1));
    const T beta1 = T(o.beta1), rest1 = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2);
    const T eps = T(o.eps), decay = T(o.weight_decay), sign = T(o.maximize ? -1 : 1);
    pass(
        [=](T& w, T g, T& m, T& v) {
          const T d = sign * g + decay * w;
          m = beta1 * m + rest1 * d;
          v = beta2 * v + rest2 * d * d;
          w -= detail::quotient(lr * m, adaptive ? std::sqrt(v) + eps : T(1));
        },
        s.first_moment, s.second_moment);
  });
}

}  // namespace gradtape::optim

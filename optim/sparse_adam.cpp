#include "gradtape/optim/sparse_adam.hpp"

#include <fmt/format.h>

#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;
using author::half_open;

void SparseAdamOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("beta1", beta1, half_open(0, 1));
  each("beta2", beta2, half_open(0, 1));
  each("eps", eps, at_least(0));
  each("maximize", maximize);
}

void SparseAdam::step() {
  for (const auto& parameter : parameters())
    if (const auto slice = detail::slice_of(parameter, true);
        slice.gradient().defined() && !slice.rows().defined())
      fail<ValueError>(SparseAdamOptions::rule,
                       fmt::format("the gradient of '{}' is whole; look its rows up with "
                                   "embedding(w, index, {{.sparse = true}}), or use Adam",
                                   parameter.name()));
  const auto update = []<class T>(const SparseAdamOptions& o, AdamState& s,
                                  const detail::Pass<T>& pass) {
    ++s.steps;
    const T lr = T(o.lr * std::sqrt(detail::bias_correction(o.beta2, s.steps)) /
                   detail::bias_correction(o.beta1, s.steps));
    const T beta1 = T(o.beta1), rest1 = T(1 - o.beta1), beta2 = T(o.beta2), rest2 = T(1 - o.beta2);
    const T eps = T(o.eps), sign = T(o.maximize ? -1 : 1);
    pass(
        [=](T& w, T g, T& m, T& v) {
          const T d = sign * g;
          m = beta1 * m + rest1 * d;
          v = beta2 * v + rest2 * d * d;
          w -= detail::quotient(lr * m, std::sqrt(v) + eps);
        },
        s.first_moment, s.second_moment);
  };
  each(update, [](const SparseAdamOptions&) { return true; });
}

}  // namespace gradtape::optim

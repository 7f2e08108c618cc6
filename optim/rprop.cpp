#include "gradtape/optim/rprop.hpp"

#include <algorithm>
#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

void RpropOptions::check() const {
  detail::require_non_negative(rule, "lr", lr);
  detail::require(shrink > 0 && shrink < 1, rule, "shrink", shrink, "in (0, 1)");
  detail::require(grow > 1 && std::isfinite(grow), rule, "grow", grow, "finite and above 1");
  detail::require_non_negative(rule, "min_step", min_step);
  detail::require(max_step >= min_step, rule, "max_step", max_step, "at least min_step");
}

void RpropOptions::fields(detail::Fields& each) {
  each("lr", lr);
  each("shrink", shrink);
  each("grow", grow);
  each("min_step", min_step);
  each("max_step", max_step);
  each("maximize", maximize);
}

void RpropState::fields(detail::Fields& each) {
  each("last", last);
  each("size", size);
}

void Rprop::step() {
  each([]<class T>(const RpropOptions& o, RpropState& s, const detail::Pass<T>& pass) {
    const T shrink = T(o.shrink), grow = T(o.grow), sign = T(o.maximize ? -1 : 1);
    const T smallest = T(o.min_step), largest = T(o.max_step);
    const T initial = s.size.defined() ? T(0) : T(o.lr);
    pass(
        [=](T& w, T g, T& last, T& size) {
          T d = sign * g;
          const T product = d * last;
          size = (size + initial) * (product > 0 ? grow : product < 0 ? shrink : T(1));
          size = std::min(std::max(size, smallest), largest);
          d = product < 0 ? T(0) : d;
          w -= d > 0 ? size : d < 0 ? -size : d;  // d: 0 or NaN
          last = d;
        },
        s.last, s.size);
  });
}

}  // namespace gradtape::optim

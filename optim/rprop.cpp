#include "gradtape/optim/rprop.hpp"

#include <algorithm>
#include <cmath>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::above;
using author::at_least;
using author::open;

void RpropOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("shrink", shrink, open(0, 1));
  each("grow", grow, above(1));
  each("min_step", min_step, at_least(0));
  each("max_step", max_step, at_least(min_step, "min_step").or_infinity());
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

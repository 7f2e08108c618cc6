// A user's program: a formula, whose loop xsimd makes in this file, over the elements of xtensor's
// containers.
#include <cmath>
#include <cstdio>
#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/xtensor.hpp>

using namespace gradtape;

int main() {
  const auto f =
      formula("f", [](auto x, auto y) { return where(x > 0.0, tanh(x) * exp(-y), x * y); });
  xt::xarray<double> a = xt::xarray<double>::from_shape({5, 7});
  for (std::size_t i = 0; i < a.size(); ++i) a.data()[i] = 0.2 * static_cast<double>(i) - 3;
  const Tensor x = from_xtensor(a).requires_grad("x"), y = from_xtensor(0.5 * a);
  sum(f(x, y)).backward();
  const auto value = to_xarray<double>(f(x, y));
  const auto slope = to_xarray<double>(x.grad());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double u = a.data()[i], v = 0.5 * u, t = std::tanh(u);
    const double right = u > 0 ? t * std::exp(-v) : u * v;
    const double right_slope = u > 0 ? (1 - t * t) * std::exp(-v) : v;
    worst = std::fmax(worst, std::abs(value.data()[i] - right));
    worst = std::fmax(worst, std::abs(slope.data()[i] - right_slope));
  }
  std::printf("largest error %g\n", worst);
  return worst < 1e-14 ? 0 : 1;
}

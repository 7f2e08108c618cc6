#include "gradtape/autograd/formula.hpp"

namespace gradtape {

Tensor leaky_relu(const Tensor& x, double slope) {
  return formula("leaky_relu", [=](const auto& x) { return where(x > 0.0, x, slope * x); })(x);
}

Tensor elu(const Tensor& x, double alpha) {
  return formula("elu", [=](const auto& x) { return where(x > 0.0, x, alpha * expm1(x)); })(x);
}

Tensor selu(const Tensor& x) {
  static const auto f = formula("selu", [](const auto& x) {
    const double alpha = 1.6732632423543772,
                 scale = 1.0507009873554805;  // mean 0 and variance 1 stay so
    return scale * where(x > 0.0, x, alpha * expm1(x));
  });
  return f(x);
}

Tensor gelu(const Tensor& x) {
  static const auto f =
      formula("gelu", [](const auto& x) { return 0.5 * x * (1.0 + erf(x * 0.7071067811865476)); });
  return f(x);
}

Tensor silu(const Tensor& x) {
  static const auto f = formula("silu", [](const auto& x) { return x * sigmoid(x); });
  return f(x);
}

Tensor mish(const Tensor& x) {
  static const auto f = formula("mish", [](const auto& x) { return x * tanh(softplus(x)); });
  return f(x);
}

Tensor softsign(const Tensor& x) {
  static const auto f = formula("softsign", [](const auto& x) { return x / (1.0 + abs(x)); });
  return f(x);
}

Tensor log_sigmoid(const Tensor& x) {
  static const auto f = formula("log_sigmoid", [](const auto& x) { return -softplus(-x); });
  return f(x);
}

}  // namespace gradtape

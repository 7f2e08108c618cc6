#include "gradtape/autograd/ops/detail/map.hpp"

namespace gradtape {

using detail::unary;

Tensor abs(const Tensor& x) {
  return unary<primitive::Abs>(x);
}
Tensor sign(const Tensor& x) {
  return unary<primitive::Sign>(x);
}
Tensor step(const Tensor& x) {
  return unary<primitive::Step>(x);
}
Tensor floor(const Tensor& x) {
  return unary<primitive::Floor>(x);
}
Tensor ceil(const Tensor& x) {
  return unary<primitive::Ceil>(x);
}
Tensor round(const Tensor& x) {
  return unary<primitive::Round>(x);
}

Tensor square(const Tensor& x) {
  return unary<primitive::Square>(x);
}
Tensor sqrt(const Tensor& x) {
  return unary<primitive::Sqrt>(x);
}
Tensor rsqrt(const Tensor& x) {
  return unary<primitive::Rsqrt>(x);
}
Tensor reciprocal(const Tensor& x) {
  return unary<primitive::Reciprocal>(x);
}

Tensor exp(const Tensor& x) {
  return unary<primitive::Exp>(x);
}
Tensor expm1(const Tensor& x) {
  return unary<primitive::Expm1>(x);
}
Tensor log(const Tensor& x) {
  return unary<primitive::Log>(x);
}
Tensor log1p(const Tensor& x) {
  return unary<primitive::Log1p>(x);
}

Tensor sin(const Tensor& x) {
  return unary<primitive::Sin>(x);
}
Tensor cos(const Tensor& x) {
  return unary<primitive::Cos>(x);
}
Tensor tan(const Tensor& x) {
  return unary<primitive::Tan>(x);
}
Tensor asin(const Tensor& x) {
  return unary<primitive::Asin>(x);
}
Tensor acos(const Tensor& x) {
  return unary<primitive::Acos>(x);
}
Tensor atan(const Tensor& x) {
  return unary<primitive::Atan>(x);
}
Tensor sinh(const Tensor& x) {
  return unary<primitive::Sinh>(x);
}
Tensor cosh(const Tensor& x) {
  return unary<primitive::Cosh>(x);
}
Tensor tanh(const Tensor& x) {
  return unary<primitive::Tanh>(x);
}
Tensor erf(const Tensor& x) {
  return unary<primitive::Erf>(x);
}

Tensor sigmoid(const Tensor& x) {
  return unary<primitive::Sigmoid>(x);
}
Tensor softplus(const Tensor& x) {
  return unary<primitive::Softplus>(x);
}
Tensor relu(const Tensor& x) {
  return unary<primitive::Relu>(x);
}

}  // namespace gradtape

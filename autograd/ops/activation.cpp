#include "gradtape/autograd/ops/activation.hpp"

#include <fmt/format.h>

#include <vector>

#include "gradtape/autograd/elementwise/activation.hpp"
#include "gradtape/autograd/formula.hpp"
#include "gradtape/autograd/ops/detail/map.hpp"

namespace gradtape {

using namespace detail;

Tensor sigmoid(const Tensor& x) { return unary<primitive::Sigmoid>(x); }
Tensor log_sigmoid(const Tensor& x) {
  static const auto f = formula("log_sigmoid", [](const auto& x) { return -softplus(-x); });
  return f(x);
}
Tensor softplus(const Tensor& x, double beta) {
  if (beta == 1) return unary<primitive::Softplus>(x);
  if (beta == 0) fail<ValueError>("softplus", "beta must not be 0");
  return formula("softplus", [=](const auto& x) { return softplus(beta * x) / beta; })(x);
}
Tensor softsign(const Tensor& x) { return unary<primitive::Softsign>(x); }
Tensor tanhshrink(const Tensor& x) { return unary<primitive::Tanhshrink>(x); }

Tensor relu(const Tensor& x) { return unary<primitive::Relu>(x); }
Tensor relu6(const Tensor& x) {
  static const auto f =
      formula("relu6", [](const auto& x) { return where(x <= 0.0, 0.0, where(x >= 6.0, 6.0, x)); });
  return f(x);
}

Tensor leaky_relu(const Tensor& x, double slope) {
  return formula("leaky_relu", [=](const auto& x) { return where(x > 0.0, x, slope * x); })(x);
}

Tensor prelu(const Tensor& x, const Tensor& slope) {
  need_defined("prelu", x, "x");
  need_defined("prelu", slope, "slope");
  static const auto f = formula(
      "prelu", [](const auto& x, const auto& slope) { return where(x > 0.0, x, slope * x); });
  if (slope.numel() == 1) return f(x, reshape(slope, {}));
  if (slope.ndim() != 1 || x.ndim() < 2 || slope.shape()[0] != x.shape()[1])
    fail<ShapeError>("prelu",
                     fmt::format("needs one slope, or one for each of the channels on axis 1: x is "
                                 "{}, slope {}",
                                 describe(x), describe(slope)));
  std::vector<std::int64_t> per_channel(static_cast<std::size_t>(x.ndim() - 1), 1);
  per_channel[0] = slope.shape()[0];
  return f(x, reshape(slope, Shape(per_channel)));
}

Tensor elu(const Tensor& x, double alpha) {
  return formula("elu", [=](const auto& x) { return where(x > 0.0, x, alpha * expm1(x)); })(x);
}
Tensor celu(const Tensor& x, double alpha) {
  if (alpha == 0) fail<ValueError>("celu", "alpha must not be 0");
  return formula("celu",
                 [=](const auto& x) { return where(x > 0.0, x, alpha * expm1(x / alpha)); })(x);
}
Tensor selu(const Tensor& x) {
  static const auto f = formula("selu", [](const auto& x) {
    const double alpha = 1.6732632423543772,
                 scale = 1.0507009873554805;  // mean 0 and variance 1 stay so
    return scale * where(x > 0.0, x, alpha * expm1(x));
  });
  return f(x);
}

Tensor gelu(const Tensor& x, Gelu form) {
  return form == Gelu::erf ? unary<primitive::Gelu>(x) : unary<primitive::GeluTanh>(x);
}
Tensor silu(const Tensor& x) { return unary<primitive::Silu>(x); }
Tensor mish(const Tensor& x) { return unary<primitive::Mish>(x); }

Tensor hardtanh(const Tensor& x, double low, double high) {
  if (low > high) fail<ValueError>("hardtanh", fmt::format("low {} is above high {}", low, high));
  return formula("hardtanh",
                 [=](const auto& x) { return where(x <= low, low, where(x >= high, high, x)); })(x);
}

Tensor hardsigmoid(const Tensor& x) {
  static const auto f = formula("hardsigmoid", [](const auto& x) {
    return where(x <= -3.0, 0.0, where(x >= 3.0, 1.0, x / 6.0 + 0.5));
  });
  return f(x);
}

Tensor hardswish(const Tensor& x) {
  static const auto f = formula("hardswish", [](const auto& x) {
    return where(x < -3.0, 0.0, where(x < 3.0, x * (x + 3.0) / 6.0, x));
  });
  return f(x);
}

Tensor hardshrink(const Tensor& x, double lambda) {
  return formula("hardshrink", [=](const auto& x) { return where(abs(x) <= lambda, 0.0, x); })(x);
}

Tensor softshrink(const Tensor& x, double lambda) {
  if (lambda < 0)
    fail<ValueError>("softshrink", fmt::format("lambda must not be negative, got {}", lambda));
  return formula("softshrink", [=](const auto& x) {
    return where(x > lambda, x - lambda, where(x < -lambda, x + lambda, 0.0 * x));
  })(x);
}

Tensor threshold(const Tensor& x, double bound, double value) {
  return formula("threshold", [=](const auto& x) { return where(x <= bound, value, x); })(x);
}

Tensor glu(const Tensor& x, std::int64_t axis) {
  need_defined("glu", x, "x");
  static const auto f =
      formula("glu", [](const auto& value, const auto& gate) { return value * sigmoid(gate); });
  const int at = x.shape().axis(axis, "glu");
  const std::int64_t extent = x.shape()[at];
  if (extent % 2)
    fail<ShapeError>("glu",
                     fmt::format("axis {} of x must have an even extent to be halved: x is {}", at,
                                 describe(x)));
  return f(slice(x, at, 0, extent / 2), slice(x, at, extent / 2));
}

Tensor maxout(const Tensor& x, std::int64_t pieces, std::int64_t axis) {
  need_defined("maxout", x, "x");
  const Shape shape = x.shape();
  const int at = shape.axis(axis, "maxout");
  if (pieces < 1) fail<ValueError>("maxout", fmt::format("needs at least 1 piece, got {}", pieces));
  std::vector<std::int64_t> groups(shape.begin(), shape.end());
  auto& extent = groups[static_cast<std::size_t>(at)];
  if (extent % pieces)
    fail<ShapeError>(
        "maxout", fmt::format("{} pieces do not divide axis {}: x is {}", pieces, at, describe(x)));
  extent /= pieces;
  groups.insert(groups.begin() + at + 1, pieces);
  return amax(reshape(x, Shape(groups)), at + 1);
}

Tensor rbf(const Tensor& x, const Tensor& centers, const Tensor& width) {
  need_defined("rbf", x, "x");
  need_defined("rbf", centers, "centers");
  // Squares of a distance or a width alone could leave the range.
  static const auto term = formula("rbf", [](const auto& x, const auto& center, const auto& width) {
    const auto distance = (x - center) / width;
    return distance * distance;
  });
  if (x.ndim() < 1 || centers.ndim() != 2 || x.shape().back() != centers.shape()[1])
    fail<ShapeError>("rbf", fmt::format("needs x [..., in] and centers [units, in]: x is {}, "
                                        "centers {}",
                                        describe(x), describe(centers)));
  if (width.ndim() > 1 ||
      (width.ndim() == 1 && width.shape()[0] != centers.shape()[0] && width.shape()[0] != 1))
    fail<ShapeError>("rbf", fmt::format("needs a width for each unit, or one for all: centers is "
                                        "{}, width {}",
                                        describe(centers), describe(width)));
  Tensor operands[] = {x, centers, width};
  promote_literals(operands, 3, "rbf");
  const Tensor& widths = operands[2];
  const Tensor terms = term(unsqueeze(operands[0], -2), operands[1],
                            widths.ndim() == 0 ? widths : unsqueeze(widths, -1));
  return exp(-sum(terms, -1));
}

}  // namespace gradtape

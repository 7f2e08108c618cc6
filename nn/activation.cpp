#include "gradtape/nn/activation.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/author.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

double not_zero(const char* layer, const char* option, double value) {
  if (value == 0) fail<ValueError>(layer, fmt::format("{} must not be 0", option));
  return value;
}

double check_low(const char* layer, double low, double high) {
  return require(layer, "low", low, at_most(high, "high").or_infinity());
}

std::int64_t count(const char* layer, const char* option, std::int64_t value) {
  return require(layer, option, value, at_least(1));
}

}  // namespace

CELU::CELU(double alpha) : FunctionLayer(not_zero("CELU", "alpha", alpha)) {}
Softplus::Softplus(double beta) : FunctionLayer(not_zero("Softplus", "beta", beta)) {}
Hardtanh::Hardtanh(double low, double high)
    : FunctionLayer(check_low("Hardtanh", low, high), high) {}
Softshrink::Softshrink(double lambda)
    : FunctionLayer(require("Softshrink", "lambda", lambda, at_least(0).or_infinity())) {}

Tensor Softmax2d::forward(const Tensor& x) const {
  detail::check_image("Softmax2d", x, -1, 2);
  return softmax(x, -3);
}

RReLU::RReLU(RReLUOptions options) : options_(std::move(options)) {
  check_low("RReLU", options_.low, options_.high);
}

Tensor RReLU::forward(const Tensor& x) const {
  visit_floating(x.dtype(), "RReLU", [](auto) {});  // or throws
  const auto& [low, high, generator] = options_;
  if (!is_training()) return leaky_relu(x, (low + high) / 2);
  const Tensor slope = low + (high - low) * rand(x.shape(), x.dtype(), generator);
  return where(x > 0, x, slope * x);
}

PReLU::PReLU(std::int64_t channels, const PReLUOptions& options)
    : weight(parameter(
          "weight", full({count("PReLU", "channels", channels)}, options.init, options.dtype))) {}

Maxout::Maxout(std::int64_t in, std::int64_t out, std::int64_t pieces, const LinearOptions& options)
    : linear(child("linear", Linear(count("Maxout", "in", in),
                                    count("Maxout", "out", out) * count("Maxout", "pieces", pieces),
                                    options))),
      pieces_(pieces) {}

Tensor Maxout::forward(const Tensor& x) const { return maxout(linear(x), pieces_); }

RBF::RBF(std::int64_t in, std::int64_t units, const RBFOptions& options)
    : centers(parameter("centers",
                        detail::drawn(options.centers_init ? options.centers_init : init::Normal(),
                                      {count("RBF", "units", units), count("RBF", "in", in)},
                                      options.dtype, options.generator))),
      widths(parameter("widths", full({units}, options.width, options.dtype))) {
  require("RBF", "width", options.width, above(0));
}

LeakyReLU::LeakyReLU(double slope) : FunctionLayer(slope) {}
ELU::ELU(double alpha) : FunctionLayer(alpha) {}
GELU::GELU(Gelu form) : FunctionLayer(form) {}
Hardshrink::Hardshrink(double lambda) : FunctionLayer(lambda) {}
Threshold::Threshold(double bound, double value) : FunctionLayer(bound, value) {}
GLU::GLU(std::int64_t axis) : FunctionLayer(axis) {}
Softmax::Softmax(std::int64_t axis) : FunctionLayer(axis) {}
LogSoftmax::LogSoftmax(std::int64_t axis) : FunctionLayer(axis) {}
Softmin::Softmin(std::int64_t axis) : FunctionLayer(axis) {}

}  // namespace gradtape::nn

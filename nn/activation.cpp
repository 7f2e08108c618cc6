#include "gradtape/nn/activation.hpp"

#include <fmt/format.h>

#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {
namespace {

double not_zero(const char* layer, const char* option, double value) {
  if (value == 0) fail<ValueError>(layer, fmt::format("{} must not be 0", option));
  return value;
}

double at_most(const char* layer, double low, double high) {
  if (!(low <= high))
    fail<ValueError>(layer, fmt::format("low must not exceed high, got {} and {}", low, high));
  return low;
}

double not_negative(const char* layer, const char* option, double value) {
  if (!(value >= 0))
    fail<ValueError>(layer, fmt::format("{} must not be negative, got {}", option, value));
  return value;
}

std::int64_t at_least_one(const char* layer, const char* option, std::int64_t value) {
  detail::check_at_least(layer, option, value, 1);
  return value;
}

}  // namespace

CELU::CELU(double alpha) : FunctionLayer(not_zero("CELU", "alpha", alpha)) {}
Softplus::Softplus(double beta) : FunctionLayer(not_zero("Softplus", "beta", beta)) {}
Hardtanh::Hardtanh(double low, double high) : FunctionLayer(at_most("Hardtanh", low, high), high) {}
Softshrink::Softshrink(double lambda)
    : FunctionLayer(not_negative("Softshrink", "lambda", lambda)) {}

Tensor Softmax2d::forward(const Tensor& x) const {
  detail::check_image("Softmax2d", x, -1, 2);
  return softmax(x, -3);
}

RReLU::RReLU(RReLUOptions options) : options_(std::move(options)) {
  at_most("RReLU", options_.low, options_.high);
}

Tensor RReLU::forward(const Tensor& x) const {
  gradtape::detail::visit_floating(x.dtype(), "RReLU", [](auto) {});  // or throws
  const auto& [low, high, generator] = options_;
  if (!is_training()) return leaky_relu(x, (low + high) / 2);
  const Tensor slope =
      low + (high - low) * rand(x.shape(), x.dtype(), generator ? *generator : default_generator());
  return where(x > 0, x, slope * x);
}

PReLU::PReLU(std::int64_t channels, const PReLUOptions& options)
    : weight(parameter("weight", full({at_least_one("PReLU", "channels", channels)}, options.init,
                                      options.dtype))) {}

Maxout::Maxout(std::int64_t in, std::int64_t out, std::int64_t pieces, const LinearOptions& options)
    : linear(child("linear", Linear(at_least_one("Maxout", "in", in),
                                    at_least_one("Maxout", "out", out) *
                                        at_least_one("Maxout", "pieces", pieces),
                                    options))),
      pieces_(pieces) {}

Tensor Maxout::forward(const Tensor& x) const { return maxout(linear(x), pieces_); }

RBF::RBF(std::int64_t in, std::int64_t units, const RBFOptions& options)
    : centers(parameter(
          "centers",
          detail::drawn(options.centers_init ? options.centers_init : init::Normal(),
                        {at_least_one("RBF", "units", units), at_least_one("RBF", "in", in)},
                        options.dtype, options.generator))),
      widths(parameter("widths", full({units}, options.width, options.dtype))) {
  if (!(options.width > 0))
    fail<ValueError>("RBF", fmt::format("width must be positive, got {}", options.width));
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

#include "../value.hpp"
#include "promotion.hpp"

namespace gradtape::conformance {
namespace {

/// x, with the flag that asks PyTorch to overwrite it read.
Tensor input(Call& c, std::size_t inplace) {
  c.ignore(inplace, "inplace");
  return c.tensor(0, "input");
}

Function plain(Tensor (*f)(const Tensor&)) {
  return [f](Call& c) -> Value { return f(input(c, 1)); };
}

/// f(x, number)
Function with(Tensor (*f)(const Tensor&, double), const char* name, double fallback) {
  return [=](Call& c) -> Value {
    const double number = c.number(1, name, fallback);
    return f(input(c, 2), number);
  };
}

Value elu_of(Call& c) {
  const double alpha = c.number(1, "alpha", 1);
  return elu(input(c, 2), alpha);
}

Value gelu_of(Call& c) {
  const std::string form = c.text(1, "approximate", "none");
  if (form != "none" && form != "tanh") throw Unsupported("gelu: approximate " + form);
  return gelu(c.tensor(0, "input"), form == "tanh" ? Gelu::tanh : Gelu::erf);
}

/// Linear beyond the threshold, which PyTorch has against overflow.
Value softplus_of(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const double beta = c.number(1, "beta", 1), threshold = c.number(2, "threshold", 20);
  return where(beta * x > threshold, x, softplus(x, beta));
}

Value hardtanh_of(Call& c) {
  const double low = c.number(1, "min_val", -1), high = c.number(2, "max_val", 1);
  return hardtanh(input(c, 3), low, high);
}

/// PyTorch 1.13 has the slope 1 / 6 in float32: the second term adds the difference, and no value.
Value hardsigmoid_of(Call& c) {
  const Tensor x = input(c, 1);
  const double excess = static_cast<double>(1.0F / 6.0F) - 1.0 / 6;
  return hardsigmoid(x) + where(abs(x) < 3.0, excess * (x - x.detach()), 0.0);
}

Value threshold_of(Call& c) {
  const double bound = c.number(1, "threshold"), value = c.number(2, "value");
  return threshold(input(c, 3), bound, value);
}

/// In evaluation the slope is the mean of the range it would be drawn from.
Value rrelu_of(Call& c) {
  const double low = c.number(1, "lower", 1. / 8), high = c.number(2, "upper", 1. / 3);
  if (c.flag(3, "training", false)) throw Unsupported("rrelu: training");
  return leaky_relu(input(c, 4), (low + high) / 2);
}

Mapping functions() {
  return {
      {"sigmoid", floating_of_one(sigmoid)},
      {"special.expit", floating_of_one(sigmoid)},
      {"nn.functional.logsigmoid", plain(log_sigmoid)},
      {"nn.functional.softplus", softplus_of},
      {"nn.functional.softsign", plain(softsign)},
      {"nn.functional.tanhshrink", plain(tanhshrink)},
      {"relu", plain(relu)},
      {"nn.functional.relu6", plain(relu6)},
      {"nn.functional.leaky_relu", with(leaky_relu, "negative_slope", 0.01)},
      {"prelu",
       [](Call& c) -> Value { return prelu(c.tensor(0, "input"), c.tensor(1, "weight")); }},
      {"nn.functional.elu", elu_of},
      {"celu", with(celu, "alpha", 1)},
      {"selu", plain(selu)},
      {"rrelu", rrelu_of},
      {"nn.functional.gelu", gelu_of},
      {"nn.functional.silu", plain(silu)},
      {"nn.functional.mish", plain(mish)},
      {"nn.functional.hardtanh", hardtanh_of},
      {"nn.functional.hardsigmoid", hardsigmoid_of},
      {"nn.functional.hardswish", plain(hardswish)},
      {"hardshrink", with(hardshrink, "lambd", 0.5)},
      {"nn.functional.softshrink", with(softshrink, "lambd", 0.5)},
      {"threshold", threshold_of},
      {"nn.functional.glu",
       [](Call& c) -> Value {
         const auto axis = c.integer(1, "dim", -1);
         return glu(c.tensor(0, "input"), axis);
       }},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance

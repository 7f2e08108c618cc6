#include <gradtape/nn/activation.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

template <class L> MadeLayer plain(Call& c) {
  c.ignore(0, "inplace");
  return made(L());
}

/// L(number, inplace)
template <class L> std::function<MadeLayer(Call&)> with(const char* name, double fallback) {
  return [=](Call& c) {
    c.ignore(1, "inplace");
    return made(L(c.number(0, name, fallback)));
  };
}

/// L(dim), which PyTorch applies to scalars too.
template <class L> MadeLayer along_axis(Call& c) {
  const L layer(c.integer(0, "dim"));
  return made(layer, [layer](Call& inputs) -> Value {
    const Tensor x = inputs.tensor(0, "input");
    return x.ndim() ? layer(x) : reshape(layer(reshape(x, {1})), {});
  });
}

MadeLayer glu(Call& c) { return made(nn::GLU(c.integer(0, "dim", -1))); }

MadeLayer gelu(Call& c) {
  const auto form = c.text(0, "approximate", "none");
  if (form != "none" && form != "tanh") throw Unsupported("GELU: approximate " + form);
  return made(nn::GELU(form == "tanh" ? Gelu::tanh : Gelu::erf));
}

/// Linear beyond the threshold, which PyTorch has against overflow.
MadeLayer softplus(Call& c) {
  const double beta = c.number(0, "beta", 1), threshold = c.number(1, "threshold", 20);
  const nn::Softplus layer(beta);
  return made(layer, [=](Call& inputs) -> Value {
    const Tensor x = inputs.tensor(0, "input");
    return where(beta * x > threshold, x, layer(x));
  });
}

/// PyTorch 1.13 has the slope 1 / 6 in float32: the second term adds the difference, and no value.
MadeLayer hardsigmoid(Call& c) {
  c.ignore(0, "inplace");
  const nn::Hardsigmoid layer;
  return made(layer, [=](Call& inputs) -> Value {
    const Tensor x = inputs.tensor(0, "input");
    const double excess = static_cast<double>(1.0F / 6.0F) - 1.0 / 6;
    return layer(x) + where(abs(x) < 3.0, excess * (x - x.detach()), 0.0);
  });
}

MadeLayer hardtanh(Call& c) {
  c.ignore(2, "inplace");
  const double low = c.number(0, "min_val", -1), high = c.number(1, "max_val", 1);
  return made(nn::Hardtanh(c.number(3, "min_value", low), c.number(4, "max_value", high)));
}

MadeLayer threshold(Call& c) {
  c.ignore(2, "inplace");
  return made(nn::Threshold(c.number(0, "threshold"), c.number(1, "value")));
}

MadeLayer rrelu(Call& c) {
  c.ignore(2, "inplace");
  return made(
      nn::RReLU({.low = c.number(0, "lower", 1. / 8), .high = c.number(1, "upper", 1. / 3)}));
}

MadeLayer prelu(Call& c) {
  return made(nn::PReLU(c.integer(0, "num_parameters", 1), {.init = c.number(1, "init", 0.25)}));
}

LayerMap family_layers() {
  return {
      {"CELU", with<nn::CELU>("alpha", 1)},
      {"ELU", with<nn::ELU>("alpha", 1)},
      {"GELU", gelu},
      {"GLU", glu},
      {"Hardshrink", with<nn::Hardshrink>("lambd", 0.5)},
      {"Hardsigmoid", hardsigmoid},
      {"Hardswish", plain<nn::Hardswish>},
      {"Hardtanh", hardtanh},
      {"LeakyReLU", with<nn::LeakyReLU>("negative_slope", 0.01)},
      {"LogSigmoid", plain<nn::LogSigmoid>},
      {"LogSoftmax", along_axis<nn::LogSoftmax>},
      {"Mish", plain<nn::Mish>},
      {"PReLU", prelu},
      {"ReLU", plain<nn::ReLU>},
      {"ReLU6", plain<nn::ReLU6>},
      {"RReLU", rrelu},
      {"SELU", plain<nn::SELU>},
      {"SiLU", plain<nn::SiLU>},
      {"Sigmoid", plain<nn::Sigmoid>},
      {"Softmax", along_axis<nn::Softmax>},
      {"Softmax2d", plain<nn::Softmax2d>},
      {"Softmin", along_axis<nn::Softmin>},
      {"Softplus", softplus},
      {"Softshrink", with<nn::Softshrink>("lambd", 0.5)},
      {"Softsign", plain<nn::Softsign>},
      {"Tanh", plain<nn::Tanh>},
      {"Tanhshrink", plain<nn::Tanhshrink>},
      {"Threshold", threshold},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance

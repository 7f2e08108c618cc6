// What holds for every layer.
#include <doctest/doctest.h>

#include <cctype>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gradtape/autograd/cost.hpp>
#include <gradtape/nn/nn.hpp>

#include "support/bits.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// A layer with an input that it takes.
struct Sample {
  std::string name;
  std::function<Tensor(const Tensor&)> layer, copy;  ///< The copy is a clone.
  nn::Module module, copied;
  Tensor x;
};

template <class L> Sample sample(const std::string& name, const L& layer, const Tensor& x) {
  const L copy = clone(layer);
  return {name,
          [layer](const Tensor& t) { return layer(t); },
          [copy](const Tensor& t) { return copy(t); },
          layer,
          copy,
          x};
}

/// A layer with parameters starts in float32.
std::vector<Sample> samples() {
  const Tensor row = sines({2, 4, 6}).to(float32), plane = sines({2, 4, 4, 4}).to(float32),
               space = sines({1, 4, 4, 4, 4}).to(float32), matrix = sines({4, 4}).to(float32);
  const Tensor index = tensor(std::vector<std::int64_t>{0, 2, 1, 2}, {2, 2});
  const Tensor columns = sines({2, 16, 9}).to(float32);
  return {
      sample("ReLU", nn::ReLU(), row),
      sample("ReLU6", nn::ReLU6(), row),
      sample("LeakyReLU", nn::LeakyReLU(), row),
      sample("ELU", nn::ELU(), row),
      sample("CELU", nn::CELU(), row),
      sample("SELU", nn::SELU(), row),
      sample("GELU", nn::GELU(), row),
      sample("SiLU", nn::SiLU(), row),
      sample("Mish", nn::Mish(), row),
      sample("Softplus", nn::Softplus(), row),
      sample("Softsign", nn::Softsign(), row),
      sample("Sigmoid", nn::Sigmoid(), row),
      sample("LogSigmoid", nn::LogSigmoid(), row),
      sample("Tanh", nn::Tanh(), row),
      sample("Tanhshrink", nn::Tanhshrink(), row),
      sample("Hardtanh", nn::Hardtanh(), row),
      sample("Hardsigmoid", nn::Hardsigmoid(), row),
      sample("Hardswish", nn::Hardswish(), row),
      sample("Hardshrink", nn::Hardshrink(), row),
      sample("Softshrink", nn::Softshrink(), row),
      sample("Threshold", nn::Threshold(0, 1), row),
      sample("GLU", nn::GLU(), row),
      sample("Softmax", nn::Softmax(), row),
      sample("LogSoftmax", nn::LogSoftmax(), row),
      sample("Softmin", nn::Softmin(), row),
      sample("Softmax2d", nn::Softmax2d(), plane),
      sample("RReLU", nn::RReLU(), row),
      sample("PReLU", nn::PReLU(4), row),
      sample("Maxout", nn::Maxout(6, 3, 2), row),
      sample("RBF", nn::RBF(6, 3), row),
      sample("Linear", nn::Linear(6, 3), row),
      sample("Conv1d", nn::Conv1d(4, 2, 3), row),
      sample("Conv2d", nn::Conv2d(4, 2, 3, {.padding = 1, .padding_mode = PadMode::reflect}),
             plane),
      sample("Conv3d", nn::Conv3d(4, 2, 3), space),
      sample("ConvTranspose1d", nn::ConvTranspose1d(4, 2, 3), row),
      sample("ConvTranspose2d", nn::ConvTranspose2d(4, 2, 3), plane),
      sample("ConvTranspose3d", nn::ConvTranspose3d(4, 2, 3), space),
      sample("MaxPool1d", nn::MaxPool1d(2), row),
      sample("MaxPool2d", nn::MaxPool2d(2), plane),
      sample("MaxPool3d", nn::MaxPool3d(2), space),
      sample("AvgPool1d", nn::AvgPool1d(2), row),
      sample("AvgPool2d", nn::AvgPool2d(2), plane),
      sample("AvgPool3d", nn::AvgPool3d(2), space),
      sample("LPPool1d", nn::LPPool1d(2, 2), row),
      sample("LPPool2d", nn::LPPool2d(2, 2), plane),
      sample("LPPool3d", nn::LPPool3d(2, 2), space),
      sample("AdaptiveAvgPool1d", nn::AdaptiveAvgPool1d(2), row),
      sample("AdaptiveAvgPool2d", nn::AdaptiveAvgPool2d(2), plane),
      sample("AdaptiveAvgPool3d", nn::AdaptiveAvgPool3d(2), space),
      sample("AdaptiveMaxPool1d", nn::AdaptiveMaxPool1d(2), row),
      sample("AdaptiveMaxPool2d", nn::AdaptiveMaxPool2d(2), plane),
      sample("AdaptiveMaxPool3d", nn::AdaptiveMaxPool3d(2), space),
      sample("ZeroPad2d", nn::ZeroPad2d(1), plane),
      sample("ConstantPad1d", nn::ConstantPad1d(1, 2), row),
      sample("ReflectionPad2d", nn::ReflectionPad2d(1), plane),
      sample("ReplicationPad3d", nn::ReplicationPad3d(1), space),
      sample("CircularPad1d", nn::CircularPad1d(1), row),
      sample("Upsample", nn::Upsample({.scale_factor = {2}, .mode = "bilinear"}), plane),
      sample("PixelShuffle", nn::PixelShuffle(2), plane),
      sample("PixelUnshuffle", nn::PixelUnshuffle(2), plane),
      sample("Identity", nn::Identity(), row),
      sample("Flatten", nn::Flatten(), plane),
      sample("Unflatten", nn::Unflatten(1, {2, 2}), plane),
      sample("Unfold", nn::Unfold(2), plane),
      sample("Fold", nn::Fold({4, 4}, 2), columns),
      sample("BatchNorm1d", nn::BatchNorm1d(4), row),
      sample("BatchNorm2d", nn::BatchNorm2d(4), plane),
      sample("BatchNorm3d", nn::BatchNorm3d(4), space),
      sample("InstanceNorm1d", nn::InstanceNorm1d(4, {.affine = true}), row),
      sample("InstanceNorm2d", nn::InstanceNorm2d(4, {.track_running_stats = true}), plane),
      sample("InstanceNorm3d", nn::InstanceNorm3d(4), space),
      sample("LayerNorm", nn::LayerNorm({4, 6}), row),
      sample("RMSNorm", nn::RMSNorm(6), row),
      sample("GroupNorm", nn::GroupNorm(2, 4), row),
      sample("LocalResponseNorm", nn::LocalResponseNorm(3), row),
      sample("Dropout", nn::Dropout(), row),
      sample("Dropout1d", nn::Dropout1d(), row),
      sample("Dropout2d", nn::Dropout2d(), plane),
      sample("Dropout3d", nn::Dropout3d(), space),
      sample("AlphaDropout", nn::AlphaDropout(), row),
      sample("FeatureAlphaDropout", nn::FeatureAlphaDropout(), row),
      sample("GaussianNoise", nn::GaussianNoise(), row),
      sample("Embedding", nn::Embedding(3, 2, {.padding_idx = 0, .max_norm = 1.0}), index),
      sample("EmbeddingBag", nn::EmbeddingBag(3, 2), index),
      sample("Residual", nn::Residual(nn::Linear(4, 4)), matrix),
      sample("Sequential", nn::Sequential(nn::Linear(4, 3), nn::Tanh()), matrix),
  };
}

/// Shapes, dtypes and values that few layers are made for.
std::vector<Tensor> odd_inputs() {
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<Tensor> odd;
  for (const Dtype dtype : {float32, float64, int64, bool_})
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{4}, Shape{0, 4}, Shape{4, 0},
                               Shape{2, 4, 0}, Shape{0, 4, 4, 4}, Shape{2, 0, 4, 4},
                               Shape{1, 4, 1, 1}, Shape{1, 4, 1, 1, 1}, Shape{1, 1, 1, 1, 1, 1}})
      odd.push_back(zeros(shape, dtype));
  odd.push_back(full({2, 4, 4, 4}, infinity));
  odd.push_back(full({2, 4, 6}, -infinity));
  odd.push_back(full({2, 2}, std::numeric_limits<std::int64_t>::min(), int64));
  return odd;
}

bool is_about_arguments(const Error& error) {
  return dynamic_cast<const ShapeError*>(&error) || dynamic_cast<const DtypeError*>(&error) ||
         dynamic_cast<const ValueError*>(&error);
}

/// Whether an error is in the name of the layer or of the op that it calls. Mostly these differ in
/// case, underscores and the number of axes alone: "BatchNorm1d: ..." and "batch_norm: ...".
bool names_layer(const std::string& message, const std::string& layer) {
  static const std::map<std::string, std::string> ops{
      {"CircularPad1d", "pad"},    {"Conv2d", "pad"},          {"EmbeddingBag", "embedding"},
      {"Fold", "col2im"},          {"Maxout", "linear"},       {"ReflectionPad2d", "pad"},
      {"ReplicationPad3d", "pad"}, {"Residual", "linear"},     {"Sequential", "linear"},
      {"Unfold", "im2col"},        {"Upsample", "interpolate"}};
  const std::string by = message.substr(0, message.find(':'));
  if (const auto called = ops.find(layer); called != ops.end() && called->second == by) return true;
  const auto plain = [](const std::string& name) {
    std::string letters;
    for (const char c : name)
      if (c != '_') letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return letters;
  };
  const std::string own = plain(layer), op = plain(by);
  return op == own || op + "1d" == own || op + "2d" == own || op + "3d" == own;
}

}  // namespace

TEST_CASE("every layer repeats itself in evaluation, keeps the dtype, and its clone agrees") {
  for (auto& [of, layer, copy, module, copied, x] : samples()) {
    const auto& name = of;
    CAPTURE(name);
    module.eval();
    copied.eval();
    const Tensor y = layer(x);
    CHECK(y.dtype() == float32);
    CHECK(array_equal(layer(x), y));
    CHECK(array_equal(copy(x), y));
    for (const auto& p : copied.parameters()) p.set(zeros(p.shape(), p.dtype()));
    CHECK(array_equal(layer(x), y));
    module.to(float64);
    CHECK(layer(is_floating(x.dtype()) ? x.to(float64) : x).dtype() == float64);
  }
}

TEST_CASE("every layer passes a gradient to its input and to all of its parameters") {
  for (auto& [of, layer, copy, module, copied, x] : samples()) {
    const auto& name = of;
    CAPTURE(name);
    const Tensor leaf = is_floating(x.dtype()) ? x.requires_grad() : x;
    sum(square(layer(leaf))).backward();
    if (is_floating(x.dtype())) CHECK(leaf.grad().defined());
    for (const auto& named : module.named_parameters())
      CHECK_MESSAGE(named.second.grad().defined(), named.first);
  }
}

TEST_CASE("a summary names the parameters of every layer that a model has not registered") {
  struct Holder : nn::Module {
    std::function<Tensor(const Tensor&)> layer;
    Tensor operator()(const Tensor& x) const { return layer(x); }
  };
  for (auto& [of, layer, copy, module, copied, x] : samples()) {
    const auto& name = of;
    CAPTURE(name);
    Holder model;
    model.layer = layer;
    const auto text = nn::summary(model, x);
    CAPTURE(text);
    CHECK(contains(text, "not registered") == (module.parameter_count() > 0));
    for (const auto& named : module.named_parameters())
      CHECK(contains(text, "'" + named.first + "' " + named.second.shape().str()));
    CHECK(nn::unregistered(model, sum(layer(x))).size() == module.parameters().size());
  }
}

TEST_CASE("every layer counts the work of all that it records") {
  // Nothing is done where elements are shared, nor by the node that masks an embedding's gradient.
  const std::set<std::string> idle{"reshape", "squeeze", "transpose", "unsqueeze", "at",
                                   "permute", "slice",   "select",    "split",     "embedding"};
  for (auto& [of, layer, copy, module, copied, x] : samples()) {
    const auto& name = of;
    CAPTURE(name);
    const Tensor y = layer(is_floating(x.dtype()) ? x.requires_grad() : x);
    for (const auto& op : cost(y, ones_like(y)).ops)
      CHECK_MESSAGE((op.forward_flops + op.forward_bytes > 0 || idle.contains(op.name)), op.name);
  }
}

TEST_CASE("every layer's state loads into a clone, and its hooks see the input") {
  for (auto& [of, layer, copy, module, copied, x] : samples()) {
    const auto& name = of;
    CAPTURE(name);
    module.eval();
    copied.eval();
    for (const auto& p : module.parameters()) p.set(p.tensor().detach() * 0.5);
    const auto report = copied.load_state_dict(module.state_dict());
    CHECK(report.complete());
    CHECK(array_equal(copy(x), layer(x)));
    int calls = 0;
    const Shape shape = x.shape();
    module.register_forward_hook([&](const nn::Module&, const Tensor& input, const Tensor&) {
      CHECK(input.shape() == shape);
      ++calls;
      return Tensor();
    });
    layer(x);
    CHECK(calls == 1);
  }
}

TEST_CASE("what does not fit a layer is refused by an error that names it, and changes no state") {
  std::size_t taken = 0, refused = 0;
  for (auto& [of, layer, copy, module, copied, x] : samples())
    for (const bool training : {true, false})
      for (const Tensor& input : odd_inputs()) {
        const auto& name = of;
        CAPTURE(name);
        CAPTURE(input.shape().str());
        CAPTURE(input.dtype());
        module.train(training);
        const StateDict before = module.state_dict();
        try {
          const Tensor y = layer(input);
          if (y.is_tracked()) sum(y).backward();
          ++taken;
        } catch (const Error& error) {
          ++refused;
          const std::string message = error.what();
          CAPTURE(message);
          CHECK(is_about_arguments(error));
          CHECK(names_layer(message, name));
          CHECK(equal_bits(module.state_dict(), before));
        }
      }
  CHECK(taken == 2'604);
  CHECK(refused == 6'168);
}

TEST_CASE("every layer refuses an undefined input in its own name") {
  const auto refusal = [](const auto& layer) {
    return error<GraphError>([&] { (void)layer(Tensor()); });
  };
  const auto names = [](const std::string& message, const std::string& kind) {
    const std::string operand = kind == "EmbeddingBag" ? "index" : "x";
    return message.starts_with(kind) && message.find(operand, kind.size()) == kind.size() + 2 &&
           message.substr(kind.size() + 2 + operand.size())
               .starts_with(" is undefined: default-constructed, ");
  };
  for (const auto& sample : samples()) {
    INFO(sample.name);
    CHECK(names(refusal(sample.layer), sample.name));
  }
  CHECK(names(refusal(nn::RNN(2, 3)), "RNN"));
  CHECK(names(refusal(nn::LSTM(2, 3)), "LSTM"));
  CHECK(names(refusal(nn::GRU(2, 3)), "GRU"));
  CHECK(names(refusal(nn::RNNCell(2, 3)), "RNNCell"));
  CHECK(names(refusal(nn::LSTMCell(2, 3)), "LSTMCell"));
  CHECK(names(refusal(nn::GRUCell(2, 3)), "GRUCell"));
}

TEST_CASE("an initializer that gives another shape or dtype is refused") {
  const auto wrong = [](const Shape&, Dtype dtype, const Generator&) { return ones({2}, dtype); };
  CHECK(error<ShapeError>([&] { nn::Conv1d(1, 1, 3, {.weight_init = wrong}); }) ==
        "init: an initializer gave [2] for a parameter of shape [1, 1, 3]");
  const auto nothing = [](const Shape&, Dtype, const Generator&) { return Tensor(); };
  CHECK(error<ShapeError>([&] { nn::Embedding(4, 2, {.weight_init = nothing}); }) ==
        "init: an initializer gave nothing for a parameter of shape [4, 2]");
  const auto single = [](const Shape& shape, Dtype, const Generator&) { return ones(shape); };
  CHECK(error<DtypeError>([&] { nn::Linear(1, 1, {.weight_init = single, .dtype = float64}); }) ==
        "init: an initializer gave float32 for a parameter of float64");
  CHECK_THROWS_AS(nn::Linear(1, 1, {.dtype = int64}), DtypeError);
  CHECK_THROWS_AS(nn::BatchNorm1d(1, {.dtype = bool_}), DtypeError);
  CHECK(error<DtypeError>([] { nn::BatchNorm1d(1, {.affine = false, .dtype = int64}); }) ==
        "BatchNorm1d: dtype must be float32 or float64, got int64");
  CHECK_THROWS_AS(nn::Embedding::from_pretrained(ones({2, 2}, int64)), DtypeError);
}

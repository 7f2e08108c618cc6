// What gdb is asked to show, by tests/packaging/gdb/run: at `stop` everything is there.
#include <cstdlib>
#include <gradtape/gradtape.hpp>

using namespace gradtape;

struct Encoder : nn::Module {
  nn::Linear hidden = child("hidden", nn::Linear(2, 2));
  nn::BatchNorm1d norm = child("norm", nn::BatchNorm1d(2));
  Tensor operator()(const Tensor& x) const { return norm(relu(hidden(x))); }
};

struct Model : nn::Module {
  Encoder encoder = child("encoder", Encoder());
  Parameter scale = parameter("scale", tensor({2.0, 4.0}, float64));
  Tensor operator()(const Tensor& x) const { return encoder(x); }
};

void stop(const Model& model, const Tensor& loss, const Tensor& x, const Tensor& many,
          const Tensor& turned, const Parameter& none) {
  if (loss.defined() && none.defined()) std::abort();
  static_cast<void>(model), static_cast<void>(x), static_cast<void>(many);
  static_cast<void>(turned);
}

int main() {
  Model model;
  model.encoder.hidden.weight.set(tensor({{1.0, 0.0}, {0.0, 1.0}}));
  model.encoder.hidden.bias.set(tensor({0.5, -0.5}));
  model.encoder.hidden.bias.freeze();
  model.encoder.eval();
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}}).requires_grad("x");
  const Tensor loss = sum(model.encoder.hidden(x));
  loss.backward({.retain_graph = true});
  stop(model, loss, x, arange(12), transpose(ones({100, 50})), Parameter());
}

// A plugin with a copy of the library of its own.
#include <gradtape/autograd/memory.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/loss.hpp>
#include <gradtape/nn/sequential.hpp>
#include <gradtape/optim/optim.hpp>

#include <exception>

#define GRADTAPE_PLUGIN_EXPORT extern "C" __attribute__((visibility("default")))

/// The gradient's sum of a computation that is large enough for several threads, and the loss after
/// ten steps of training; NaN if something throws.
GRADTAPE_PLUGIN_EXPORT double gradtape_plugin_run(std::int64_t rows, double factor) try {
  using namespace gradtape;
  set_num_threads(3);
  Generator generator(7);
  const Tensor x = randn({rows, 300}, float32, generator).requires_grad();
  const Tensor loss = mean(square(tanh(matmul(x, transpose(x))) * factor));
  const double first = sum(grad(loss, {x}).at(0)).item() + loss.item();

  seed(1);
  const nn::Sequential model(
      nn::Linear(300, 8), [](const Tensor& v) { return tanh(v); }, nn::Linear(8, 1));
  optim::Adam adam(model.parameters());
  const Tensor at = x.detach();
  double error = 0;
  for (int step = 0; step < 10; ++step) {
    adam.zero_grad();
    const Tensor y = nn::mse_loss(model(at), mean(at, 1, {.keepdim = true}));
    y.backward();
    adam.step();
    error = y.item();
  }
  return first + error;
} catch (const std::exception&) {
  return 0.0 / 0.0;
}

/// The bytes that this copy has in use.
GRADTAPE_PLUGIN_EXPORT std::int64_t gradtape_plugin_live() { return gradtape::memory_use().live; }

// A plugin with a copy of the library of its own.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>
#include <gradtape/autograd/tape.hpp>

#include <exception>

/// The gradient's sum of a computation that is large enough for several threads; NaN if it throws.
extern "C" double gradtape_plugin_run(std::int64_t rows, double factor) try {
  using namespace gradtape;
  set_num_threads(3);
  Generator generator(7);
  const Tensor x = randn({rows, 300}, float32, generator).requires_grad();
  const Tensor loss = mean(square(tanh(matmul(x, transpose(x))) * factor));
  return sum(grad(loss, {x}).at(0)).item() + loss.item();
} catch (const std::exception&) {
  return 0.0 / 0.0;
}

// LeNet-5 on Fashion-MNIST over several processes, by mpirun -n 2 ./examples/run NAME.
//
// One process works through the two halves of each batch one after the other, and so gives the bits
// that two give.
#include <fmt/format.h>

#include <gradtape/gradtape.hpp>
#include <gradtape/optim/distributed.hpp>

#include <algorithm>

#include "accuracy.hpp"
#include "fashion_mnist.hpp"
#include "lenet.hpp"
#include "report.hpp"

using namespace gradtape;

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const distributed::World world;
  const auto data = fashion_mnist(given);
  if (!data) return 1;

  seed(1);
  LeNet model;
  constexpr std::uint64_t epochs = 3;
  nn::data::Loader loader(data->train, {.size = 64, .shuffle = true, .seed = 1},
                          {.shard = world.shard()});
  optim::Adam adam(model.parameters(), {.lr = 2e-3});
  optim::Schedule schedule(adam, optim::cosine_schedule(epochs));
  distributed::DataParallel parallel(world, model.parameters());

  // Leaves the gradient of rows [begin, end) of this rank's part of a batch.
  const auto differentiate = [&](const nn::data::Batch& batch, std::int64_t begin,
                                 std::int64_t end) {
    parallel.set_samples(end - begin, loader.batch_samples());
    nn::cross_entropy(model(slice(batch.inputs, 0, begin, end)),
                      slice(batch.targets, 0, begin, end))
        .backward();
  };

  if (world.is_root()) fmt::print("{}\n", world.str());
  while (loader.epoch() < epochs) {
    for (const auto& batch : loader) {
      adam.zero_grad();
      const auto n = batch.inputs.size(0), half = world.size() == 1 ? n / 2 : 0;
      if (half > 0) {
        const auto held = parallel.no_sync();
        differentiate(batch, 0, half);
      }
      differentiate(batch, half, n);
      parallel.synchronize();
      adam.step();
    }
    schedule.step();
    const double reached = world.from_root([&] { return accuracy(model, data->test); });
    if (world.is_root()) fmt::print("epoch {}: test accuracy {:.4f}\n", loader.epoch(), reached);
  }
  parallel.verify();

  const double reached = world.from_root([&] { return accuracy(model, data->test); });
  const auto figure = given.quick ? Figure{"test accuracy, quick", reached, 0.7, 0.6}
                                  : Figure{"test accuracy", reached, 0.883, 0.871};
  return world.from_root([&] { return report({figure}); });
}

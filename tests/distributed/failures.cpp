// What becomes of all ranks where one fails: `gradtape_distributed_failures MODE [FILE]`. A rank
// that reaches the end prints "rank R ends"; tests/distributed/run says what each mode must print.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/distributed.hpp>
#include <gradtape/optim/optim.hpp>

namespace {

using namespace gradtape;

void train(const distributed::World& world, const std::string& file, bool killed);

/// What happens after two steps of a small model that all ranks train.
void run(const std::string& mode, const std::string& file) {
  const distributed::World world({.timeout = 2});
  if (mode == "train" || mode == "kill") return train(world, file, mode == "kill");
  const bool failing = world.rank() == world.size() - 1;
  nn::Linear model(4, 2);
  distributed::DataParallel parallel(world, model.parameters());
  for (int step = 0; step < 3; ++step) {
    for (const auto& parameter : model.parameters()) parameter.zero_grad();
    const Tensor loss = sum(model(ones({3, 4})));
    if (step == 2 && failing) {
      if (mode == "throw" || mode == "catch") throw std::runtime_error("the data is gone");
      if (mode == "hook")
        model.weight.tensor().register_hook(
            [](const Tensor&) -> Tensor { throw std::runtime_error("a hook has failed"); });
      if (mode == "stuck")
        model.weight.tensor().register_hook([](const Tensor& g) -> Tensor {
          for (;;) (void)sum(g);
        });
      if (mode == "absent")
        for (;;) (void)sum(ones({10}));
      if (mode == "other") world.barrier();
      if (mode == "segfault") std::raise(SIGSEGV);
    }
    loss.backward();
    parallel.synchronize();
  }
  fmt::print("rank {} ends\n", world.rank());
}

/// Training with a checkpoint after every batch, random numbers and a loader; `killed`: rank 1, or
/// the only one, dies in the second epoch.
void train(const distributed::World& world, const std::string& file, bool killed) {
  seed(static_cast<std::uint64_t>(world.rank()) + 1);
  const Tensor x = randn({48, 4}, float32, Generator(2)), y = randn({48, 2}, float32, Generator(3));
  const auto data = nn::data::Dataset(x, y);
  nn::data::Loader loader(data, {.size = 12, .shuffle = true, .seed = 5}, {.shard = world.shard()});
  nn::Linear model(4, 2);
  distributed::ShardedOptimizer<optim::Adam> adam(world, model.parameters(), {.lr = 0.01});
  distributed::DataParallel parallel(world, model.parameters(), {.verify_every = 3});
  distributed::Checkpoint checkpoint(world, file);
  checkpoint.track("model", model);
  checkpoint.track("adam", adam);
  checkpoint.track("loader", loader);
  checkpoint.track_each("generator", default_generator());
  if (checkpoint.exists()) checkpoint.load();
  while (loader.epoch() < 3) {
    for (const auto& [inputs, targets] : loader) {
      adam.zero_grad();
      nn::mse_loss(model(dropout(inputs, 0.2)), targets).backward();
      parallel.synchronize();
      adam.step();
      checkpoint.save();
      if (killed && loader.epoch() == 1 && loader.position() == 2 &&
          world.rank() == world.size() - 1)
        std::raise(SIGKILL);
    }
  }
  double sum_of_all = 0;
  for (const auto& parameter : model.parameters())
    sum_of_all += sum(parameter.tensor().to(float64)).item<double>();
  if (world.is_root()) fmt::print("trained to {:a}\n", sum_of_all);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "none", file = argc > 2 ? argv[2] : "";
  if (mode != "catch") {
    run(mode, file);
    return EXIT_SUCCESS;
  }
  try {
    run(mode, file);
  } catch (const std::exception& error) {
    fmt::print(stderr, "caught: {}\n", error.what());
    return EXIT_FAILURE;
  }
}

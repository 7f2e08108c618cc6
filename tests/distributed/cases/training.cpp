#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "distributed/ranks.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using namespace gradtape::distributed;

namespace {

struct Net : nn::Module {
  nn::Sequential layers =
      child("layers", nn::Sequential(nn::Linear(5, 7), nn::Tanh(), nn::Linear(7, 3)));
  const Parameter scale = parameter("scale", ones({}));
  Tensor operator()(const Tensor& x) const { return layers(x) * scale; }
};

/// Leaves the same gradients on all ranks.
void differentiate(const Net& net) {
  for (const auto& parameter : net.parameters()) parameter.zero_grad();
  sum(square(net(randn({4, 5}, float32, Generator(9))))).backward();
}

template <class Rule, class Options> void check_sharded(const Options& options) {
  seed(2);
  const Net net, twin = nn::clone(net);
  ShardedOptimizer<Rule> sharded(world(), net.parameters(), options);
  Rule whole(twin.parameters(), options);
  // A step of both from the same gradients, and whether they still agree.
  const auto agree = [&](ShardedOptimizer<Rule>& parts) {
    differentiate(net);
    differentiate(twin);
    parts.step();
    whole.step();
    CHECK(equal_bits(values(net.parameters()), values(twin.parameters())));
    CHECK(equal_bits(parts.state_dict(), whole.state_dict()));
  };
  for (int step = 0; step < 3; ++step) agree(sharded);
  // The state of one process goes on in parts, and the other way.
  ShardedOptimizer<Rule> again(world(), net.parameters(), options);
  again.load_state_dict(whole.state_dict());
  agree(again);
}

}  // namespace

TEST_CASE("an optimizer whose state is spread over ranks gives the bits of the whole one") {
  check_sharded<optim::SGD>(optim::SGDOptions{.lr = 0.1});
  check_sharded<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true});
  check_sharded<optim::Adam>(optim::AdamOptions{.lr = 0.01, .weight_decay = 0.1});
  check_sharded<optim::AdamW>(optim::AdamWOptions{.lr = 0.01, .amsgrad = true});
  check_sharded<optim::RMSprop>(optim::RMSpropOptions{.lr = 0.01});
  check_sharded<optim::NAdam>(optim::NAdamOptions{.lr = 0.01});
}

TEST_CASE("frozen parameters and those without a gradient stay, and nothing to do is said") {
  const Net net;
  ShardedOptimizer<optim::SGD> sgd(world(), net.parameters(), {.lr = 0.1});
  const auto before = values(net.parameters());
  CHECK_THROWS_AS(sgd.step(), GraphError);
  CHECK_THROWS_WITH_AS(ShardedOptimizer<optim::SGD>(world(), {net.scale, net.scale}),
                       doctest::Contains("the same variable, 'scale'"), ValueError);
  net.scale.freeze();
  differentiate(net);
  sgd.step();
  CHECK(equal_bits(net.scale.tensor().detach(), ones({})));
  CHECK_FALSE(equal_bits(values(net.parameters()), before));
  sgd.lr() = 0.5;
  CHECK(sgd.rule().lr() == 0.5);
}

TEST_CASE("batch normalisation over all ranks is that of the whole batch") {
  const int rank = world().rank();
  struct Normalised : nn::Module {
    nn::BatchNorm2d norm = child("norm", nn::BatchNorm2d(3, {.dtype = float64}));
    Tensor operator()(const Tensor& x) const { return norm(x); }
  };
  Normalised whole, spread;
  synchronize_batch_norm(world(), spread);
  DataParallel parallel(world(), spread.parameters());
  for (int step = 0; step < 2; ++step) {
    const Tensor x = randn({9, 3, 2, 2}, float64, Generator(6)) + 3.0;
    const Tensor whole_x = x.requires_grad("x"), own_x = rows_of(x, rank).requires_grad("x");
    for (const auto& p : whole.parameters()) p.zero_grad();
    for (const auto& p : spread.parameters()) p.zero_grad();
    const auto loss = [](const Tensor& y) { return mean(y * y * sin(y)); };
    const Tensor y = whole(whole_x);
    loss(y).backward();
    parallel.set_samples(rows_of(x, rank).size(0));
    const Tensor own_y = spread(own_x);
    loss(own_y).backward();
    parallel.synchronize();
    CHECK(allclose(own_y, rows_of(y, rank), 1e-12, 1e-12));
    CHECK(allclose(spread.norm.weight.grad(), whole.norm.weight.grad(), 1e-12, 1e-12));
    CHECK(allclose(spread.norm.bias.grad(), whole.norm.bias.grad(), 1e-12, 1e-12));
    CHECK(allclose(own_x.grad(), rows_of(whole_x.grad(), rank), 1e-10, 1e-12));
    CHECK(allclose(spread.norm.running_mean, whole.norm.running_mean, 1e-12));
    CHECK(allclose(spread.norm.running_var, whole.norm.running_var, 1e-12));
  }
  whole.eval();
  spread.eval();
  const Tensor x = randn({2, 3, 2, 2}, float64, Generator(7));
  CHECK(allclose(whole(x), spread(x), 1e-12, 1e-12));
}

TEST_CASE("shards of a loader are the batches of one process, and metrics add up") {
  const Tensor x = reshape(arange(0, 66, 1, float32), {22, 3}),
               y = randint(0, 3, {22}, Generator(2));
  const nn::data::Dataset data(x, y);
  nn::data::Loader whole(data, {.size = 8, .shuffle = true, .seed = 3});
  nn::data::Loader own(data, {.size = 8, .shuffle = true, .seed = 3}, {.shard = world().shard()});
  nn::metric::Accuracy accuracy, expected;
  auto batch = whole.begin();
  for (const auto& [inputs, targets] : own) {
    CHECK(equal_bits(all_gather(world(), inputs), (*batch).inputs));
    CHECK(own.batch_samples() == (*batch).inputs.size(0));
    accuracy.update(narrow(inputs, 1, 0, 3), targets);
    expected.update((*batch).inputs, (*batch).targets);
    ++batch;
  }
  accuracy.set_state(world().sum(accuracy.state()));
  CHECK(accuracy.compute() == expected.compute());
}

TEST_CASE(
    "a checkpoint is one file of rank 0, with a state for each rank where that is asked for") {
  const std::string path = world().from_root([] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    const auto name = "gradtape_ranks_" + std::to_string(now) + ".safetensors";
    return (std::filesystem::temp_directory_path() / name).string();
  });
  const auto rank = static_cast<std::uint64_t>(world().rank());
  Net net;
  Generator generator(rank + 1);
  std::int64_t epoch = 3;
  const auto track = [&](Checkpoint& checkpoint) {
    checkpoint.track("model", net);
    checkpoint.track("epoch", epoch);
    checkpoint.track_each("generator", generator);
  };
  Checkpoint checkpoint(world(), path);
  track(checkpoint);
  CHECK_FALSE(checkpoint.exists());
  CHECK_THROWS_AS(checkpoint.load(), Error);
  (void)randn({rank == 0 ? 5 : 3}, float32, generator);
  const auto saved = values(net.parameters());
  checkpoint.save();
  CHECK(checkpoint.exists());
  const Tensor next = randn({4}, float32, generator);

  for (const auto& parameter : net.parameters()) parameter.set(zeros(parameter.shape()));
  epoch = 0;
  generator = Generator(99);
  CHECK(checkpoint.load().complete());
  CHECK(equal_bits(values(net.parameters()), saved));
  CHECK(epoch == 3);
  CHECK(equal_bits(randn({4}, float32, generator), next));
  world().on_root([&] { std::remove(path.c_str()); });
  Checkpoint nowhere(world(), "/nowhere/run.safetensors");
  track(nowhere);
  CHECK_THROWS_AS(nowhere.save(), Error);
}

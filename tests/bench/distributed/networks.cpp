#include "networks.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <unordered_map>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/runtime/work.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

namespace bench {

using namespace gradtape;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// For how long threads of this process have been ready to run and did not, so far; of Linux.
double seconds_delayed() {
  double nanoseconds = 0;
  std::error_code none;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", none)) {
    double running = 0, delayed = 0;
    if (std::ifstream(thread.path() / "schedstat") >> running >> delayed) nanoseconds += delayed;
  }
  return nanoseconds * 1e-9;
}

struct Network {
  nn::Sequential model;
  Tensor inputs, targets;  // targets: classes [n], or values
};

nn::Sequential conv(std::int64_t in, std::int64_t out) {
  return nn::Sequential(nn::Conv2d(in, out, 3, {.padding = 1}), nn::ReLU());
}

Network network(const std::string& name) {
  if (name == "mlp")
    return {nn::Sequential(nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(),
                           nn::Linear(512, 10)),
            randn({128, 784}), randint(0, 10, {128})};
  if (name == "lenet")
    return {nn::Sequential(nn::Conv2d(1, 6, 5, {.padding = 2}), nn::ReLU(), nn::MaxPool2d(2),
                           nn::Conv2d(6, 16, 5), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                           nn::Linear(400, 120), nn::ReLU(), nn::Linear(120, 84), nn::ReLU(),
                           nn::Linear(84, 10)),
            randn({64, 1, 28, 28}), randint(0, 10, {64})};
  if (name == "big_mlp")
    return {nn::Sequential(nn::Linear(1024, 2048), nn::GELU(), nn::Linear(2048, 2048), nn::GELU(),
                           nn::Linear(2048, 1024)),
            randn({256, 1024}), randn({256, 1024})};
  if (name == "convnet")
    return {nn::Sequential(conv(3, 32), conv(32, 64), nn::MaxPool2d(2), conv(64, 128),
                           nn::MaxPool2d(2), conv(128, 128), nn::AdaptiveAvgPool2d(1),
                           nn::Flatten(), nn::Linear(128, 10)),
            randn({20, 3, 32, 32}), randint(0, 10, {20})};
  fail<ValueError>("bench", "there is no network '" + name + "'");
}

/// When each gradient of a pass is complete.
class Recorder final : LeafWatch {
 public:
  explicit Recorder(const std::vector<Parameter>& parameters) {
    for (const auto& parameter : parameters)
      bytes_[parameter.tensor().node_ref().get()] =
          static_cast<double>(parameter.numel()) * static_cast<double>(size_of(parameter.dtype()));
  }

  void start() {
    leaves_.clear();
    last_ = Clock::now();
  }
  /// Seconds since the last gradient.
  double rest() const { return seconds_since(last_); }
  const std::vector<Leaf>& leaves() const { return leaves_; }

 private:
  double started(const Tape&) override { return 1; }
  void completed(const Tape& tape, std::size_t i, const Tensor&, const RowGradient&) override {
    const auto found = bytes_.find(tape.id(i));
    if (found == bytes_.end()) return;
    leaves_.push_back({rest(), found->second});
    last_ = Clock::now();
  }

  std::unordered_map<const void*, double> bytes_;  // of parameters, by id on a tape
  std::vector<Leaf> leaves_;
  Clock::time_point last_;
};

}  // namespace

Training train(const distributed::World& world, const std::string& name, int steps,
               const distributed::DataParallelOptions& options) {
  seed(1 + static_cast<std::uint64_t>(world.rank()));
  auto [model, inputs, targets] = network(name);
  const auto parameters = model.parameters();
  optim::Adam adam(parameters, {.lr = 1e-4});
  distributed::DataParallel parallel(world, parameters, options);
  Recorder recorder(parameters);
  Training result;
  result.parameters = model.parameter_count();
  constexpr int warming_up = 3;
  for (int step = -warming_up; step < steps; ++step) {
    Profile profile;
    profile.name = name;
    adam.zero_grad();
    const double delayed = seconds_delayed();
    const auto work = detail::work;
    const auto start = Clock::now();
    Tensor y = model(inputs);
    Tensor loss =
        targets.dtype() == int64 ? nn::cross_entropy(y, targets) : nn::mse_loss(y, targets);
    profile.forward = seconds_since(start);
    recorder.start();
    loss.backward();
    y = loss = {};
    profile.rest = recorder.rest();
    profile.leaves = recorder.leaves();
    parallel.synchronize();
    const auto before_update = Clock::now();
    adam.step();
    profile.update = seconds_since(before_update);
    const double seconds = seconds_since(start);
    profile.flops = static_cast<double>(detail::work.since(work).flops);
    if (step < 0) continue;
    if (result.seconds.empty() ||
        seconds < *std::min_element(result.seconds.begin(), result.seconds.end())) {
      result.profile = profile;
      result.communication = parallel.last();
      result.delayed = seconds_delayed() - delayed;
    }
    result.seconds.push_back(seconds);
  }
  return result;
}

}  // namespace bench

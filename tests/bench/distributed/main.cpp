// ./tests/bench/distributed/run starts this once for every measurement:
//   train NAME STEPS REDUCTION THREAD BUCKET_MB [PROFILE]  a line of times; one rank writes its
//   profile link  latency, bandwidth, copies and sums predict PROFILE LINK LATENCY BANDWIDTH
//   BY_CORE COPY SUM BUCKET_MB RANKS...
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "link.hpp"
#include "networks.hpp"

namespace {

using namespace bench;

/// name, parameters, bytes of gradients, least ms, median ms, hidden share, bytes sent, their
/// minimum, buckets, share of the fastest step for which other work had the core.
void print_training(const std::vector<std::string>& given) {
  const gradtape::distributed::World world;
  gradtape::distributed::DataParallelOptions options;
  if (given.at(2) == "mpi_allreduce") options.reduction = gradtape::distributed::mpi_allreduce;
  options.progress_thread = given.at(3) == "thread";
  options.bucket_mb = std::stod(given.at(4));
  auto result = train(world, given[0], std::stoi(given.at(1)), options);
  if (!world.is_root()) return;
  std::sort(result.seconds.begin(), result.seconds.end());
  const auto& last = result.communication;
  const double hidden = last.seconds > 0 ? 1 - last.seconds_waited / last.seconds : 0;
  fmt::print("{}\t{}\t{}\t{:.4f}\t{:.4f}\t{:.3f}\t{}\t{}\t{}\t{:.3f}\n", given[0],
             result.parameters, result.profile.bytes(), 1e3 * result.seconds.front(),
             1e3 * result.seconds[result.seconds.size() / 2], hidden, last.bytes_sent,
             2 * last.bytes_reduced * (world.size() - 1) / world.size(), last.buckets,
             result.delayed / result.seconds.front());
  if (given.size() > 5) std::ofstream(given[5]) << result.profile;
}

void print_link() {
  const gradtape::distributed::World world;
  if (world.size() != 2) gradtape::fail<gradtape::ValueError>("bench", "link needs two ranks");
  Machine machine = measured_link(world);
  measure_core(machine);
  if (world.is_root())
    fmt::print("{:.3g}\t{:.4g}\t{:.4g}\t{:.4g}\n", machine.latency, machine.bandwidth, machine.copy,
               machine.sum);
}

/// network, link, ranks, ms by the formulas, ms simulated, efficiency by the formulas, simulated.
void print_predictions(const std::vector<std::string>& given) {
  Profile profile;
  std::ifstream file(given[0]);
  if (!(file >> profile)) gradtape::fail<gradtape::IoError>("bench", "no profile in " + given[0]);
  const auto number = [&](std::size_t i) { return std::stod(given.at(i)); };
  const Machine machine{number(2), number(3), given.at(4) == "core", number(5), number(6)};
  const double mib = 1 << 20;
  const Rules rules{.first_bucket = std::min(1.0, number(7)) * mib, .bucket = number(7) * mib};
  for (std::size_t i = 8; i < given.size(); ++i) {
    const int ranks = std::stoi(given[i]);
    const double model = predicted_step(profile, machine, rules, ranks),
                 played = simulated_step(profile, machine, rules, ranks);
    fmt::print("{}\t{}\t{}\t{:.2f}\t{:.2f}\t{:.3f}\t{:.3f}\n", profile.name, given[1], ranks,
               1e3 * model, 1e3 * played, profile.step() / model, profile.step() / played);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::vector<std::string> rest(argv + std::min(argc, 2), argv + argc);
  try {
    if (what == "train" && rest.size() >= 5)
      print_training(rest);
    else if (what == "link")
      print_link();
    else if (what == "predict" && rest.size() > 8)
      print_predictions(rest);
    else
      return 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

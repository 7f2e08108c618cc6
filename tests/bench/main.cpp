// A benchmark program, ours or the peer's:
//   MODE THREADS SECONDS [NAME...]
//
//   time    a line for each workload: name, median us, least us, kB of memory that it adds, a note
//   check   what the two sides have to agree about: name, variable, elements, norm, probe, dtype
//   cost    name, flops and bytes of a step, as the kernels count them, dtype; ours only
//   limits  what this machine does at most; ours only
//   list    names
//   about   version, processor features and BLAS
// Without a NAME: all. A model is asked for by the part of its name before the underscore.
#include <cstdlib>

#include "workloads.hpp"

namespace bench {

/// Defined beside each library.
void prepare(int threads);
std::string about();
#ifndef BENCH_LIBTORCH
void print_cost(const std::string& name, const Case& workload);
#endif

namespace {

Table all_workloads() {
  Table all;
  for (const auto& table :
       {scalar_workloads(), model_workloads(), array_workloads(), derivative_workloads(),
        elementwise_ops(), memory_ops(), layer_ops(), linalg_ops()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

void print_check(const std::string& name, const Case& workload) {
  if (!workload.check) return;
  for (const auto& [variable, value] : workload.check()) {
    if (!value.defined()) {
      std::printf("%s\t%s\tundefined\n", name.c_str(), variable.c_str());
      continue;
    }
    side::with_elements(
        value, [&, &variable = variable, &value = value](const auto* x, std::size_t n) {
          std::printf("%s\t%s\t%zu\t%.12g\t%.12g\t%s\n", name.c_str(), variable.c_str(), n,
                      norm(x, n), probe(x, n), side::is_wide(value) ? "float64" : "float32");
        });
  }
}

void run(const std::string& mode, const Workload& workload) {
  if (mode == "list") {
    std::printf("%s\t%s\n", workload.key().c_str(), workload.name.c_str());
    return;
  }
  const Case prepared = workload.set_up();
  side::forget_cached();
  if (mode == "check") print_check(workload.name, prepared);
#ifndef BENCH_LIBTORCH
  if (mode == "cost" && prepared.step) print_cost(workload.name, prepared);
#endif
  if (mode != "time") return;
  if (prepared.measure)
    prepared.measure();
  else
    measure(workload.name, prepared.step, prepared.nodes);
}

/// BLAS and OpenMP read their thread count when they are loaded: sets it and starts this program
/// again.
void restart_with_threads(char** arguments, const std::string& threads) {
  if (std::getenv("BENCH_RESTARTED")) return;
  setenv("BENCH_RESTARTED", "1", 1);
  for (auto variable :
       {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "MKL_NUM_THREADS"})
    setenv(variable, threads.c_str(), 1);
  execv("/proc/self/exe", arguments);
}

int run_all(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "time", threads = argc > 2 ? argv[2] : "1";
  if (argc > 3) seconds_per_workload = std::atof(argv[3]);
  restart_with_threads(argv, threads);
  prepare(std::atoi(threads.c_str()));
  if (mode == "about") return std::printf("%s\n", about().c_str()), 0;
#ifndef BENCH_LIBTORCH
  if (mode == "limits") return print_limits(), 0;
#endif
  int missing = 0;
  const Table all = all_workloads();
  const auto wanted = [&](const std::string& name) {
    int found = 0;
    for (const auto& workload : all)
      if (name.empty() || name == workload.key() || name == workload.name) {
        run(mode, workload);
        ++found;
      }
    if (!found) std::fprintf(stderr, "no workload %s\n", name.c_str());
    missing += !found;
  };
  if (argc <= 4) wanted("");
  for (int i = 4; i < argc; ++i) wanted(argv[i]);
  return missing ? 1 : 0;
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run_all(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

/// What the two benchmark programs share, so that both sides are measured by the same code. Every
/// workload prints
///   name <TAB> median_us <TAB> min_us <TAB> peak_rss_kb_delta <TAB> note
/// for one step: forward, loss, zero_grad, backward and optimizer step, unless its name says
/// otherwise.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

inline double seconds_per_workload = 1.5;

inline double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

/// A figure in kB from the status of this process: "VmRSS", or "VmHWM" for its peak.
inline long memory_kb(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == key + ":") {
      long kb = 0;
      status >> kb;
      return kb;
    }
  return 0;
}

inline void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << 5; }

inline double median(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

inline void print_line(const std::string& name, std::vector<double> times, long peak_kb, int nodes,
                       const std::string& note) {
  const double middle = median(times);
  std::printf("%s\t%.3f\t%.3f\t%ld\t%s", name.c_str(), middle, times.front(), peak_kb,
              note.c_str());
  if (nodes) std::printf(" ns/node=%.2f", middle * 1e3 / nodes);
  std::printf("\n");
  std::fflush(stdout);
}

/// Repeats `step`, which records `nodes` nodes (0: their number is of no interest).
template <class Step> void measure(const std::string& name, Step step, int nodes = 0) {
  const long before = memory_kb("VmRSS");
  reset_peak_memory();
  auto start = Clock::now();
  for (int i = 0; i < 3 || microseconds_since(start) < seconds_per_workload * 0.2e6; ++i) step();
  std::vector<double> times;
  start = Clock::now();
  while (times.size() < 5 ||
         (microseconds_since(start) < seconds_per_workload * 1e6 && times.size() < 200000)) {
    const auto step_start = Clock::now();
    step();
    times.push_back(microseconds_since(step_start));
  }
  print_line(name, times, memory_kb("VmHWM") - before, nodes, "n=" + std::to_string(times.size()));
}

/// The three phases in the life of a graph of `nodes` nodes. Memory is that of the first
/// repetition, when nothing is cached yet.
template <class Forward, class Backward, class Destroy>
void measure_phases(const std::string& workload, const std::string& rest, int nodes,
                    int repetitions, Forward forward, Backward backward, Destroy destroy) {
  std::vector<double> times[4];
  long before = memory_kb("VmRSS"), recorded = 0, peak = 0;
  reset_peak_memory();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = Clock::now();
    forward();
    times[1].push_back(microseconds_since(start));
    if (i == 0) recorded = memory_kb("VmRSS") - before;
    const auto recorded_at = Clock::now();
    backward();
    times[2].push_back(microseconds_since(recorded_at));
    if (i == 0) peak = memory_kb("VmHWM") - before;
    const auto passed_at = Clock::now();
    destroy();
    times[3].push_back(microseconds_since(passed_at));
    times[0].push_back(times[1].back() + times[2].back() + times[3].back());
  }
  const std::string note = "bytes/node=" + std::to_string(recorded * 1024 / nodes);
  const char* phases[] = {"", "fwd", "bwd", "destroy"};
  for (int p = 0; p < 4; ++p) print_line(workload + phases[p] + rest, times[p], peak, nodes, note);
}

struct Workload {
  std::string name;
  void (*run)();
};

/// BLAS and OpenMP read their thread count when they are loaded: sets it and starts this program
/// again.
inline void restart_with_threads(char** arguments, const std::string& threads) {
  if (std::getenv("BENCH_RESTARTED")) return;
  setenv("BENCH_RESTARTED", "1", 1);
  for (auto variable : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS"})
    setenv(variable, threads.c_str(), 1);
  execv("/proc/self/exe", arguments);
}

/// The program: [W1 | all] [threads = 1] [seconds a workload = 1.5]. A workload is chosen by its
/// name up to the underscore.
inline int run(int argc, char** argv, void (*prepare)(int threads),
               const std::vector<Workload>& workloads) {
  const std::string chosen = argc > 1 ? argv[1] : "all", threads = argc > 2 ? argv[2] : "1";
  if (argc > 3) seconds_per_workload = std::atof(argv[3]);
  restart_with_threads(argv, threads);
  prepare(std::atoi(threads.c_str()));
  int found = 0;
  for (const auto& workload : workloads)
    if (chosen == "all" || chosen == workload.name.substr(0, workload.name.find('_'))) {
      workload.run();
      ++found;
    }
  if (!found) std::fprintf(stderr, "no workload %s\n", chosen.c_str());
  return found ? 0 : 1;
}

}  // namespace bench

/// What the two benchmark programs share whatever their library: time, memory, and what is printed.
#pragma once

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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

/// Starts a peak of memory afresh. What setting up has freed goes back to the system first, or the
/// workload could take it again unseen.
inline long memory_before() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;
  return memory_kb("VmRSS");
}

inline double median(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// name <TAB> median_us <TAB> min_us <TAB> peak_rss_kb_delta <TAB> note
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
template <class Step> void measure(const std::string& name, const Step& step, int nodes = 0) {
  const long before = memory_before();
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
  const long before = memory_before();
  long recorded = 0, peak = 0;
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

}  // namespace bench

// Loads and unloads a plugin that has a copy of the library of its own, and computes the same with
// this program's copy, static or shared, meanwhile. Returns 0 where all numbers are the same,
// neither copy knows of the other's tensors or modes, and nothing crashes.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#define gradtape_plugin_run own_run
#define gradtape_plugin_live own_live
#include "plugin.cpp"
#undef gradtape_plugin_run
#undef gradtape_plugin_live

namespace {

constexpr std::int64_t rows = 400;
constexpr double factor = 0.5;
bool right = true;

void check(bool holds, const char* what) {
  if (!holds) std::fprintf(stderr, "%s\n", what);
  right = right && holds;
}

/// The plugin's result, in a thread of its own: what a thread keeps would else hold the plugin in
/// memory, and nothing would be unloaded here.
double plugin_result() {
  void* const plugin = ::dlopen(GRADTAPE_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!plugin) {
    std::fprintf(stderr, "%s\n", ::dlerror());
    return 0;
  }
  double result = 0;
  using Run = double (*)(std::int64_t, double);
  using Live = std::int64_t (*)();
  const auto run = reinterpret_cast<Run>(::dlsym(plugin, "gradtape_plugin_run"));
  const auto live = reinterpret_cast<Live>(::dlsym(plugin, "gradtape_plugin_live"));
  if (run && live) {
    const auto own = own_live(), its = live();
    const gradtape::NoGrad not_the_plugins;
    const gradtape::Tensor held = gradtape::zeros({1000});
    std::thread([&] { result = run(rows, factor); }).join();
    check(own_live() >= own + 4000, "the program does not count a tensor of its own");
    check(own_live() < own + 8000, "the program counts the plugin's tensors");
    check(live() < its + 4000, "the plugin counts the program's tensors, or keeps its own");
  }
  ::dlclose(plugin);
  // Threads that the plugin has started now wake up.
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return result;
}

}  // namespace

int main() {
  const double before = plugin_result();
  const auto check_same = [&](double result) { check(result == before, "other numbers"); };
  for (int i = 0; i < 5; ++i) {
    check_same(own_run(rows, factor));
    check_same(plugin_result());
  }
  // A child of a process that has unloaded the plugin.
  const pid_t child = ::fork();
  if (child == 0) {
    check_same(own_run(rows, factor));
    check_same(plugin_result());
    ::_exit(right ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  check(status == 0, "the child failed");
  // A graph that lives until the process ends.
  static const gradtape::Tensor last = gradtape::square(gradtape::ones({3}).requires_grad());
  std::puts(right ? "the same numbers" : "wrong");
  return right ? 0 : 1;
}

// Loads and unloads a plugin that has a copy of the library of its own, and computes the same with
// this program's copy meanwhile. Returns 0 where all numbers are the same and nothing crashes.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#define gradtape_plugin_run own_run
#include "plugin.cpp"
#undef gradtape_plugin_run

namespace {

constexpr std::int64_t rows = 400;
constexpr double factor = 0.5;

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
  if (const auto run = reinterpret_cast<Run>(::dlsym(plugin, "gradtape_plugin_run")))
    std::thread([&] { result = run(rows, factor); }).join();
  ::dlclose(plugin);
  // Threads that the plugin has started now wake up.
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return result;
}

}  // namespace

int main() {
  bool same = true;
  const double before = plugin_result();
  const auto check = [&](double result) { same = same && result == before; };
  for (int i = 0; i < 5; ++i) {
    check(own_run(rows, factor));
    check(plugin_result());
  }
  // A child of a process that has unloaded the plugin.
  const pid_t child = ::fork();
  if (child == 0) {
    check(own_run(rows, factor));
    check(plugin_result());
    ::_exit(same ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  same = same && status == 0;
  // A graph that lives until the process ends.
  static const gradtape::Tensor last = gradtape::square(gradtape::ones({3}).requires_grad());
  std::puts(same ? "the same numbers" : "other numbers");
  return same ? 0 : 1;
}

// Runs before main and before every other initializer of the program: says in one sentence that
// the CPU lacks what the library was compiled for, where an illegal instruction would follow.
// This file alone is compiled for the plain architecture.
#include <cstdio>
#include <cstdlib>

namespace {

struct Feature {
  const char* name;
  bool supported;
};

}  // namespace

/// Exits with status 1 and a message unless this CPU has every feature in `cpu_features.inc`.
extern "C" __attribute__((constructor(101), visibility("default"))) void gradtape_cpu_check() {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  const Feature features[] = {
#include "cpu_features.inc"
      {nullptr, true}};
  bool complete = true;
  for (const Feature* feature = features; feature->name != nullptr; ++feature) {
    if (feature->supported) continue;
    std::fprintf(stderr, "%s%s", complete ? "gradtape was built for " : ", ", feature->name);
    complete = false;
  }
  if (complete) return;
  std::fputs(", which this CPU lacks; rebuild with -DGRADTAPE_ARCH=x86-64-v3 or baseline.\n",
             stderr);
  std::_Exit(1);
}

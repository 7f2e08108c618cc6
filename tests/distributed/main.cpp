// The cases of all ranks: each rank runs every case, and rank 0 reports what passes on all.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <iostream>
#include <sstream>

#include "distributed/ranks.hpp"

namespace gradtape::testing {

distributed::World& world() {
  static distributed::World all({.timeout = 60});
  return all;
}

}  // namespace gradtape::testing

int main(int argc, char** argv) {
  const auto ranks = gradtape::testing::world();
  std::ostringstream said;
  doctest::Context context(argc, argv);
  context.setOption("no-colors", true);
  if (!ranks.is_root()) context.setCout(&said);
  const int failed = context.run();
  if (failed) std::cerr << "on " << ranks.str() << ":\n" << said.str();
  const auto anywhere = ranks.sum(static_cast<std::int64_t>(failed));
  return anywhere == 0 ? 0 : 1;
}

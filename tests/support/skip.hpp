/// A test that cannot run here says so.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>

namespace gradtape::testing {

/// Prints `skip: <test case>: <reason>`, which tests/run counts. The test case returns after it:
///
///     if (!caching) return skip("no block is kept under the address sanitizer");
inline void skip(const char* reason) {
  std::printf("skip: %s: %s\n", doctest::getContextOptions()->currentTest->m_name, reason);
  std::fflush(stdout);
}

}  // namespace gradtape::testing

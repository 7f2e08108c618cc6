/// The number of threads, for a while.
#pragma once

#include <gradtape/autograd/parallel.hpp>

namespace gradtape::testing {

/// What f() gives while the library uses `count` threads.
template <class F> auto with_threads(int count, const F& f) {
  struct Scope {
    int before = num_threads();
    ~Scope() { set_num_threads(before); }
  } const scope;
  set_num_threads(count);
  return f();
}

}  // namespace gradtape::testing

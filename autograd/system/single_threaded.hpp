/// Whether the process has one thread. In a header of its own: reference counts inline it.
#pragma once

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace gradtape::detail {

/// Whether this process has never started a second thread: a reference count then needs no locked
/// instruction, which is most of what recording a scalar op costs. Only glibc knows.
inline bool single_threaded() {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded;
#else
  return false;
#endif
}

}  // namespace gradtape::detail

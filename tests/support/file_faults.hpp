/// System calls on files that fail on purpose, or do less than they were asked for.
#pragma once

#include <cstdint>
#include <string>

namespace gradtape::testing {

/// Whether the program was linked for it.
#if defined(__APPLE__) || defined(_WIN32)
inline constexpr bool file_faults_work = false;
#else
inline constexpr bool file_faults_work = true;
#endif

/// As long as it lives, call number `n` of this thread, counted from 0, of open, read, pread,
/// write, fsync, fstat, rename and ftruncate fails with `error`, such as EIO.
class FileFault {
 public:
  FileFault(std::int64_t n, int error);
  ~FileFault();
  FileFault(const FileFault&) = delete;
  FileFault& operator=(const FileFault&) = delete;

  /// The name of the call that failed; "" while none has.
  std::string call() const;
};

/// As long as it lives, each read and write of this thread is first interrupted by a signal
/// (EINTR), and then moves at most `most` bytes.
class SlowFiles {
 public:
  explicit SlowFiles(std::int64_t most);
  ~SlowFiles();
  SlowFiles(const SlowFiles&) = delete;
  SlowFiles& operator=(const SlowFiles&) = delete;
};

}  // namespace gradtape::testing

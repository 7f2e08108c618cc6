#include "support/file_faults.hpp"

#if !defined(__APPLE__) && !defined(_WIN32)
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <limits>

namespace {

struct State {
  bool armed = false;
  std::int64_t left = 0;  // calls until one fails
  int error = 0;
  const char* call = "";
  std::int64_t most = std::numeric_limits<std::int64_t>::max();  // bytes that one call moves
  bool slow = false, interrupted = false;
};
constinit thread_local State state;

/// Whether this call fails, with errno set.
[[maybe_unused]] bool fails(const char* name) {
  if (!state.armed || state.left-- != 0) return false;
  state.call = name;
  errno = state.error;
  return true;
}

/// Whether this call ends by a signal: every other one.
[[maybe_unused]] bool interrupted() {
  if (!state.slow) return false;
  state.interrupted = !state.interrupted;
  if (state.interrupted) errno = EINTR;
  return state.interrupted;
}

[[maybe_unused]] std::size_t some(std::size_t count) {
  return std::min(count, static_cast<std::size_t>(state.most));
}

}  // namespace

#if !defined(__APPLE__) && !defined(_WIN32)
// The linker's --wrap sends the library's calls here; see CMakeLists.txt.
extern "C" {
int __real_open(const char* path, int flags, ...);
ssize_t __real_read(int file, void* to, std::size_t count);
ssize_t __real_pread(int file, void* to, std::size_t count, off_t at);
ssize_t __real_write(int file, const void* from, std::size_t count);
int __real_fsync(int file);
int __real_fstat(int file, struct stat* status);
int __real_rename(const char* from, const char* to);
int __real_ftruncate(int file, off_t size);

int __wrap_open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return fails("open") ? -1 : __real_open(path, flags, mode);
}
ssize_t __wrap_read(int file, void* to, std::size_t count) {
  return fails("read") || interrupted() ? -1 : __real_read(file, to, some(count));
}
ssize_t __wrap_pread(int file, void* to, std::size_t count, off_t at) {
  return fails("pread") || interrupted() ? -1 : __real_pread(file, to, some(count), at);
}
ssize_t __wrap_write(int file, const void* from, std::size_t count) {
  return fails("write") || interrupted() ? -1 : __real_write(file, from, some(count));
}
int __wrap_fsync(int file) { return fails("fsync") ? -1 : __real_fsync(file); }
int __wrap_fstat(int file, struct stat* status) {
  return fails("fstat") ? -1 : __real_fstat(file, status);
}
int __wrap_rename(const char* from, const char* to) {
  return fails("rename") ? -1 : __real_rename(from, to);
}
int __wrap_ftruncate(int file, off_t size) {
  return fails("ftruncate") ? -1 : __real_ftruncate(file, size);
}
}
#endif

namespace gradtape::testing {

FileFault::FileFault(std::int64_t n, int error) {
  state.left = n;
  state.error = error;
  state.call = "";
  state.armed = true;
}
FileFault::~FileFault() { state.armed = false; }
std::string FileFault::call() const { return state.call; }

SlowFiles::SlowFiles(std::int64_t most) {
  state.most = most;
  state.slow = true;
  state.interrupted = false;
}
SlowFiles::~SlowFiles() {
  state.slow = false;
  state.most = std::numeric_limits<std::int64_t>::max();
}

}  // namespace gradtape::testing

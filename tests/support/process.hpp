/// What tests ask of the operating system: processes, limits, terminals. Where a system lacks one,
/// a constant says so, and the test skips.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

namespace gradtape::testing {

#ifdef _WIN32
inline constexpr bool can_fork = false, can_limit = false, has_pseudo_terminals = false,
                      runs_scripts = false;
inline constexpr const char* null_device = "NUL";
#else
inline constexpr bool can_fork = true, can_limit = true, has_pseudo_terminals = true,
                      runs_scripts = true;
inline constexpr const char* null_device = "/dev/null";
#endif
inline constexpr const char* no_fork = "this system has no fork";
inline constexpr const char* no_limits = "this system limits no process";

/// A forked copy of this process, which calls f and ends: well, where f gives true.
class Child {
 public:
  explicit Child(const std::function<bool()>& f);
  /// Waits for its end: whether it ended well.
  bool wait();
  /// Whether it has ended, which `wait` tells how.
  bool ended();
  /// Ends it at this moment (kill -9): whether it was running until then.
  bool kill();

 private:
  int process_;
  bool gone_ = false;
  int status_ = 0;
};

/// Makes writes fail past `bytes`, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes);
  ~FileSizeLimit();
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  std::shared_ptr<void> before_;
};

/// Leaves this process `more` bytes of address space beyond what it has.
class MemoryRoom {
 public:
  explicit MemoryRoom(std::size_t more);
  ~MemoryRoom();
  MemoryRoom(const MemoryRoom&) = delete;
  MemoryRoom& operator=(const MemoryRoom&) = delete;

 private:
  std::shared_ptr<void> before_;
};

/// Bytes of memory that this process has now, and at most had; 0 where the system does not say.
std::int64_t resident_memory();
std::int64_t peak_resident_memory();

/// What f() writes to stderr.
std::string written_to_stderr(const std::function<void()>& f);
/// What f writes to a terminal.
std::string written_to_terminal(const std::function<void(std::FILE*)>& f);
/// What this program writes to stderr if it is started with these arguments; where the system does
/// not say which program this is, `can_run_itself` is false.
bool can_run_itself();
std::string stderr_of_itself(const std::string& arguments);

/// Makes a pipe with a name.
bool make_pipe(const std::string& path);

/// Memory of whole pages that ends before one that cannot be read: at least `bytes`, of which
/// `readable` says how many there are. Once `protect` was called, it cannot be written either.
struct GuardedMemory {
  explicit GuardedMemory(std::size_t bytes);
  void protect() const;

  std::shared_ptr<void> start;
  std::size_t readable;
};

}  // namespace gradtape::testing

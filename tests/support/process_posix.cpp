#include "support/process.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>

namespace gradtape::testing {
namespace {

/// A limit of the system, and its value from before.
struct Limited {
  decltype(RLIMIT_AS) which;
  rlimit before;

  Limited(decltype(RLIMIT_AS) which, std::size_t value) : which(which) {
    ::getrlimit(which, &before);
    const rlimit limit{static_cast<rlim_t>(value), before.rlim_max};
    if (::setrlimit(which, &limit) != 0) throw std::runtime_error("setrlimit");
  }
  ~Limited() { ::setrlimit(which, &before); }
};

/// Pages of this process, in its address space (0) or in memory (1); 0 where the system has no
/// /proc.
std::int64_t pages(int which) {
  std::int64_t count[2] = {0, 0};
  std::ifstream("/proc/self/statm") >> count[0] >> count[1];
  return count[which] * ::sysconf(_SC_PAGESIZE);
}

std::string all_of(std::FILE* file) {
  std::string text(1 << 16, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  return text;
}

}  // namespace

Child::Child(const std::function<bool()>& f) : process_(::fork()) {
  if (process_ < 0) throw std::runtime_error("fork");
  if (process_ > 0) return;
  bool well = false;
  try {
    well = f();
  } catch (...) {
  }
  ::_exit(well ? 0 : 1);
}
bool Child::wait() {
  if (!gone_) gone_ = ::waitpid(process_, &status_, 0) == process_;
  return gone_ && WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}
bool Child::ended() {
  if (!gone_) gone_ = ::waitpid(process_, &status_, WNOHANG) == process_;
  return gone_;
}
bool Child::kill() {
  ::kill(process_, SIGKILL);
  wait();
  return WIFSIGNALED(status_);
}

FileSizeLimit::FileSizeLimit(std::size_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);  // the write fails instead
  before_ = std::make_shared<Limited>(RLIMIT_FSIZE, bytes);
}
FileSizeLimit::~FileSizeLimit() = default;

MemoryRoom::MemoryRoom(std::size_t more)
    : before_(std::make_shared<Limited>(RLIMIT_AS, static_cast<std::size_t>(pages(0)) + more)) {}
MemoryRoom::~MemoryRoom() = default;

std::int64_t resident_memory() { return pages(1); }
std::int64_t peak_resident_memory() {
  rusage use;
  ::getrusage(RUSAGE_SELF, &use);
  return use.ru_maxrss * 1024;
}

std::string written_to_stderr(const std::function<void()>& f) {
  std::FILE* const file = std::tmpfile();
  if (!file) throw std::runtime_error("tmpfile");
  std::fflush(stderr);
  const int before = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file), STDERR_FILENO);
  f();
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  std::rewind(file);
  const std::string text = all_of(file);
  std::fclose(file);
  return text;
}

std::string written_to_terminal(const std::function<void(std::FILE*)>& f) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0)
    throw std::runtime_error("posix_openpt");
  std::FILE* const terminal = std::fopen(::ptsname(master), "r+");
  if (!terminal) throw std::runtime_error("ptsname");
  f(terminal);
  std::fclose(terminal);
  std::string text;
  char some[512];
  for (ssize_t got; (got = ::read(master, some, sizeof some)) > 0;)
    text.append(some, static_cast<std::size_t>(got));
  ::close(master);
  return text;
}

bool can_run_itself() { return std::filesystem::exists("/proc/self/exe"); }
std::string stderr_of_itself(const std::string& arguments) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::FILE* const out =
      ::popen(("'" + program + "' " + arguments + " 2>&1 >/dev/null").c_str(), "r");
  if (!out) throw std::runtime_error("popen");
  const std::string text = all_of(out);
  ::pclose(out);
  return text;
}

bool make_pipe(const std::string& path) { return ::mkfifo(path.c_str(), 0600) == 0; }

GuardedMemory::GuardedMemory(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  readable = (bytes + page) / page * page;
  const std::size_t whole = readable + page;
  void* const memory =
      ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  start = std::shared_ptr<void>(memory, [whole](void* p) { ::munmap(p, whole); });
  ::mprotect(static_cast<char*>(memory) + readable, page, PROT_NONE);
}
void GuardedMemory::protect() const { ::mprotect(start.get(), readable, PROT_READ); }

}  // namespace gradtape::testing

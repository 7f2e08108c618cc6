// Linux, macOS and their like.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "gradtape/autograd/system/system.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

extern char** environ;

namespace gradtape::os {
namespace {

Status read_status(const struct stat& from) {
  return {.regular = S_ISREG(from.st_mode),
          .folder = S_ISDIR(from.st_mode),
          .named = from.st_nlink > 0,
          .size = static_cast<std::uint64_t>(from.st_size),
          .mode = static_cast<unsigned>(from.st_mode & 07777)};
}

/// Calls f again as long as a signal interrupts it.
template <class F> std::int64_t uninterrupted(F f) {
  for (;;) {
    const std::int64_t result = f();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

std::filesystem::path path_of(const std::string& text) { return text; }
std::string text_of(const std::filesystem::path& path) { return path.string(); }

int open_to_read(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}
int open_to_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
}
int create(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}
void close(int file) noexcept { ::close(file); }

bool status(int file, Status& status) {
  struct stat now;
  if (::fstat(file, &now) != 0) return false;
  status = read_status(now);
  return true;
}
bool status(const std::string& path, Status& status) {
  struct stat now;
  if (::stat(path.c_str(), &now) != 0) return false;
  status = read_status(now);
  return true;
}
void set_mode(int file, unsigned mode) noexcept {
  (void)!::fchmod(file, static_cast<mode_t>(mode));
}

std::int64_t read_at(int file, void* to, std::size_t count, std::uint64_t at) {
  return uninterrupted([&] { return ::pread(file, to, count, static_cast<off_t>(at)); });
}
std::int64_t write(int file, const void* from, std::size_t count) {
  return uninterrupted([&] { return ::write(file, from, count); });
}
std::int64_t append(int file, const void* from, std::size_t count) {
  return write(file, from, count);  // open_to_append made it go to the end
}
bool cut(int file, std::uint64_t size) { return ::ftruncate(file, static_cast<off_t>(size)) == 0; }

bool flush(int file) { return ::fsync(file) == 0; }
bool rename(int, const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0;
}
void flush_folder(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const int file = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}
bool remove(const std::string& path) noexcept { return ::unlink(path.c_str()) == 0; }

bool lock(int file) { return ::flock(file, LOCK_EX | LOCK_NB) == 0; }

std::FILE* temporary_file() { return std::tmpfile(); }

bool is_terminal(std::FILE* out) { return ::isatty(::fileno(out)) != 0; }
std::size_t terminal_columns(std::FILE* out) {
  winsize size{};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int run(std::span<const char* const> words, std::FILE* in, std::FILE* out) {
  std::vector<char*> arguments;
  for (const char* word : words) arguments.push_back(const_cast<char*>(word));  // only read
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ::fileno(in), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ::fileno(out), STDOUT_FILENO);
  pid_t process = 0;
  int status = 0;
  const int error =
      ::posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return no_program;
  uninterrupted([&] { return ::waitpid(process, &status, 0); });
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;  // 127 where the child found out
}

int process_id() { return ::getpid(); }
void set_environment(const char* name, const char* value) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the caller is the only thread
  value ? ::setenv(name, value, 1) : ::unsetenv(name);
}

void* allocate_aligned(std::size_t alignment, std::size_t bytes) noexcept {
  void* block = nullptr;
  return ::posix_memalign(&block, alignment, bytes) == 0 ? block : nullptr;
}
void free_aligned(void* block) noexcept { std::free(block); }
void prefer_huge_pages([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
  ::madvise(block, bytes, MADV_HUGEPAGE);
#endif
}
void return_freed_memory() noexcept {
#ifdef __GLIBC__
  ::malloc_trim(0);  // free alone returns only what lies at the end of the heap
#endif
}

void* symbol(const char* name) noexcept { return ::dlsym(RTLD_DEFAULT, name); }
void keep_loaded([[maybe_unused]] const void* address) noexcept {
#ifdef RTLD_NODELETE
  Dl_info here;
  if (::dladdr(address, &here) && here.dli_fname)
    (void)::dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);  // no plugin: nothing
#endif
}
void after_fork_in_child(void (*f)()) noexcept { ::pthread_atfork(nullptr, nullptr, f); }

}  // namespace gradtape::os

#include "support/process.hpp"

#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
// after it
#include <psapi.h>

#include <io.h>

#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>

#include <gradtape/autograd/system/system.hpp>

namespace gradtape::testing {
namespace {

[[noreturn]] void absent(const char* what) {
  throw std::system_error(std::make_error_code(std::errc::function_not_supported), what);
}

PROCESS_MEMORY_COUNTERS memory() {
  PROCESS_MEMORY_COUNTERS counters{};
  ::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters);
  return counters;
}

std::filesystem::path this_program() {
  std::wstring name(32768, L'\0');
  name.resize(::GetModuleFileNameW(nullptr, name.data(), static_cast<DWORD>(name.size())));
  return name;
}

}  // namespace

Child::Child(const std::function<bool()>&) { absent("fork"); }
bool Child::wait() { return false; }
bool Child::ended() { return false; }
bool Child::kill() { return false; }

FileSizeLimit::FileSizeLimit(std::size_t) { absent("setrlimit"); }
FileSizeLimit::~FileSizeLimit() = default;
MemoryRoom::MemoryRoom(std::size_t) { absent("setrlimit"); }
MemoryRoom::~MemoryRoom() = default;

std::int64_t resident_memory() { return static_cast<std::int64_t>(memory().WorkingSetSize); }
std::int64_t peak_resident_memory() {
  return static_cast<std::int64_t>(memory().PeakWorkingSetSize);
}

std::string written_to_stderr(const std::function<void()>& f) {
  std::FILE* const file = os::temporary_file();
  if (!file) throw std::runtime_error("temporary_file");
  std::fflush(stderr);
  const int stream = ::_fileno(stderr), before = ::_dup(stream);
  ::_dup2(::_fileno(file), stream);
  f();
  std::fflush(stderr);
  ::_dup2(before, stream);
  ::_close(before);
  std::string text(1 << 16, '\0'), lines;
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  for (const char c : text)  // a text stream ends its lines by both
    if (c != '\r') lines += c;
  return lines;
}

std::string written_to_terminal(const std::function<void(std::FILE*)>&) { absent("posix_openpt"); }

bool can_run_itself() { return true; }
std::string stderr_of_itself(const std::string& arguments) {
  // os::run hands stderr on: so what this program's leads to is what the other one writes to.
  return written_to_stderr([&] {
    const HANDLE before = ::GetStdHandle(STD_ERROR_HANDLE);
    const auto file = reinterpret_cast<HANDLE>(::_get_osfhandle(::_fileno(stderr)));
    ::SetHandleInformation(file, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    ::SetStdHandle(STD_ERROR_HANDLE, file);
    std::FILE *const in = os::temporary_file(), *const out = os::temporary_file();
    const std::string program = os::text_of(this_program());
    const char* words[] = {program.c_str(), arguments.c_str()};
    os::run(words, in, out);
    std::fclose(in);
    std::fclose(out);
    ::SetStdHandle(STD_ERROR_HANDLE, before);
  });
}

bool make_pipe(const std::string&) { return false; }

GuardedMemory::GuardedMemory(std::size_t bytes) {
  constexpr std::size_t page = 4096;
  readable = (bytes + page) / page * page;
  void* const memory = ::VirtualAlloc(nullptr, readable + page, MEM_RESERVE, PAGE_NOACCESS);
  if (!memory || !::VirtualAlloc(memory, readable, MEM_COMMIT, PAGE_READWRITE))
    throw std::bad_alloc();
  start = std::shared_ptr<void>(memory, [](void* p) { ::VirtualFree(p, 0, MEM_RELEASE); });
}
void GuardedMemory::protect() const {
  DWORD before = 0;
  ::VirtualProtect(start.get(), readable, PAGE_READONLY, &before);
}

}  // namespace gradtape::testing

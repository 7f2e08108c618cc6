// Windows 7 and later; what Windows 10 does better is asked for first.
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
// after it
#include <psapi.h>

#include <fcntl.h>
#include <io.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "gradtape/autograd/system/system.hpp"

namespace gradtape::os {
namespace {

/// Sets errno by Windows's last error; for `return fails();`.
int fails() {
  const std::error_code error(static_cast<int>(::GetLastError()), std::system_category());
  const auto known = error.default_error_condition();
  errno = known.category() == std::generic_category() ? known.value() : EIO;
  return -1;
}

/// UTF-16; what is not UTF-8 becomes U+FFFD, a name that no file has.
std::wstring wide(std::string_view text) {
  const int length = static_cast<int>(text.size());
  std::wstring result(text.size(), L'\0');  // never more than there are bytes
  const int used = ::MultiByteToWideChar(CP_UTF8, 0, text.data(), length, result.data(), length);
  result.resize(static_cast<std::size_t>(std::max(used, 0)));
  return result;
}

std::string narrow(std::wstring_view text) {
  const int length = static_cast<int>(text.size());
  std::string result(3 * text.size(), '\0');
  const int used = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), length, result.data(), 3 * length,
                                         nullptr, nullptr);
  result.resize(static_cast<std::size_t>(std::max(used, 0)));
  return result;
}

/// Others may read, write, rename and remove what this process has open, as elsewhere; so it is not
/// opened by C's functions.
HANDLE open_file(const std::wstring& path, DWORD access, DWORD creation, DWORD flags) {
  return ::CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                       nullptr, creation, flags, nullptr);
}

int descriptor(HANDLE file, int flags) {
  if (file == INVALID_HANDLE_VALUE) return fails();
  const int number = ::_open_osfhandle(reinterpret_cast<std::intptr_t>(file), flags | _O_BINARY);
  if (number < 0) ::CloseHandle(file);
  return number;
}

HANDLE handle(int file) { return reinterpret_cast<HANDLE>(::_get_osfhandle(file)); }
HANDLE handle(std::FILE* file) {
  const int number = ::_fileno(file);  // negative for a standard stream that leads nowhere
  return number < 0 ? INVALID_HANDLE_VALUE : handle(number);
}

/// The number of bytes that one call can move.
DWORD some(std::size_t count) { return static_cast<DWORD>(std::min(count, std::size_t{1} << 30)); }

OVERLAPPED position(std::uint64_t at) {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(at);
  place.OffsetHigh = static_cast<DWORD>(at >> 32);
  return place;
}

bool read_status(HANDLE file, Status& status) {
  status = {};
  if (::GetFileType(file) != FILE_TYPE_DISK) return true;  // a device, a pipe
  FILE_STANDARD_INFO now;
  if (!::GetFileInformationByHandleEx(file, FileStandardInfo, &now, sizeof now))
    return fails() == 0;
  status.folder = now.Directory != 0;
  status.regular = !status.folder;
  status.named = now.NumberOfLinks > 0 && !now.DeletePending;
  status.size = static_cast<std::uint64_t>(now.EndOfFile.QuadPart);
  return true;
}

/// Renames as POSIX does, also where somebody has open what is replaced. From Windows 10 of 2017
/// on, and on NTFS.
bool rename_open_file(HANDLE file, const std::wstring& to) {
  struct Request {
    DWORD flags;
    HANDLE folder;
    DWORD bytes;
    wchar_t name[1];
  };
  constexpr DWORD replace = 1, posix = 2;
  constexpr auto rename_info_ex = static_cast<FILE_INFO_BY_HANDLE_CLASS>(22);
  const std::size_t bytes = to.size() * sizeof(wchar_t);
  std::vector<std::uint64_t> room((sizeof(Request) + bytes) / 8 +
                                  1);  // aligned, with a zero behind
  auto* const request = reinterpret_cast<Request*>(room.data());
  request->flags = replace | posix;
  request->bytes = static_cast<DWORD>(bytes);
  std::memcpy(reinterpret_cast<char*>(room.data()) + offsetof(Request, name), to.data(), bytes);
  return ::SetFileInformationByHandle(file, rename_info_ex, request,
                                      static_cast<DWORD>(sizeof(Request) + bytes)) != 0;
}

/// A word of a command line as programs take these apart.
std::wstring quoted(const std::wstring& word) {
  if (!word.empty() && word.find_first_of(L" \t\"") == word.npos) return word;
  std::wstring result = L"\"";
  std::size_t backslashes = 0;  // those before a quotation mark are doubled
  for (const wchar_t c : word) {
    if (c == L'"') result.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    result += c;
  }
  return result.append(backslashes, L'\\') + L'"';
}

/// The same file, which a program that is started gets.
HANDLE inherited(HANDLE file) {
  const HANDLE self = ::GetCurrentProcess();
  HANDLE copy = nullptr;
  return ::DuplicateHandle(self, file, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS) ? copy
                                                                                    : nullptr;
}

}  // namespace

std::filesystem::path path_of(const std::string& text) { return wide(text); }
std::string text_of(const std::filesystem::path& path) { return narrow(path.wstring()); }

int open_to_read(const std::string& path) {
  // With this flag a folder opens too, and can be told from a file that may not be read.
  return descriptor(open_file(wide(path), GENERIC_READ, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS),
                    _O_RDONLY);
}
int open_to_append(const std::string& path) {
  return descriptor(open_file(wide(path), GENERIC_WRITE, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL), 0);
}
int create(const std::string& path) {
  return descriptor(
      open_file(wide(path), GENERIC_WRITE | DELETE, CREATE_NEW, FILE_ATTRIBUTE_NORMAL), 0);
}
void close(int file) noexcept { ::_close(file); }

bool status(int file, Status& status) { return read_status(handle(file), status); }
bool status(const std::string& path, Status& status) {
  const HANDLE file = open_file(wide(path), 0, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
  if (file == INVALID_HANDLE_VALUE) return fails() == 0;
  const bool known = read_status(file, status);
  ::CloseHandle(file);
  return known;
}
void set_mode(int, unsigned) noexcept {}  // a file gets what its folder hands on

std::int64_t read_at(int file, void* to, std::size_t count, std::uint64_t at) {
  auto place = position(at);
  DWORD got = 0;
  if (::ReadFile(handle(file), to, some(count), &got, &place)) return got;
  return ::GetLastError() == ERROR_HANDLE_EOF ? 0 : fails();
}
std::int64_t write(int file, const void* from, std::size_t count) {
  DWORD done = 0;
  return ::WriteFile(handle(file), from, some(count), &done, nullptr) ? done : fails();
}
std::int64_t append(int file, const void* from, std::size_t count) {
  auto end = position(~std::uint64_t{0});
  DWORD done = 0;
  return ::WriteFile(handle(file), from, some(count), &done, &end) ? done : fails();
}
bool cut(int file, std::uint64_t size) {
  FILE_END_OF_FILE_INFO end;
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  return ::SetFileInformationByHandle(handle(file), FileEndOfFileInfo, &end, sizeof end) ||
         fails() == 0;
}

bool flush(int file) { return ::FlushFileBuffers(handle(file)) || fails() == 0; }
bool rename(int file, const std::string& from, const std::string& to) {
  if (rename_open_file(handle(file), std::filesystem::absolute(wide(to)).wstring()))
    return flush(file);  // and with it the new name
  return ::MoveFileExW(wide(from).c_str(), wide(to).c_str(),
                       MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ||
         fails() == 0;
}
void flush_folder(const std::string&) {}  // `rename` has done it
bool remove(const std::string& path) noexcept try {
  return ::DeleteFileW(wide(path).c_str()) || fails() == 0;
} catch (...) {  // out of memory
  return false;
}

bool lock(int file) {
  // One byte, where no file has any: other processes cannot read what is locked.
  auto place = position(std::uint64_t{1} << 62);
  if (::LockFileEx(handle(file), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
                   &place))
    return true;
  const bool taken = ::GetLastError() == ERROR_LOCK_VIOLATION;
  fails();
  if (taken) errno = EWOULDBLOCK;
  return false;
}

/// C's own makes it in the root of the disk, where few may write.
std::FILE* temporary_file() {
  std::array<wchar_t, MAX_PATH + 1> folder{}, name{};
  if (::GetTempPathW(MAX_PATH, folder.data()) == 0 ||
      ::GetTempFileNameW(folder.data(), L"gradtape", 0, name.data()) == 0)
    return nullptr;
  const int file = descriptor(open_file(name.data(), GENERIC_READ | GENERIC_WRITE | DELETE,
                                        CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE),
                              _O_RDWR);
  std::FILE* const stream = file < 0 ? nullptr : ::_fdopen(file, "w+b");
  if (!stream && file >= 0) ::_close(file);
  return stream;
}

bool is_terminal(std::FILE* out) {
  DWORD mode = 0;
  const HANDLE console = handle(out);
  return ::GetConsoleMode(console, &mode) &&
         ::SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}
std::size_t terminal_columns(std::FILE* out) {
  CONSOLE_SCREEN_BUFFER_INFO info;
  if (!::GetConsoleScreenBufferInfo(handle(out), &info)) return 0;
  return static_cast<std::size_t>(std::max(info.srWindow.Right - info.srWindow.Left + 1, 0));
}

int run(std::span<const char* const> words, std::FILE* in, std::FILE* out) {
  std::wstring line;
  for (const char* word : words) line += (line.empty() ? L"" : L" ") + quoted(wide(word));
  STARTUPINFOW start{};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = inherited(handle(in));
  start.hStdOutput = inherited(handle(out));
  start.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
  PROCESS_INFORMATION process{};
  const bool started = ::CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr,
                                        nullptr, &start, &process);
  for (const HANDLE file : {start.hStdInput, start.hStdOutput})
    if (file) ::CloseHandle(file);
  if (!started) return no_program;
  DWORD status = 0;
  ::WaitForSingleObject(process.hProcess, INFINITE);
  const bool ended = ::GetExitCodeProcess(process.hProcess, &status);
  ::CloseHandle(process.hThread);
  ::CloseHandle(process.hProcess);
  return ended && status < no_program ? static_cast<int>(status) : -1;
}

int process_id() { return static_cast<int>(::GetCurrentProcessId()); }
void set_environment(const char* name, const char* value) {
  ::_putenv_s(name, value ? value : "");  // which removes it
}

void* allocate_aligned(std::size_t alignment, std::size_t bytes) noexcept {
  return ::_aligned_malloc(bytes, alignment);
}
void free_aligned(void* block) noexcept { ::_aligned_free(block); }
void prefer_huge_pages(void*, std::size_t) noexcept {}  // only those who may lock memory get them
void return_freed_memory() noexcept {}                  // HeapFree does by itself

void* symbol(const char* name) noexcept {
  std::array<HMODULE, 1024> modules;
  DWORD bytes = 0;
  if (!::EnumProcessModules(::GetCurrentProcess(), modules.data(), sizeof modules, &bytes))
    return nullptr;
  const auto count = std::min<std::size_t>(bytes / sizeof(HMODULE), modules.size());
  for (std::size_t i = 0; i < count; ++i)
    if (const auto found = ::GetProcAddress(modules[i], name))
      return reinterpret_cast<void*>(found);
  return nullptr;
}
void keep_loaded(const void* address) noexcept {
  HMODULE library = nullptr;
  (void)::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                             static_cast<const wchar_t*>(address), &library);
}
void after_fork_in_child(void (*)()) noexcept {}  // there is no fork

}  // namespace gradtape::os

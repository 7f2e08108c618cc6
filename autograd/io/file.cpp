#include "gradtape/autograd/io/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/gzip.hpp"

namespace gradtape {
namespace {

std::string system_message(int error) { return std::generic_category().message(error); }

struct Descriptor {
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  int number;
};

/// Where a write to `path` really goes.
std::string follow_links(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

/// Locks a new temporary file, which says that its writer lives; false where remove_unfinished has
/// taken it for one left behind, between its creation and the lock.
bool lock_new(int descriptor) {
  struct stat status;
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
  return ::fstat(descriptor, &status) != 0 || status.st_nlink > 0;
}

/// Throws for a path that the system would cut off.
void check_path(const std::string& path, const char* op) {
  const auto end = path.find('\0');
  if (end != path.npos)
    detail::file_origin(op, path.substr(0, end)).fail("is not all of the path: it has a zero byte");
}

/// Makes a rename in the folder of `path` survive a power cut, where the file system can. It never
/// throws: the file is in place.
void flush_folder(const std::string& path) noexcept try {
  const auto folder = std::filesystem::path(path).parent_path();
  const Descriptor file{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number >= 0) ::fsync(file.number);
} catch (...) {  // out of memory
}

/// Opens a regular file and tells its size.
int open_regular(const std::string& path, const detail::Origin& origin, std::uint64_t& size) {
  check_path(path, origin.op);
  // Not to wait for somebody to write into a pipe.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) origin.fail(fmt::format("cannot be opened: {}", system_message(errno)));
  struct stat status;
  if (::fstat(file.number, &status) != 0)
    origin.fail(fmt::format("cannot be read: {}", system_message(errno)));
  if (S_ISDIR(status.st_mode)) origin.fail("cannot be read: it is a folder");
  if (!S_ISREG(status.st_mode))  // it may have no end
    origin.fail("cannot be read: it is a device or a pipe, not a regular file");
  size = static_cast<std::uint64_t>(status.st_size);
  return std::exchange(file.number, -1);
}

/// How many bytes of up to `count` were read from byte `at` on; 0 at the end.
std::size_t read_some(int descriptor, std::uint64_t at, char* to, std::size_t count,
                      const detail::Origin& origin) {
  for (;;) {
    const auto got = ::pread(descriptor, to, count, static_cast<off_t>(at));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR)
      origin.fail(fmt::format("cannot be read from byte {} on: {}", at, system_message(errno)));
  }
}

}  // namespace

FileReader::FileReader(const std::string& path, const char* op)
    : path_(path), op_(op), descriptor_(open_regular(path, detail::file_origin(op, path), size_)) {}

FileReader::~FileReader() { ::close(descriptor_); }

void FileReader::read(std::uint64_t at, std::size_t count, void* to) const {
  const auto origin = detail::file_origin(op_, path_);
  for (std::size_t filled = 0; filled < count;) {
    const auto got = read_some(descriptor_, at + filled, static_cast<char*>(to) + filled,
                               count - filled, origin);
    if (got == 0)
      origin.fail(
          fmt::format("has become shorter while it was read: it ends at byte {}", at + filled));
    filled += got;
  }
}

std::string FileReader::read(std::uint64_t at, std::size_t count) const {
  std::string bytes(count, '\0');
  read(at, count, bytes.data());
  return bytes;
}

std::string read_raw_file(const std::string& path, const char* op) {
  const auto origin = detail::file_origin(op, path);
  std::uint64_t size;
  const Descriptor file{open_regular(path, origin, size)};
  std::string bytes;
  bytes.resize(size + 1);  // one more to meet the end
  for (std::size_t filled = 0;;) {
    if (filled == bytes.size()) bytes.resize(2 * filled + (1 << 16));
    const auto got =
        read_some(file.number, filled, bytes.data() + filled, bytes.size() - filled, origin);
    filled += got;
    if (got > 0) continue;
    bytes.resize(filled);
    return bytes;
  }
}

std::string read_file(const std::string& path, const char* op) {
  std::string bytes = read_raw_file(path, op);
  return detail::is_gzip(bytes) ? detail::gunzip(bytes, detail::file_origin(op, path)) : bytes;
}

void write_file(const std::string& path, std::string_view bytes, const char* op) {
  AtomicFile file(path, op);
  file.write(bytes);
  file.commit();
}

AtomicFile::AtomicFile(const std::string& path, const char* op)
    : path_(follow_links(path)), op_(op) {
  check_path(path_, op_);
  struct stat before;
  const bool replaces = ::stat(path_.c_str(), &before) == 0;
  if (replaces && !S_ISREG(before.st_mode))
    detail::file_origin(op_, path_).fail("cannot be written: it is not a regular file");
  static std::atomic<unsigned> count{0};
  for (;;) {
    temporary_ = fmt::format("{}.{}-{}.part", path_, ::getpid(), count++);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    // a name left behind by a process that died may be in use
    if (descriptor_ < 0 ? errno != EEXIST : lock_new(descriptor_)) break;
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  if (descriptor_ < 0) fail("cannot be written");
  if (replaces) (void)!::fchmod(descriptor_, before.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = ENOSPC;  // a file system that takes nothing would be asked for ever
    if (count <= 0) fail("cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    position_ += static_cast<std::uint64_t>(count);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("cannot be flushed to the disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be replaced");
  ::close(descriptor_);
  descriptor_ = -1;
  flush_folder(path_);
}

void remove_unfinished(const std::string& path) noexcept try {
  const std::filesystem::path target = follow_links(path);
  const auto start = target.filename().string() + ".";
  const auto folder = target.has_parent_path() ? target.parent_path() : ".";
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    const auto name = item.path().filename().string();
    if (!name.starts_with(start) || !name.ends_with(".part")) continue;
    const auto number = name.substr(start.size(), name.size() - start.size() - 5);
    if (number.find('-') == number.npos || number.find_first_not_of("0123456789-") != number.npos)
      continue;
    const Descriptor file{::open(item.path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.number >= 0 && ::flock(file.number, LOCK_EX | LOCK_NB) == 0)
      ::unlink(item.path().c_str());
  }
} catch (...) {  // the folder cannot be listed: nothing is lost but space
}

void AtomicFile::fail(const char* what) const {
  detail::file_origin(op_, path_).fail(fmt::format("{}: {}", what, system_message(errno)));
}

}  // namespace gradtape

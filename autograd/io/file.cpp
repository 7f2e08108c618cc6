#include "gradtape/autograd/io/file.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/gzip.hpp"
#include "gradtape/autograd/system/system.hpp"

namespace gradtape {
namespace {

std::string system_message(int error) { return std::generic_category().message(error); }

struct Descriptor {
  ~Descriptor() {
    if (number >= 0) os::close(number);
  }
  int number;
};

/// Where a write to `path` really goes.
std::string follow_links(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::canonical(os::path_of(path), error);
  return error ? path : os::text_of(target);
}

/// Locks a new temporary file, which says that its writer lives; false where remove_unfinished has
/// taken it for one left behind, between its creation and the lock.
bool lock_new(int descriptor) {
  if (!os::lock(descriptor)) return errno != EWOULDBLOCK;
  os::Status status;
  return !os::status(descriptor, status) || status.named;
}

/// Throws for a path that the system would cut off.
void check_path(const std::string& path, const char* op) {
  const auto end = path.find('\0');
  if (end != path.npos)
    detail::file_origin(op, path.substr(0, end)).fail("is not all of the path: it has a zero byte");
}

/// Opens a regular file and tells its size.
int open_regular(const std::string& path, const detail::Origin& origin, std::uint64_t& size) {
  check_path(path, origin.op);
  Descriptor file{os::open_to_read(path)};
  if (file.number < 0) origin.fail(fmt::format("cannot be opened: {}", system_message(errno)));
  os::Status status;
  if (!os::status(file.number, status))
    origin.fail(fmt::format("cannot be read: {}", system_message(errno)));
  if (status.folder) origin.fail("cannot be read: it is a folder");
  if (!status.regular)  // it may have no end
    origin.fail("cannot be read: it is a device or a pipe, not a regular file");
  size = status.size;
  return std::exchange(file.number, -1);
}

/// How many bytes of up to `count` were read from byte `at` on; 0 at the end.
std::size_t read_some(int descriptor, std::uint64_t at, char* to, std::size_t count,
                      const detail::Origin& origin) {
  const auto got = os::read_at(descriptor, to, count, at);
  if (got < 0)
    origin.fail(fmt::format("cannot be read from byte {} on: {}", at, system_message(errno)));
  return static_cast<std::size_t>(got);
}

}  // namespace

FileReader::FileReader(const std::string& path, const char* op)
    : path_(path), op_(op), descriptor_(open_regular(path, detail::file_origin(op, path), size_)) {}

FileReader::~FileReader() { os::close(descriptor_); }

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
  os::Status before;
  const bool replaces = os::status(path_, before);
  if (replaces && !before.regular)
    detail::file_origin(op_, path_).fail("cannot be written: it is not a regular file");
  static std::atomic<unsigned> count{0};
  for (;;) {
    temporary_ = fmt::format("{}.{}-{}.part", path_, os::process_id(), count++);
    descriptor_ = os::create(temporary_);
    // a name left behind by a process that died may be in use
    if (descriptor_ < 0 ? errno != EEXIST : lock_new(descriptor_)) break;
    if (descriptor_ >= 0) os::close(descriptor_);
  }
  if (descriptor_ < 0) fail("cannot be written");
  if (replaces) os::set_mode(descriptor_, before.mode);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  os::close(descriptor_);
  os::remove(temporary_);
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = os::write(descriptor_, bytes.data(), bytes.size());
    if (count == 0) errno = ENOSPC;  // a file system that takes nothing would be asked for ever
    if (count <= 0) fail("cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    position_ += static_cast<std::uint64_t>(count);
  }
}

void AtomicFile::commit() {
  if (!os::flush(descriptor_)) fail("cannot be flushed to the disk");
  if (!os::rename(descriptor_, temporary_, path_)) fail("cannot be replaced");
  os::close(descriptor_);
  descriptor_ = -1;
  try {
    os::flush_folder(path_);
  } catch (...) {  // out of memory, with the file in place
  }
}

void remove_unfinished(const std::string& path) noexcept try {
  const auto target = os::path_of(follow_links(path));
  const auto start = os::text_of(target.filename()) + ".";
  const auto folder = target.has_parent_path() ? target.parent_path() : ".";
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    const auto name = os::text_of(item.path().filename());
    if (!name.starts_with(start) || !name.ends_with(".part")) continue;
    const auto number = name.substr(start.size(), name.size() - start.size() - 5);
    if (number.find('-') == number.npos || number.find_first_not_of("0123456789-") != number.npos)
      continue;
    const auto left_behind = os::text_of(item.path());
    const Descriptor file{os::open_to_read(left_behind)};
    if (file.number >= 0 && os::lock(file.number)) os::remove(left_behind);
  }
} catch (...) {  // the folder cannot be listed: nothing is lost but space
}

void AtomicFile::fail(const char* what) const {
  detail::file_origin(op_, path_).fail(fmt::format("{}: {}", what, system_message(errno)));
}

}  // namespace gradtape

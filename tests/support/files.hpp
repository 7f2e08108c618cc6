// What tests of files need.
#pragma once

#include <gradtape/autograd/io/bytes.hpp>
#include <gradtape/autograd/io/gzip.hpp>

#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace gradtape::testing {

/// A fresh folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto unique = std::string(6, 'X');  // what mkdtemp replaces
    std::string name = std::filesystem::temp_directory_path() / ("gradtape_" + unique);
    if (!::mkdtemp(name.data())) throw std::filesystem::filesystem_error("mkdtemp", {});
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return path_ / name; }
  /// Writes a file and returns its path.
  std::string file(const std::string& name, std::string_view bytes) const {
    std::filesystem::remove(path(name));  // some file systems flush one that is overwritten
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  /// The number of files.
  std::ptrdiff_t count() const {
    return std::distance(std::filesystem::directory_iterator(path_), {});
  }

 private:
  std::filesystem::path path_;
};

/// Makes writes fail past `bytes`, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_;
};

/// What gzip would make of `text`.
inline std::string gzipped(std::string_view text) {
  const std::string_view parts[] = {text};
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);  // RFC 1952: no name, no time
  out += detail::deflate_raw(parts);
  detail::append_little(out, detail::crc32(text));
  detail::append_little(out, static_cast<std::uint32_t>(text.size()));
  return out;
}

}  // namespace gradtape::testing

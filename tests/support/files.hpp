// What tests of files need.
#pragma once

#include <gradtape/autograd/io/bytes.hpp>
#include <gradtape/autograd/io/gzip.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace gradtape::testing {

/// A fresh folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    do {
      const auto name = "gradtape_" + std::to_string(std::random_device()());
      path_ = std::filesystem::temp_directory_path() / name;
    } while (!std::filesystem::create_directory(path_));  // false where it was there
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
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

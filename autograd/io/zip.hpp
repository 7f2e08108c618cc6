/// Zip archives: what npz files are made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/file.hpp"

namespace gradtape::detail {

/// One member, as the directory at the end of an archive lists it.
struct ZipMember {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed_size = 0, size = 0;
  std::uint64_t offset = 0;  // of the local header
};

/// The members of an archive (also zip64). Throws IoError where it is truncated or not a zip file,
/// or where members overlap.
std::vector<ZipMember> zip_directory(std::string_view archive, const Origin& origin);

/// The bytes of a member, stored or deflated, checked against its CRC: part of `archive`, or
/// inflated into `storage`. Throws IoError.
std::string_view zip_member(std::string_view archive, const ZipMember& member, std::string& storage,
                            const Origin& origin);

/// Writes an archive front to back. Equal contents give equal bytes: members carry no time.
class ZipWriter {
 public:
  /// Sizes and offsets from `zip64_from` on are written as zip64; tests lower it.
  explicit ZipWriter(AtomicFile& file, std::uint64_t zip64_from = 0xffffffff)
      : file_(file), zip64_from_(zip64_from) {}

  /// Appends a member that holds `parts`, one after the other.
  void add(const std::string& name, std::span<const std::string_view> parts, bool deflated);
  /// Appends the directory.
  void finish();

 private:
  std::string local_header(const ZipMember& member) const;
  std::string directory_entry(const ZipMember& member) const;

  AtomicFile& file_;
  std::uint64_t zip64_from_;
  std::vector<ZipMember> members_;
};

}  // namespace gradtape::detail

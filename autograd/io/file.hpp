/// Whole files: read with gzip inflated on the way, written all or nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gradtape {

/// The bytes of a file; where they are gzip, what they inflate to. Throws IoError in the name of
/// `op` with the path and the cause.
std::string read_file(const std::string& path, const char* op = "read_file");

/// The bytes of a file as they are. Throws IoError likewise.
std::string read_raw_file(const std::string& path, const char* op = "read_raw_file");

/// A regular file whose bytes are read when they are wanted, and to where.
class FileReader {
 public:
  /// Throws IoError in the name of `op` where there is no regular file to read.
  explicit FileReader(const std::string& path, const char* op = "FileReader");
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  /// The number of bytes when it was opened.
  std::uint64_t size() const { return size_; }
  /// Reads `count` bytes from byte `at` on. Throws IoError, also where the file ends before.
  void read(std::uint64_t at, std::size_t count, void* to) const;
  std::string read(std::uint64_t at, std::size_t count) const;

 private:
  std::string path_;
  const char* op_;
  std::uint64_t size_ = 0;  // set by opening, hence before it
  int descriptor_;
};

/// How many bytes a compressed file may inflate to, in all: a few kilobytes can be made to fill any
/// memory. 0, as at first, stands for 1 GiB or 32 times the size of the file, whichever is more.
/// Readers throw IoError for what exceeds it.
void set_inflate_limit(std::uint64_t bytes);

/// Replaces a file by `bytes` in one step; see AtomicFile. Throws IoError.
void write_file(const std::string& path, std::string_view bytes, const char* op = "write_file");

/// Writes a file that appears under its name whole, or not at all.
///
/// The bytes go to a temporary file in the same folder, which `commit` flushes to the disk and
/// renames. Until then, and where anything fails, a file that was there before stays as it was.
class AtomicFile {
 public:
  /// Throws IoError in the name of `op` where the folder cannot be written, or where `path` is
  /// there and not a regular file. A symbolic link is followed.
  explicit AtomicFile(const std::string& path, const char* op = "AtomicFile");
  /// Removes the temporary file unless committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. Throws IoError, as on a full disk.
  void write(std::string_view bytes);
  /// The number of bytes written so far.
  std::uint64_t position() const { return position_; }
  /// Puts the file under its name. Throws IoError.
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string path_, temporary_;
  const char* op_;
  int descriptor_ = -1;
  std::uint64_t position_ = 0;
};

/// Removes the temporary files of an AtomicFile for `path` whose process died before it could, and
/// none that is still being written. Never throws.
void remove_unfinished(const std::string& path) noexcept;

}  // namespace gradtape

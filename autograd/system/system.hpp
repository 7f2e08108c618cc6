/// What the library asks of the operating system. Texts are UTF-8, on every system. Where a
/// function fails, it returns false, -1 or a null pointer, and `errno` says why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>

namespace gradtape::os {

// ---- files, by the descriptors of C's run time ----

/// The path that a text names, and the text of a path.
std::filesystem::path path_of(const std::string& text);
std::string text_of(const std::filesystem::path& path);

/// Opens what is there, without waiting for somebody to write into a pipe.
int open_to_read(const std::string& path);
/// Opens a file that is there, for `append` and `cut`.
int open_to_append(const std::string& path);
/// Makes a file for `write`; fails with EEXIST where the name is taken.
int create(const std::string& path);
void close(int file) noexcept;

struct Status {
  bool regular = false, folder = false;
  bool named = true;  ///< false once its last name was removed while it was open
  std::uint64_t size = 0;
  unsigned mode = 0;  ///< who may do what, for `set_mode`
};
bool status(int file, Status& status);
bool status(const std::string& path, Status& status);
/// Where a system keeps no such modes, nothing.
void set_mode(int file, unsigned mode) noexcept;

/// How many bytes of up to `count` were read from byte `at` on; 0 at the end.
std::int64_t read_at(int file, void* to, std::size_t count, std::uint64_t at);
/// How many bytes of up to `count` were written behind those of the last `write`, or at the end.
std::int64_t write(int file, const void* from, std::size_t count);
std::int64_t append(int file, const void* from, std::size_t count);
/// Makes the file `size` bytes long.
bool cut(int file, std::uint64_t size);

/// Writes to the disk what was written to the file.
bool flush(int file);
/// Gives the open file `from` the name `to`, in one step, in place of what has it.
bool rename(int file, const std::string& from, const std::string& to);
/// Makes what `rename` did in the folder of `path` survive a power cut, where the system can.
void flush_folder(const std::string& path);
bool remove(const std::string& path) noexcept;

/// Whether this process has now locked the file, which another one has not. The lock ends with the
/// descriptor, however the process ends. Fails with EWOULDBLOCK only where another one has it.
bool lock(int file);

/// A file for `std::fread` and `std::fwrite` that is gone once it is closed; a null pointer where
/// there is no room.
std::FILE* temporary_file();

// ---- terminals and programs ----

/// Whether `out` is a terminal; it then understands "\r" and "\x1b[K".
bool is_terminal(std::FILE* out);
/// The width of a terminal, or 0.
std::size_t terminal_columns(std::FILE* out);

constexpr int no_program = 127;
/// Runs the program words[0] from one file to another, looked for as a shell does. Returns its exit
/// status, `no_program` where there is none, and -1 where it came to another end.
int run(std::span<const char* const> words, std::FILE* in, std::FILE* out);

int process_id();
/// Changes a variable of the environment, or removes it (a null pointer): only while there is one
/// thread.
void set_environment(const char* name, const char* value);

// ---- memory ----

/// `bytes` at a multiple of `alignment`, a power of two; a null pointer where there is no room.
void* allocate_aligned(std::size_t alignment, std::size_t bytes) noexcept;
void free_aligned(void* block) noexcept;
/// Asks for large pages under a block.
void prefer_huge_pages(void* block, std::size_t bytes) noexcept;
/// Returns to the system what freed blocks of C's run time take.
void return_freed_memory() noexcept;

// ---- this program ----

/// A function of the program or of its libraries by its name, or a null pointer.
void* symbol(const char* name) noexcept;
/// Keeps the library that has this address in memory, also if it is a plugin that is unloaded.
void keep_loaded(const void* address) noexcept;
/// Calls f in every child that the process forks.
void after_fork_in_child(void (*f)()) noexcept;

}  // namespace gradtape::os

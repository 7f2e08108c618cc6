#include "gradtape/autograd/io/gzip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

namespace gradtape::detail {
namespace {

constexpr int raw_stream = -MAX_WBITS, gzip_stream = MAX_WBITS + 16;  // as inflateInit2 wants it

/// zlib counts in 32 bits.
uInt chunk(std::size_t bytes) {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
}

/// zlib does not write through next_in, whatever its type says.
Bytef* input(const char* bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes)); }

class Inflater {
 public:
  explicit Inflater(int window_bits) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends the stream at the front of `bytes` to `out`, whose size stays at most `limit`.
  /// Returns how many bytes the stream has, of which the first is byte `start` of the origin.
  std::size_t run(std::string_view bytes, std::string& out, std::uint64_t limit, std::size_t start,
                  const Origin& origin) {
    std::size_t used = 0, filled = out.size();
    for (int status = Z_OK; status != Z_STREAM_END;) {
      if (filled == out.size()) out.resize(larger(out.size(), bytes.size(), limit));
      stream_.next_in = input(bytes.data() + used);
      stream_.avail_in = chunk(bytes.size() - used);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
      stream_.avail_out = chunk(out.size() - filled);
      const auto in = stream_.avail_in, space = stream_.avail_out;
      status = inflate(&stream_, Z_NO_FLUSH);
      used += in - stream_.avail_in;
      filled += space - stream_.avail_out;
      if (status == Z_BUF_ERROR && used < bytes.size())
        origin.fail(
            fmt::format("is damaged: it inflates to more than the {} bytes it claims", limit));
      if (status == Z_BUF_ERROR)
        origin.fail(
            fmt::format("is truncated: its compressed data break off at byte {}", start + used));
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status != Z_OK && status != Z_STREAM_END)
        origin.fail(fmt::format("is damaged: {} at byte {}",
                                stream_.msg ? stream_.msg : "its data cannot be inflated",
                                start + used));
    }
    out.resize(filled);
    return used;
  }

 private:
  static std::size_t larger(std::size_t now, std::size_t compressed, std::uint64_t limit) {
    const auto wanted = std::max<std::uint64_t>({2 * now, now + 4 * compressed, 1 << 12});
    return std::min(wanted, limit);
  }

  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

std::string gunzip(std::string_view bytes, const Origin& origin) {
  std::string out;
  std::size_t used = 0;
  do {
    used += Inflater(gzip_stream).run(bytes.substr(used), out, out.max_size(), used, origin);
  } while (is_gzip(bytes.substr(used)));
  // tapes and block devices pad with zeros
  const auto garbage = bytes.find_first_not_of('\0', used);
  if (garbage != bytes.npos)
    origin.fail(fmt::format("is damaged: at byte {} something follows the gzip data", garbage));
  return out;
}

std::string inflate_raw(std::string_view bytes, std::uint64_t size, const Origin& origin) {
  std::string out;
  const auto used = Inflater(raw_stream).run(bytes, out, size, 0, origin);
  if (used != bytes.size() || out.size() != size)
    origin.fail(fmt::format("is damaged: {} of {} bytes inflate to {}, it claims {}", used,
                            bytes.size(), out.size(), size));
  return out;
}

std::string deflate_raw(std::span<const std::string_view> parts) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, raw_stream, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, deflateEnd);
  std::string out;
  char block[1 << 16];
  const auto feed = [&](std::string_view part, int flush) {
    std::size_t used = 0;
    do {
      stream.next_in = input(part.data() + used);
      const auto in = stream.avail_in = chunk(part.size() - used);
      stream.next_out = reinterpret_cast<Bytef*>(block);
      stream.avail_out = sizeof block;
      deflate(&stream, flush);
      used += in - stream.avail_in;
      out.append(block, sizeof block - stream.avail_out);
    } while (used < part.size() || stream.avail_out == 0);
  };
  for (const auto part : parts) feed(part, Z_NO_FLUSH);
  feed({}, Z_FINISH);
  return out;
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(::crc32_z(before, input(bytes.data()), bytes.size()));
}

}  // namespace gradtape::detail

#include "gradtape/autograd/io/gzip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <new>

#include "gradtape/autograd/io/file.hpp"

namespace gradtape::detail {
namespace {

std::atomic<std::uint64_t> given_limit{0};

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

  /// Puts the stream at the front of `bytes` into `out` from `filled` on, which it counts up to at
  /// most `limit`; calls too_long() for more. Returns how many bytes the stream has, of which the
  /// first is byte `start` of the origin. The next call reads a new stream.
  template <class F>
  std::size_t run(std::string_view bytes, std::string& out, std::size_t& filled,
                  std::uint64_t limit, std::size_t start, const Origin& origin, F too_long) {
    inflateReset(&stream_);
    std::size_t used = 0;
    for (int status = Z_OK; status != Z_STREAM_END;) {
      if (filled == out.size()) out.resize(larger(filled, bytes.size(), limit));
      stream_.next_in = input(bytes.data() + used);
      stream_.avail_in = chunk(bytes.size() - used);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
      stream_.avail_out = chunk(out.size() - filled);
      const auto in = stream_.avail_in, space = stream_.avail_out;
      status = inflate(&stream_, Z_NO_FLUSH);
      used += in - stream_.avail_in;
      filled += space - stream_.avail_out;
      if (status == Z_BUF_ERROR && filled == limit && used < bytes.size()) too_long();
      if (status == Z_BUF_ERROR && used == bytes.size())
        origin.fail(
            fmt::format("is truncated: its compressed data break off at byte {}", start + used));
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        origin.fail(fmt::format("is damaged: {} at byte {}",
                                stream_.msg ? stream_.msg : "its data cannot be inflated",
                                start + used));
    }
    return used;
  }

 private:
  /// Grown by doubling, and at first by what the compressed data are likely to give.
  static std::size_t larger(std::size_t now, std::size_t compressed, std::uint64_t limit) {
    const auto likely = now == 0 ? 4 * std::uint64_t{compressed} : 0;
    return std::min(std::max<std::uint64_t>({2 * now, likely, 1 << 12}), limit);
  }

  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

std::uint64_t inflate_limit(std::uint64_t file_bytes) {
  if (const auto given = given_limit.load(std::memory_order_relaxed)) return given;
  return std::max<std::uint64_t>(1 << 30, 32 * file_bytes);
}

void refuse_inflation(std::uint64_t limit, const Origin& origin) {
  origin.fail(
      fmt::format("inflates to more than {} bytes, which set_inflate_limit(bytes) of "
                  "gradtape/autograd/io/file.hpp allows for a file that you trust",
                  limit));
}

std::string gunzip(std::string_view bytes, const Origin& origin) {
  const auto limit = inflate_limit(bytes.size());
  std::string out;
  std::size_t used = 0, filled = 0;
  Inflater inflater(gzip_stream);
  do {
    used += inflater.run(bytes.substr(used), out, filled, limit, used, origin,
                         [&] { refuse_inflation(limit, origin); });
  } while (is_gzip(bytes.substr(used)));
  out.resize(filled);
  // tapes and block devices pad with zeros
  const auto garbage = bytes.find_first_not_of('\0', used);
  if (garbage != bytes.npos)
    origin.fail(fmt::format("is damaged: at byte {} something follows the gzip data", garbage));
  return out;
}

std::string inflate_raw(std::string_view bytes, std::uint64_t size, const Origin& origin) {
  std::string out;
  std::size_t filled = 0;
  const auto used = Inflater(raw_stream).run(bytes, out, filled, size, 0, origin, [&] {
    origin.fail(fmt::format("is damaged: it inflates to more than the {} bytes it claims", size));
  });
  if (used != bytes.size() || filled != size)
    origin.fail(fmt::format("is damaged: {} of {} bytes inflate to {}, it claims {}", used,
                            bytes.size(), filled, size));
  out.resize(filled);
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

void gradtape::set_inflate_limit(std::uint64_t bytes) {
  detail::given_limit.store(bytes, std::memory_order_relaxed);
}

/// Deflated data, through zlib: gzip files and the members of zip archives.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gradtape/autograd/io/bytes.hpp"

namespace gradtape::detail {

/// Whether `bytes` begin as every gzip file does.
bool is_gzip(std::string_view bytes);

/// The most that a file of `file_bytes` may inflate to; see set_inflate_limit.
std::uint64_t inflate_limit(std::uint64_t file_bytes);
/// Throws IoError for a file that inflates to more than inflate_limit allows.
[[noreturn]] void refuse_inflation(std::uint64_t limit, const Origin& origin);

/// What the gzip file `bytes` holds; several members follow each other as gzip(1) has it. Throws
/// IoError where it is truncated or damaged.
std::string gunzip(std::string_view bytes, const Origin& origin);

/// Inflates a raw deflate stream (RFC 1951) that must fill `bytes` and give `size` bytes. Memory
/// grows with what really comes out, not with what `size` claims. Throws IoError.
std::string inflate_raw(std::string_view bytes, std::uint64_t size, const Origin& origin);

/// The raw deflate stream of `parts`, one after the other.
std::string deflate_raw(std::span<const std::string_view> parts);

/// The CRC-32 of `bytes`, continued from that of the bytes before.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

}  // namespace gradtape::detail

namespace gradtape::author {
using detail::crc32;  ///< The checksum of what an author writes into files.
}

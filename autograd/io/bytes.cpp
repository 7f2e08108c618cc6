#include "gradtape/autograd/io/bytes.hpp"

#include <fmt/format.h>

#include <optional>

#include "gradtape/autograd/error.hpp"

namespace gradtape::detail {
namespace {

/// The bytes of an array; nothing where that overflows. Extents of 0 do not hide an overflow of
/// the others, which code that multiplies from the left would run into.
std::optional<std::uint64_t> array_bytes(const Shape& shape, std::size_t element_size) {
  std::int64_t bytes = static_cast<std::int64_t>(element_size);
  bool empty = false;
  for (const auto extent : shape) {
    if (extent == 0)
      empty = true;
    else if (__builtin_mul_overflow(bytes, extent, &bytes))
      return {};
  }
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

}  // namespace

void Origin::fail(std::string_view cause) const {
  gradtape::fail<IoError>(op, fmt::format("{} {}", name, cause));
}

Origin file_origin(const char* op, const std::string& path) {
  return {op, fmt::format("'{}'", path)};
}

void check_there(std::uint64_t count, std::uint64_t left, std::uint64_t position, const char* what,
                 const Origin& origin) {
  if (count > left)
    origin.fail(fmt::format("is truncated: the {} needs {} bytes from byte {} on, {} are there",
                            what, count, position, left));
}

void check_array(const Shape& shape, std::size_t element_size, std::uint64_t left,
                 std::uint64_t position, const Origin& origin) {
  const auto needed = array_bytes(shape, element_size);
  if (!needed) origin.fail(fmt::format("claims an impossible shape: {}", shape.str()));
  check_there(*needed, left, position, fmt::format("array of shape {}", shape.str()).c_str(),
              origin);
  if (*needed < left)
    origin.fail(fmt::format("has {} bytes too many: the array of shape {} ends at byte {}",
                            left - *needed, shape.str(), position + *needed));
}

std::string_view ByteReader::take(std::uint64_t count, const char* what) {
  check_there(count, left(), position_, what, origin_);
  const auto taken = bytes_.substr(position_, count);
  position_ += count;
  return taken;
}

std::string_view ByteReader::take_array(const Shape& shape, std::size_t element_size) {
  check_array(shape, element_size, left(), position_, origin_);
  return take(left(), "array");
}

}  // namespace gradtape::detail

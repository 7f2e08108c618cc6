/// Reading binary formats: bytes with a position, and errors that say what ended where.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "gradtape/autograd/shape.hpp"

namespace gradtape::detail {

/// Who reads what, for error messages.
struct Origin {
  const char* op;    ///< "load_npz"
  std::string name;  ///< "'model.npz', member 'weight.npy'"

  /// Throws IoError("op: name cause"); the cause goes on as "is truncated: ...".
  [[noreturn]] void fail(std::string_view cause) const;
};

/// The Origin of a whole file: its path in quotes.
Origin file_origin(const char* op, const std::string& path);

/// The value of type `T` at `bytes`, whose order is reversed first if `swap`.
template <class T> T from_bytes(const char* bytes, bool swap) {
  std::array<char, sizeof(T)> raw;
  std::memcpy(raw.data(), bytes, sizeof(T));
  if (swap) std::reverse(raw.begin(), raw.end());
  return std::bit_cast<T>(raw);
}

/// Throws IoError unless `count` bytes of the `left` from `position` on can be taken; `what` names
/// them.
void check_there(std::uint64_t count, std::uint64_t left, std::uint64_t position, const char* what,
                 const Origin& origin);
/// Throws IoError unless the `left` bytes from `position` on are exactly the elements of an array.
void check_array(const Shape& shape, std::size_t element_size, std::uint64_t left,
                 std::uint64_t position, const Origin& origin);

/// Takes bytes off the front of a buffer; IoError with the position where they do not suffice.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, const Origin& origin, std::size_t position = 0)
      : bytes_(bytes), origin_(origin), position_(std::min(position, bytes.size())) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }
  const Origin& origin() const { return origin_; }

  /// The next `count` bytes; `what` names them in the error.
  std::string_view take(std::uint64_t count, const char* what);

  template <class T> T little(const char* what) {
    return from_bytes<T>(take(sizeof(T), what).data(), std::endian::native != std::endian::little);
  }
  template <class T> T big(const char* what) {
    return from_bytes<T>(take(sizeof(T), what).data(), std::endian::native != std::endian::big);
  }

  /// The rest, which must be exactly the elements of an array. Nothing is allocated before the
  /// claims of a header have passed this check.
  std::string_view take_array(const Shape& shape, std::size_t element_size);

 private:
  std::string_view bytes_;
  const Origin& origin_;
  std::size_t position_;
};

/// Appends `value`, least significant byte first.
template <class T> void append_little(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace gradtape::detail

namespace gradtape::author {
// For readers of other formats: who reads what, in error messages.
using detail::file_origin;
using detail::Origin;
}  // namespace gradtape::author

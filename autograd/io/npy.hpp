/// NumPy's array file format (.npy).
#pragma once

#include <string>
#include <string_view>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// The array of a .npy file, format 1.0 to 3.0, in either byte order and either memory order; the
/// file may be gzip-compressed. f4, f8, i8 and b1 keep their dtype; i1, i2, i4, u1, u2 and u4
/// become int64, which holds all their values. Throws IoError for anything else, with path, cause
/// and position. Source: numpy.lib.format.
[[nodiscard]] Tensor load_npy(const std::string& path);

/// Writes a tensor as .npy (format 1.0), little-endian on every machine, replacing the file in one
/// step; one that was there stays whole if anything fails. Throws IoError.
void save_npy(const std::string& path, const Tensor& tensor);

namespace detail {

struct Origin;

/// The array that the bytes of a .npy file describe.
[[nodiscard]] Tensor parse_npy(std::string_view bytes, const Origin& origin);

/// What a .npy file holds in front of the elements.
[[nodiscard]] std::string npy_header(const Tensor& tensor);

/// The elements of a tensor as they lie in memory.
[[nodiscard]] std::string_view element_bytes(const Tensor& tensor);

/// The same with the least significant byte of each first, as files have them: in `storage` on a
/// big-endian machine, where they are not so in memory.
[[nodiscard]] std::string_view little_endian_bytes(const Tensor& tensor, std::string& storage);

}  // namespace detail

namespace author {
/// `std::string_view element_bytes(tensor)`: the elements of a tensor as they lie in memory.
using detail::element_bytes;
/// `std::string_view little_endian_bytes(tensor, storage)`: the same in the order that files have.
using detail::little_endian_bytes;
}  // namespace author
}  // namespace gradtape

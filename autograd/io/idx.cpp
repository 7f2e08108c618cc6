#include "gradtape/autograd/io/idx.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/elements.hpp"
#include "gradtape/autograd/io/file.hpp"

namespace gradtape {
namespace {

using detail::ByteReader;

constexpr bool swap_bytes = std::endian::native != std::endian::big;

template <class From> Tensor read_elements(ByteReader& reader, const Shape& shape, Dtype dtype) {
  if (std::is_floating_point_v<From> && dtype == int64)
    fail<DtypeError>(reader.origin().op, fmt::format("{} holds floats, which do not become int64",
                                                     reader.origin().name));
  const auto bytes = reader.take_array(shape, sizeof(From));
  const Tensor array = detail::empty(shape, dtype);
  detail::visit_dtype(dtype, [&](auto zero) {
    detail::convert_elements<From, decltype(zero)>(bytes, swap_bytes, array, reader.origin());
  });
  return array;
}

}  // namespace

Tensor load_idx(const std::string& path, IdxOptions options) {
  if (options.dtype == bool_)
    fail<DtypeError>("load_idx", "dtype must be float32, float64 or int64, got bool");
  const auto origin = detail::file_origin("load_idx", path);
  const std::string bytes = read_file(path, "load_idx");
  ByteReader reader(bytes, origin);
  if (reader.big<std::uint16_t>("magic number") != 0)
    origin.fail("is not an IDX file: it does not begin with two zero bytes");
  const int type = reader.big<std::uint8_t>("magic number");
  const int ndim = reader.big<std::uint8_t>("magic number");
  if (ndim > max_ndim) origin.fail(fmt::format("has {} axes, a tensor has at most 8", ndim));
  Shape shape;
  for (int axis = 0; axis < ndim; ++axis) shape.push_back(reader.big<std::uint32_t>("shape"));
  switch (type) {
    case 0x08:
      return read_elements<std::uint8_t>(reader, shape, options.dtype);
    case 0x09:
      return read_elements<std::int8_t>(reader, shape, options.dtype);
    case 0x0b:
      return read_elements<std::int16_t>(reader, shape, options.dtype);
    case 0x0c:
      return read_elements<std::int32_t>(reader, shape, options.dtype);
    case 0x0d:
      return read_elements<float>(reader, shape, options.dtype);
    case 0x0e:
      return read_elements<double>(reader, shape, options.dtype);
    default:
      origin.fail(fmt::format("has the unknown IDX element type {:#04x}", type));
  }
}

}  // namespace gradtape

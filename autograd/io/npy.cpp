#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/elements.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/shape.hpp"

#include <fmt/format.h>

#include <charconv>
#include <numeric>
#include <utility>
#include <vector>

namespace gradtape {
namespace detail {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  Shape shape;
};

/// Reads the header, a Python literal such as
/// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const Origin& origin) : text_(text), origin_(origin) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const auto key = quoted();
      expect(':');
      if ((key == "descr" && has_descr) || (key == "fortran_order" && has_order) ||
          (key == "shape" && has_shape))
        malformed(fmt::format("'{}' is there twice", key));
      if (key == "descr") {
        if (peek() == '[') malformed("structured arrays are not tensors");
        header.descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
        has_order = true;
      } else if (key == "shape") {
        header.shape = tuple();
        has_shape = true;
      } else {
        malformed(fmt::format("unknown key '{}'", key));
      }
      if (peek() != '}') expect(',');
    }
    if (peek() != '\0') malformed("text after the closing brace");
    if (!has_descr || !has_order || !has_shape)
      malformed("it needs 'descr', 'fortran_order' and 'shape'");
    return header;
  }

 private:
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) malformed(fmt::format("expected '{}' at character {}", c, at_));
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"')
      malformed(fmt::format("expected a string at character {}", at_));
    const auto stop = text_.find(quote, at_ + 1);
    if (stop == text_.npos) malformed("a string does not end");
    const auto begin = std::exchange(at_, stop + 1) + 1;
    return std::string(text_.substr(begin, stop - begin));
  }
  bool boolean() {
    peek();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    malformed(fmt::format("expected True or False at character {}", at_));
  }
  Shape tuple() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      if (shape.ndim() == max_ndim) malformed("a tensor has at most 8 axes");
      shape.push_back(extent());
      accept('L');  // Python 2 wrote long integers so
      if (peek() != ')') expect(',');
    }
    return shape;
  }
  std::int64_t extent() {
    peek();
    std::int64_t value = -1;
    const auto [stop, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0)
      malformed(fmt::format("expected an extent at character {}", at_));
    at_ = static_cast<std::size_t>(stop - text_.data());
    return value;
  }
  [[noreturn]] void malformed(std::string_view cause) const {
    origin_.fail(fmt::format("has a malformed header: {}: {}", cause, text_.substr(0, 200)));
  }

  std::string_view text_;
  const Origin& origin_;
  std::size_t at_ = 0;
};

NpyHeader read_header(ByteReader& reader) {
  const auto& origin = reader.origin();
  if (reader.left() < magic.size() || reader.take(magic.size(), "magic number") != magic)
    origin.fail("is not a .npy file: it does not begin with \\x93NUMPY");
  const int major = reader.little<std::uint8_t>("version");
  const int minor = reader.little<std::uint8_t>("version");
  if (major < 1 || major > 3 || minor != 0)
    origin.fail(fmt::format("has .npy version {}.{}; 1.0, 2.0 and 3.0 are known", major, minor));
  const std::uint32_t size = major == 1 ? reader.little<std::uint16_t>("header size")
                                        : reader.little<std::uint32_t>("header size");
  return HeaderParser(reader.take(size, "header"), origin).parse();
}

template <class From, class To>
Tensor read_elements(ByteReader& reader, const Shape& shape, bool swap) {
  const auto bytes = reader.take_array(shape, sizeof(From));
  const Tensor array = empty(shape, dtype_of<To>);
  convert_elements<From, To>(bytes, swap, array, reader.origin());
  return array;
}

Tensor read_array(ByteReader& reader, const std::string& descr, const Shape& shape) {
  const char order = descr.empty() ? '\0' : descr[0];
  const bool swap = order != (std::endian::native == std::endian::little ? '<' : '>');
  const std::string_view type = std::string_view(descr).substr(descr.empty() ? 0 : 1);
  if (order == '<' || order == '>') {
    if (type == "f4") return read_elements<float, float>(reader, shape, swap);
    if (type == "f8") return read_elements<double, double>(reader, shape, swap);
    if (type == "i8") return read_elements<std::int64_t, std::int64_t>(reader, shape, swap);
    if (type == "i4") return read_elements<std::int32_t, std::int64_t>(reader, shape, swap);
    if (type == "i2") return read_elements<std::int16_t, std::int64_t>(reader, shape, swap);
    if (type == "u4") return read_elements<std::uint32_t, std::int64_t>(reader, shape, swap);
    if (type == "u2") return read_elements<std::uint16_t, std::int64_t>(reader, shape, swap);
  }
  if (order == '|' || order == '<' || order == '>') {
    if (type == "i1") return read_elements<std::int8_t, std::int64_t>(reader, shape, false);
    if (type == "u1") return read_elements<std::uint8_t, std::int64_t>(reader, shape, false);
    // through uint8: any byte but 0 and 1 would be an invalid bool
    if (type == "b1") return read_elements<std::uint8_t, bool>(reader, shape, false);
  }
  reader.origin().fail(
      fmt::format("has elements of type '{}'; float32, float64, bool and integers of up to 32 "
                  "bits, or 64 with a sign, can be read",
                  descr));
}

const char* descr(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32:
      return "f4";
    case Dtype::float64:
      return "f8";
    case Dtype::int64:
      return "i8";
    default:
      return "b1";
  }
}

}  // namespace

Tensor parse_npy(std::string_view bytes, const Origin& origin) {
  ByteReader reader(bytes, origin);
  const auto header = read_header(reader);
  if (!header.fortran_order) return read_array(reader, header.descr, header.shape);
  // column-major is the transpose of row-major: every axis reversed
  std::vector<std::int64_t> reversed(header.shape.begin(), header.shape.end());
  std::reverse(reversed.begin(), reversed.end());
  const Tensor array = read_array(reader, header.descr, Shape(reversed));
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return permute(array, reversed);
}

std::string npy_header(const Tensor& tensor) {
  const auto shape = tensor.shape();
  const auto header =
      fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}",
                  tensor.dtype() == bool_ ? '|' : '<', descr(tensor.dtype()),
                  fmt::join(shape.begin(), shape.end(), ", "), shape.ndim() == 1 ? "," : "");
  std::string out(magic);
  out += '\1';
  out += '\0';
  // spaces up to a newline, so that the elements begin at a multiple of 64
  const std::size_t padded = (out.size() + 2 + header.size() + 1 + 63) / 64 * 64;
  append_little(out, static_cast<std::uint16_t>(padded - out.size() - 2));
  out += header;
  out.resize(padded - 1, ' ');
  return out + '\n';
}

std::string_view element_bytes(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.raw()),
          static_cast<std::size_t>(tensor.numel()) * size_of(tensor.dtype())};
}

std::string_view little_endian_bytes(const Tensor& tensor, std::string& storage) {
  const auto bytes = element_bytes(tensor);
  const auto size = static_cast<std::ptrdiff_t>(size_of(tensor.dtype()));
  if (std::endian::native == std::endian::little || size == 1) return bytes;
  storage = bytes;
  for (auto at = storage.begin(); at != storage.end(); at += size) std::reverse(at, at + size);
  return storage;
}

}  // namespace detail

Tensor load_npy(const std::string& path) {
  return detail::parse_npy(read_file(path, "load_npy"), detail::file_origin("load_npy", path));
}

void save_npy(const std::string& path, const Tensor& tensor) {
  if (!tensor.defined())
    fail<ValueError>("save_npy", fmt::format("the tensor for '{}' is undefined", path));
  AtomicFile file(path, "save_npy");
  file.write(detail::npy_header(tensor));
  std::string storage;
  file.write(detail::little_endian_bytes(tensor, storage));
  file.commit();
}

}  // namespace gradtape

#include "gradtape/autograd/io/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/elements.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/json.hpp"
#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/autograd/io/parse/safetensors_header.hpp"

namespace gradtape {
namespace {

using detail::quoted_name, detail::SafetensorsEntry, detail::SafetensorsHeader;

/// IEEE 754 binary16.
struct Half {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t sign = std::uint32_t(bits & 0x8000) << 16;
    const std::uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
    if (exponent) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
};

/// The upper half of a float32.
struct BrainFloat {
  std::uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

/// Reads elements of tensors that mostly follow each other; small ones many at a time.
class ElementReader {
 public:
  ElementReader(const FileReader& file, const SafetensorsHeader& header)
      : file_(file), data_(header.data()) {}

  /// Reads `count` bytes from byte `at` of the elements on.
  void read(std::uint64_t at, std::size_t count, void* to) {
    if (count == 0) return;
    at += data_;
    if (at < begin_ || at - begin_ > window_.size() || count > window_.size() - (at - begin_)) {
      const bool goes_on = at == std::exchange(next_, at + count);
      if (!goes_on || count > window_size) return file_.read(at, count, to);
      begin_ = at;
      window_.resize(std::min<std::uint64_t>(window_size, file_.size() - at));
      file_.read(at, window_.size(), window_.data());
    }
    next_ = at + count;
    std::memcpy(to, window_.data() + (at - begin_), count);
  }
  std::string read(std::uint64_t at, std::size_t count) {
    std::string bytes(count, '\0');
    read(at, count, bytes.data());
    return bytes;
  }

 private:
  static constexpr std::size_t window_size = 1 << 16;
  const FileReader& file_;
  std::uint64_t data_, begin_ = 0, next_ = 0;
  std::string window_;  // the bytes from begin_ on
};

/// The bytes of one tensor.
struct Elements {
  ElementReader& file;
  std::uint64_t at, size;
  const detail::Origin& origin;

  /// As a tensor of `To`; where that is what the file has, they are read to their place.
  template <class From, class To> Tensor read(const Shape& shape) const {
    detail::check_array(shape, sizeof(From), size, at, origin);
    const Tensor tensor = detail::empty(shape, dtype_of<To>);
    constexpr bool swap = std::endian::native != std::endian::little;
    if (std::is_same_v<From, To> && !swap)
      file.read(at, size, detail::mutable_data<To>(tensor));
    else
      detail::convert_elements<From, To>(file.read(at, size), swap, tensor, origin);
    return tensor;
  }
};

/// What a sound file holds and no dtype does.
struct Unreadable {
  explicit Unreadable(std::string why) : cause(std::move(why)) {}
  std::string cause;
};

Tensor read_u64(const Elements& elements, const Shape& shape) {
  const Tensor tensor = elements.read<std::int64_t, std::int64_t>(shape);
  for (const auto element : tensor.data<std::int64_t>())
    if (element < 0)  // its sign is the highest bit
      throw Unreadable(fmt::format("has elements of type 'U64' beyond int64, such as {}",
                                   static_cast<std::uint64_t>(element)));
  return tensor;
}

/// Throws Unreadable for elements that no dtype holds.
Tensor read_tensor(ElementReader& file, const SafetensorsEntry& entry,
                   const detail::Origin& origin) {
  const Shape shape(std::vector<std::int64_t>(entry.shape.begin(), entry.shape.end()));
  const auto begin = entry.offsets[0], end = entry.offsets[1];
  const Elements elements{file, begin, end - begin, origin};
  const auto& dtype = entry.dtype;
  if (dtype == "F32") return elements.read<float, float>(shape);
  if (dtype == "F64") return elements.read<double, double>(shape);
  if (dtype == "I64") return elements.read<std::int64_t, std::int64_t>(shape);
  // through uint8: any byte but 0 and 1 would be an invalid bool
  if (dtype == "BOOL") return elements.read<std::uint8_t, bool>(shape);
  if (dtype == "F16") return elements.read<Half, float>(shape);
  if (dtype == "BF16") return elements.read<BrainFloat, float>(shape);
  if (dtype == "I32") return elements.read<std::int32_t, std::int64_t>(shape);
  if (dtype == "I16") return elements.read<std::int16_t, std::int64_t>(shape);
  if (dtype == "I8") return elements.read<std::int8_t, std::int64_t>(shape);
  if (dtype == "U64") return read_u64(elements, shape);
  if (dtype == "U32") return elements.read<std::uint32_t, std::int64_t>(shape);
  if (dtype == "U16") return elements.read<std::uint16_t, std::int64_t>(shape);
  if (dtype == "U8") return elements.read<std::uint8_t, std::int64_t>(shape);
  throw Unreadable(
      fmt::format("has elements of type {}; F64, F32, F16, BF16, BOOL and integers can be read",
                  quoted_name(dtype)));
}

const char* dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32:
      return "F32";
    case Dtype::float64:
      return "F64";
    case Dtype::int64:
      return "I64";
    default:
      return "BOOL";
  }
}

/// `text` as JSON; ValueError where it is not UTF-8.
std::string json_string(const std::string& text, const char* what) {
  const auto json = detail::json_string(text);
  if (!json) fail<ValueError>("save_safetensors", fmt::format("{} is not UTF-8", what));
  return *json;
}

/// The header for tensors that follow each other in this order.
std::string make_header(const std::vector<std::pair<std::string, Tensor>>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> entries;
  if (!metadata.empty()) {
    std::vector<std::string> texts;
    texts.reserve(metadata.size());
    for (const auto& [key, text] : metadata)
      texts.push_back(json_string(key, "a key of the metadata") + ":" +
                      json_string(text, "a text of the metadata"));
    entries.push_back(
        fmt::format("\"{}\":{{{}}}", detail::safetensors_metadata_key, fmt::join(texts, ",")));
  }
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto begin = std::exchange(offset, offset + detail::element_bytes(tensor).size());
    const auto shape = tensor.shape();
    entries.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                                  json_string(name, "a name"), dtype_name(tensor.dtype()),
                                  fmt::join(shape.begin(), shape.end(), ","), begin, offset));
  }
  std::string header = fmt::format("{{{}}}", fmt::join(entries, ","));
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the elements lie aligned
  return header;
}

}  // namespace

const Tensor& LoadedTensors::at(const std::string& name) const {
  if (const auto found = find(name); found != end()) return found->second;
  if (const auto cause = unreadable.find(name); cause != unreadable.end())
    throw IoError(cause->second);
  fail<IoError>("load_safetensors", fmt::format("there is no tensor {}", quoted_name(name)));
}

LoadedTensors load_safetensors(const std::string& path) {
  constexpr const char* op = "load_safetensors";
  const FileReader file(path, op);
  const auto origin = detail::file_origin(op, path);
  const SafetensorsHeader header(file, origin);
  ElementReader elements(file, header);
  LoadedTensors tensors;
  auto after = tensors.end();  // where the next one goes if the names are in order
  detail::Origin inside{op, origin.name};
  header.each_entry([&](const SafetensorsEntry& entry) {
    inside.name.resize(origin.name.size());
    inside.name.append(", tensor ").append(quoted_name(entry.name));
    Tensor tensor;
    try {
      tensor = read_tensor(elements, entry, inside);
    } catch (const Unreadable& reason) {
      const auto message = fmt::format("{}: {} {}", op, inside.name, reason.cause);
      if (tensors.contains(entry.name) || !tensors.unreadable.emplace(entry.name, message).second)
        header.refuse_twice(entry.name);
      return;
    }
    const auto count = tensors.size();
    after = std::next(tensors.emplace_hint(after, entry.name, std::move(tensor)));
    if (tensors.size() == count || tensors.unreadable.contains(entry.name))
      header.refuse_twice(entry.name);
  });
  return tensors;
}

std::map<std::string, std::string> load_safetensors_metadata(const std::string& path) {
  constexpr const char* op = "load_safetensors_metadata";
  const FileReader file(path, op);
  const auto origin = detail::file_origin(op, path);
  const SafetensorsHeader header(file, origin);
  header.each_entry([](const SafetensorsEntry&) {});  // throws for what load_safetensors does
  return header.metadata();
}

void save_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                      const SafetensorsOptions& options) {
  constexpr const char* op = "save_safetensors";
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined()) fail<ValueError>(op, fmt::format("tensor '{}' is undefined", name));
    if (name == detail::safetensors_metadata_key)
      fail<ValueError>(op, fmt::format("'{}' cannot be a tensor's name", name));
  }
  // Wide elements first: then each lies at a multiple of its size.
  std::vector<std::pair<std::string, Tensor>> ordered(tensors.begin(), tensors.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return size_of(a.second.dtype()) > size_of(b.second.dtype());
  });
  const auto header = make_header(ordered, options.metadata);
  std::string length;
  detail::append_little(length, std::uint64_t{header.size()});
  AtomicFile file(path, op);
  file.write(length);
  file.write(header);
  std::string storage;
  for (const auto& [name, tensor] : ordered)
    file.write(detail::little_endian_bytes(tensor, storage));
  file.commit();
}

}  // namespace gradtape

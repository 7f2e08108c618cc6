#include "gradtape/autograd/io/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/elements.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/json.hpp"
#include "gradtape/autograd/io/npy.hpp"

namespace gradtape {
namespace {

constexpr std::uint64_t longest_header = 100'000'000;  // as the reference implementation has it
constexpr std::size_t prefix = 8;                      // the header's length
constexpr std::string_view metadata_key = "__metadata__";

/// One tensor as the header describes it; offsets count from the end of the header.
struct Entry {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<std::uint64_t>> shape, offsets;
};

struct Header {
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::size_t data = prefix;  // where the elements begin
};

std::string in_quotes(const std::string& name) {
  return name.size() <= 100 ? fmt::format("'{}'", name)
                            : fmt::format("'{}...'", name.substr(0, 100));
}

/// Reads the header as the parser meets it. Whatever is not {name: {dtype, shape, data_offsets},
/// ...} ends it at once, so that no header takes more memory than it has bytes.
class HeaderReader : public detail::JsonReader {
 public:
  HeaderReader(Header& header, const detail::Origin& origin) : header_(header), origin_(origin) {}

  void begin_object() override {
    if (place_ == Place::nowhere)
      place_ = Place::file;
    else if (place_ == Place::file)
      place_ = in_metadata_ ? Place::metadata : Place::entry;
    else
      unexpected("an object");
  }
  void end_object() override {
    if (place_ == Place::entry) {
      const Entry& entry = header_.entries.back();
      if (!entry.dtype || !entry.shape || !entry.offsets)
        fail(fmt::format("tensor {} lacks dtype, shape or data_offsets", in_quotes(entry.name)));
    }
    place_ = place_ == Place::file ? Place::nowhere : Place::file;
  }
  void key(const std::string& name) override {
    if (place_ == Place::file) {
      if (!names_.insert(name).second) fail(fmt::format("{} is there twice", in_quotes(name)));
      in_metadata_ = name == metadata_key;
      if (!in_metadata_) header_.entries.push_back({name, {}, {}, {}});
    } else if (place_ == Place::metadata && header_.metadata.contains(name)) {
      fail(fmt::format("the metadata have {} twice", in_quotes(name)));
    } else if (place_ == Place::entry) {
      const Entry& entry = header_.entries.back();
      if ((name == "dtype" && entry.dtype) || (name == "shape" && entry.shape) ||
          (name == "data_offsets" && entry.offsets))
        fail(fmt::format("tensor {} has {} twice", in_quotes(entry.name), name));
      if (name != "dtype" && name != "shape" && name != "data_offsets")
        fail(fmt::format("tensor {} has the unknown key {}", in_quotes(entry.name),
                         in_quotes(name)));
    }
    key_ = name;
  }
  void begin_array() override {
    if (place_ != Place::entry || key_ == "dtype") unexpected("an array");
    list() = std::vector<std::uint64_t>{};
    place_ = Place::list;
  }
  void end_array() override {
    if (key_ == "data_offsets" && list()->size() != 2)
      fail(fmt::format("tensor {} needs two data_offsets", in_quotes(header_.entries.back().name)));
    place_ = Place::entry;
  }
  void integer(std::uint64_t value) override {
    if (place_ != Place::list) unexpected("a number");
    if (list()->size() == max_ndim)
      fail(fmt::format("tensor {} has more than {} axes", in_quotes(header_.entries.back().name),
                       max_ndim));
    if (value > static_cast<std::uint64_t>(INT64_MAX)) unexpected("a number beyond 2^63");
    list()->push_back(value);
  }
  void text(const std::string& value) override {
    if (place_ == Place::metadata)
      header_.metadata[key_] = value;
    else if (place_ == Place::entry && key_ == "dtype")
      header_.entries.back().dtype = value;
    else
      unexpected("a string");
  }
  [[noreturn]] void unexpected(const char* what) const override {
    if (place_ == Place::nowhere) fail(fmt::format("it is {}, not an object", what));
    if (place_ == Place::metadata || in_metadata_)
      fail(fmt::format("the metadata may hold only strings, got {}", what));
    const std::string of = place_ == Place::file ? "" : fmt::format("{} of ", key_);
    fail(fmt::format("{}tensor {} cannot be {}", of, in_quotes(header_.entries.back().name), what));
  }
  [[noreturn]] void malformed(std::size_t at, std::string_view cause) const override {
    fail(fmt::format("no JSON at character {}: {}", at, cause.substr(0, 200)));
  }

 private:
  enum class Place { nowhere, file, metadata, entry, list };

  std::optional<std::vector<std::uint64_t>>& list() {
    Entry& entry = header_.entries.back();
    return key_ == "shape" ? entry.shape : entry.offsets;
  }
  [[noreturn]] void fail(std::string_view cause) const {
    origin_.fail(fmt::format("has a malformed header: {}", cause));
  }

  Header& header_;
  const detail::Origin& origin_;
  Place place_ = Place::nowhere;
  bool in_metadata_ = false;
  std::string key_;
  std::set<std::string> names_;
};

/// Throws unless the tensors fill the `size` bytes after the header one after the other.
void check_layout(std::vector<Entry>& entries, std::uint64_t size, const detail::Origin& origin) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return *a.offsets < *b.offsets; });
  std::uint64_t end = 0;
  for (const auto& entry : entries) {
    const auto begin = (*entry.offsets)[0], stop = (*entry.offsets)[1];
    const auto place =
        fmt::format("tensor {} at bytes {} to {}", in_quotes(entry.name), begin, stop);
    if (begin > stop)
      origin.fail(fmt::format("has a malformed header: {} ends before it begins", place));
    if (begin < end) origin.fail(fmt::format("has a malformed header: {} overlaps another", place));
    if (begin > end)
      origin.fail(fmt::format("has a malformed header: {} leaves a gap after byte {}", place, end));
    if (stop > size)
      origin.fail(fmt::format("is truncated: {} is beyond the {} bytes of data", place, size));
    end = stop;
  }
  if (end != size) origin.fail(fmt::format("has {} bytes after the last tensor", size - end));
}

Header read_header(const FileReader& file, const detail::Origin& origin) {
  detail::check_there(prefix, file.size(), 0, "header's length", origin);
  const auto front = file.read(0, prefix);
  const auto length = detail::ByteReader(front, origin).little<std::uint64_t>("header's length");
  if (length > longest_header)
    origin.fail(fmt::format("is not a safetensors file: its header would have {} bytes", length));
  detail::check_there(length, file.size() - prefix, prefix, "header", origin);
  const auto text = file.read(prefix, length);
  if (!text.starts_with('{'))
    origin.fail("is not a safetensors file: its header does not begin with {");
  Header header;
  HeaderReader handler(header, origin);
  detail::parse_json(text, handler);
  header.data = prefix + length;
  check_layout(header.entries, file.size() - header.data, origin);
  return header;
}

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

/// The bytes of one tensor.
struct Elements {
  const FileReader& file;
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
  explicit Unreadable(std::string cause) : cause(std::move(cause)) {}
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
Tensor read_tensor(const FileReader& file, std::size_t data, const Entry& entry,
                   const detail::Origin& origin) {
  const Shape shape(std::vector<std::int64_t>(entry.shape->begin(), entry.shape->end()));
  const auto begin = (*entry.offsets)[0], end = (*entry.offsets)[1];
  const Elements elements{file, data + begin, end - begin, origin};
  const auto& dtype = *entry.dtype;
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
                  in_quotes(dtype)));
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
    for (const auto& [key, text] : metadata)
      texts.push_back(json_string(key, "a key of the metadata") + ":" +
                      json_string(text, "a text of the metadata"));
    entries.push_back(fmt::format("\"{}\":{{{}}}", metadata_key, fmt::join(texts, ",")));
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

/// The elements, least significant byte first.
void write_elements(AtomicFile& file, const Tensor& tensor) {
  const auto bytes = detail::element_bytes(tensor);
  const auto size = size_of(tensor.dtype());
  if (std::endian::native == std::endian::little || size == 1) return file.write(bytes);
  std::string swapped(bytes);
  for (std::size_t i = 0; i < swapped.size(); i += size)
    std::reverse(swapped.begin() + static_cast<std::ptrdiff_t>(i),
                 swapped.begin() + static_cast<std::ptrdiff_t>(i + size));
  file.write(swapped);
}

}  // namespace

const Tensor& LoadedTensors::at(const std::string& name) const {
  if (const auto found = find(name); found != end()) return found->second;
  if (const auto cause = unreadable.find(name); cause != unreadable.end())
    throw IoError(cause->second);
  fail<IoError>("load_safetensors", fmt::format("there is no tensor {}", in_quotes(name)));
}

LoadedTensors load_safetensors(const std::string& path) {
  constexpr const char* op = "load_safetensors";
  const FileReader file(path, op);
  const auto origin = detail::file_origin(op, path);
  const Header header = read_header(file, origin);
  LoadedTensors tensors;
  for (const auto& entry : header.entries) {
    const detail::Origin inside{op,
                                fmt::format("{}, tensor {}", origin.name, in_quotes(entry.name))};
    try {
      tensors.emplace(entry.name, read_tensor(file, header.data, entry, inside));
    } catch (const Unreadable& reason) {
      tensors.unreadable.emplace(entry.name,
                                 fmt::format("{}: {} {}", op, inside.name, reason.cause));
    }
  }
  return tensors;
}

std::map<std::string, std::string> load_safetensors_metadata(const std::string& path) {
  constexpr const char* op = "load_safetensors_metadata";
  return read_header(FileReader(path, op), detail::file_origin(op, path)).metadata;
}

void save_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                      const SafetensorsOptions& options) {
  constexpr const char* op = "save_safetensors";
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined()) fail<ValueError>(op, fmt::format("tensor '{}' is undefined", name));
    if (name == metadata_key)
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
  for (const auto& [name, tensor] : ordered) write_elements(file, tensor);
  file.commit();
}

}  // namespace gradtape

#include "gradtape/autograd/io/parse/safetensors_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gradtape/autograd/shape.hpp"

namespace gradtape::detail {
namespace {

constexpr std::uint64_t longest_header = 100'000'000;  // as the reference implementation has it
constexpr std::size_t prefix = 8;                      // the header's length
constexpr std::size_t piece_size = 1 << 18;

/// The header's text.
class Pieces : public JsonPieces {
 public:
  Pieces(const FileReader& file, std::uint64_t end) : file_(file), end_(end) {}
  std::string_view next() override {
    const auto size = std::min<std::uint64_t>(piece_size, end_ - at_);
    piece_.resize(size);
    file_.read(at_, size, piece_.data());
    at_ += size;
    return piece_;
  }

 private:
  const FileReader& file_;
  std::uint64_t at_ = prefix, end_;
  std::string piece_;
};

using EachEntry = std::function<void(const SafetensorsEntry&)>;

/// Reads the header as the parser meets it. Whatever is not {name: {dtype, shape, data_offsets},
/// ...} ends it at once.
class HeaderReader : public JsonReader {
 public:
  HeaderReader(const Origin& origin, const EachEntry& each_entry)
      : origin_(origin), each_entry_(each_entry) {}
  /// Collects the metadata too.
  HeaderReader(const Origin& origin, const EachEntry& each_entry,
               std::map<std::string, std::string>& metadata)
      : origin_(origin), each_entry_(each_entry), metadata_(&metadata) {}

  /// Whether two keys of the metadata are the same, unless their hashes are by chance.
  bool keys_repeat() const { return keys_repeat_; }

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
      if (fields_ != (dtype | shape | data_offsets))
        fail(fmt::format("{} lacks dtype, shape or data_offsets", tensor()));
      each_entry_(entry_);
    }
    if (place_ == Place::metadata) check_keys();
    place_ = place_ == Place::file ? Place::nowhere : Place::file;
  }
  void key(std::string_view name) override {
    if (place_ == Place::file)
      begin_entry(name);
    else if (place_ == Place::metadata)
      begin_text(name);
    else
      begin_field(name);
  }
  void begin_array() override {
    if (place_ != Place::entry || field_ == dtype) unexpected("an array");
    list().clear();
    place_ = Place::list;
  }
  void end_array() override {
    if (field_ == data_offsets && list().size() != 2)
      fail(fmt::format("{} needs two data_offsets", tensor()));
    place_ = Place::entry;
  }
  void integer(std::uint64_t value) override {
    if (place_ != Place::list) unexpected("a number");
    if (list().size() == max_ndim)
      fail(fmt::format("{} has more than {} axes", tensor(), max_ndim));
    if (value > static_cast<std::uint64_t>(INT64_MAX)) unexpected("a number beyond 2^63");
    list().push_back(value);
  }
  void text(std::string_view value) override {
    if (place_ == Place::entry && field_ == dtype)
      entry_.dtype = value;
    else if (place_ != Place::metadata)
      unexpected("a string");
    else if (metadata_)
      (*metadata_)[text_key_] = value;
  }
  [[noreturn]] void unexpected(const char* what) const override {
    if (place_ == Place::nowhere) fail(fmt::format("it is {}, not an object", what));
    if (place_ == Place::metadata || in_metadata_)
      fail(fmt::format("the metadata may hold only strings, got {}", what));
    const std::string of = place_ == Place::file ? "" : fmt::format("{} of ", field_name());
    fail(fmt::format("{}{} cannot be {}", of, tensor(), what));
  }
  [[noreturn]] void malformed(std::size_t at, std::string_view cause) const override {
    fail(fmt::format("no JSON at character {}: {}", at, cause));
  }

 private:
  enum class Place { nowhere, file, metadata, entry, list };
  enum Field : unsigned { none = 0, dtype = 1, shape = 2, data_offsets = 4 };

  void begin_entry(std::string_view name) {
    in_metadata_ = name == safetensors_metadata_key;
    if (in_metadata_ && std::exchange(has_metadata_, true))
      fail(fmt::format("'{}' is there twice", name));
    entry_.name = name;
    fields_ = 0;
  }
  void begin_text(std::string_view name) {
    text_key_ = name;
    if (!metadata_)
      keys_.push_back(std::hash<std::string_view>{}(name));
    else if (metadata_->contains(text_key_))
      fail(fmt::format("the metadata have {} twice", quoted_name(text_key_)));
  }
  void check_keys() {
    std::sort(keys_.begin(), keys_.end());
    keys_repeat_ = std::adjacent_find(keys_.begin(), keys_.end()) != keys_.end();
    keys_ = {};
  }
  void begin_field(std::string_view name) {
    field_ = name == "dtype"          ? dtype
             : name == "shape"        ? shape
             : name == "data_offsets" ? data_offsets
                                      : none;
    if (field_ == none)
      fail(fmt::format("{} has the unknown key {}", tensor(), quoted_name(std::string(name))));
    if (fields_ & field_) fail(fmt::format("{} has {} twice", tensor(), name));
    fields_ |= field_;
  }
  const char* field_name() const {
    return field_ == dtype ? "dtype" : field_ == shape ? "shape" : "data_offsets";
  }
  std::string tensor() const { return "tensor " + quoted_name(entry_.name); }
  std::vector<std::uint64_t>& list() { return field_ == shape ? entry_.shape : entry_.offsets; }
  [[noreturn]] void fail(std::string_view cause) const {
    origin_.fail(fmt::format("has a malformed header: {}", cause));
  }

  const Origin& origin_;
  const EachEntry& each_entry_;
  std::map<std::string, std::string>* metadata_ = nullptr;
  std::vector<std::size_t> keys_;  // the hashes of those of the metadata, which may be millions
  bool keys_repeat_ = false;
  Place place_ = Place::nowhere;
  bool in_metadata_ = false, has_metadata_ = false;
  Field field_ = none;
  unsigned fields_ = 0;  // those that the entry has
  std::string text_key_;
  SafetensorsEntry entry_;
};

}  // namespace

std::string quoted_name(const std::string& name) {
  return name.size() <= 100 ? "'" + name + "'" : "'" + name.substr(0, 100) + "...'";
}

SafetensorsHeader::SafetensorsHeader(const FileReader& file, const Origin& origin)
    : file_(file), origin_(origin) {
  check_there(prefix, file.size(), 0, "header's length", origin);
  const auto front = file.read(0, prefix);
  const auto length = ByteReader(front, origin).little<std::uint64_t>("header's length");
  if (length > longest_header)
    origin.fail(fmt::format("is not a safetensors file: its header would have {} bytes", length));
  check_there(length, file.size() - prefix, prefix, "header", origin);
  if (length == 0 || file.read(prefix, 1) != "{")
    origin.fail("is not a safetensors file: its header does not begin with {");
  data_ = prefix + length;
}

void SafetensorsHeader::parse(JsonReader& reader) const {
  Pieces pieces(file_, data_);
  parse_json(pieces, reader);
}

void SafetensorsHeader::each_entry(const EachEntry& f) const {
  std::vector<Range> ranges;
  std::uint64_t sum = 0;  // of the sizes: beyond that of the data, tensors overlap
  const EachEntry checked = [&](const SafetensorsEntry& entry) {
    const Range range{entry.offsets[0], entry.offsets[1]};
    if (range.begin > range.end)
      origin_.fail(
          fmt::format("has a malformed header: tensor {} at bytes {} to {} ends before it "
                      "begins",
                      quoted_name(entry.name), range.begin, range.end));
    ranges.push_back(range);
    if (range.end > data_size() || range.end - range.begin > data_size() - sum) return;
    sum += range.end - range.begin;
    f(entry);
  };
  HeaderReader reader(origin_, checked);
  parse(reader);
  check_layout(std::move(ranges));
  if (reader.keys_repeat()) (void)metadata();
}

std::map<std::string, std::string> SafetensorsHeader::metadata() const {
  std::map<std::string, std::string> metadata;
  const EachEntry none = [](const SafetensorsEntry&) {};
  HeaderReader reader(origin_, none, metadata);
  parse(reader);
  return metadata;
}

void SafetensorsHeader::refuse_twice(const std::string& name) const {
  origin_.fail(fmt::format("has a malformed header: {} is there twice", quoted_name(name)));
}

void SafetensorsHeader::check_layout(std::vector<Range> ranges) const {
  const auto before = [](const Range& a, const Range& b) {
    return a.begin < b.begin || (a.begin == b.begin && a.end < b.end);
  };
  if (!std::is_sorted(ranges.begin(), ranges.end(), before))
    std::sort(ranges.begin(), ranges.end(), before);
  std::uint64_t end = 0;
  for (const auto& range : ranges) {
    if (range.begin != end || range.end > data_size()) refuse(range, end);
    end = range.end;
  }
  if (end != data_size())
    origin_.fail(fmt::format("has {} bytes after the last tensor", data_size() - end));
}

void SafetensorsHeader::refuse(const Range& range, std::uint64_t end) const {
  std::string name;
  const EachEntry find = [&](const SafetensorsEntry& entry) {
    if (entry.offsets[0] == range.begin && entry.offsets[1] == range.end) name = entry.name;
  };
  HeaderReader reader(origin_, find);
  parse(reader);
  const auto place =
      fmt::format("tensor {} at bytes {} to {}", quoted_name(name), range.begin, range.end);
  if (range.begin < end)
    origin_.fail(fmt::format("has a malformed header: {} overlaps another", place));
  if (range.begin > end)
    origin_.fail(fmt::format("has a malformed header: {} leaves a gap after byte {}", place, end));
  origin_.fail(fmt::format("is truncated: {} is beyond the {} bytes of data", place, data_size()));
}

}  // namespace gradtape::detail

/// The header of a safetensors file; for sources of the library only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/json.hpp"

namespace gradtape::detail {

constexpr std::string_view safetensors_metadata_key = "__metadata__";

/// One tensor as the header describes it; offsets count from the end of the header.
struct SafetensorsEntry {
  std::string name, dtype;
  std::vector<std::uint64_t> shape, offsets;
};

/// A name for an error message.
std::string quoted_name(const std::string& name);

/// The header of an open file, which is read piece by piece: a hundred megabytes of names would
/// take more memory than their tensors.
class SafetensorsHeader {
 public:
  /// Throws IoError unless the file has a header.
  SafetensorsHeader(const FileReader& file, const Origin& origin);

  /// Where the elements begin.
  std::uint64_t data() const { return data_; }
  /// Calls f(entry) for each tensor, in their order in the header, whose bytes are in the file.
  /// Throws IoError unless the header is JSON of the right form, and the tensors fill the bytes
  /// after it one after the other; what f has taken before is then worth nothing.
  void each_entry(const std::function<void(const SafetensorsEntry&)>& f) const;
  /// Throws IoError likewise.
  std::map<std::string, std::string> metadata() const;
  /// Throws IoError for a name that is there twice.
  [[noreturn]] void refuse_twice(const std::string& name) const;

 private:
  struct Range {
    std::uint64_t begin, end;
  };
  void parse(JsonReader& reader) const;
  void check_layout(std::vector<Range> ranges) const;
  [[noreturn]] void refuse(const Range& range, std::uint64_t end) const;
  std::uint64_t data_size() const { return file_.size() - data_; }

  const FileReader& file_;
  const Origin& origin_;
  std::uint64_t data_ = 0;
};

}  // namespace gradtape::detail

/// JSON behind a narrow interface, so that only json.cpp and json_parse.cpp compile the library
/// that writes and reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradtape::detail {

/// What parse_json calls as it meets the parts of a text, in their order. A reader overrides what
/// it accepts, and throws from `unexpected` for everything else.
class JsonReader {
 public:
  virtual ~JsonReader() = default;

  virtual void begin_object() { unexpected("an object"); }
  virtual void end_object() {}
  virtual void key(std::string_view) {}
  virtual void begin_array() { unexpected("an array"); }
  virtual void end_array() {}
  virtual void text(std::string_view) { unexpected("a string"); }
  virtual void integer(std::uint64_t) { unexpected("a number"); }
  virtual void negative_integer(std::int64_t) { unexpected("a negative number"); }
  virtual void fraction(double) { unexpected("a fraction or huge number"); }
  virtual void null() { unexpected("null"); }
  virtual void boolean(bool) { unexpected("a bool"); }

  /// The text holds something that this reader does not take.
  [[noreturn]] virtual void unexpected(const char* what) const = 0;
  /// The text is not JSON, as seen at its character number `at`.
  [[noreturn]] virtual void malformed(std::size_t at, std::string_view cause) const = 0;
};

/// A text that comes piece by piece.
class JsonPieces {
 public:
  virtual ~JsonPieces() = default;
  /// The next piece, valid until the next call; an empty one at the end.
  virtual std::string_view next() = 0;
};

/// Reads the whole text: one value (RFC 8259), nested to any depth that the reader takes.
void parse_json(JsonPieces& pieces, JsonReader& reader);
void parse_json(std::string_view text, JsonReader& reader);

/// `text` as a JSON string, in quotes; nothing where it is not UTF-8.
std::optional<std::string> json_string(const std::string& text);
/// As json_string, with U+FFFD for what is not UTF-8.
std::string lossy_json_string(const std::string& text);
/// A finite number, with all its digits; null for others.
std::string json_number(double value);

}  // namespace gradtape::detail

namespace gradtape::author {
using detail::json_string;
using detail::JsonReader;
using detail::parse_json;
}  // namespace gradtape::author

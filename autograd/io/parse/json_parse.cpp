#include "gradtape/autograd/io/json.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <iterator>
#include <utility>

namespace gradtape::detail {
namespace {

using nlohmann::json;

/// A JsonReader as the parser's library wants it.
class Adaptor : public nlohmann::json_sax<json> {
 public:
  explicit Adaptor(JsonReader& reader) : reader_(reader) {}

  bool start_object(std::size_t) override { return reader_.begin_object(), true; }
  bool end_object() override { return reader_.end_object(), true; }
  bool key(std::string& name) override { return reader_.key(name), true; }
  bool start_array(std::size_t) override { return reader_.begin_array(), true; }
  bool end_array() override { return reader_.end_array(), true; }
  bool string(std::string& text) override { return reader_.text(text), true; }
  bool number_unsigned(std::uint64_t value) override { return reader_.integer(value), true; }
  bool number_integer(std::int64_t value) override { return reader_.negative_integer(value), true; }
  bool number_float(double value, const std::string&) override {
    return reader_.fraction(value), true;
  }
  bool null() override { return reader_.null(), true; }
  bool boolean(bool value) override { return reader_.boolean(value), true; }
  bool binary(json::binary_t&) override { return reader_.unexpected("binary data"), false; }
  bool parse_error(std::size_t at, const std::string&, const json::exception& error) override {
    std::string_view cause = error.what();  // "[json.exception...] parse error...: cause"
    if (const auto colon = cause.find(": "); colon != cause.npos) cause.remove_prefix(colon + 2);
    return reader_.malformed(at, cause), false;
  }

 private:
  JsonReader& reader_;
};

/// The characters of all pieces, one after the other.
class Characters {
 public:
  explicit Characters(JsonPieces& pieces) : pieces_(pieces) {}
  bool at_end() {
    if (at_ == end_) {
      const auto piece = pieces_.next();
      at_ = piece.data();
      end_ = at_ + piece.size();
    }
    return at_ == end_;
  }
  char operator*() const { return *at_; }
  void step() { ++at_; }

 private:
  JsonPieces& pieces_;
  const char *at_ = nullptr, *end_ = nullptr;
};

/// Where a parser is in them; a default-constructed one is their end.
class Position {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  Position() = default;
  explicit Position(Characters& characters) : characters_(&characters) {}
  char operator*() const { return **characters_; }
  Position& operator++() { return characters_->step(), *this; }
  Position operator++(int) {
    const Position before = *this;
    characters_->step();
    return before;
  }
  /// Compared to the end only.
  bool operator==(const Position&) const { return !characters_ || characters_->at_end(); }

 private:
  Characters* characters_ = nullptr;
};

}  // namespace

void parse_json(JsonPieces& pieces, JsonReader& reader) {
  Characters characters(pieces);
  Adaptor adaptor(reader);
  json::sax_parse(Position(characters), Position(), &adaptor);
}

void parse_json(std::string_view text, JsonReader& reader) {
  struct Whole : JsonPieces {
    explicit Whole(std::string_view whole) : text(whole) {}
    std::string_view next() override { return std::exchange(text, {}); }
    std::string_view text;
  } whole(text);
  parse_json(whole, reader);
}

}  // namespace gradtape::detail

// JSON as RFC 8259 has it. The parser keeps no more than the brackets that are open, and the string
// or number that it reads where that does not lie in one piece.
#include <fmt/format.h>

#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "gradtape/autograd/io/csv_rows.hpp"
#include "gradtape/autograd/io/json.hpp"

namespace gradtape::detail {
namespace {

/// Whether `text` is UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || length > text.size() - i) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((byte(k) & 0xc0) != 0x80) return false;
    const unsigned second = length > 2 ? byte(1) : 0;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
      return false;
    i += length;
  }
  return true;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

class Parser {
 public:
  Parser(JsonPieces& pieces, JsonReader& reader) : pieces_(pieces), reader_(reader) {}

  void run() {
    while (!value() || another())
      ;
    if (skip_blanks() != end_of_text) malformed("there is text after the value");
  }

 private:
  static constexpr int end_of_text = -1;

  /// The next character, which stays.
  int peek() {
    if (at_ == end_ && !refill()) return end_of_text;
    return static_cast<unsigned char>(*at_);
  }
  bool refill() {
    before_ += static_cast<std::size_t>(end_ - begin_);
    const auto piece = pieces_.next();
    begin_ = at_ = piece.data();
    end_ = begin_ + piece.size();
    return !piece.empty();
  }
  int skip_blanks() {
    for (;; ++at_) {
      const int c = peek();
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
    }
  }
  [[noreturn]] void malformed(std::string_view cause) const {
    reader_.malformed(before_ + static_cast<std::size_t>(at_ - begin_) + 1, cause);
    __builtin_unreachable();  // GCC overlooks that a virtual function does not return
  }

  /// Reads a value and returns true, or no more than the bracket in front of its first one.
  bool value() {
    const int c = skip_blanks();
    if (c == '{' || c == '[') return open(c == '{');
    if (c == '"')
      reader_.text(string());
    else if (c == '-' || (c >= '0' && c <= '9'))
      number();
    else if (c == 'n')
      word("null"), reader_.null();
    else if (c == 't')
      word("true"), reader_.boolean(true);
    else if (c == 'f')
      word("false"), reader_.boolean(false);
    else
      malformed("a value is missing");
    return true;
  }
  bool open(bool object) {
    ++at_;
    object ? reader_.begin_object() : reader_.begin_array();
    open_ += object ? '}' : ']';
    if (skip_blanks() == open_.back()) return close(), true;
    if (object) key();
    return false;
  }
  void close() {
    ++at_;
    const bool object = open_.back() == '}';
    open_.pop_back();
    object ? reader_.end_object() : reader_.end_array();
  }
  /// Behind a value: closes what ends, and returns whether another value follows.
  bool another() {
    while (!open_.empty()) {
      const int c = skip_blanks();
      if (c == open_.back()) {
        close();
        continue;
      }
      if (c != ',') malformed(fmt::format("',' or '{}' is missing", open_.back()));
      ++at_;
      if (open_.back() == '}') key();
      return true;
    }
    return false;
  }
  void key() {
    if (skip_blanks() != '"') malformed("a key is missing");
    reader_.key(string());
    if (skip_blanks() != ':') malformed("':' is missing");
    ++at_;
  }
  void word(std::string_view letters) {
    for (const char letter : letters) {
      if (peek() != letter) malformed(fmt::format("'{}' is expected", letters));
      ++at_;
    }
  }

  /// A string, valid until the next one is read.
  std::string_view string() {
    const char* const start = ++at_;
    bool ascii = true;
    for (; at_ != end_ && *at_ != '"' && *at_ != '\\' && *at_ >= 0x20; ++at_)
      ;
    std::string_view text;
    if (at_ != end_ && *at_ == '"') {
      text = {start, at_++};
    } else {  // it has more than plain ASCII, or goes on in the next piece
      kept_.assign(start, at_);
      text = rest_of_string(ascii);
    }
    if (!ascii && !is_utf8(text)) malformed("a string is ill-formed UTF-8");
    return text;
  }
  std::string_view rest_of_string(bool& ascii) {
    for (int c; (c = peek()) != '"';) {
      if (c == end_of_text) malformed("a string does not end");
      if (c < 0x20) malformed("a control character in a string must be escaped");
      ++at_;
      if (c == '\\') {
        escape();
      } else {
        kept_ += static_cast<char>(c);
        ascii = ascii && c < 0x80;
      }
    }
    ++at_;
    return kept_;
  }
  void escape() {
    constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const int c = peek();
    if (c == 'u') return ++at_, append_utf8(kept_, escaped_code());
    const auto which = c == end_of_text ? letters.npos : letters.find(static_cast<char>(c));
    if (which == letters.npos) malformed("there is no such escape");
    kept_ += meanings[which];
    ++at_;
  }
  /// The character that \u has begun, of two escapes where it lies beyond U+FFFF.
  std::uint32_t escaped_code() {
    const auto code = four_digits();
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code < 0xdc00 && peek() == '\\' && (++at_, peek() == 'u')) {
      ++at_;
      const auto low = four_digits();
      if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    malformed("half of a surrogate pair stands alone");
  }
  std::uint32_t four_digits() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int c = peek(), lower = c | 0x20;
      const int digit = c >= '0' && c <= '9'           ? c - '0'
                        : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                       : -1;
      if (digit < 0) malformed("\\u needs four hexadecimal digits");
      code = code << 4 | static_cast<std::uint32_t>(digit);
    }
    return code;
  }

  void number() {
    if (small_integer()) return;
    kept_.clear();
    const bool negative = take('-');
    const bool zero = take('0');
    if (!zero && !take_digits()) malformed("a number needs digits");
    bool whole = true;
    if (take('.')) {
      whole = false;
      if (!take_digits()) malformed("a number needs digits behind its point");
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) take('-');
      if (!take_digits()) malformed("an exponent needs digits");
    }
    const char *first = kept_.data(), *last = first + kept_.size();
    std::uint64_t positive;
    std::int64_t signed_value;
    if (whole && !negative && std::from_chars(first, last, positive).ec == std::errc())
      return reader_.integer(positive);
    if (whole && negative && std::from_chars(first, last, signed_value).ec == std::errc())
      return reader_.negative_integer(signed_value);
    double value;
    if (std::from_chars(first, last, value).ec != std::errc()) value = CsvRows::limit_of(kept_);
    if (value - value != 0) malformed("a number is larger than the largest float64");
    reader_.fraction(value);
  }
  /// Reads a number of a few digits in one piece, which most are.
  bool small_integer() {
    const char* at = at_;
    std::uint64_t value = 0;
    for (; at != end_ && *at >= '0' && *at <= '9' && at - at_ < 19; ++at)
      value = 10 * value + static_cast<std::uint64_t>(*at - '0');
    const bool complete = at != end_ && (*at == ',' || *at == ']' || *at == '}');
    if (!complete || at == at_ || (*at_ == '0' && at - at_ > 1)) return false;
    at_ = at;
    reader_.integer(value);
    return true;
  }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    kept_ += wanted;
    ++at_;
    return true;
  }
  bool take_digits() {
    bool some = false;
    for (int c; (c = peek()) >= '0' && c <= '9'; some = true, ++at_) kept_ += static_cast<char>(c);
    return some;
  }

  JsonPieces& pieces_;
  JsonReader& reader_;
  const char *begin_ = nullptr, *at_ = nullptr, *end_ = nullptr;  // of the piece
  std::size_t before_ = 0;                                        // characters in those before it
  std::string open_;  // the brackets that will close, the innermost last
  std::string kept_;
};

}  // namespace

void parse_json(JsonPieces& pieces, JsonReader& reader) { Parser(pieces, reader).run(); }

void parse_json(std::string_view text, JsonReader& reader) {
  struct Whole : JsonPieces {
    explicit Whole(std::string_view whole) : text(whole) {}
    std::string_view next() override { return std::exchange(text, {}); }
    std::string_view text;
  } whole(text);
  parse_json(whole, reader);
}

}  // namespace gradtape::detail

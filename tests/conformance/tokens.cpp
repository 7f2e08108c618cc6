#include "tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "value.hpp"

namespace gradtape::conformance {

void syntax_error(std::size_t at, const std::string& cause) {
  throw Unsupported(fmt::format("the expression cannot be read at character {}: {}", at, cause));
}

namespace {

bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)); }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

/// Splits an expression into tokens.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
      tokens.push_back(next());
      if (tokens.back().kind == Token::Kind::end) return tokens;
    }
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  Token next() {
    const auto begin = at_;
    const char c = peek();
    if (at_ == text_.size()) return {Token::Kind::end, "the end", begin};
    if (is_name_start(c)) {
      while (is_name_part(peek())) ++at_;
      return {Token::Kind::name, std::string(text_.substr(begin, at_ - begin)), begin};
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '\'' || c == '"') return string();
    static constexpr std::array<std::string_view, 36> symbols = {
        "...", "**", "//", "<=", ">=", "==", "!=", "<<", ">>", ":=", "->", "+",
        "-",   "*",  "/",  "%",  "@",  "<",  ">",  "&",  "|",  "^",  "~",  "(",
        ")",   "[",  "]",  "{",  "}",  ",",  ":",  ".",  "=",  "!",  ";",  "?"};
    for (const auto symbol : symbols)
      if (text_.substr(at_).starts_with(symbol)) {
        at_ += symbol.size();
        return {Token::Kind::symbol, std::string(symbol), begin};
      }
    syntax_error(begin, fmt::format("'{}' belongs to no token", c));
  }

  Token number() {
    const auto begin = at_;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X' || peek(1) == 'b' || peek(1) == 'o')) {
      at_ += 2;
      while (is_name_part(peek())) ++at_;
    } else {
      auto digits = [&] {
        while (is_digit(peek()) || (peek() == '_' && is_digit(peek(1)))) ++at_;
      };
      digits();
      if (peek() == '.') ++at_;
      digits();
      const bool sign = peek(1) == '+' || peek(1) == '-';
      if ((peek() == 'e' || peek() == 'E') && is_digit(peek(sign ? 2 : 1))) {
        at_ += sign ? 2 : 1;
        digits();
      }
    }
    if (is_name_start(peek())) syntax_error(at_, "a number goes on with a letter");
    std::string text(text_.substr(begin, at_ - begin));
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    return {Token::Kind::number, text, begin};
  }

  Token string() {
    const auto begin = at_;
    const char quote = text_[at_++];
    std::string out;
    for (; peek() != quote; ++at_) {
      if (at_ >= text_.size()) syntax_error(begin, "a string does not end");
      if (peek() == '\\') {
        ++at_;
        const char c = peek();
        if (c != '\\' && c != '\'' && c != '"' && c != 'n') syntax_error(at_, "an unknown escape");
        out += c == 'n' ? '\n' : c;
      } else {
        out += peek();
      }
    }
    ++at_;
    return {Token::Kind::string, out, begin};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Token> tokenize(const std::string& expression) { return Tokenizer(expression).run(); }

}  // namespace gradtape::conformance

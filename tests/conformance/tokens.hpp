/// The tokens that an expression consists of.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gradtape::conformance {

struct Token {
  enum class Kind { name, number, string, symbol, end } kind;
  std::string text;
  std::size_t at;  ///< The place of its first character.
};

/// The last token is of kind `end`. Throws Unsupported, naming the place.
std::vector<Token> tokenize(const std::string& expression);

[[noreturn]] void syntax_error(std::size_t at, const std::string& cause);

}  // namespace gradtape::conformance

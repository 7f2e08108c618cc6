#include "gradtape/nn/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::data {

using namespace author;

namespace {

/// Takes a character off text at `position`. RFC 3629: no overlong forms, no surrogates.
char32_t next_character(const char* op, std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto first = byte(position);
  const auto length = std::max(1, std::countl_one(static_cast<unsigned char>(first)));
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  bool right = first < 0x80 || (length >= 2 && length <= 4);
  char32_t character = first < 0x80 ? first : first & (0x7fu >> length);
  for (int i = 1; right && i < length; ++i) {
    const auto next = byte(position + static_cast<std::size_t>(i));
    right = (next & 0xc0) == 0x80;
    character = character << 6 | (next & 0x3f);
  }
  if (!right || character < least[length] || character > 0x10ffff ||
      (character >= 0xd800 && character < 0xe000))
    fail<ValueError>(op, fmt::format("the text is not UTF-8 at byte {}; Vocabulary::bytes takes "
                                     "any",
                                     position));
  position += static_cast<std::size_t>(length);
  return character;
}

void append_character(std::string& text, char32_t character) {
  if (character < 0x80) {
    text += static_cast<char>(character);
    return;
  }
  const int length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  text += static_cast<char>((0xf0u << (4 - length)) | character >> (6 * (length - 1)));
  for (int i = length - 2; i >= 0; --i)
    text += static_cast<char>(0x80 | (character >> (6 * i) & 0x3f));
}

}  // namespace

Vocabulary Vocabulary::characters(std::string_view text) {
  Vocabulary vocabulary;
  auto& tokens = vocabulary.tokens_;
  std::vector<bool> seen;
  for (std::size_t position = 0; position < text.size();) {
    const auto character = next_character("Vocabulary::characters", text, position);
    if (character >= seen.size()) seen.resize(character + 1);
    seen[character] = true;
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (seen[i]) tokens.push_back(static_cast<char32_t>(i));
  return vocabulary;
}

Vocabulary Vocabulary::bytes() {
  Vocabulary vocabulary;
  vocabulary.bytes_ = true;
  for (char32_t i = 0; i < 256; ++i) vocabulary.tokens_.push_back(i);
  return vocabulary;
}

Tensor Vocabulary::encode(std::string_view text) const {
  constexpr auto op = "Vocabulary::encode";
  std::vector<std::int64_t> numbers;
  numbers.reserve(text.size());
  for (std::size_t position = 0; position < text.size();) {
    const auto start = position;
    const char32_t token =
        bytes_ ? static_cast<unsigned char>(text[position++]) : next_character(op, text, position);
    const auto at = std::lower_bound(tokens_.begin(), tokens_.end(), token);
    if (at == tokens_.end() || *at != token)
      fail<ValueError>(op, fmt::format("'{}' at byte {} is none of the {} tokens",
                                       text.substr(start, position - start), start, size()));
    numbers.push_back(at - tokens_.begin());
  }
  return tensor(numbers);
}

std::string Vocabulary::decode(const Tensor& tokens) const {
  std::string text;
  for (const auto i : tokens.data<std::int64_t>()) {
    if (i < 0 || i >= size())
      fail<ValueError>("Vocabulary::decode",
                       fmt::format("token {} is out of range for {} tokens", i, size()));
    const auto token = tokens_[static_cast<std::size_t>(i)];
    if (bytes_)
      text += static_cast<char>(token);
    else
      append_character(text, token);
  }
  return text;
}

Dataset next_token_windows(const Tensor& tokens, const WindowOptions& options) {
  constexpr auto op = "next_token_windows";
  const auto [context, stride, last_only] = options;
  if (tokens.ndim() != 1)
    fail<ShapeError>(op, fmt::format("tokens must be [n], got {}", describe(tokens)));
  require(op, "context", context, at_least(1));
  require(op, "stride", stride, at_least(1));
  const auto n = tokens.size(0);
  if (n <= context)
    fail<ValueError>(op, fmt::format("a context of {} needs more tokens than {}", context, n));
  const auto sample = [tokens, options](std::int64_t i) {
    const auto start = i * options.stride, stop = start + options.context;
    return Sample{slice(tokens, 0, start, stop), options.last_only
                                                     ? select(tokens, 0, stop)
                                                     : slice(tokens, 0, start + 1, stop + 1)};
  };
  return Dataset::from_function((n - context - 1) / stride + 1, sample);
}

}  // namespace gradtape::nn::data

/// Text as tokens, and windows of them to predict the next from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gradtape/autograd/io/file.hpp"  // read_file
#include "gradtape/nn/data/dataset.hpp"

namespace gradtape::nn::data {

/// The tokens of a text and their numbers: its characters (of Unicode, read as UTF-8), or bytes.
///
///     const std::string text = read_file("shakespeare.txt");
///     const auto vocabulary = Vocabulary::characters(text);
///     const Tensor tokens = vocabulary.encode(text);
///     const auto [train, test] = split_every(next_token_windows(tokens, {.context = 64}), 10);
class Vocabulary {
 public:
  /// The characters that occur in `text`, in the order of their code points. Throws ValueError with
  /// the position for what is not UTF-8. `decode(arange(size()))` is a text with the same ones, to
  /// save.
  static Vocabulary characters(std::string_view text);
  /// The 256 bytes: any text has these tokens.
  static Vocabulary bytes();

  /// The number of tokens.
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  /// The numbers of the tokens of `text`: int64 [n]. Throws ValueError with the position for a
  /// character that is not among them.
  [[nodiscard]] Tensor encode(std::string_view text) const;
  /// The text of tokens (int64, any shape). Throws ValueError for a number out of range.
  [[nodiscard]] std::string decode(const Tensor& tokens) const;

 private:
  std::vector<char32_t> tokens_;  // sorted
  bool bytes_ = false;
};

/// Options of next_token_windows.
struct WindowOptions {
  std::int64_t context = 64;  ///< Tokens in an input, >= 1.
  std::int64_t stride = 1;    ///< Tokens from the start of a window to the start of the next, >= 1.
  bool last_only = false;     ///< Predict one token from the whole context, not one at each place.
};

/// Windows of a text and what follows: sample i has the input tokens[k ... k + context) and the
/// target tokens[k + 1 ... k + context], or with last_only only tokens[k + context], k = i stride.
/// tokens: int64 [n] -> inputs [context], targets [context] or []. Throws ShapeError and
/// ValueError, also for a text that is not longer than the context.
[[nodiscard]] Dataset next_token_windows(const Tensor& tokens, const WindowOptions& options = {});

}  // namespace gradtape::nn::data

/// Ambrose Bierce, "The Devil's Dictionary" (1911): 380,000 characters to learn to write from.
#pragma once

#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/nn/data/data.hpp>
#include <gradtape/nn/loss.hpp>

#include <optional>
#include <string>

#include "arguments.hpp"

/// A text as the numbers of its characters: int64 [n].
struct Text {
  gradtape::nn::data::Vocabulary vocabulary;
  gradtape::Tensor known;     ///< Nine tenths, to learn from.
  gradtape::Tensor held_out;  ///< The rest.
};

/// The entries from A to Z; nothing, and why, where the text is not installed.
inline std::optional<Text> devils_dictionary(const Arguments& given) {
  try {
    const auto path = given.path.empty() ? "/usr/share/dictd/devil.dict.dz" : given.path;
    auto text = gradtape::read_file(path);
    if (text.size() < 10'000)
      gradtape::fail<gradtape::IoError>(path, fmt::format("{} bytes are too few", text.size()));
    const auto first = text.find("ABASEMENT");  // a publisher's note and a preface come before
    if (first != text.npos) text.erase(0, first);
    const auto vocabulary = gradtape::nn::data::Vocabulary::characters(text);
    const auto characters = vocabulary.encode(text);
    const auto known = characters.numel() * 9 / 10;
    return {{vocabulary, slice(characters, 0, 0, known), slice(characters, 0, known)}};
  } catch (const gradtape::Error& error) {
    fmt::print(stderr,
               "{}\nThe text comes with Debian's and Ubuntu's package: sudo apt-get install "
               "dict-devil\nElsewhere give a file with some text, plain or gzip-compressed: "
               "./examples/run NAME FILE\n",
               error.what());
    return {};
  }
}

/// Nats a character: the logarithm of how many guesses are open on average.
template <class Model>
gradtape::Tensor nats(const Model& model, const gradtape::nn::data::Batch& text) {
  return gradtape::nn::cross_entropy(flatten(model(text.inputs), 0, 1), flatten(text.targets));
}

/// Ambrose Bierce, "The Devil's Dictionary" (1911): 380,000 characters to learn to write from.
#pragma once

#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>

#include <optional>
#include <string>

#include "arguments.hpp"

/// The entries from A to Z; nothing, and why, where the text is not installed.
inline std::optional<std::string> devils_dictionary(const Arguments& given) {
  try {
    const auto text =
        gradtape::read_file(given.path.empty() ? "/usr/share/dictd/devil.dict.dz" : given.path);
    const auto first = text.find("ABASEMENT");  // a publisher's note and a preface come before
    return first == text.npos ? text : text.substr(first);
  } catch (const gradtape::IoError& error) {
    fmt::print(stderr,
               "{}\nThe text comes with Debian's and Ubuntu's package: sudo apt-get install "
               "dict-devil\nElsewhere give a file with some text, plain or gzip-compressed: "
               "./examples/run NAME FILE\n",
               error.what());
    return {};
  }
}

#include "gradtape/autograd/draw.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <vector>

namespace gradtape {
namespace {

/// "matmul", or "leaf 'fc.weight'".
std::string title(const Tape& tape, std::size_t i) {
  const auto& name = tape.leaf_name(i);
  return name.empty() ? tape.name(i) : fmt::format("{} '{}'", tape.name(i), name);
}

std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

std::string str(const Tape& tape) {
  std::size_t title_width = 4, shape_width = 4;
  for (std::size_t i = 0; i < tape.size(); ++i) {
    title_width = std::max(title_width, title(tape, i).size());
    shape_width = std::max(shape_width, tape.shape(i).str().size());
  }
  const auto digits = std::to_string(tape.size()).size();
  std::string text;
  for (std::size_t i = 0; i < tape.size(); ++i) {
    auto line = fmt::format("{:>{}}  {:<{}}  {:<{}}  {:<7}  {}", i, digits, title(tape, i),
                            title_width, tape.shape(i).str(), shape_width, name(tape.dtype(i)),
                            fmt::join(tape.inputs(i), ", "));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const Tape& tape) { return out << str(tape); }

void print(const Tape& tape) { std::fputs(str(tape).c_str(), stdout); }

std::string dot(const Tape& tape) {
  std::string text = "digraph tape {\n  node [shape=box, fontname=monospace];\n";
  for (std::size_t i = 0; i < tape.size(); ++i) {
    text += fmt::format("  n{} [label=\"{}\\n{}\"{}];\n", i, escaped(title(tape, i)),
                        tape.shape(i).str(), tape.is_leaf(i) ? ", style=filled" : "");
    for (const auto input : tape.inputs(i)) text += fmt::format("  n{} -> n{};\n", input, i);
  }
  return text + "}\n";
}

}  // namespace gradtape

#include "gradtape/autograd/draw.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>
#include <unordered_map>
#include <vector>

#include "gradtape/autograd/inspect/notes.hpp"
#include "gradtape/autograd/ops/shape.hpp"

namespace gradtape {
namespace {

/// "matmul", or "leaf 'fc.weight'".
std::string title(const Tape& tape, std::size_t i) {
  const auto name = tape.leaf_name(i);
  return name.empty() ? tape.name(i) : fmt::format("{} '{}'", tape.name(i), name);
}

using Row = std::vector<std::string>;

Row row(const Tape& tape, std::size_t i) {
  return {std::to_string(i), title(tape, i), tape.shape(i).str(), name(tape.dtype(i)),
          fmt::format("{}", fmt::join(tape.inputs(i), ", "))};
}

/// Columns aligned at their left, but for the positions in the first.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> width{std::to_string(rows.size()).size(), 4, 4, 7};
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c == width.size()) width.push_back(0);
      width[c] = std::max(width[c], row[c].size());
    }
  std::string text;
  for (const auto& row : rows) {
    auto line = fmt::format("{:>{}}", row[0], width[0]);
    for (std::size_t c = 1; c < row.size(); ++c) line += fmt::format("  {:<{}}", row[c], width[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

/// "[[1, 2], [3, 4]]": all elements on one line.
std::string whole(const Shape& shape, const std::vector<double>& elements) {
  std::string text;
  const auto write = [&](int axis, std::size_t begin, std::size_t count, const auto& self) -> void {
    if (axis == shape.ndim()) {
      text += fmt::format("{:.6g}", elements[begin]);
      return;
    }
    const auto parts = static_cast<std::size_t>(shape[axis]);
    text += '[';
    for (std::size_t k = 0; k < parts; ++k) {
      if (k > 0) text += ", ";
      self(axis + 1, begin + k * (count / parts), count / parts, self);
    }
    text += ']';
  };
  write(0, 0, elements.size(), write);
  return text;
}

/// The elements of a tensor of this shape, as far as a line has room for them.
std::string numbers(const Shape& shape, const detail::Statistics& s) {
  if (s.first.size() == static_cast<std::size_t>(shape.numel())) return whole(shape, s.first);
  if (!s.all_finite()) return fmt::format("{} NaN, {} infinite", s.nan, s.infinite);
  return fmt::format("norm {:.6g}, {:.6g} to {:.6g}", s.norm, s.min, s.max);
}

/// The cotangent of every node in a pass that runs while it lives.
class Gradients : public Watch {
 public:
  void visited(const Tape& tape, std::size_t i, const Tensor& g) override {
    if (tape_ && tape_ != &tape) return;  // a pass that a vjp runs
    tape_ = &tape;
    by_node[tape.id(i)] = detail::statistics(expand(g, tape.shape(i)));
  }

  std::unordered_map<const void*, detail::Statistics> by_node;

 private:
  const Tape* tape_ = nullptr;
};

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
  std::vector<Row> rows;
  for (std::size_t i = 0; i < tape.size(); ++i) rows.push_back(row(tape, i));
  return aligned(rows);
}

std::string str(const Tape& tape, const TapeColumns& columns) {
  Gradients gradients;
  if (columns.gradients) detail::run_watched_pass(tape);
  std::vector<Row> rows{{"", "node", "shape", "dtype", "inputs"}};
  if (columns.values) rows[0].push_back("value");
  if (columns.gradients) rows[0].push_back("gradient");
  for (std::size_t i = 0; i < tape.size(); ++i) {
    rows.push_back(row(tape, i));
    if (columns.values) {
      const auto& values = columns.values->notes_->values;
      const auto noted = values.find(tape.id(i));
      rows[i + 1].push_back(
          noted == values.end() ? "-" : numbers(tape.shape(i), noted->second.statistics));
    }
    if (!columns.gradients) continue;
    const auto noted = gradients.by_node.find(tape.id(i));
    rows[i + 1].push_back(noted == gradients.by_node.end() ? "-"
                                                           : numbers(tape.shape(i), noted->second));
  }
  return aligned(rows);
}

std::ostream& operator<<(std::ostream& out, const Tape& tape) { return out << str(tape); }

void print(const Tape& tape) { std::fputs(str(tape).c_str(), stdout); }

void print(const Tape& tape, const TapeColumns& columns) {
  std::fputs(str(tape, columns).c_str(), stdout);
}

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

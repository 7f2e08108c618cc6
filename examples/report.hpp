/// The figures that an example ends with, beside those to expect.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>

/// A number that an example claims.
struct Figure {
  std::string name;
  double value;
  double expected;
  double worst;  ///< What would still do: less than `expected` where more is better.
};

/// Prints a line `name: value (expected)` for each figure, which `examples/run NAME --compare` sets
/// beside PyTorch's, and returns the program's exit status: 0 if all of them will do.
inline int report(std::initializer_list<Figure> figures) {
  int status = 0;
  for (const auto& [name, value, expected, worst] : figures) {
    fmt::print("{}: {:.4g} (expected {:.4g})\n", name, value, expected);
    if (worst < expected ? value >= worst : value <= worst) continue;
    fmt::print("{} should be {:.4g} at {}\n", name, worst, worst < expected ? "least" : "most");
    status = 1;
  }
  return status;
}

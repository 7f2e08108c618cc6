/// What the exercises of the course print.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

/// Prints `name: true value .., your value ..` and counts the wrong ones.
class Answers {
 public:
  /// Right is what differs by at most `tolerance` times the larger magnitude, or 1.
  void check(const std::string& name, double truth, double yours, double tolerance = 1e-9) {
    const double size = std::fmax(1.0, std::fmax(std::abs(truth), std::abs(yours)));
    const bool right = std::abs(truth - yours) <= tolerance * size;
    if (!right) ++wrong_;
    fmt::print("{}: true value {:.8g}, your value {:.8g}{}\n", name, truth, yours,
               right ? "" : "  <- not yet");
  }
  /// The exit status of the program: 0 where all are right.
  int status() const { return wrong_ == 0 ? 0 : 1; }

 private:
  int wrong_ = 0;
};

/// Checks of options: `require("SGD", "lr", lr, at_least(0))`.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "gradtape/autograd/error.hpp"

namespace gradtape::author {

/// The values that an option may have: an interval of numbers, or of integers where the option is
/// an integer. NaN lies in no interval, an infinity only where or_infinity() lets it in.
class Interval {
 public:
  /// A bound may be the value of another option, whose name then goes into the message.
  struct Bound {
    double value;                ///< The number; an infinity for no bound.
    bool open;                   ///< Whether it is itself left out.
    const char* name = nullptr;  ///< Of the option that it is; null for a plain number.
  };
  constexpr Interval(Bound low, Bound high) : low_(low), high_(high) {}

  /// Whether the value lies in it.
  constexpr bool contains(double value) const {
    return (low_.open ? value > low_.value : value >= low_.value) &&
           (high_.open ? value < high_.value : value <= high_.value);
  }
  /// The same interval with the infinity that it leads to.
  constexpr Interval or_infinity() const {
    const auto closed = [](Bound bound) {
      return Bound{bound.value, bound.open && !is_infinite(bound), bound.name};
    };
    return {closed(low_), closed(high_)};
  }
  /// "in [0, 1)", "finite and at least 0"; without "finite" for integers.
  std::string str(bool integer) const;

 private:
  static constexpr bool is_infinite(Bound bound) {
    return bound.value == std::numeric_limits<double>::infinity() ||
           bound.value == -std::numeric_limits<double>::infinity();
  }
  Bound low_, high_;
};

/// Any number but infinities and NaN.
constexpr Interval finite() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return {{-infinity, true}, {infinity, true}};
}
/// Finite numbers from `low` on; a bound may be named: at_least(min_lr, "min_lr").
constexpr Interval at_least(double low, const char* name = nullptr) {
  return {{low, false, name}, {std::numeric_limits<double>::infinity(), true}};
}
/// Finite numbers above `low`.
constexpr Interval above(double low, const char* name = nullptr) {
  return {{low, true, name}, {std::numeric_limits<double>::infinity(), true}};
}
/// Finite numbers up to `high`.
constexpr Interval at_most(double high, const char* name = nullptr) {
  return {{-std::numeric_limits<double>::infinity(), true}, {high, false, name}};
}
/// Finite numbers below `high`.
constexpr Interval below(double high, const char* name = nullptr) {
  return {{-std::numeric_limits<double>::infinity(), true}, {high, true, name}};
}
/// [low, high]
constexpr Interval closed(double low, double high) { return {{low, false}, {high, false}}; }
/// (low, high)
constexpr Interval open(double low, double high) { return {{low, true}, {high, true}}; }
/// [low, high)
constexpr Interval half_open(double low, double high) { return {{low, false}, {high, true}}; }
/// (low, high]
constexpr Interval left_open(double low, double high) { return {{low, true}, {high, false}}; }

/// Throws ValueError of the option's value: "SGD: lr = -1, but it must be finite and at least 0".
[[noreturn]] void refuse(std::string_view where, std::string_view option, double value,
                         std::string_view expected);
[[noreturn]] void refuse(std::string_view where, std::string_view option, std::int64_t value,
                         std::string_view expected);

/// The option's value. Throws ValueError with the message above unless `allowed` contains it.
/// `where` is the layer, rule or function that the option belongs to.
template <std::floating_point T>
T require(std::string_view where, std::string_view option, T value, const Interval& allowed) {
  if (!allowed.contains(value))
    refuse(where, option, static_cast<double>(value), allowed.str(false));
  return value;
}
template <std::integral T>
T require(std::string_view where, std::string_view option, T value, const Interval& allowed) {
  if (!allowed.contains(static_cast<double>(value)))
    refuse(where, option, static_cast<std::int64_t>(value), allowed.str(true));
  return value;
}

/// i, an index that counts `what`. Throws ValueError: "Adam: group 1 is out of range for 1".
std::size_t require_index(std::string_view where, std::string_view what, std::size_t i,
                          std::size_t count);

}  // namespace gradtape::author

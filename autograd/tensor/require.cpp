#include "gradtape/autograd/require.hpp"

#include <fmt/format.h>

namespace gradtape::author {

namespace {

std::string text(const Interval::Bound& bound) {
  return bound.name ? fmt::format("{} = {}", bound.name, bound.value) : fmt::to_string(bound.value);
}

template <class T>
[[noreturn]] void refuse_value(std::string_view where, std::string_view option, T value,
                               std::string_view expected) {
  fail<ValueError>(where, fmt::format("{} = {}, but it must be {}", option, value, expected));
}

}  // namespace

std::string Interval::str(bool integer) const {
  const bool from_below = is_infinite(low_), to_above = is_infinite(high_);
  if (!from_below && !to_above)
    return fmt::format("in {}{}, {}{}", low_.open ? '(' : '[', text(low_), text(high_),
                       high_.open ? ')' : ']');
  const bool finite = (!from_below || low_.open) && (!to_above || high_.open);
  if (from_below && to_above) return finite ? "finite" : "a number";
  const char* side =
      from_below ? (high_.open ? "below" : "at most") : (low_.open ? "above" : "at least");
  return fmt::format("{}{} {}", finite && !integer ? "finite and " : "", side,
                     text(from_below ? high_ : low_));
}

void refuse(std::string_view where, std::string_view option, double value,
            std::string_view expected) {
  refuse_value(where, option, value, expected);
}

void refuse(std::string_view where, std::string_view option, std::int64_t value,
            std::string_view expected) {
  refuse_value(where, option, value, expected);
}

std::size_t require_index(std::string_view where, std::string_view what, std::size_t i,
                          std::size_t count) {
  if (i >= count)
    fail<ValueError>(where, fmt::format("{} {} is out of range for {}", what, i, count));
  return i;
}

}  // namespace gradtape::author

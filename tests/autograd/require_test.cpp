#include "gradtape/autograd/require.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "gradtape/autograd/error.hpp"

using namespace gradtape;
using namespace gradtape::author;

namespace {

constexpr double infinity = INFINITY, not_a_number = NAN;

template <class T> std::string refusal(T value, const Interval& allowed) {
  try {
    require("Layer", "option", value, allowed);
  } catch (const ValueError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an option in its interval passes, any other is refused with the interval's words") {
  const auto check = [](const Interval& allowed, double inside, double outside,
                        const std::string& words) {
    CAPTURE(words);
    CHECK(refusal(inside, allowed) == "");
    const std::string message = refusal(outside, allowed);
    CHECK(message.substr(message.find(", but")) == ", but it must be " + words);
  };
  check(at_least(0), 0, -1, "finite and at least 0");
  check(above(0), 1e-300, 0, "finite and above 0");
  check(at_most(2), 2, 2.5, "finite and at most 2");
  check(below(0), -1, 0, "finite and below 0");
  check(closed(0, 1), 1, 1.5, "in [0, 1]");
  check(author::open(0, 1), 0.5, 1, "in (0, 1)");
  check(half_open(0, 1), 0, 1, "in [0, 1)");
  check(left_open(0.5, 1), 1, 0.5, "in (0.5, 1]");
  check(finite(), -3, infinity, "finite");
  check(at_least(0.25, "min_lr"), 0.25, 0, "finite and at least min_lr = 0.25");
  check(at_least(0).or_infinity(), infinity, -1, "at least 0");
  check(finite().or_infinity(), infinity, not_a_number, "a number");
}

TEST_CASE("the message names the place, the option and its value") {
  CHECK(refusal(-0.5, at_least(0)) == "Layer: option = -0.5, but it must be finite and at least 0");
  CHECK(refusal(std::int64_t{-7}, at_least(1)) == "Layer: option = -7, but it must be at least 1");
  CHECK(refusal(3, below(3, "hidden")) == "Layer: option = 3, but it must be below hidden = 3");
}

TEST_CASE("NaN is in no interval, and infinities only where they are let in") {
  for (const auto& allowed :
       {at_least(0), above(0), at_most(0), below(0), closed(0, 1), finite(), author::open(0, 1),
        at_least(0).or_infinity(), finite().or_infinity()})
    CHECK(refusal(not_a_number, allowed) != "");
  for (const auto& allowed : {at_least(0), above(0), finite()})
    CHECK(refusal(infinity, allowed) != "");
  CHECK(refusal(-infinity, at_most(0)) != "");
  CHECK(refusal(-infinity, at_least(0).or_infinity()) != "");
}

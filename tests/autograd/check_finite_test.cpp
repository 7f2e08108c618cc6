#include <gradtape/autograd/check_finite.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

/// sqrt whose vjp multiplies plainly.
Tensor plain_sqrt(const Tensor& x) {
  return record("plain_sqrt", sqrt(x.detach()), {x},
                {[x](const Tensor& g) { return g * (0.5 / sqrt(x)); }});
}

}  // namespace

TEST_CASE("CheckFinite names the op, the element and the inputs of the first infinity") {
  const Tensor x = tensor({1.0, 2.0, 0.0}, float64).requires_grad("x");
  const CheckFinite guard;
  try {
    (void)exp(log(x));
    FAIL("no error");
  } catch (const NonFiniteError& error) {
    const std::string message = error.what();
    CHECK(message == "log: the forward pass produced -inf at [2]; input 0 'x' [3] is 0 there");
  }
  CHECK_NOTHROW(log(x + 1.0));
}

TEST_CASE("CheckFinite gives the range of an input that has no element at that place") {
  const Tensor x = full({2, 3}, 1e308, float64);
  const CheckFinite guard;
  CHECK_THROWS_WITH_AS(sum(x, 1),
                       "sum: the forward pass produced inf at [0]; input 0 [2, 3] lies in "
                       "[1e+308, 1e+308]",
                       NonFiniteError);
}

TEST_CASE("CheckFinite says which branch of where was taken") {
  const Tensor bad = tensor({inf, 1.0}, float64), good = tensor({2.0, 3.0}, float64);
  const CheckFinite guard;
  CHECK_NOTHROW(where(tensor({false, true}), bad, good));
  CHECK_THROWS_WITH_AS(where(tensor({true, true}), bad, good),
                       doctest::Contains("the branch taken there is input 0"), NonFiniteError);
  CHECK_THROWS_WITH_AS(where(tensor({false, true}), good, bad),
                       doctest::Contains("the branch taken there is input 1"), NonFiniteError);
}

TEST_CASE("CheckFinite names the op whose vjp produced the first NaN") {
  const Tensor x = tensor({4.0, 0.0}, float64).requires_grad();
  const Tensor y = sum(where(tensor({true, false}), plain_sqrt(x), 0.0));
  const CheckFinite guard;
  CHECK_THROWS_WITH_AS(y.backward(),
                       doctest::Contains("the cotangent there is 0: the element does not count"),
                       NonFiniteError);
}

TEST_CASE("CheckFinite lets go when it ends, also after it threw") {
  const Tensor zero = zeros({}, float64);
  {
    const CheckFinite guard;
    CHECK_THROWS_AS(log(zero), NonFiniteError);
  }
  CHECK_NOTHROW(log(zero));
}

TEST_CASE("check_finite follows an infinity from the op that began it to the result") {
  const Tensor x = tensor({1.0, 800.0}, float64).requires_grad("x");
  const auto report = check_finite([&] { return sum(2.0 * exp(x)); });
  CHECK_FALSE(report);
  CHECK(report.message ==
        "exp: the forward pass produced inf at [1]; input 0 'x' [2] is 800 there; from there it "
        "went through mul, sum");
  CHECK(report.harmless.empty());
}

TEST_CASE("check_finite knows that a branch that where did not take does no harm") {
  const Tensor x = tensor({4.0, 0.0}, float64).requires_grad("x");
  const auto report = check_finite([&] { return sum(where(x > 0, log(x), 0.0)); });
  CHECK(report);
  CHECK(report.message.empty());
  CHECK(contains(report.harmless, "log: the forward pass produced -inf at [1]"));
}

TEST_CASE("check_finite finds the vjp that turns an untaken branch into NaN") {
  const Tensor x = tensor({4.0, 0.0}, float64).requires_grad("x");
  const auto report = check_finite([&] { return sum(where(x > 0, plain_sqrt(x), 0.0)); });
  CHECK_FALSE(report);
  CHECK(contains(report.message, "plain_sqrt: the backward pass produced"));
  CHECK(contains(report.message, "masked_mul(g, slope) instead of g * slope"));
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("check_finite passes what is finite, and says when the data was not") {
  const Tensor x = tensor({1.0, 2.0}, float64).requires_grad();
  CHECK(check_finite([&] { return sum(exp(x)); }));
  const Tensor nothing = tensor({inf}, float64);
  CHECK(contains(check_finite([&] { return nothing; }).message, "by no op"));
  CHECK(contains(check_finite([&] { return nothing * 2.0; }).message, "input 0 [1] is inf there"));
}

TEST_CASE("the first NaN is reported without a sign, whichever bit an operation has set") {
  const Tensor x = tensor({1.0f, std::copysign(NAN, -1.0f)}).requires_grad("x");
  const auto report = check_finite([&] { return sum(x * 2.0); });
  CHECK(contains(report.message, "input 0 'x' [2] is nan there"));
  CHECK_FALSE(contains(report.message, "-nan"));
}

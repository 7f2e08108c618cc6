#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/autograd/test_op.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

const OpProperty& property(const OpTestResult& result, const std::string& name) {
  return *std::find_if(result.properties.begin(), result.properties.end(),
                       [&](const OpProperty& p) { return p.name == name; });
}

/// Whether just that property fails, with those words. Mutations are not tried then.
void check_failure(const OpTest& op, const std::string& name, const std::string& words) {
  const auto result = test_op(op);
  CAPTURE(result.message);
  CHECK_FALSE(result);
  for (const auto& p : result.properties) {
    CAPTURE(p.name);
    CHECK(p.problem.empty() == (p.name != name));
  }
  CHECK(contains(property(result, name).problem, words));
  CHECK(contains(result.message, "\n  FAILS " + name + ": "));
}

/// A formula, as a user would write it.
const auto swish = formula("swish", [](auto x) { return x / (1.0 + exp(-x)); });

/// a * b, recorded.
Tensor product(const Tensor& a, const Tensor& b) {
  return record("product", (a * b).detach(), {a, b},
                {[=](const Tensor& g) { return g * b; }, [=](const Tensor& g) { return g * a; }});
}

/// x * x with a vjp of one's own.
template <class Vjp> OpFunction square_with(Vjp vjp) {
  return [=](const Tensor& x) {
    return record("square_with", (x * x).detach(), {x},
                  {[=](const Tensor& g) { return vjp(g, x); }});
  };
}

Tensor right_slope(const Tensor& g, const Tensor& x) { return g * 2.0 * x; }

}  // namespace

TEST_CASE("test_op gives an op the whole suite in one line, and lists what it tested") {
  CHECK(test_op({.name = "swish", .f = swish, .inputs = {sample({2, 3}, 1)}}));
  const auto result = test_op({.name = "product",
                               .f = product,
                               .inputs = {sample({2, 3}, 1), sample({2, 3}, 2)},
                               .more = {{sample({4, 3}, 3), sample({3}, 4)}}});
  CHECK(result);
  CHECK(result.message ==
        "test_op: 'product' passes\n"
        "  holds gradient\n"
        "  holds float32\n"
        "  holds mixed dtypes\n"
        "  holds inputs\n"
        "  holds fast pass\n"
        "  holds zero cotangent\n"
        "  holds visits\n"
        "  holds tracked inputs\n"
        "  holds equal inputs\n"
        "  holds transposed inputs\n"
        "  holds broadcasting\n"
        "  holds empty inputs\n"
        "  holds 0-d inputs\n"
        "  holds mutations");
  std::ostringstream text;
  text << result;
  CHECK(text.str() == result.message);
}

TEST_CASE("test_op takes functions of one to four tensors or of a vector") {
  const Tensor x = sample({3}, 1), y = sample({3}, 2), z = sample({3}, 3), w = sample({3}, 4);
  const auto three = [](const Tensor& a, const Tensor& b, const Tensor& c) { return a * b + c; };
  const auto four = [](const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& d) {
    return a * b + c * d;
  };
  const auto list = [](const std::vector<Tensor>& x) { return concat(x); };
  CHECK(test_op({.name = "", .f = three, .inputs = {x, y, z}}));
  CHECK(test_op({.name = "", .f = four, .inputs = {x, y, z, w}}));
  CHECK(test_op({.name = "concat", .f = list, .inputs = {x, y, z}}));
  CHECK(test_op({.name = "index_select",
                 .f = [](const Tensor& a, const Tensor& i) { return index_select(a, 0, i); },
                 .inputs = {x, tensor({2, 0, 2})}}));
  CHECK_THROWS_WITH_AS(test_op({.name = "mul", .f = three, .inputs = {x}}),
                       "test_op: the function takes 3 tensors, the sample has 1", ValueError);
  CHECK_THROWS_WITH_AS(test_op({.name = "mul", .f = {}, .inputs = {x}}),
                       "test_op: 'mul' has no function", ValueError);
  CHECK_THROWS_WITH_AS(test_op({.name = "swish", .f = swish, .inputs = {}}),
                       "test_op: 'swish' has no inputs", ValueError);
  CHECK_THROWS_WITH_AS(test_op({.name = "swish", .f = swish, .inputs = {x}, .skip = {"speed"}}),
                       "test_op: there is no property 'speed' to skip", ValueError);
}

TEST_CASE("test_op finds a wrong gradient, and one that is wrong to second order only") {
  const Tensor x = sample({3}, 1);
  const auto wrong = [](const Tensor& g, const Tensor& x) { return g * x; };
  const auto result = test_op({.name = "square_with", .f = square_with(wrong), .inputs = {x}});
  CHECK_FALSE(result);
  CHECK(contains(property(result, "gradient").problem, "1/2 times the numeric one"));
  const auto detached = [](const Tensor& g, const Tensor& x) { return g * 2.0 * x.detach(); };
  check_failure({.name = "square_with", .f = square_with(detached), .inputs = {x}}, "gradient",
                "second derivative of input 0");
  CHECK_FALSE(property(result, "mutations").applies);
}

TEST_CASE("test_op finds an op that computes otherwise in float32") {
  const auto coarse = [](const Tensor& x) {
    const Tensor y = x.dtype() == float32 ? x * 1.001 : x * 1.0;
    return record("coarse", y.detach(), {x}, {[](const Tensor& g) { return g; }});
  };
  check_failure({.name = "coarse", .f = coarse, .inputs = {sample({3}, 1)}}, "float32",
                "in float32 and");
}

TEST_CASE("test_op finds an op that mixes dtypes") {
  const auto mixes = [](const Tensor& a, const Tensor& b) { return product(a, b.to(a.dtype())); };
  check_failure({.name = "product", .f = mixes, .inputs = {sample({3}, 1), sample({3}, 2)}},
                "mixed dtypes", "throw no DtypeError");
}

TEST_CASE("test_op finds an op that writes into its input") {
  const auto writes = [](const Tensor& x) {
    const Tensor y = square_with(right_slope)({x});
    static int calls = 0;
    auto* data = static_cast<double*>(const_cast<void*>(x.raw()));
    if (x.dtype() == float64 && ++calls > 0) data[0] = -data[0];
    return y;
  };
  const auto result = test_op({.name = "square_with", .f = writes, .inputs = {sample({3}, 1)}});
  CHECK(contains(property(result, "inputs").problem, "an input changed"));
}

TEST_CASE("test_op finds a fast path that differs, and NaN from a zero cotangent") {
  const Tensor x = sample({3}, 1);
  const auto differs = [](const Tensor& g, const Tensor& x) {
    return g * (recording() ? 2.0 : 2.0 + 1e-9) * x;
  };
  const auto result = test_op({.name = "square_with", .f = square_with(differs), .inputs = {x}});
  CHECK(contains(property(result, "fast pass").problem, "when the pass is recorded"));
  CHECK(contains(property(result, "gradient").problem, " is 1 + 5e-10 times"));  // sees it too
  const auto nan = [](const Tensor& g, const Tensor& x) { return g * g * 2.0 * x / g; };
  check_failure({.name = "square_with", .f = square_with(nan), .inputs = {x}}, "zero cotangent",
                "a zero cotangent gives gradient 0 = [nan, nan, nan]");
}

TEST_CASE("test_op finds what depends on which inputs are tracked, equal or transposed") {
  const Tensor a = sample({3, 2}, 1), b = sample({3, 2}, 2);
  const auto tracked = [](const Tensor& a, const Tensor& b) {
    return b.is_tracked() ? product(a, b) : product(a, 2.0 * b);
  };
  check_failure({.name = "product", .f = tracked, .inputs = {a, b}}, "tracked inputs",
                "where inputs");
  const auto equal = [](const Tensor& a, const Tensor& b) {
    const bool one = a.raw() == b.raw();  // takes a * a for a square, and forgets one of its sides
    return record("product", (a * b).detach(), {a, b},
                  {[=](const Tensor& g) { return g * b; },
                   [=](const Tensor& g) { return one ? Tensor() : g * a; }});
  };
  check_failure({.name = "product", .f = equal, .inputs = {a, b}}, "equal inputs",
                "the gradient of one tensor as inputs 0 and 1 is");
  const auto transposed = [](const Tensor& x) {
    const bool moved = static_cast<bool>(x.value_ref()->transposed_from);
    return record("square", moved ? (x * (x + 1e-9)).detach() : (x * x).detach(), {x},
                  {[=](const Tensor& g) { return g * 2.0 * x; }});
  };
  check_failure({.name = "square", .f = transposed, .inputs = {a}}, "transposed inputs",
                "for transposed inputs");
}

TEST_CASE("test_op tries what the op takes besides: broadcasting, 0-d and empty inputs") {
  const Tensor a = sample({3, 2}, 1), b = sample({3, 2}, 2);
  // Right for equal shapes; the engine sums what is broadcast, this sums it before.
  const auto broadcasts = [](const Tensor& a, const Tensor& b) {
    return record(
        "broadcasts", (a * b).detach(), {a, b},
        {[=](const Tensor& g) { return g * b; },
         [=](const Tensor& g) { return a.shape() == b.shape() ? g * a : select(g * a, 0, 0); }});
  };
  check_failure({.name = "broadcasts", .f = broadcasts, .inputs = {a, b}}, "broadcasting",
                "for shapes [1, 2], [3, 2]: gradcheck: fail: ");
  const auto scalar = [](const Tensor& x) {
    const double factor = x.ndim() == 0 ? 1 : 2;
    return record("scalar", (x * x).detach(), {x},
                  {[=](const Tensor& g) { return g * factor * x; }});
  };
  check_failure({.name = "scalar", .f = scalar, .inputs = {a}}, "0-d inputs", "for shapes []");
  const auto empty = [](const Tensor& x) {
    return record("empty", sum(x).detach() * 1.0, {x}, {[=](const Tensor& g) {
                    if (x.numel() == 0) fail<ShapeError>("empty", "no elements");
                    return expand(g, x.shape());
                  }});
  };
  const auto taken = test_op({.name = "empty", .f = empty, .inputs = {a}});
  CHECK(taken.message.find("empty inputs") != std::string::npos);
}

TEST_CASE("test_op demands samples that notice every mutation") {
  const Tensor x = sample({3}, 1);
  check_failure({.name = "product", .f = product, .inputs = {x, x}}, "mutations",
                "product, gradient of its input 0: gradient of the next input");
  CHECK(
      test_op({.name = "product", .f = product, .inputs = {x, x}, .more = {{x, sample({3}, 2)}}}));
  CHECK(test_op({.name = "product", .f = product, .inputs = {x, x}, .skip = {"mutations"}}));
  check_failure({.name = "prodct", .f = product, .inputs = {x, x}}, "mutations",
                "no vjp of 'prodct' was called; those called are of ");
}

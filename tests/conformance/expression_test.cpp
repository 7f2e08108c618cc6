// The interpreter of the conformance program.
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "conformance/expression.hpp"
#include "support/close.hpp"

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::conformance;
using namespace gradtape::testing;

namespace {

Value value_of(const std::string& expression) { return evaluate(expression, {}); }

std::int64_t integer(const std::string& expression) {
  const Value value = value_of(expression);
  REQUIRE_MESSAGE(value.is<std::int64_t>(), expression << " is of type " << value.kind());
  return value.get<std::int64_t>();
}

double real(const std::string& expression) {
  const Value value = value_of(expression);
  REQUIRE_MESSAGE(value.is<double>(), expression << " is of type " << value.kind());
  return value.get<double>();
}

bool boolean(const std::string& expression) {
  const Value value = value_of(expression);
  REQUIRE_MESSAGE(value.is<bool>(), expression << " is of type " << value.kind());
  return value.get<bool>();
}

std::vector<std::int64_t> integers(const std::string& expression) {
  return value_of(expression).integers(expression);
}

/// Why an expression is not evaluated.
std::string refusal(const std::string& expression) {
  try {
    value_of(expression);
  } catch (const Unsupported& e) {
    return e.what();
  }
  return "evaluated";
}

using Integers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("an expression's operators bind as Python's do") {
  CHECK(integer("2 + 3 * 4 - 5") == 9);
  CHECK(integer("(2 + 3) * 4") == 20);
  CHECK(integer("2 ** 3 ** 2") == 512);
  CHECK(integer("-2 ** 2") == -4);
  CHECK(integer("(-2) ** 2") == 4);
  CHECK(real("2 ** -1") == 0.5);
  CHECK(integer("--3") == 3);
  CHECK(integer("~5 + 1") == -5);
  CHECK(integer("1 | 6 & 3 ^ 8") == (1 | ((6 & 3) ^ 8)));
  CHECK(integer("1 << 2 + 1") == 8);
  CHECK(integer("10 - 4 - 3") == 3);
  CHECK(integer("100 // 7 // 2") == 7);
  CHECK(boolean("1 + 1 == 2"));
  CHECK(boolean("not 1 == 2"));
  CHECK(boolean("not not True"));
  CHECK(boolean("True or False and False"));
  CHECK(integer("1 if 0 else 2 if 0 else 3") == 3);
  CHECK(integer("(lambda x: x + 1 if x else 7)(0)") == 7);
}

TEST_CASE("numbers in an expression follow Python's rules") {
  CHECK(integer("-7 // 2") == -4);
  CHECK(integer("7 // -2") == -4);
  CHECK(integer("-7 % 3") == 2);
  CHECK(integer("7 % -3") == -2);
  CHECK(real("-7.5 // 2") == -4.0);
  CHECK(real("-7.5 % 2") == 0.5);
  CHECK(real("7 / 2") == 3.5);
  CHECK(real("4 / 2") == 2.0);
  CHECK(integer("True + True") == 2);
  CHECK(boolean("True & False | True"));
  CHECK(integer("2 ** 62") == std::int64_t{1} << 62);
  CHECK(real("2 ** 70") == 0x1p70);  // Python's integers have no end
  CHECK(real("9223372036854775807 + 1") == 0x1p63);
  CHECK(integer("0x1f + 0b11 + 0o17 + 1_000") == 31 + 3 + 15 + 1000);
  CHECK(real("1e-3") == 1e-3);
  CHECK(real("1.5E+2") == 150.0);
  CHECK(real(".5") == 0.5);
  CHECK(real("5.") == 5.0);
  CHECK(real("1e400") == std::numeric_limits<double>::infinity());
  CHECK(real("0.1 + 0.2") == 0.1 + 0.2);
  CHECK(real("float('inf')") == std::numeric_limits<double>::infinity());
  CHECK(real("float('-inf')") == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(real("float('nan')")));
  CHECK(real("float(3)") == 3.0);
  CHECK(integer("int(-2.7)") == -2);
  CHECK(real("math.log(8, 2)") == close(3, 1e-12));
  CHECK(real("math.sqrt(2.0) * math.pi") == std::sqrt(2.0) * std::acos(-1.0));
  CHECK(integer("math.floor(-0.5) + math.comb(5, 2) + math.factorial(4)") == -1 + 10 + 24);
  CHECK(integer("round(2.5) + round(3.5)") == 2 + 4);
  CHECK(integer("abs(-3) + max(1, 5, 2) - min([4, 2])") == 3 + 5 - 2);
}

TEST_CASE("comparisons chain, and logic gives the deciding operand") {
  CHECK(boolean("1 < 2 < 3"));
  CHECK(!boolean("1 < 3 < 2"));
  CHECK(!boolean("3 < 2 < 1 / 0 if False else 3 < 2 < [][0]"));  // the rest is not evaluated
  CHECK(integer("0 or 5") == 5);
  CHECK(integer("3 and 4") == 4);
  CHECK(integer("0 and [][0]") == 0);
  CHECK(boolean("None is None"));
  CHECK(boolean("1 is not None"));
  CHECK(boolean("2 in (1, 2)"));
  CHECK(boolean("3 not in [1, 2]"));
  CHECK(boolean("(1, 2) == (1, 2.0)"));
  CHECK(boolean("(1, 2) < (1, 3)"));
  CHECK(boolean("'a' != \"b\""));
}

TEST_CASE("lists, tuples, slices and loops") {
  CHECK(integers("[1, *[2, 3], 4,]") == Integers{1, 2, 3, 4});
  CHECK(integers("1, 2") == Integers{1, 2});
  CHECK(integers("(1,)") == Integers{1});
  CHECK(integers("()").empty());
  CHECK(integers("[1, 2] + [3] * 2") == Integers{1, 2, 3, 3});
  CHECK(integers("[x * y for x in range(3) if x for y in (x, 10) if y > 1]") ==
        Integers{10, 4, 20});
  CHECK(integers("list(a + b for a, b in [(1, 2), (3, 4)])") == Integers{3, 7});
  CHECK(integers("[i + j for i, (j, _) in enumerate([(5, 0), (6, 0)])]") == Integers{5, 7});
  CHECK(integer("sum(k for k in range(1, 10, 3))") == 12);
  CHECK(integer("sum([1, 2], 10)") == 13);
  CHECK(integers("list(range(5, 0, -2))") == Integers{5, 3, 1});
  CHECK(integers("[0, 1, 2, 3, 4][1:-1]") == Integers{1, 2, 3});
  CHECK(integers("[0, 1, 2, 3, 4][::-2]") == Integers{4, 2, 0});
  CHECK(integers("[0, 1, 2][5:]").empty());
  CHECK(integer("[[1, 2], [3]][0][-1]") == 2);
  CHECK(integer("len([1, 2]) + len('abc')") == 5);
  CHECK(integers("sorted([3, 1, 2], key=lambda x: -x)") == Integers{3, 2, 1});
  CHECK(integers("list(map(lambda a, b: a * b, [1, 2], [3, 4]))") == Integers{3, 8});
  CHECK(integers("[a for a, b in zip([1, 2, 3], [4, 5])]") == Integers{1, 2});
}

TEST_CASE("lambda and := bind names where Python binds them") {
  CHECK(integer("(lambda x, y=2, *rest: x + y + len(rest))(1)") == 3);
  CHECK(integer("(lambda x, y=2, *rest: x + y + len(rest))(1, 5, 0, 0)") == 8);
  CHECK(integer("(lambda x, y=2: x - y)(y=1, x=5)") == 4);
  CHECK(integer("(lambda *a: a[1])(*[7, 8])") == 8);
  CHECK(integer("(lambda: 3)()") == 3);
  CHECK(integer("(lambda a: (lambda b: a - b))(5)(3)") == 2);
  CHECK(integer("(lambda s: [s := s * 2 + i for i in range(3)][-1])(1)") == 12);
  CHECK(integer("(y := 3) + y") == 6);
  CHECK(integer("[z := 4, z + 1][1]") == 5);
  // the loop's own name stays inside; := goes out of it
  CHECK(integers("[[t := i for i in range(3)][0], t]") == Integers{0, 2});
  CHECK(refusal("[[i for i in range(3)][0], i]") == "i has no equivalent");
  CHECK(integer("reduce(lambda a, b: a * b, [1, 2, 3, 4])") == 24);
}

TEST_CASE("names of torch that are no functions") {
  CHECK(value_of("torch.float64").get<Dtype>() == float64);
  CHECK(value_of("torch.long").get<Dtype>() == int64);
  CHECK(value_of("torch.bool").get<Dtype>() == bool_);
  CHECK(real("torch.pi") == std::acos(-1.0));
  CHECK(real("torch.finfo(torch.float32).eps") == 0x1p-23);
  CHECK(boolean("torch.float32.is_floating_point"));
}

TEST_CASE("tensors made in an expression have PyTorch's dtypes") {
  auto made = [](const char* expression) { return value_of(expression).tensor(expression); };
  CHECK(array_equal(made("torch.tensor([[1, 2], [3, 4]])"), tensor({{1, 2}, {3, 4}})));
  CHECK(array_equal(made("torch.tensor([1, 2.5])"), tensor({1, 2.5}, float64)));
  CHECK(array_equal(made("torch.tensor([True, False])"), tensor({true, false})));
  CHECK(array_equal(made("torch.tensor([1, 2], dtype=torch.float32)"), tensor({1.0, 2.0})));
  CHECK(array_equal(made("torch.ones(2, 3)"), ones({2, 3}, float64)));
  CHECK(array_equal(made("torch.zeros((2, 3))"), zeros({2, 3}, float64)));
  CHECK(array_equal(made("torch.arange(5.0)"), arange(0, 5, 1, float64)));
  CHECK(array_equal(made("torch.arange(1, 6, 2)"), tensor({1, 3, 5})));
  CHECK(array_equal(made("torch.full_like(torch.ones(2), 0.3)"), full({2}, 0.3, float64)));
  CHECK(array_equal(made("torch.ones(2).float()"), ones({2})));
  CHECK(integers("torch.ones(2, 3).shape") == Integers{2, 3});
  CHECK(integer("torch.ones(2, 3).size(-1) + torch.ones(2, 3).ndim") == 5);
  CHECK(boolean("torch.ones(2, 3).shape == (2, 3)"));
  CHECK(integer("torch.tensor(3).item()") == 3);
  CHECK(integers("torch.tensor([3, 4]).tolist()") == Integers{3, 4});
}

TEST_CASE("an expression with tensors is differentiable; a list picks where a tuple indexes") {
  const Tensor x = tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}, float64).requires_grad("x");
  auto of_x = [&](const char* expression) { return evaluate(expression, {{"x", x}}); };
  auto gradient = [&](const char* expression) {
    return grad(sum(of_x(expression).tensor("y")), {x})[0];
  };
  CHECK(array_equal(of_x("x[1, 0]").tensor("y").detach(), tensor(4.0, float64)));
  CHECK(array_equal(of_x("x[[1, 0]]").tensor("y").detach(),
                    tensor({{4.0, 5.0, 6.0}, {1.0, 2.0, 3.0}}, float64)));
  CHECK(of_x("x[:, None, [2, 0, 2], ...]").tensor("y").shape() == Shape{2, 1, 3});
  CHECK(array_equal(gradient("torch.cat([r[1:] for r in x] + [x[0]])"),
                    tensor({{1.0, 2.0, 2.0}, {0.0, 1.0, 1.0}}, float64)));
  CHECK(array_equal(gradient("(lambda a, b: a)(*x)"),
                    tensor({{1.0, 1.0, 1.0}, {0.0, 0.0, 0.0}}, float64)));
  CHECK(array_equal(gradient("x.t()[x.shape[1] - 1].reshape(-1)"),
                    tensor({{0.0, 0.0, 1.0}, {0.0, 0.0, 1.0}}, float64)));
}

TEST_CASE("a layer made in an expression has its state") {
  CHECK(array_equal(value_of("nn.BatchNorm1d(3).running_var").tensor("x"), ones({3}, float64)));
  CHECK(integer("nn.BatchNorm1d(3, momentum=None).num_batches_tracked.item()") == 0);
  CHECK(integer("(lambda m: (m(torch.ones(2, 3)), m.num_batches_tracked.item())[1])"
                "(nn.BatchNorm1d(3))") == 1);
  CHECK(real("nn.Dropout(0.5).eval()(torch.ones(2, 3)).sum().item()") == 6);
}

TEST_CASE("a function that writes into its argument is seen under every name of it") {
  const Value x = tensor({1.0}), same = x;
  x.update(tensor({2.0}));
  CHECK(array_equal(same.tensor("x"), tensor({2.0})));
  const Value y = evaluate("(lambda a: (a.to_(torch.float64), a))(x.clone())", {{"x", x}});
  CHECK(y.tensors("y")[1].dtype() == float64);
  CHECK(x.tensor("x").dtype() == float32);
  CHECK_THROWS_AS(Value(1).update(tensor({2.0})), Unsupported);
}

TEST_CASE("what the interpreter does not know is unsupported, with the reason") {
  const std::string read = "the expression cannot be read at character ";
  CHECK(refusal("") == read + "0: 'the end' is unexpected");
  CHECK(refusal("1 +") == read + "3: 'the end' is unexpected");
  CHECK(refusal("(1, 2") == read + "5: expected ')', got 'the end'");
  CHECK(refusal("1 2") == read + "2: '2' is unexpected");
  CHECK(refusal("a = 1") == read + "2: '=' is unexpected");
  CHECK(refusal("'abc") == read + "0: a string does not end");
  CHECK(refusal("'a\\x00'") == read + "3: an unknown escape");
  CHECK(refusal("3abc") == read + "1: a number goes on with a letter");
  CHECK(refusal("1j") == read + "1: a number goes on with a letter");
  CHECK(refusal("x $ y") == read + "2: '$' belongs to no token");
  CHECK(refusal("{1: 2}") == read + "0: '{' is unexpected");
  CHECK(refusal("f(**k)") == read + "4: ** in a call is not covered");
  CHECK(refusal("lambda x=1, y: x") ==
        read + "13: a parameter without a default follows one with a default");
  CHECK(refusal("for") == read + "0: 'for' is unexpected");
  CHECK(refusal("0x") == read + "0: '0x' is no number");
  CHECK(refusal(std::string(1000, '(')) == read + "200: it is nested too deeply");
  CHECK(refusal(std::string(10'000, '-')).find("it is too long") != std::string::npos);
  CHECK(refusal("nobody") == "nobody has no equivalent");
  CHECK(refusal("torch.nothing(1)") == "torch.nothing has no equivalent");
  CHECK(refusal("torch.ones(2).nothing()") == "Tensor.nothing has no equivalent");
  CHECK(refusal("(1, 2).nothing") == "a tuple has no item nothing");
  CHECK(refusal("(3).real") == "int has no attribute real");
  CHECK(refusal("3(4)") == "a call of int");
  CHECK(refusal("nn.BatchNorm1d(3).nothing") == "object has no attribute nothing");
  CHECK(refusal("nn.Linear(3, 2)") == "random initial values");
  CHECK(refusal("nn.BatchNorm1d(3, what=1)") == "nn.BatchNorm1d: the keyword what is not read");
  CHECK(refusal("[1] - [2]") == "- between tuple and tuple");
  CHECK(refusal("1 < 'a'") == "< between int and str");
  CHECK(refusal("-'a'") == "- of str");
  CHECK(refusal("1 / 0") == "division by zero");
  CHECK(refusal("1 // 0") == "division by zero");
  CHECK(refusal("(-8) ** 0.5") == "complex numbers");
  CHECK(refusal("[1, 2][2]") == "index 2 of 2 items");
  CHECK(refusal("[1][::0]") == "a slice of step 0");
  CHECK(refusal("range(10 ** 9)") == "so long a range");
  CHECK(refusal("[0] * 10 ** 9") == "so long a list");
  CHECK(refusal("math.sqrt(-1)") == "math: outside the domain");
  CHECK(refusal("math.log(0)") == "math: outside the domain");
  CHECK(refusal("float('x')") == "float('x')");
  CHECK(refusal("(lambda x: x)()") == "a lambda gets no argument for x");
  CHECK(refusal("(lambda x: x)(1, 2)") == "a lambda of 1 parameters gets 2 arguments");
  CHECK(refusal("(lambda x: x)(1, y=2)") == "a lambda has no parameter y");
  CHECK(refusal("(lambda f: f(f))(lambda f: f(f))") == "calls nested so deeply");
  CHECK(refusal("[a for a, b in [(1, 2, 3)]]") == "3 values for 2 names");
  CHECK(refusal("[x for x in 3]") == "a loop over int");
  CHECK(refusal("*[1], 2") == "evaluated");
  CHECK(refusal("1 if torch.ones(2) else 2") == "the truth of a tensor of shape [2]");
  CHECK(refusal("torch.ones(2, nonsense=1)") == "ones: the keyword nonsense is not read");
  CHECK(refusal("torch.ones(2).clone(1)") == "clone: argument 1 is not read");
}

TEST_CASE(
    "an argument is read by position, keyword or alias, and one that is not read is noticed") {
  Call call("f", {tensor({1.0}), 3}, {{"axis", 1}, {"keepdims", true}, {"eps", 0.5}});
  CHECK(call.tensor(0, "input").numel() == 1);
  CHECK(call.integer(1, "n") == 3);
  CHECK(call.axes(2, "dim").list == Integers{1});
  CHECK(call.flag(3, "keepdim", false));
  CHECK_THROWS_WITH_AS(call.check_all_read(), "f: the keyword eps is not read", Unsupported);
  CHECK(call.number(4, "eps") == 0.5);
  CHECK_NOTHROW(call.check_all_read());
  CHECK(call.text(5, "reduction", "mean") == "mean");
  CHECK(!call.tensor_or_none(6, "weight").defined());
  CHECK_THROWS_WITH_AS(call.number(5, "p"), "f: p is not given", Unsupported);
  CHECK_THROWS_WITH_AS(call.text(1, "n"), "f: n: needs a string, got int", Unsupported);
  Call wrong("f", {tensor({1.0, 2.0})}, {});
  CHECK_THROWS_WITH_AS(wrong.number(0, "p"), "f: p: needs a number, got Tensor", Unsupported);
  CHECK_THROWS_WITH_AS(wrong.integer(0, "n"), "f: n: needs an integer, got Tensor", Unsupported);
  Call rest("f", {0, 2, 3}, {});
  CHECK(rest.rest(1, "size") == Integers{2, 3});
  CHECK_THROWS_WITH_AS(rest.check_all_read(), "f: argument 0 is not read", Unsupported);
  Call list("f", {0, List{4, 5}}, {});
  CHECK(list.rest(1, "size") == Integers{4, 5});
}

TEST_CASE("no function of PyTorch's is mapped twice") { CHECK_NOTHROW(mapping()); }

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/nn.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Inputs = const std::vector<Tensor>&;

/// Whether gradcheck fails `f` for that cause, with those words.
void check_cause(const std::function<Tensor(Inputs)>& f, const std::vector<Tensor>& inputs,
                 Cause cause, const std::string& words, const GradcheckOptions& options = {}) {
  const auto result = gradcheck(f, inputs, options);
  CAPTURE(result.message);
  CHECK(result.verdict == Verdict::fail);
  CHECK(std::string(name(result.cause)) == name(cause));
  CHECK(contains(result.message, std::string("likely cause: ") + name(cause)));
  CHECK(contains(result.message, words));
}

/// x[0] * x[1] with a vjp of one's own for x[0].
template <class Wrong> std::function<Tensor(Inputs)> product_with(Wrong wrong) {
  return [=](Inputs x) {
    return record("product", (x[0] * x[1]).detach(), {x[0], x[1]},
                  {[=, x0 = x[0], x1 = x[1]](const Tensor& g) { return wrong(g, x0, x1); },
                   [x0 = x[0]](const Tensor& g) { return g * x0; }});
  };
}

/// sin(x) with a vjp of one's own.
template <class Wrong> std::function<Tensor(Inputs)> sine_with(Wrong wrong) {
  return [=](Inputs x) {
    return record("sine", sin(x[0]).detach(), {x[0]},
                  {[=, x0 = x[0]](const Tensor& g) { return wrong(g, x0); }});
  };
}

}  // namespace

TEST_CASE("gradcheck names a wrong sign") {
  check_cause(sine_with([](const Tensor& g, const Tensor& x) { return -(g * cos(x)); }),
              {sample({2, 3}, 1)}, Cause::wrong_sign, "minus the numeric one");
}

TEST_CASE("gradcheck names a constant factor, and where it may come from") {
  const Tensor x = sample({7}, 1);
  const auto sine_times = [](double c) {
    return sine_with([c](const Tensor& g, const Tensor& x) { return c * (g * cos(x)); });
  };
  check_cause(sine_times(2), {x}, Cause::constant_factor, " is 2 times");
  check_cause(sine_times(-0.5), {x}, Cause::constant_factor, " is -1/2 times");
  check_cause(sine_times(2.0 / 3), {x}, Cause::constant_factor, " is 2/3 times");
  check_cause(sine_times(1.0 / 7), {x}, Cause::constant_factor,
              " is 1/7 (7 is the extent of axis 0 of the output) times");
  check_cause(sine_times(0.123456), {x}, Cause::constant_factor, " is 0.123456 times");
  const auto mean_as_sum = [](Inputs x) {
    return record("mean", mean(x[0]).detach(), {x[0]}, {[](const Tensor& g) { return g; }});
  };
  check_cause(mean_as_sum, {sample({3, 5}, 2)}, Cause::constant_factor,
              " is 15 (15 is the number of elements of input 0) times");
}

TEST_CASE("gradcheck sees a factor in the fifth and in the ninth digit") {
  for (double error : {1e-5, 1e-9}) {
    const auto f =
        sine_with([=](const Tensor& g, const Tensor& x) { return (1 + error) * (g * cos(x)); });
    check_cause(f, {sample({4}, 1)}, Cause::constant_factor, "1 + 1e-0");
  }
  const auto nothing_wrong = sine_with([](const Tensor& g, const Tensor& x) { return g * cos(x); });
  const auto result = gradcheck(nothing_wrong, {sample({4}, 1)}, {.order = 2});
  CHECK_MESSAGE(result, result.message);
  CHECK(result.sharpness < 1e-9);
}

TEST_CASE("gradcheck names what is transposed: the result, an operand, the cotangent, the layout") {
  const auto product = [](auto vjp_of_a) {
    return [=](Inputs x) {
      return record("product", matmul(x[0], x[1]).detach(), {x[0], x[1]},
                    {[=, b = x[1]](const Tensor& g) { return vjp_of_a(g, b); },
                     [a = x[0]](const Tensor& g) { return matmul(transpose(a), g); }});
    };
  };
  const std::vector<Tensor> square{sample({3, 3}, 1), sample({3, 3}, 2)};
  check_cause(
      product([](const Tensor& g, const Tensor& b) { return transpose(matmul(g, transpose(b))); }),
      square, Cause::transposed, "the numeric one with axes 0 and 1 transposed");
  check_cause(product([](const Tensor& g, const Tensor& b) { return matmul(g, b); }), square,
              Cause::transposed, "uses input 1 transposed");
  check_cause(
      product([](const Tensor& g, const Tensor& b) { return matmul(transpose(g), transpose(b)); }),
      square, Cause::transposed, "uses the incoming cotangent transposed");
  check_cause(product([](const Tensor& g, const Tensor& b) {
                return reshape(transpose(matmul(g, transpose(b))), {2, 3});
              }),
              {sample({2, 3}, 1), sample({3, 4}, 2)}, Cause::transposed, "reshaped back");
}

TEST_CASE("gradcheck names a missing sum over a broadcast axis, and a sum too many") {
  const auto add_with = [](auto vjp) {
    return [=](Inputs x) {
      return record("add", (x[0] + x[1]).detach(), {x[0], x[1]},
                    {[](const Tensor& g) { return g; }, vjp});
    };
  };
  const std::vector<Tensor> x{sample({4, 3}, 1), sample({3}, 2)};
  check_cause(add_with([](const Tensor& g) { return select(g, 0, 0); }), x, Cause::missing_sum,
              "the sum over axis 0 of the output [4, 3] is missing");
  check_cause(add_with([](const Tensor& g) { return select(g, 0, 3); }), x, Cause::missing_sum,
              "slice 3 alone");
  check_cause(add_with([](const Tensor& g) { return sum(g); }), x, Cause::extra_sum,
              "sums over axes of the input");
}

TEST_CASE("gradcheck names contributions that overwrite each other") {
  // Row 1 is taken twice; the last one wins.
  const auto rows = [](Inputs x) {
    return record("rows", index_select(x[0], 0, tensor({1, 0, 1})).detach(), {x[0]},
                  {[](const Tensor& g) { return slice(g, 0, 1); }});
  };
  const Tensor x = sample({2, 3}, 1);
  check_cause(rows, {x}, Cause::overwritten, "instead of being added up");
  // Both squares of a sum of squares reach x[0]; one path writes over the other's.
  const auto two_paths = [](Inputs x) {
    const Tensor y = stack({square(x[0]), 3.0 * x[0]});
    return record("two_paths", y.detach(), {x[0]}, {[x0 = x[0]](const Tensor& g) {
                    Tensor gradient = select(g, 0, 0) * 2.0 * x0;
                    gradient = where(x0 > 0, select(g, 0, 1) * 3.0, gradient);
                    return gradient;
                  }});
  };
  check_cause(two_paths, {sample({5}, 3)}, Cause::overwritten, "one of the contributions");
}

TEST_CASE("gradcheck names what is wrong with the use of the cotangent") {
  const Tensor x = sample({2, 3}, 1);
  check_cause(sine_with([](const Tensor&, const Tensor& x) { return cos(x); }), {x},
              Cause::ignores_cotangent, "ignores the incoming cotangent");
  check_cause(sine_with([](const Tensor& g, const Tensor& x) { return square(g) * cos(x); }), {x},
              Cause::nonlinear, "not linear in the incoming cotangent");
  check_cause(sine_with([](const Tensor& g, const Tensor&) { return g; }), {x},
              Cause::passes_cotangent, "the slope of the op is missing");
  const auto behind = [&](Inputs x) {
    return square(sine_with([](const Tensor&, const Tensor& x) { return cos(x); })(x));
  };
  check_cause(behind, {x}, Cause::ignores_cotangent, "ignores the incoming cotangent");
}

TEST_CASE("gradcheck names the input whose gradient it is") {
  check_cause(product_with([](const Tensor& g, const Tensor& x0, const Tensor&) { return g * x0; }),
              {sample({3}, 1), sample({3}, 2)}, Cause::wrong_input, "is that of weight",
              {.names = {"x", "weight"}});
}

TEST_CASE("gradcheck names permuted and zero gradients") {
  const Tensor x = sample({5}, 1);
  check_cause(sine_with([](const Tensor& g, const Tensor& x) {
                return index_select(g * cos(x), 0, tensor({1, 2, 3, 4, 0}));
              }),
              {x}, Cause::permuted, "in wrong places");
  check_cause(sine_with([](const Tensor& g, const Tensor&) { return zeros_like(g); }), {x},
              Cause::zero, "the analytic gradient is 0 everywhere");
  check_cause(sine_with([](const Tensor& g, const Tensor& x) { return g / (x - x.detach()); }), {x},
              Cause::not_finite, "is not finite where the numeric one is");
}

TEST_CASE("gradcheck names rounding to float32, backward and forward") {
  const Tensor x = sample({6}, 1);
  check_cause(sine_with([](const Tensor& g, const Tensor& x) {
                return (g * cos(x)).to(float32).to(float64);
              }),
              {x}, Cause::float32_precision, "about 7 digits");
  const auto forward = [](Inputs x) { return sin(x[0].to(float32)).to(float64) * 2.0; };
  const auto result = gradcheck(forward, {x});
  CAPTURE(result.message);
  CHECK(result.verdict == Verdict::inconclusive);
  CHECK(result.cause == Cause::float32_precision);
  CHECK(contains(result.message, "rounds to float32 somewhere"));
}

TEST_CASE("gradcheck names inputs that the tape does not reach, and cut second derivatives") {
  const Tensor x = sample({3}, 1);
  check_cause([](Inputs x) { return x[0] + x[1].detach(); }, {x, x}, Cause::unreachable,
              "the tape does not reach input 1");
  check_cause(sine_with([](const Tensor& g, const Tensor& x) { return g * cos(x.detach()); }), {x},
              Cause::detached, "second derivative of input 0", {.order = 2});
  check_cause(sine_with([](const Tensor& g, const Tensor& x) { return g.detach() * cos(x); }), {x},
              Cause::detached, "lead to the cotangent", {.order = 2});
}

TEST_CASE("gradcheck names random passes") {
  const Tensor x = sample({3}, 1);
  const auto forward = gradcheck([](const Tensor& x) { return x * rand({3}, float64); }, x);
  CHECK(forward.verdict == Verdict::inconclusive);
  CHECK(forward.cause == Cause::random_forward);
  const auto backward = gradcheck(
      sine_with([](const Tensor& g, const Tensor&) { return g * rand({3}, float64); }), {x});
  CHECK(backward.verdict == Verdict::inconclusive);
  CHECK(backward.cause == Cause::random_backward);
}

TEST_CASE("at a kink gradcheck takes a subgradient with a note, and nothing else") {
  const Tensor on_kink = tensor({0.0, 0.5, -1.0}, float64);
  const auto good = gradcheck([](const Tensor& x) { return abs(x); }, on_kink);
  CHECK_MESSAGE(good, good.message);
  REQUIRE(good.notes.size() == 1);
  CHECK(contains(good.notes[0], "gradient of input 0 [3] at element [0]: a kink with slopes "));
  CHECK(contains(good.notes[0], "analytic 0 is a subgradient (1 such)"));

  const auto only_kinks = gradcheck([](const Tensor& x) { return abs(x); }, zeros({2}, float64));
  CHECK(only_kinks.verdict == Verdict::inconclusive);
  CHECK(only_kinks.cause == Cause::kink);

  const auto absolute = [](Inputs x) {
    const Tensor slope = where(x[0] == 0.0, full_like(x[0], 1.5), sign(x[0].detach()));
    return record("absolute", abs(x[0]).detach(), {x[0]},
                  {[slope](const Tensor& g) { return g * slope; }});
  };
  check_cause(absolute, {on_kink}, Cause::kink, "not between the slopes to both sides");

  // A kink that the first steps reach over, beside the point.
  const auto beside = gradcheck([](const Tensor& x) { return abs(x) + square(x); },
                                tensor({1e-3, -2e-5, 0.7}, float64));
  CHECK_MESSAGE(beside, beside.message);
  CHECK(beside.notes.empty());
}

TEST_CASE("rough and ill-conditioned functions are inconclusive, not wrong") {
  const Tensor x = sample({3}, 1);
  const auto cancels = gradcheck([](const Tensor& x) { return (sin(x) * 1e-3 + 1e8) - 1e8; }, x);
  CAPTURE(cancels.message);
  CHECK(cancels.verdict == Verdict::inconclusive);
  CHECK(cancels.cause == Cause::noise);
  const auto jumps = gradcheck([](const Tensor& x) { return x + floor(x); }, zeros({1}, float64));
  CAPTURE(jumps.message);
  CHECK(jumps.verdict == Verdict::inconclusive);
  const auto mild = gradcheck([](const Tensor& x) { return (sin(x) + 1e6) - 1e6; }, x);
  CHECK_MESSAGE(mild, mild.message);
  // The same roughness does not hide a factor of 2.
  const auto wrong = sine_with([](const Tensor& g, const Tensor& x) { return 2.0 * g * cos(x); });
  check_cause([&](Inputs x) { return (wrong(x) + 1e6) - 1e6; }, {x}, Cause::constant_factor,
              " is 2 times");
}

TEST_CASE("the fast mode passes what is right and finds the wrong element of a large input") {
  const Tensor x = sample({50, 40}, 1), w = sample({40, 30}, 2);
  const auto layer = [](Inputs x) { return tanh(matmul(x[0], x[1])); };
  const auto right = gradcheck(layer, {x, w}, {.order = 2});
  CHECK_MESSAGE(right, right.message);
  CHECK_FALSE(right.exact);
  CHECK(right.comparisons == 15);
  CHECK(gradcheck(layer, {sample({3, 4}, 1), sample({4, 2}, 2)}).exact);
  CHECK_FALSE(gradcheck(layer, {sample({3, 4}, 1), sample({4, 2}, 2)},
                        {.mode = GradcheckOptions::Mode::fast})
                  .exact);

  const auto one_element = [&](Inputs x) {
    return record("layer", matmul(x[0], x[1]).detach(), {x[0], x[1]},
                  {[b = x[1]](const Tensor& g) { return matmul(g, transpose(b)); },
                   [a = x[0]](const Tensor& g) {
                     const Tensor slope = matmul(transpose(a), g);
                     const Tensor element = at(slope, {17, 23});
                     return slope + 1e-6 * index_put(zeros_like(slope), {17, 23}, element);
                   }});
  };
  const auto wrong = gradcheck(one_element, {x, w}, {.names = {"x", "weight"}});
  CAPTURE(wrong.message);
  CHECK(wrong.verdict == Verdict::fail);
  CHECK(wrong.input == "weight");
  CHECK(wrong.element == std::vector<std::int64_t>{17, 23});
  CHECK(contains(wrong.message, "gradient of weight [40, 30] at element [17, 23]"));
  CHECK(contains(wrong.message, "wrong elements: x: none, weight: 1 of "));
}

TEST_CASE("the fast mode names the wrong parameter of a large module, and the cause") {
  seed(1);
  nn::Sequential model(nn::Linear(30, 40), nn::Tanh(), nn::Linear(40, 5));
  model.to(float64);
  const Tensor x = sample({6, 30}, 3);
  const auto right = gradcheck(model, x, {.order = 2, .parameters = model.parameters()});
  CHECK_MESSAGE(right, right.message);
  CHECK_FALSE(right.exact);
  const auto parameters = model.parameters();
  const auto f = [&](const Tensor& x) {
    const Tensor& w = parameters[2];
    const Tensor h = tanh(matmul(x, transpose(parameters[0])) + parameters[1]);
    return record("layer", matmul(h, transpose(w)).detach(), {h, w},
                  {[w](const Tensor& g) { return matmul(g, w); },
                   [h](const Tensor& g) { return -matmul(transpose(g), h); }});
  };
  const auto wrong = gradcheck(f, x, {.parameters = {parameters[0], parameters[1], parameters[2]}});
  CAPTURE(wrong.message);
  CHECK(wrong.verdict == Verdict::fail);
  CHECK(wrong.cause == Cause::wrong_sign);
  CHECK(wrong.input == "parameter '2.weight'");
}

namespace {

/// c sin(x) whose vjp says sin has the slope `factor` cos(x).
Tensor scaled_sine(const Tensor& x, double factor) {
  return record("sine", sin(x).detach(), {x},
                {[=](const Tensor& g) { return factor * (g * cos(x)); }});
}

/// a * b, whose vjps may lose their graph.
Tensor detaching_product(const Tensor& a, const Tensor& b, bool whole) {
  return record("product", (a * b).detach(), {a, b},
                {[=](const Tensor& g) { return g * b; },
                 [=](const Tensor& g) { return (whole ? g.detach() : g) * a.detach(); }});
}

}  // namespace

TEST_CASE("of several outputs gradcheck names the one that is wrong, and what is wrong with it") {
  const Tensor x = sample({3}, 1), y = sample({2}, 2);
  const auto f = [](const Tensor& a, const Tensor& b) {
    return std::vector<Tensor>{scaled_sine(a, 1), scaled_sine(a, 0.5), exp(b)};
  };
  const auto result = gradcheck(f, {x, y});
  CAPTURE(result.message);
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.cause == Cause::constant_factor);
  CHECK(result.output == 1);
  CHECK(contains(result.message, "gradcheck: fail: output 1: gradient of input 0 [3] at element"));
  CHECK(contains(result.message,
                 "likely cause: constant factor: the analytic gradient is 1/2 times"));
  CHECK(contains(result.message, "output 0 alone: inconclusive"));  // it does not use b
}

TEST_CASE(
    "gradcheck takes functions of several tensors with one output, a vector, array or tuple") {
  const Tensor x = sample({3}, 1), y = sample({3}, 2);
  const GradcheckOptions second{.order = 2};
  const auto passes = [](const GradcheckResult& result) {
    CHECK_MESSAGE(result, result.message);
    CHECK(result.output == -1);
  };
  passes(gradcheck([](const Tensor& a, const Tensor& b) { return sin(a) * b; }, {x, y}, second));
  passes(gradcheck(
      [](const Tensor& a, const Tensor& b) {
        return std::vector{a * b, exp(a)};
      },
      {x, y}, second));
  passes(gradcheck([](const Tensor& a) { return std::array{exp(a), a * a, sum(a)}; }, x, second));
  passes(
      gradcheck([](Inputs in) { return std::tuple(in[0] * in[1], sin(in[1])); }, {x, y}, second));
  // Indices have no gradient, and are no obstacle.
  passes(gradcheck([](const Tensor& a) { return std::pair(exp(a), argmax(a)); }, x));
  CHECK_THROWS_WITH_AS(gradcheck([](const Tensor& a, const Tensor& b) { return a * b; }, {x}),
                       "gradcheck: the function takes 2 tensors, the sample has 1", ValueError);
  CHECK(contains(gradcheck(
                     [](const Tensor& a) {
                       return std::array{argmax(a), argmin(a)};
                     },
                     x)
                     .message,
                 "none of the 2 outputs has a gradient"));
}

TEST_CASE("gradcheck of order 2 names the gradient that is cut off, of several") {
  const std::vector<Tensor> x{sample({3}, 1), sample({3}, 2)};
  const auto product = [](bool whole) {
    return [whole](Inputs x) { return detaching_product(x[0], x[1], whole); };
  };
  check_cause(product(true), x, Cause::detached,
              "the gradient of b is cut off from the graph: its vjp detaches it",
              {.order = 2, .names = {"a", "b"}});
  check_cause(product(false), x, Cause::detached,
              "the gradient of b is cut off from a: its vjp treats that as a constant",
              {.order = 2, .names = {"a", "b"}});
}

TEST_CASE("gradcheck says when f uses variables from outside, and how to have them checked") {
  const Tensor x = sample({3}, 1).requires_grad(), w = sample({1, 1}, 2).requires_grad();
  const Parameter p(sample({3}, 3), "p");
  CHECK(gradcheck([&](const Tensor& a) { return a * w; }, x).notes.at(0) ==
        "not checked: an unnamed leaf [1, 1]; list them as parameters, or pass them as inputs");
  const auto listed = gradcheck([&](const Tensor& a) { return a * w * p; }, x, {.parameters = {p}});
  CHECK(listed.cause == Cause::unnamed_parameter);
  CHECK(
      contains(listed.message, "neither inputs nor among the parameters: an unnamed leaf [1, 1]"));
  CHECK(contains(listed.message, "or pass them as inputs"));
  const auto unused = gradcheck([&](const Tensor&) { return exp(x); }, x);
  CHECK(unused.verdict == Verdict::inconclusive);
  CHECK(
      contains(unused.message, "f does not use its argument: it uses input 0 [3] as the variable"));
  CHECK(contains(gradcheck([&](const Tensor& a) { return a * x; }, x).message,
                 "f uses more than its argument"));
}

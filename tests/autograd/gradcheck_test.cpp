#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/nn.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Tensors = std::vector<Tensor>;
using Inputs = const Tensors&;
using Function = std::function<Tensor(Inputs)>;

/// An op as a user would write it, with vjps that are right or have one mistake.
struct Trial {
  const char* mistake;  // nullptr: none
  Function f;
  Tensors inputs;
};

/// The trials of the op that `value` computes: `vjps(x)` lists what `record` is given.
template <class Value, class Vjps>
Trial trial(const char* mistake, Tensors inputs, Value value, Vjps vjps) {
  return {mistake, [=](Inputs x) { return record("trial", value(x).detach(), x, vjps(x)); },
          std::move(inputs)};
}

template <class... F> std::vector<Vjp> list(F... f) {
  std::vector<Vjp> vjps;
  (vjps.emplace_back(std::move(f)), ...);
  return vjps;
}

std::vector<Trial> products() {
  const Tensors x{sample({3}, 1), sample({3}, 2)};
  const auto mul = [](Inputs x) { return x[0] * x[1]; };
  const auto right = [](const Tensor& other) { return [=](const Tensor& g) { return g * other; }; };
  const auto wrong_sign = [](const Tensor& a) { return [=](const Tensor& g) { return -(g * a); }; };
  const auto twice = [](const Tensor& a) { return [=](const Tensor& g) { return 2.0 * (g * a); }; };
  const auto nothing = [](const Tensor&) { return Tensor(); };
  return {
      trial(nullptr, x, mul, [=](Inputs x) { return list(right(x[1]), right(x[0])); }),
      trial("sign", x, mul, [=](Inputs x) { return list(right(x[1]), wrong_sign(x[0])); }),
      trial("factor 2", x, mul, [=](Inputs x) { return list(twice(x[1]), right(x[0])); }),
      trial("inputs exchanged", x, mul, [=](Inputs x) { return list(right(x[0]), right(x[1])); }),
      trial("zero", x, mul, [=](Inputs x) { return list(nothing, right(x[0])); }),
      trial("one element", x, mul,
            [=](Inputs x) {
              const Tensor first_two = tensor({1.0, 1.0, 0.0}, float64);
              return list(right(x[1] * first_two), right(x[0]));
            }),
  };
}

std::vector<Trial> matrix_products() {
  const Tensors x{sample({3, 3}, 3), sample({3, 3}, 4)};
  const auto product = [](Inputs x) { return matmul(x[0], x[1]); };
  const auto left = [](Inputs x) {
    return [b = x[1]](const Tensor& g) { return matmul(g, transpose(b)); };
  };
  const auto right = [](Inputs x) {
    return [a = x[0]](const Tensor& g) { return matmul(transpose(a), g); };
  };
  return {
      trial(nullptr, x, product, [=](Inputs x) { return list(left(x), right(x)); }),
      trial("transposed operand", x, product,
            [=](Inputs x) {
              return list([b = x[1]](const Tensor& g) { return matmul(g, b); }, right(x));
            }),
      trial("transposed result", x, product,
            [=](Inputs x) {
              return list(left(x), [a = x[0]](const Tensor& g) {
                return transpose(matmul(transpose(a), g));
              });
            }),
      trial("transposed cotangent", x, product,
            [=](Inputs x) {
              return list(left(x), [a = x[0]](const Tensor& g) {
                return matmul(transpose(a), transpose(g));
              });
            }),
  };
}

std::vector<Trial> nonlinearities() {
  const Tensors x{sample({2, 3}, 5)};
  const auto value = [](Inputs x) { return tanh(x[0]); };
  const auto soft = [](Inputs x) { return softmax(x[0]); };
  const auto cubic = [](Inputs x) { return x[0] * x[0] * x[0] + x[0]; };
  const auto with = [](auto vjp) { return [=](Inputs) { return list(vjp); }; };
  return {
      trial(nullptr, x, value,
            with([](const Tensor& g, const Tensor& y) { return g * (1.0 - y * y); })),
      trial("dropped square", x, value,
            with([](const Tensor& g, const Tensor& y) { return g * (1.0 - y); })),
      trial("sign inside", x, value,
            with([](const Tensor& g, const Tensor& y) { return g * (1.0 + y * y); })),
      trial("forgotten cotangent", x, value,
            with([](const Tensor&, const Tensor& y) { return 1.0 - y * y; })),
      trial(nullptr, x, soft, with([](const Tensor& g, const Tensor& y) {
              return y * (g - sum(g * y, -1, {.keepdim = true}));
            })),
      trial("dropped term", x, soft, with([](const Tensor& g, const Tensor& y) { return g * y; })),
      trial("sum over the wrong axis", x, soft, with([](const Tensor& g, const Tensor& y) {
              return y * (g - sum(g * y, 0, {.keepdim = true}));
            })),
      trial(nullptr, x, cubic,
            [](Inputs x) {
              return list([x = x[0]](const Tensor& g) { return g * (3.0 * x * x + 1.0); });
            }),
      trial("dropped term", x, cubic,
            [](Inputs x) { return list([x = x[0]](const Tensor& g) { return g * 3.0 * x * x; }); }),
  };
}

std::vector<Trial> broadcasts() {
  const Tensors x{sample({4, 3}, 6), sample({3}, 7)};
  const auto add = [](Inputs x) { return x[0] + x[1]; };
  const auto pass = [](const Tensor& g) { return g; };
  const auto with = [=](auto vjp) { return [=](Inputs) { return list(pass, vjp); }; };
  return {
      trial(nullptr, x, add, with(pass)),
      trial(nullptr, x, add, with([](const Tensor& g) { return sum(g, 0); })),
      trial("missing sum over the broadcast axis", x, add,
            with([](const Tensor& g) { return select(g, 0, 0); })),
      trial("mean instead of sum", x, add, with([](const Tensor& g) { return mean(g, 0); })),
      trial("summed over everything", x, add, with([](const Tensor& g) { return sum(g); })),
  };
}

/// Right to first order, wrong to second.
std::vector<Trial> detached() {
  const Tensors x{sample({3}, 8)};
  const auto square = [](Inputs x) { return x[0] * x[0]; };
  const auto value = [](Inputs x) { return tanh(x[0]); };
  return {
      trial("detached input", x, square,
            [](Inputs x) {
              return list([x = x[0]](const Tensor& g) { return g * 2.0 * x.detach(); });
            }),
      trial("detached output", x, value,
            [](Inputs) {
              return list([](const Tensor& g, const Tensor& y) {
                return g * (1.0 - y.detach() * y.detach());
              });
            }),
      trial("half detached", x, square,
            [](Inputs x) {
              return list([x = x[0]](const Tensor& g) { return g * (x + x.detach()); });
            }),
      trial("detached cotangent", x, square,
            [](Inputs x) {
              return list([x = x[0]](const Tensor& g) { return g.detach() * 2.0 * x; });
            }),
      trial("everything detached", x, square,
            [](Inputs x) {
              return list([x = x[0]](const Tensor& g) {
                const NoGrad no_grad;
                return g * 2.0 * x;
              });
            }),
  };
}

std::string message(const Function& f, const Tensors& inputs,
                    const GradcheckOptions& options = {}) {
  const auto result = gradcheck(f, inputs, options);
  CHECK((result.verdict == Verdict::pass) == result.message.empty());
  return result.message;
}

const Function same = [](Inputs x) { return x[0] * 1.0; };

}  // namespace

TEST_CASE("gradcheck catches every wrong vjp, and passes every right one") {
  int mistakes = 0;
  for (const auto& family : {products(), matrix_products(), nonlinearities(), broadcasts()})
    for (const auto& t : family)
      for (int order : {1, 2}) {
        const auto result = gradcheck(t.f, t.inputs, {.order = order});
        CAPTURE(result.message);
        if (!t.mistake) {
          CHECK(result);
          CHECK(result.worst_error <= 1);
          continue;
        }
        CAPTURE(t.mistake);
        ++mistakes;
        CHECK_FALSE(result);
        CHECK(contains(result.message, "gradcheck: fail: gradient of input "));
        CHECK(contains(result.message, "analytic "));
        CHECK(contains(result.message, ", numeric "));
      }
  CHECK(mistakes == 34);
}

TEST_CASE("gradcheck of order 2 catches vjps that are right to first order only") {
  for (const auto& t : detached()) {
    CAPTURE(t.mistake);
    CHECK(gradcheck(t.f, t.inputs));
    CHECK(contains(message(t.f, t.inputs, {.order = 2}), "gradcheck: "));
  }
  CHECK(contains(message(detached()[0].f, {sample({3}, 8)}, {.order = 2}),
                 "second derivative of input 0 [3] at element [0]"));
}

TEST_CASE("a failure names the input, the element and both values") {
  const auto f = [](Inputs x) {
    const Tensor half = tensor({{1.0, 1.0}, {1.0, 0.5}}, float64);
    return record("scale", x[1].detach() * 3.0, {x[1]},
                  {[=](const Tensor& g) { return g * half * 3.0; }}) +
           x[0];
  };
  const Tensors x{full({}, 0.0, float64), sample({2, 2}, 1)};
  CHECK(contains(message(f, x), "gradient of input 1 [2, 2] at element [1, 1]: analytic "));
  CHECK(contains(message(f, x, {.names = {"bias", "weight"}}),
                 "gradient of weight [2, 2] at element [1, 1]"));
}

TEST_CASE("gradcheck refuses evidence that proves nothing, and says why") {
  const Tensor x = sample({2}, 1);
  CHECK(contains(message(same, {x.to(float32)}),
                 "input 0 is float32, whose rounding hides wrong gradients; pass float64"));
  CHECK(message(same, {x.to(float32)}, {.convert_float32 = true}).empty());
  CHECK(message([](Inputs x) { return x[0] * 2; }, {tensor({1, 2})}) ==
        "gradcheck: inconclusive: there is no floating input or parameter to check");
  CHECK(message([](Inputs x) { return x[0] * 2.0; }, {x, x}) ==
        "gradcheck: inconclusive: nothing reaches input 1 [2]: the output does not depend on it");
  CHECK(contains(message([](Inputs x) { return x[0].detach(); }, {x}),
                 "the output is not tracked: no input reaches it"));
  CHECK(contains(message([](Inputs x) { return x[0] + x[1].detach(); }, {x, x}),
                 "the tape does not reach input 1; is it detached, or read under NoGrad?"));
  CHECK(contains(
      message([](Inputs x) { return floor(x[0]); }, {x}),
      "every gradient of input 0 [2] is zero, analytic and numeric, which proves nothing"));
  CHECK(contains(message([](Inputs x) { return relu(x[0]); }, {full({2}, -1, float64)}),
                 "which proves nothing"));
  CHECK(contains(message([](Inputs x) { return x[0] * rand({2}, float64); }, {x}),
                 "two calls with the same inputs gave different outputs; fix the random numbers"));
  CHECK(contains(message([](Inputs x) { return log(x[0]); }, {full({2}, -1, float64)}),
                 "elements that are not finite"));
  CHECK(contains(message([](Inputs x) { return sqrt(x[0]); }, {zeros({2}, float64)}),
                 "not finite; check at points where"));
  CHECK(message(same, {zeros({0}, float64)}) ==
        "gradcheck: inconclusive: the output [0] is empty, which proves nothing");
  CHECK(message([](Inputs x) { return sum(x[0]) + x[1]; }, {zeros({0}, float64), x}) ==
        "gradcheck: inconclusive: input 0 [0] is empty, which proves nothing");
  CHECK(contains(message([](Inputs x) { return argmax(x[0]); }, {x}),
                 "the output is int64, which has no gradient"));
  CHECK(contains(message([](Inputs x) { return x[0].to(float32); }, {x}),
                 "the output is float32 although the inputs are float64"));
  CHECK_THROWS_WITH_AS(gradcheck(same, {x}, {.order = 3}), "gradcheck: order must be 1 or 2, got 3",
                       ValueError);
  CHECK_THROWS_WITH_AS(gradcheck(same, {x}, {.directions = 0}),
                       "gradcheck: directions must be at least 1, got 0", ValueError);
}

TEST_CASE("gradcheck tells a kink from a wrong vjp") {
  CHECK(contains(message([](Inputs x) { return relu(x[0]) + x[0]; }, {zeros({1}, float64)}),
                 "the function has a kink at or near"));
  CHECK_FALSE(contains(message(products()[1].f, products()[1].inputs), "kink"));
}

TEST_CASE("gradcheck works where steps must be small or large") {
  CHECK(message([](Inputs x) { return log(x[0]); }, {tensor({1e-4, 5e-3, 1.0, 1e6}, float64)},
                {.order = 2})
            .empty());
  CHECK(message([](Inputs x) { return sin(30.0 * x[0]); }, {sample({3}, 1)}, {.order = 2}).empty());
  CHECK(message([](Inputs x) { return 1e3 + 1e-3 * x[0] * x[0]; }, {sample({3}, 1)}).empty());
}

TEST_CASE("gradcheck holds integers fixed and checks functions that are gradients themselves") {
  CHECK(message([](Inputs x) { return index_select(x[0], 0, x[1]); },
                {sample({3}, 1), tensor({2, 0})}, {.order = 2})
            .empty());
  const auto slope_of_fourth_power = [](Inputs x) {
    return grad(sum(square(square(x[0]))), x, {.create_graph = true})[0];
  };
  CHECK(message(slope_of_fourth_power, {sample({3}, 1)}, {.order = 2}).empty());
}

TEST_CASE("gradcheck checks whole modules, over inputs and parameters") {
  seed(1);
  nn::Sequential model(nn::Linear(3, 4), nn::Tanh(), nn::Linear(4, 2));
  const Tensor x = sample({5, 3}, 1);
  CHECK(contains(gradcheck(model, x, {.parameters = model.parameters()}).message,
                 "parameter '0.weight' is float32, whose rounding hides wrong gradients; convert "
                 "the model with to(float64)"));
  model.to(float64);
  const auto check = gradcheck(model, x, {.order = 2, .parameters = model.parameters()});
  CHECK_MESSAGE(check, check.message);
  CHECK(check.comparisons == 2 * (15 + 26) + 10);
}

TEST_CASE("gradcheck varies a parameter once, skips frozen ones and restores all values exactly") {
  const Parameter w(sample({2}, 1), "w"), frozen(sample({2}, 2), "frozen");
  frozen.freeze();
  const Tensor x = sample({2}, 3), before = w.tensor().detach();
  const auto f = [&](const Tensor& x) { return x * w.tensor() * frozen.tensor() + w.tensor(); };
  const auto check = gradcheck(f, x, {.order = 2, .parameters = {w, w, frozen}});
  CHECK_MESSAGE(check, check.message);
  CHECK(array_equal(w.tensor(), before));
  CHECK(w.tensor().is_tracked());
  CHECK_FALSE(w.grad().defined());

  int calls = 0;
  const auto fails = [&](const Tensor& x) {
    if (++calls == 5) fail<ValueError>("model", "no more calls");
    return f(x);
  };
  CHECK_THROWS_WITH_AS(gradcheck(fails, x, {.parameters = {w}}), "model: no more calls",
                       ValueError);
  CHECK(array_equal(w.tensor(), before));

  const auto wrong = [&](const Tensor& x) {
    const Tensor& v = w;
    return record("wrong", (x * v).detach(), {x, v},
                  {[=](const Tensor& g) { return g * v; }, [](const Tensor& g) { return g; }});
  };
  CHECK(contains(gradcheck(wrong, x, {.parameters = {w}}).message,
                 "gradient of parameter 'w' [2] at element [0]"));
  CHECK(array_equal(w.tensor(), before));
}

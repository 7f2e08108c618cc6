// Undefined tensors: every op names itself and the operand.
#include <gradtape/autograd/formula.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parameter.hpp>
#include <gradtape/nn/loss.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

using namespace gradtape;

TEST_CASE("an op on an undefined tensor names itself, the operand and how that comes about") {
  const Tensor x = ones({2, 2}), t;
  const Parameter none;
  const auto error = [](const std::function<void()>& f) -> std::string {
    try {
      f();
    } catch (const GraphError& e) {
      return e.what();
    }
    return "";
  };
  const std::string cause =
      " is undefined: default-constructed, moved from, a gradient that nothing has reached, or a "
      "Parameter that was not made by parameter(name, initial) (see docs/errors.md#undefined)";
  const auto names = [&](const std::string& op_and_operand, const std::function<void()>& f) {
    CHECK(error(f) == op_and_operand + cause);
  };
  names("add: operand 0", [&] { (void)(t + 1.0); });
  names("mul: operand 1", [&] { (void)(x * t); });
  names("add: operand 1", [&] { (void)(x + none); });
  names("maximum: operand 0", [&] { (void)maximum(t, x); });
  names("pow: operand 0", [&] { (void)pow(t, 2); });
  names("remainder: operand 1", [&] { (void)(x % t); });
  names("clamp: x", [&] { (void)clamp(t, 0.0, 1.0); });
  names("clamp: x", [&] { (void)clamp(t, x, {}); });
  names("lt: operand 0", [&] { (void)(t < x); });
  names("where: operand 1", [&] { (void)where(x > 0, x, t); });
  names("where: an operand", [&] { (void)where(t, x, x); });
  names("exp: x", [&] { (void)exp(t); });
  names("abs: x", [&] { (void)abs(t); });
  names("neg: x", [&] { (void)-t; });
  names("gelu: x", [&] { (void)gelu(t); });
  names("sum: x", [&] { (void)sum(t); });
  names("mean: x", [&] { (void)mean(t, 0); });
  names("argmax: x", [&] { (void)argmax(t, 0); });
  names("norm: x", [&] { (void)norm(t); });
  names("stddev: x", [&] { (void)stddev(t); });
  names("cumsum: x", [&] { (void)cumsum(t, 0); });
  names("sort: x", [&] { (void)sort(t); });
  names("reshape: x", [&] { (void)reshape(t, {1}); });
  names("transpose: x", [&] { (void)transpose(t); });
  names("permute: x", [&] { (void)permute(t, {0}); });
  names("squeeze: x", [&] { (void)squeeze(t); });
  names("select: x", [&] { (void)select(t, 0, 0); });
  names("concat: operand 1", [&] { (void)concat({x, t}); });
  names("stack: operand 0", [&] { (void)stack({t, x}); });
  names("flip: x", [&] { (void)flip(t); });
  names("tile: x", [&] { (void)tile(t, {2}); });
  names("matmul: b", [&] { (void)matmul(x, t); });
  names("linear: weight", [&] { (void)linear(x, t); });
  names("gather: index", [&] { (void)gather(x, 0, t); });
  names("masked_fill: x", [&] { (void)masked_fill(t, x > 0, 1.0); });
  names("masked_fill: mask", [&] { (void)masked_fill(x, t, 1.0); });
  names("softmax: x", [&] { (void)softmax(t); });
  names("inv: a", [&] { (void)inv(t); });
  names("mse_loss: target", [&] { (void)nn::mse_loss(x, t); });
  names("l1_loss: prediction", [&] { (void)nn::l1_loss(t, x); });
  const Tensor classes = tensor({0, 1}), one = tensor({1, 1});
  names("cross_entropy: logits", [&] { (void)nn::cross_entropy(t, classes); });
  names("cross_entropy: target", [&] { (void)nn::cross_entropy(x, t); });
  names("nll_loss: target", [&] { (void)nn::nll_loss(-x, t); });
  names("margin_ranking_loss: label", [&] { (void)nn::margin_ranking_loss(x, x, t); });
  names("cosine_embedding_loss: b", [&] { (void)nn::cosine_embedding_loss(x, t, one); });
  names("triplet_margin_loss: negative", [&] { (void)nn::triplet_margin_loss(x, x, t); });
  names("multi_margin_loss: target", [&] { (void)nn::multi_margin_loss(x, t); });
  names("multilabel_margin_loss: scores", [&] { (void)nn::multilabel_margin_loss(t, classes); });
  names("gaussian_nll_loss: var", [&] { (void)nn::gaussian_nll_loss(x, x, t); });
  names("ctc_loss: targets", [&] { (void)nn::ctc_loss(-x, t, one, one); });
  names("backward: the output", [&] { t.backward(); });
  const auto f = formula("twice", [](auto v) { return 2.0 * v; });
  names("twice: x", [&] { (void)f(t); });
  Tensor moved = x;
  const Tensor to = std::move(moved);
  names("add: operand 0", [&] { (void)(moved + to); });
}

TEST_CASE("what has no gradient says why") {
  CHECK_THROWS_WITH_AS(argmax(ones({3}).requires_grad()).backward(),
                       "backward: the output is int64, and only floats have gradients: indices, "
                       "counts and comparisons have none",
                       GraphError);
}

TEST_CASE("dtypes that do not mix: the advice keeps what both hold") {
  CHECK_THROWS_WITH_AS(tensor({1, 2}) + tensor({1.5, 2.5}),
                       "add: dtypes do not mix: [2] is int64, [2] is float32; convert one with "
                       "to(float32) (see docs/errors.md#dtypes)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(tensor({1.5}) * tensor({1.5}, float64),
                       "mul: dtypes do not mix: [1] is float32, [1] is float64; convert one with "
                       "to(float64) (see docs/errors.md#dtypes)",
                       DtypeError);
}

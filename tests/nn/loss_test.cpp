#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/loss.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
using nn::Reduction;

Tensor f64(const NestedList& values) { return detail::from_braces(values, float64); }

}  // namespace

TEST_CASE("half_squared_error is J = 1/2 sum (y - t)^2 with the gradient y - t") {
  const Tensor y = f64({1, 2, 5}).requires_grad(), t = f64({0, 4, 4});
  const Tensor j = nn::half_squared_error(y, t);
  CHECK(j.item<double>() == 3);
  CHECK(array_equal(grad(j, {y})[0], y.detach() - t));
  CHECK(nn::half_squared_error(y, t, {.reduction = Reduction::mean}).item<double>() == 1);
  CHECK(nn::half_squared_error(y, t, {.reduction = Reduction::batch_mean}).item<double>() == 1);
}

TEST_CASE("a single number stands for a prediction or target of any shape in regression losses") {
  using Loss = Tensor (*)(const Tensor&, const Tensor&);
  const Loss losses[] = {
      [](const Tensor& y, const Tensor& t) { return nn::mse_loss(y, t); },
      [](const Tensor& y, const Tensor& t) {
        return nn::mse_loss(y, t, {.reduction = Reduction::none});
      },
      [](const Tensor& y, const Tensor& t) { return nn::half_squared_error(y, t); },
      [](const Tensor& y, const Tensor& t) { return nn::l1_loss(y, t); },
      [](const Tensor& y, const Tensor& t) { return nn::smooth_l1_loss(y, t); },
      [](const Tensor& y, const Tensor& t) { return nn::huber_loss(y, t); },
      [](const Tensor& y, const Tensor& t) { return nn::poisson_nll_loss(y, t); },
      [](const Tensor& y, const Tensor& t) { return nn::gaussian_nll_loss(y, t, 0.7); }};
  const Tensor y = f64({{1, 2, 5}, {0.25, 3, 1.75}}), number = f64(1.5);
  for (const auto loss : losses) {
    CHECK(array_equal(loss(y, number), loss(y, full_like(y, 1.5))));
    CHECK(array_equal(loss(number, y), loss(full_like(y, 1.5), y)));
    CHECK(array_equal(loss(y, 1.5), loss(y, number)));  // a literal of y's dtype
    CHECK(array_equal(loss(y.to(float32), 1.5), loss(y.to(float32), full({}, 1.5, float32))));
    const auto of_both = [&](const std::vector<Tensor>& x) { return sum(loss(x[0], x[1])); };
    CHECK(gradcheck(of_both, {y, number}));
    CHECK(gradcheck(of_both, {number, y}));
    CHECK_THROWS_AS((void)loss(y, f64({1.5})), ShapeError);
    CHECK_THROWS_AS((void)loss(y, f64({1, 2, 3})), ShapeError);
  }
}

TEST_CASE("gaussian_nll_loss takes one mean and one variance for all targets") {
  const Tensor t = f64({1, 2, 5}), mean = f64(1.5), var = f64(0.7);
  const auto rows = [](const Tensor& x) { return expand(x, {3}); };
  CHECK(nn::gaussian_nll_loss(mean, t, var).item<double>() ==
        nn::gaussian_nll_loss(rows(mean), t, rows(var)).item<double>());
  CHECK(array_equal(nn::gaussian_nll_loss(1.5, t, 0.7), nn::gaussian_nll_loss(mean, t, var)));
  CHECK(
      gradcheck([&](const std::vector<Tensor>& x) { return nn::gaussian_nll_loss(x[0], t, x[1]); },
                {mean, var}));
  CHECK_THROWS_WITH_AS((void)nn::gaussian_nll_loss(mean, t, ones({2}, float64)),
                       "gaussian_nll_loss: var [2] fits neither the elements nor the rows of the "
                       "losses, [3], nor is it 0-d",
                       ShapeError);
}

TEST_CASE("batch_mean divides the sum by the first extent alone") {
  const Tensor a = f64({{1, 2, 3}, {4, 5, 6}});
  CHECK(nn::l1_loss(a, zeros_like(a), {.reduction = Reduction::batch_mean}).item<double>() == 10.5);
  CHECK_THROWS_WITH_AS(nn::l1_loss(f64(1), f64(2), {.reduction = Reduction::batch_mean}),
                       "l1_loss: the losses, [], have no batch to take the mean over", ShapeError);
}

TEST_CASE("classification losses say what is wrong with their arguments") {
  const Tensor logits = ones({2, 3}, float64), p = f64({0.5, 1.5});
  CHECK_THROWS_WITH_AS(nn::nll_loss(logits, tensor({0, 3})),
                       "nll_loss: class 3 in row 1 of target is out of range for the 3 classes of "
                       "log_probabilities [2, 3]",
                       ValueError);
  CHECK_THROWS_WITH_AS(
      nn::nll_loss(logits, f64({0, 1})),
      "nll_loss: target must hold class indices in int64, got float64; convert it with "
      "to(int64)",
      DtypeError);
  CHECK_THROWS_WITH_AS(nn::nll_loss(logits, tensor({0})), doctest::Contains("target [1] must hold"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(nn::nll_loss(f64(1), tensor(0)), doctest::Contains("needs scores"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(nn::nll_loss(logits, tensor({0, 1}), {.weight = ones({2}, float64)}),
                       "nll_loss: weight [2] must hold one factor for each of 3 classes",
                       ShapeError);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(logits, tensor({0, 1}), {.label_smoothing = 2}),
                       "cross_entropy: label_smoothing = 2, but it must be in [0, 1]", ValueError);
  CHECK_THROWS_WITH_AS(
      nn::bce_loss(p, p),
      "bce_loss: probability [2] holds 1.5 at position 1, outside [0, 1]; from logits, use "
      "bce_with_logits",
      ValueError);
  CHECK_THROWS_WITH_AS(nn::bce_loss(f64({1, 0}), f64({1, 0}), {.weight = ones({3}, float64)}),
                       "bce_loss: weight [3] does not broadcast to the losses, [2]", ShapeError);
  CHECK_THROWS_WITH_AS(nn::bce_with_logits(p, f64({0, 1}), {.pos_weight = ones({3}, float64)}),
                       "bce_with_logits: pos_weight [3] does not broadcast to logits [2]",
                       ShapeError);
}

TEST_CASE("regression losses refuse options out of their range") {
  const Tensor a = ones({2}, float64);
  CHECK_THROWS_WITH_AS(nn::smooth_l1_loss(a, a, {.beta = -1}),
                       "smooth_l1_loss: beta = -1, but it must be at least 0", ValueError);
  CHECK_THROWS_WITH_AS(nn::huber_loss(a, a, {.delta = 0}),
                       "huber_loss: delta = 0, but it must be above 0", ValueError);
  CHECK_THROWS_WITH_AS(
      nn::gaussian_nll_loss(a, a, -a),
      "gaussian_nll_loss: var [2] holds -1 at position 0, but must be at least 0; a "
      "variance is never negative",
      ValueError);
  CHECK_THROWS_WITH_AS(nn::gaussian_nll_loss(a, a, ones({3}, float64)),
                       doctest::Contains("fits neither the elements nor the rows"), ShapeError);
}

TEST_CASE("gaussian_nll_loss takes a variance below eps as eps, and still teaches it to grow") {
  const Tensor x = f64({1}), t = f64({3}), var = f64({0}).requires_grad();
  const Tensor loss = nn::gaussian_nll_loss(x, t, var, {.eps = 0.5});
  CHECK(loss.item<double>() == close(0.5 * (std::log(0.5) + 8), 1e-12));
  CHECK(grad(loss, {var})[0].data<double>()[0] == close(0.5 * (2 - 16), 1e-12));
}

TEST_CASE("smooth_l1_loss with beta 0 is l1_loss, and is huber_loss over delta") {
  const Tensor a = f64({-3, 0, 0.2, 4}), b = zeros({4}, float64);
  CHECK(array_equal(nn::smooth_l1_loss(a, b, {.beta = 0}), nn::l1_loss(a, b)));
  CHECK(allclose(nn::smooth_l1_loss(a, b, {.beta = 2}) * 2.0, nn::huber_loss(a, b, {.delta = 2})));
}

TEST_CASE("poisson_nll_loss adds Stirling's estimate for targets above 1 only") {
  const Tensor x = f64({0.5, 0.5}), t = f64({1, 3});
  const Tensor added = nn::poisson_nll_loss(x, t, {.full = true, .reduction = Reduction::none}) -
                       nn::poisson_nll_loss(x, t, {.reduction = Reduction::none});
  CHECK(added.data<double>()[0] == 0);
  CHECK(added.data<double>()[1] ==
        close(3 * std::log(3.0) - 3 + 0.5 * std::log(6 * 3.141592653589793), 1e-12));
}

TEST_CASE("margin losses have their textbook values") {
  CHECK(array_equal(nn::hinge_loss(f64({0.5, 2, -1}), tensor({1, 1, -1}), {Reduction::none}),
                    f64({0.5, 0, 0})));
  CHECK(array_equal(
      nn::hinge_embedding_loss(f64({0.5, 0.25, 3}), tensor({1, -1, -1}), {1, Reduction::none}),
      f64({0.5, 0.75, 0})));
  const Tensor scores = f64({{0.1, 0.2, 0.4}});
  CHECK(nn::multi_margin_loss(scores, tensor({2})).item<double>() == close((0.7 + 0.8) / 3, 1e-12));
  CHECK(nn::multi_margin_loss(scores, tensor({2}), {.p = 2}).item<double>() ==
        close((0.49 + 0.64) / 3, 1e-12));
  CHECK(nn::multilabel_margin_loss(f64({{0.1, 0.2, 0.4, 0.8}}), tensor({{3, 0, -1, 1}}))
            .item<double>() == close(0.85, 1e-12));  // PyTorch's documentation
  CHECK(nn::cosine_embedding_loss(f64({{1, 0}, {1, 0}}), f64({{0, 1}, {1, 0}}), tensor({1, -1}),
                                  {0.25, Reduction::sum})
            .item<double>() == close(1.75, 1e-12));
  CHECK(nn::triplet_margin_loss(f64({0, 0}), f64({3, 4}), f64({0, 2}), {.eps = 0}).item<double>() ==
        close(4, 1e-12));
}

TEST_CASE("margin losses say what is wrong with their arguments") {
  const Tensor scores = ones({2, 3}, float64), row = ones({3}, float64);
  CHECK_THROWS_WITH_AS(nn::multi_margin_loss(scores, tensor({0, 3})),
                       "multi_margin_loss: class 3 of target is out of range for 3 classes",
                       ValueError);
  CHECK_THROWS_WITH_AS(nn::multi_margin_loss(scores, tensor({0, 1}), {.p = 3}),
                       "multi_margin_loss: p must be 1 or 2, got 3", ValueError);
  CHECK_THROWS_WITH_AS(nn::multi_margin_loss(scores, tensor({0})),
                       "multi_margin_loss: target [1] must have the shape [2]", ShapeError);
  CHECK_THROWS_WITH_AS(nn::multilabel_margin_loss(row, tensor({0, -2, -1})),
                       doctest::Contains("class -2 of target is out of range"), ValueError);
  CHECK_THROWS_WITH_AS(nn::cosine_embedding_loss(scores, scores, tensor({1})),
                       doctest::Contains("needs vectors [n, d] and [n, d] with labels [n]"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(nn::triplet_margin_loss(scores, scores, row),
                       doctest::Contains("must be vectors [..., d] of one shape"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::hinge_loss(row, ones({3}, float32)), doctest::Contains("float32"),
                       DtypeError);
}

TEST_CASE("ctc_loss sums over all alignments") {
  // Target "1" in two steps: 1 1, blank 1, 1 blank.
  const Tensor p = f64({{0.6, 0.4}, {0.7, 0.3}});
  const double want = -std::log(0.4 * 0.3 + 0.6 * 0.3 + 0.4 * 0.7);
  CHECK(nn::ctc_loss(log(p), tensor({1}), tensor(2), tensor(1)).item<double>() ==
        close(want, 1e-12));
  // "1 1" in three steps: only 1 blank 1.
  const Tensor q = f64({{0.6, 0.4}, {0.7, 0.3}, {0.5, 0.5}});
  CHECK(nn::ctc_loss(log(q), tensor({1, 1}), tensor(3), tensor(2), {.reduction = Reduction::sum})
            .item<double>() == close(-std::log(0.4 * 0.7 * 0.5), 1e-12));
  // The empty target: blanks only.
  CHECK(nn::ctc_loss(log(q), zeros({0}, int64), tensor(3), tensor(0)).item<double>() ==
        close(-std::log(0.6 * 0.7 * 0.5), 1e-12));
}

TEST_CASE("ctc_loss of a target too long for its input is infinite, or 0 if so wished") {
  const Tensor x = log_softmax(zeros({2, 1, 3}, float64)).requires_grad();
  const auto loss = [&](bool zero) {
    return nn::ctc_loss(x, tensor({{1, 1}}), tensor({2}), tensor({2}), {.zero_infinity = zero});
  };
  CHECK(loss(false).item<double>() == inf);
  CHECK(loss(true).item<double>() == 0);
  CHECK(array_equal(grad(loss(true), {x})[0], zeros({2, 1, 3}, float64)));
}

TEST_CASE("ctc_loss says what is wrong with its arguments") {
  const Tensor x = zeros({3, 1, 3}, float64), target = tensor({{1, 2}});
  const Tensor in = tensor({3}), out = tensor({2});
  CHECK_THROWS_WITH_AS(nn::ctc_loss(x, target, in, out, {.blank = 3}),
                       "ctc_loss: blank 3 is out of range for 3 classes", ValueError);
  CHECK_THROWS_WITH_AS(nn::ctc_loss(x, target, in, out, {.blank = 1}),
                       "ctc_loss: label 1 of target 0 is the blank or out of range for 3 classes",
                       ValueError);
  CHECK_THROWS_WITH_AS(nn::ctc_loss(x, target, tensor({4}), out),
                       "ctc_loss: input_lengths holds 4, outside [0, 3]", ValueError);
  CHECK_THROWS_WITH_AS(nn::ctc_loss(x, target, tensor({3, 3}), out),
                       doctest::Contains("must hold one length for each of 1 sequences"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(nn::ctc_loss(x, f64({{1, 2}}), in, out),
                       "ctc_loss: targets must be int64, got float64", DtypeError);
  CHECK_THROWS_WITH_AS(nn::ctc_loss(zeros({3}, float64), target, in, out),
                       doctest::Contains("needs log-probabilities"), ShapeError);
}

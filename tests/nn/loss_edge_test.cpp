// Losses at infinite logits, for confident predictions and for arguments that are none. Values of
// mpmath to 50 digits, unless a closed form stands beside them.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/loss.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double quiet = std::numeric_limits<double>::quiet_NaN();
constexpr Dtype floats[] = {float32, float64};
using nn::Reduction;

Tensor f64(const NestedList& values) { return detail::from_braces(values, float64); }

/// Whether all elements agree to a few roundings of the dtype, each in its own size.
bool same_digits(const Tensor& got, const NestedList& wanted, double roundings = 4) {
  const Tensor x = got.detach().to(float64), want = f64(wanted);
  const double eps = got.dtype() == float32 ? 1.2e-7 : 2.3e-16;
  return x.shape() == want.shape() && allclose(x, want, roundings * eps, 0);
}

using Loss = std::function<Tensor(const Tensor&, const Tensor&)>;

const std::vector<std::pair<const char*, Loss>> logistic{
    {"bce_with_logits",
     [](const Tensor& x, const Tensor& t) {
       return nn::bce_with_logits(x, t, {.reduction = Reduction::sum});
     }},
    {"bce_with_logits, positives weighted",
     [](const Tensor& x, const Tensor& t) {
       return nn::bce_with_logits(
           x, t, {.reduction = Reduction::sum, .pos_weight = ones({1}, x.dtype())});
     }},
    {"multilabel_soft_margin_loss", [](const Tensor& x, const Tensor& t) {
       return sum(nn::multilabel_soft_margin_loss(reshape(x, {-1, 1}), reshape(t, {-1, 1}),
                                                  {.reduction = Reduction::none}));
     }}};

}  // namespace

TEST_CASE("confident logits keep the digits of loss, slope and curvature, right or wrong") {
  for (const auto& [loss_name, loss] : logistic)
    for (const Dtype dtype : floats)
      for (const double sign : {1.0, -1.0}) {
        const std::string name = loss_name;  // CAPTURE is a lambda
        CAPTURE(name);
        CAPTURE(sign);
        const Tensor t = tensor({sign > 0 ? 1.0 : 0.0}, dtype);
        for (const bool create_graph : {false, true}) {
          const Tensor x = tensor({20 * sign}, dtype).requires_grad();
          const Tensor y = loss(x, t);
          CHECK(same_digits(y, 2.0611536203143808e-9));  // log1p(e^-20)
          const Tensor g = grad(y, {x}, {.create_graph = create_graph})[0];
          CHECK(same_digits(g, {-sign * 2.0611536181902037e-9}));  // -+ 1 / (1 + e^20)
          if (create_graph) CHECK(same_digits(grad(sum(g), {x})[0], {2.0611536139418494e-9}, 16));
          const Tensor wrong = tensor({-20 * sign}, dtype).requires_grad();
          CHECK(same_digits(grad(loss(wrong, t), {wrong}, {.create_graph = create_graph})[0],
                            {-sign * 0.9999999979388464}));
        }
      }
}

TEST_CASE("a logit that is infinitely right costs nothing, one that is wrong infinitely much") {
  for (const auto& [loss_name, loss] : logistic)
    for (const Dtype dtype : floats)
      for (const bool create_graph : {false, true}) {
        const std::string name = loss_name;
        CAPTURE(name);
        const Tensor x = tensor({-inf, inf, 3.0}, dtype).requires_grad();
        const Tensor right = loss(x, tensor({0, 1, 1}, dtype));
        CHECK(same_digits(right, 0.04858735157374206));  // log1p(e^-3)
        CHECK(same_digits(grad(right, {x}, {.create_graph = create_graph})[0],
                          {0, 0, -0.04742587317756678}));
        const Tensor wrong = loss(x, tensor({1, 0, 1}, dtype));
        CHECK(wrong.item<double>() == inf);
        CHECK(same_digits(grad(wrong, {x}, {.create_graph = create_graph})[0],
                          {-1, 1, -0.04742587317756678}));
      }
}

TEST_CASE("what a target or weight of 0 meets may be infinite or NaN") {
  for (const Dtype dtype : floats) {
    const auto t = [&](const NestedList& values) { return detail::from_braces(values, dtype); };
    const auto value_and_slope = [](const Tensor& y, const Tensor& x, const NestedList& value,
                                    const NestedList& slope) {
      CHECK(same_digits(y, value));
      CHECK(same_digits(grad(sum(y), {x})[0], slope));
    };
    const Tensor log_p = t({-inf, quiet, -1}).requires_grad();
    value_and_slope(nn::kl_div(log_p, t({0, 0, 1}), {.reduction = Reduction::none}), log_p,
                    {0, 0, 1}, {0, 0, -1});
    const Tensor log_rate = t({-inf, -inf, 0}).requires_grad();
    value_and_slope(nn::poisson_nll_loss(log_rate, t({0, 0, 2}), {.reduction = Reduction::none}),
                    log_rate, {0, 0, 1}, {0, 0, -1});
    const Tensor x = t({inf, quiet, 0}).requires_grad();
    value_and_slope(nn::bce_with_logits(x, t({0, 1, 1}),
                                        {.reduction = Reduction::none, .weight = t({0, 0, 1})}),
                    x, {0, 0, 0.6931471805599453}, {0, 0, -0.5});
    const Tensor rows = t({{-inf, 0}, {-2, -1}}).requires_grad();
    value_and_slope(
        nn::nll_loss(rows, tensor({0, 1}), {.weight = t({0, 3}), .reduction = Reduction::none}),
        rows, {0, 3}, {{0, 0}, {0, -3}});
    value_and_slope(nn::cross_entropy(rows, t({{0, 1}, {0, 1}}), {.reduction = Reduction::none}),
                    rows, {0, 0.31326168751822286},
                    {{0, 0}, {0.2689414213699951, -0.2689414213699951}});
    value_and_slope(
        nn::cross_entropy(
            rows, tensor({1, 1}),
            {.weight = t({0, 1}), .label_smoothing = 0.5, .reduction = Reduction::none}),
        rows, {0, 0.2349462656386671}, {{0, 0}, {0.20170606602749633, -0.20170606602749633}});
    const Tensor scores = t({{1, 2}, {inf, 0}}).requires_grad();
    value_and_slope(nn::multi_margin_loss(scores, tensor({0, 1}),
                                          {.weight = t({1, 0}), .reduction = Reduction::none}),
                    scores, {1, 0}, {{-0.5, 0.5}, {0, 0}});
  }
}

TEST_CASE("bce_loss of sigmoid(z) has the slope -1 for z far from what is wanted") {
  for (const double z : {-30.0, -80.0}) {
    for (const Dtype dtype : floats) {
      CAPTURE(z);
      for (const bool create_graph : {false, true}) {
        const Tensor x = tensor({z}, dtype).requires_grad();
        const Tensor y = nn::bce_loss(sigmoid(x), ones({1}, dtype), {.reduction = Reduction::sum});
        CHECK(same_digits(y, -z + std::exp(z)));
        const Tensor g = grad(y, {x}, {.create_graph = create_graph})[0];
        CHECK(same_digits(g, {-1 / (1 + std::exp(z))}, 8));
      }
    }
  }
  // At 0 and 1 the slope is infinite; here it is PyTorch's, (p - t) 1e12.
  const Tensor p = f64({0, 1}).requires_grad();
  CHECK(same_digits(grad(nn::bce_loss(p, f64({1, 0}), {.reduction = Reduction::sum}), {p})[0],
                    {-1 / double(1e-12f), 1 / double(1e-12f)}));
}

TEST_CASE("means of squares beyond the dtype's range are right where they lie inside it") {
  const Tensor a = full({4096}, 1.5e19, float32), b = zeros({4096}, float32);
  CHECK(same_digits(nn::mse_loss(a, b), 2.25e38));
  const Tensor c = full({64}, 1e154, float64), d = zeros({64}, float64);
  CHECK(same_digits(nn::mse_loss(c, d), 1e308, 16));
  CHECK(
      same_digits(nn::smooth_l1_loss(full({2}, 1e25, float32), zeros({2}), {.beta = 1e30}), 5e19));
}

TEST_CASE("the cosine loss does not depend on the lengths of the vectors") {
  for (const Dtype dtype : floats)
    for (const double scale :
         {1.0, 1e-30, 1e30, dtype == float64 ? 1e-200 : 1.0, dtype == float64 ? 1e200 : 1.0}) {
      CAPTURE(scale);
      const Tensor a = (f64({{3, 4}, {3, 4}, {0, 0}}) * scale).to(dtype).requires_grad();
      const Tensor b = (f64({{4, 3}, {4, 3}, {1, 2}}) * scale).to(dtype);
      const Tensor y =
          nn::cosine_embedding_loss(a, b, tensor({1, -1, 1}), {.reduction = Reduction::none});
      const double tolerance = dtype == float32 ? 1e-5 : 1e-14;
      CHECK(allclose(y.detach().to(float64), f64({0.04, 0.96, 1}), tolerance, tolerance));
      CHECK(allclose(grad(sum(y), {a})[0].to(float64) * scale,
                     f64({{-0.0448, 0.0336}, {0.0448, -0.0336}, {0, 0}}), tolerance, tolerance));
    }
}

TEST_CASE("losses refuse targets, labels and weights that are none, and say where and what to do") {
  const Tensor x = f64({{0.5, -1, 2}, {0, 1, -2}}), row = f64({0.1, 0.2, 0.7});
  const auto refuses = [](auto f, const std::string& message) {
    CAPTURE(message);
    CHECK_THROWS_WITH_AS((void)f(), message.c_str(), ValueError);
  };
  const std::string hint = "; a target is a probability (of pixels from 0 to 255: divide by 255)";
  refuses(
      [&] {
        return nn::bce_with_logits(row, f64({0, 255, 1}));
      },
      "bce_with_logits: target [3] holds 255 at position 1, outside [0, 1]" + hint);
  refuses(
      [&] {
        return nn::bce_loss(row, f64({0, 1, -1}));
      },
      "bce_loss: target [3] holds -1 at position 2, outside [0, 1]" + hint);
  refuses(
      [&] {
        return nn::multilabel_soft_margin_loss(row, f64({0, 1, -1}));
      },
      "multilabel_soft_margin_loss: target [3] holds -1 at position 2, outside [0, 1]" + hint);
  refuses([&] { return nn::cross_entropy(x, x); },
          "cross_entropy: target [2, 3] holds -1 at position 1, outside [0, 1]" + hint);
  refuses(
      [&] {
        return nn::bce_loss(f64({quiet, 0, 1}), row);
      },
      "bce_loss: probability [3] holds nan at position 0, outside [0, 1]; check_finite finds "
      "where a NaN began");
  refuses(
      [&] {
        return nn::kl_div(-row, f64({0.5, 0.6, -0.1}));
      },
      "kl_div: target [3] holds -0.1 at position 2, but must be at least 0; logarithms need "
      ".log_target = true");
  refuses(
      [&] {
        return nn::poisson_nll_loss(row, f64({1, -1, 2}));
      },
      "poisson_nll_loss: target [3] holds -1 at position 1, but must be at least 0; a count is "
      "never negative");
  const std::string log_hint =
      "but must be at most 0; a log-probability is never above 0: pass log_softmax(logits), not "
      "softmax or logits";
  refuses(
      [&] {
        return nn::nll_loss(softmax(x), tensor({1, 0}));
      },
      "nll_loss: log_probability [2] holds 0.039112573270687456 at position 0, " + log_hint);
  refuses([&] { return nn::kl_div(row, row); },
          "kl_div: log_probability [3] holds 0.1 at position 0, " + log_hint);
  refuses(
      [&] {
        return nn::ctc_loss(softmax(reshape(x, {2, 1, 3})), tensor({{1}}), tensor({2}),
                            tensor({1}));
      },
      "ctc_loss: log_probability [2, 1, 3] holds 0.1752903921400367 at position 0, " + log_hint);
  const std::string label_hint = ", but labels are 1 and -1; 2 * label - 1 makes them of 0 and 1";
  const Tensor binary = tensor({1, 0, 1});
  refuses([&] { return nn::hinge_loss(row, binary); },
          "hinge_loss: label [3] holds 0 at position 1" + label_hint);
  refuses([&] { return nn::soft_margin_loss(row, binary.to(float64)); },
          "soft_margin_loss: label [3] holds 0 at position 1" + label_hint);
  refuses([&] { return nn::hinge_embedding_loss(row, binary == 1); },
          "hinge_embedding_loss: label [3] holds 0 at position 1" + label_hint);
  refuses(
      [&] {
        return nn::margin_ranking_loss(row, row, f64({1, 2, 1}));
      },
      "margin_ranking_loss: label [3] holds 2 at position 1" + label_hint);
  refuses(
      [&] {
        return nn::cosine_embedding_loss(x, x, tensor({1, 0}));
      },
      "cosine_embedding_loss: label [2] holds 0 at position 1" + label_hint);
  const Tensor weight = f64({1, -1, 2});
  refuses(
      [&] {
        return nn::cross_entropy(x, tensor({0, 1}), {.weight = weight});
      },
      "cross_entropy: weight [3] holds -1 at position 1, but must be at least 0");
  refuses(
      [&] {
        return nn::nll_loss(log_softmax(x), tensor({0, 1}), {.weight = weight});
      },
      "nll_loss: weight [3] holds -1 at position 1, but must be at least 0");
  refuses(
      [&] {
        return nn::multi_margin_loss(x, tensor({0, 1}), {.weight = weight});
      },
      "multi_margin_loss: weight [3] holds -1 at position 1, but must be at least 0");
  refuses([&] { return nn::cross_entropy(x, softmax(x), {.ignore_index = 0}); },
          "cross_entropy: ignore_index is for class indices; to leave a row of probabilities out, "
          "make it 0");
}

TEST_CASE("losses name dtype and shape of a target that fits neither, and what makes it fit") {
  const Tensor x = ones({2, 3}, float32), one_hot_rows = tensor({{0, 1, 0}, {1, 0, 0}});
  CHECK_THROWS_WITH_AS((void)nn::cross_entropy(x, one_hot_rows),
                       "cross_entropy: target [2, 3] is int64 of the shape of logits; as "
                       "probabilities, convert it with to(float32), as classes, give "
                       "argmax(target, 1)",
                       DtypeError);
  CHECK_THROWS_WITH_AS((void)nn::nll_loss(-x, one_hot_rows),
                       "nll_loss: target [2, 3] must hold one class for each row of "
                       "log_probabilities [2, 3], as [2]; argmax(target, 1) makes classes of "
                       "one-hot rows",
                       ShapeError);
  CHECK_THROWS_WITH_AS((void)nn::cross_entropy(x, tensor({{0}, {1}})),
                       "cross_entropy: target [2, 1] must hold one class for each row of logits "
                       "[2, 3], as [2], or probabilities of the logits' shape; reshape(target, "
                       "{2}) makes them agree",
                       ShapeError);
  CHECK_THROWS_WITH_AS((void)nn::bce_with_logits(x, one_hot_rows),
                       "bce_with_logits: target [2, 3] is int64, but prediction [2, 3] is float32; "
                       "convert the target with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS((void)nn::mse_loss(x, one_hot_rows), doctest::Contains("with to(float32)"),
                       DtypeError);
  CHECK_THROWS_WITH_AS((void)nn::margin_ranking_loss(ones({3, 1}), ones({3}), ones({3})),
                       "margin_ranking_loss: a [3, 1], b [3] and label [3] must have equal shapes; "
                       "nothing broadcasts in a loss",
                       ShapeError);
}

TEST_CASE("losses take what rounding leaves of a probability") {
  const Tensor p = f64({1 + 2e-16, -2e-16});
  CHECK(nn::bce_with_logits(f64({40, -40}), p).item<double>() < 1e-14);
  const Tensor logits = f64({{100, 3}});
  CHECK_NOTHROW(
      nn::nll_loss(logits - logsumexp(logits, 1, {.keepdim = true}) + 1e-15, tensor({0})));
  // Two roundings beyond [0, 1], in the dtype and in float32 before a conversion.
  for (const Dtype dtype : floats) {
    const double ulp = dtype == float32 ? 0x1p-23 : 0x1p-52;
    for (const double rounding : {2 * ulp, 0x1p-22}) {
      const Tensor q = f64({{1 + rounding, -rounding}}).to(dtype), x = zeros({1, 2}, dtype);
      const double log_2 = 0.6931471805599453;
      CHECK(nn::bce_with_logits(x, q).item<double>() == doctest::Approx(log_2));
      CHECK(nn::multilabel_soft_margin_loss(x, q).item<double>() == doctest::Approx(log_2));
      CHECK(nn::cross_entropy(x, q).item<double>() == doctest::Approx(log_2));
      CHECK(nn::bce_loss(sigmoid(x), q).item<double>() == doctest::Approx(log_2));
      CHECK_THROWS_AS((void)nn::bce_with_logits(x, q + 1e-5), ValueError);
    }
    CHECK_NOTHROW((void)nn::nll_loss(tensor({{5e-5, -10.0}}, dtype), tensor({0})));
    CHECK_THROWS_AS((void)nn::nll_loss(tensor({{1e-3, -10.0}}, dtype), tensor({0})), ValueError);
  }
}

TEST_CASE("a literal is a target, and the place of a bad probability is that in the target") {
  const Tensor x = tensor(0.0, float64);
  CHECK(nn::bce_with_logits(x, 1).item<double>() == doctest::Approx(0.6931471805599453));
  CHECK(nn::poisson_nll_loss(x, 1).item<double>() == 1);
  Tensor q = zeros({1, 2, 3}, float64);
  q = index_put(q, {0, 0, 2}, tensor(7.0, float64));
  CHECK_THROWS_WITH_AS((void)nn::cross_entropy(zeros({1, 2, 3}, float64), q),
                       doctest::Contains("target [1, 2, 3] holds 7 at position 2, outside"),
                       ValueError);
}

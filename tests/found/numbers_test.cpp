// Results that were NaN, infinite or inexact though the right one is an ordinary number. Right
// values are closed forms, or computed with 50 digits.
#include "found/found.hpp"

#include <gradtape/autograd/formula.hpp>

#include <cmath>
#include <cstdint>

using namespace gradtape;
using namespace gradtape::testing;

TEST_SUITE_BEGIN("found in use");

TEST_CASE("powers have finite slopes at 0") {
  const auto formula_power = formula("power", [](auto x) { return pow(x, 0.0); });
  const auto formula_first = formula("first", [](auto x) { return pow(x, 1.0); });
  for (const Dtype dtype : {float32, float64}) {
    const Tensor x = tensor({-2.0, 0.0, 3.0}, dtype);
    CHECK(is(slope([](const Tensor& t) { return pow(t, 0.0); }, x), {0, 0, 0}));
    CHECK(is(slope(formula_power, x), {0, 0, 0}));
    CHECK(is(curvature(formula_first, x), {0, 0, 0}));
    CHECK(is(curvature([](const Tensor& t) { return pow(t, 1.0); }, x), {0, 0, 0}));
    CHECK(is(curvature([](const Tensor& t) { return pow(t, 2.0); }, x), {2, 2, 2}));
    const auto polynomial = [](const Tensor& t) {
      return pow(t, 0.0) + 2.0 * pow(t, 1.0) + 3.0 * pow(t, 2.0) + 4.0 * pow(t, 3.0);
    };
    CHECK(is(slope(polynomial, x), {2 - 12 + 48, 2, 2 + 18 + 108}, 1e-6));
    CHECK(is(curvature(polynomial, x), {6 - 48, 6, 6 + 72}, 1e-6));
  }
  const auto f = [](const Tensor& v) { return pow(v[0], 0.0) * v[1]; };
  CHECK(is(hessian(f, tensor({0.0, 3.0}, float64)), {0, 0, 0, 0}));
}

TEST_CASE("a masked class costs nothing in kl_div") {
  const Tensor log_p = tensor({-infinity, std::log(0.25), std::log(0.75)}, float64);
  const Tensor target = tensor({0.0, 0.25, 0.75}, float64);
  const auto loss = [&](const Tensor& x) {
    return nn::kl_div(x, target, {.reduction = nn::Reduction::sum});
  };
  CHECK(std::abs(loss(log_p).item()) < 1e-15);
  CHECK(is(slope(loss, log_p), {0, -0.25, -0.75}));
}

TEST_CASE("infinite logits on the right side cost nothing in bce_with_logits") {
  for (const Dtype dtype : {float32, float64}) {
    const Tensor x = tensor({-infinity, infinity}, dtype), t = tensor({0.0, 1.0}, dtype);
    const auto loss = [&](const Tensor& logits) {
      return nn::bce_with_logits(logits, t, {.reduction = nn::Reduction::sum});
    };
    CHECK(loss(x).item() == 0);
    CHECK(is(slope(loss, x), {0, 0}));
  }
}

TEST_CASE("quantiles between equal infinities are that infinity") {
  const Tensor x = tensor({-infinity, -infinity, 1.0, infinity, infinity}, float64);
  CHECK(quantile(x, tensor(0.1, float64)).item() == -infinity);
  CHECK(quantile(x, tensor(0.9, float64)).item() == infinity);
  CHECK(quantile(x, tensor(0.5, float64)).item() == 1);
}

TEST_CASE("what attention masks might as well not be there") {
  seed(1);
  const Tensor q = randn({2, 3}, float64), k = randn({3, 3}, float64), v = randn({3, 2}, float64);
  const Tensor mask = tensor({{true, true, false}, {true, true, false}});
  const auto two = [](const Tensor& x) { return slice(x, 0, 0, 2); };
  const Tensor expected = scaled_dot_product_attention(q, two(k), two(v));
  const auto expected_slope = slope(
      [&](const Tensor& t) { return square(scaled_dot_product_attention(t, two(k), two(v))); }, q);
  for (const double odd : {not_a_number, infinity, -infinity})
    for (const bool in_key : {true, false}) {
      CAPTURE(odd);
      const Tensor bad_k = in_key ? index_put(k, {2, 1}, tensor(odd, float64)) : k;
      const Tensor bad_v = in_key ? v : index_put(v, {2, 1}, tensor(odd, float64));
      const auto attend = [&](const Tensor& t) {
        return scaled_dot_product_attention(t, bad_k, bad_v, {.mask = mask});
      };
      CHECK(close(attend(q), expected, 1e-12));
      CHECK(close(slope([&](const Tensor& t) { return square(attend(t)); }, q), expected_slope,
                  1e-12));
    }
  const Tensor nothing = full({2, 3}, -infinity, float64);
  CHECK(is(scaled_dot_product_attention(q, k, v, {.mask = nothing}), {0, 0, 0, 0}));
  CHECK(is(
      slope(
          [&](const Tensor& t) { return scaled_dot_product_attention(t, k, v, {.mask = nothing}); },
          q),
      {0, 0, 0, 0, 0, 0}));
}

TEST_CASE("a query with no key left gets 0 from MultiheadAttention, with a bias too") {
  seed(1);
  nn::MultiheadAttention attention(4, 2, {.batch_first = true});
  const Tensor x = randn({2, 3, 4});
  const Tensor padding = tensor({{true, true, true}, {false, false, true}});  // true: left out
  const Tensor bias = randn({3, 3});
  const auto out = attention(x, x, x, {.key_padding_mask = padding, .attn_mask = bias}).output;
  CHECK(all(isfinite(out)).item<bool>());
  const Tensor loss = sum(square(out[1]));
  loss.backward();
  for (const auto& p : attention.parameters()) {
    CAPTURE(p.name());
    CHECK(all(isfinite(p.grad())).item<bool>());
  }
}

TEST_CASE("exponentials and logarithms are right at the ends of their ranges") {
  const double e = 1e-15;
  CHECK(is(exp(tensor({88.4f})), {std::exp(static_cast<double>(88.4f))}, 2e-7));
  CHECK(is(exp2(tensor({127.0f})), {std::exp2(127.0)}));
  CHECK(is(expm1(tensor({88.7f})), {std::expm1(static_cast<double>(88.7f))}, 2e-7));
  CHECK(is(exp2(tensor({1023.0}, float64)), {std::exp2(1023.0)}));
  CHECK(is(exp(tensor({709.5}, float64)), {std::exp(709.5)}, e));
  const Tensor small = tensor({2e-308, 5e-324, 1e-315}, float64);
  CHECK(is(log(small), {std::log(2e-308), std::log(5e-324), std::log(1e-315)}, e));
  CHECK(is(log2(small), {std::log2(2e-308), -1074, std::log2(1e-315)}, e));
  CHECK(is(log10(small), {std::log10(2e-308), std::log10(5e-324), std::log10(1e-315)}, e));
  CHECK(is(cbrt(small), {std::cbrt(2e-308), std::cbrt(5e-324), std::cbrt(1e-315)}, e));
  CHECK(is(xlogy(tensor({1.0}, float64), tensor({1e-310}, float64)), {std::log(1e-310)}, e));
  CHECK(is(exp(tensor({-720.0}, float64)), {std::exp(-720.0)}, 1e-4));  // a subnormal
  CHECK(is(exp(tensor({-95.0f})), {static_cast<double>(std::exp(-95.0f))}, 1e-4));
}

TEST_CASE("matrix_exp of matrices that are far from normal") {
  const auto at_ = [](const Tensor& m, int i, int j) { return m[i][j].item(); };
  const Tensor nilpotent = matrix_exp(tensor({{0.0f, 1e4f}, {0.0f, 0.0f}}));
  CHECK(is(nilpotent, {1, 1e4, 0, 1}, 1e-6));
  const Tensor graded = matrix_exp(tensor({{-1.0, 1e8}, {0.0, -2.0}}, float64));
  CHECK(at_(graded, 0, 1) ==
        doctest::Approx(1e8 * (std::exp(-1.0) - std::exp(-2.0))).epsilon(1e-12));
  const Tensor stiff = matrix_exp(tensor({{-1e8, 0.0}, {0.0, 0.0}}, float64));
  CHECK(is(stiff, {0, 0, 0, 1}));
}

TEST_CASE("confident predictions keep the digits of their loss and slope") {
  // log(1 + e^-20) = 2.0611536203e-9, and the slope of it -1 / (1 + e^20)
  const Tensor x = tensor({20.0f}), t = tensor({1.0f});
  const auto bce = [&](const Tensor& z) { return nn::bce_with_logits(z, t); };
  const auto multilabel = [&](const Tensor& z) { return nn::multilabel_soft_margin_loss(z, t); };
  for (const auto& loss : std::vector<std::function<Tensor(const Tensor&)>>{bce, multilabel}) {
    CHECK(is(loss(x), {2.0611536203143e-9}, 1e-6));
    CHECK(is(slope(loss, x), {-2.0611536181902e-9}, 1e-6));
  }
  const auto sigmoid_formula = formula("s", [](auto z) { return sigmoid(z); });
  const auto tanh_formula = formula("t", [](auto z) { return tanh(z); });
  CHECK(is(slope(sigmoid_formula, x), {2.0611536139419e-9}, 1e-6));
  CHECK(is(slope(tanh_formula, tensor({20.0}, float64)), {1.6993417021166e-17}, 1e-12));
  const Tensor halves = tensor({1.0f, 20.0f});
  CHECK(
      is(slope([](const Tensor& z) { return glu(z, 0); }, halves)[1], {2.0611536139419e-9}, 1e-6));
}

TEST_CASE("bce_loss of a sigmoid has the slope of its logits") {
  for (const double z : {-30.0, -20.0, -10.0, 0.0, 10.0}) {
    CAPTURE(z);
    const auto loss = [](const Tensor& x) { return nn::bce_loss(sigmoid(x), ones({1}, float64)); };
    CHECK(is(slope(loss, tensor({z}, float64)), {-1 / (1 + std::exp(z))}, 1e-3));
  }
}

TEST_CASE("homogeneous functions scale with their inputs") {
  CHECK(is(normalize(tensor({3e19f, 4e19f})), {0.6, 0.8}, 1e-6));
  CHECK(is(normalize(tensor({3e-23f, 4e-23f}), {.eps = 0}), {0.6, 0.8}, 1e-6));
  CHECK(cosine_similarity(tensor({3e19f, 4e19f}), tensor({4e19f, 3e19f})).item() ==
        close(0.96, 1e-6));
  const Tensor label = tensor({1.0f});
  CHECK(
      nn::cosine_embedding_loss(tensor({{3e19f, 4e19f}}), tensor({{4e19f, 3e19f}}), label).item() ==
      close(0.04, 1e-5));
  const Tensor origin = zeros({1, 2}), far = full({1, 2}, 1e4), near = full({1, 2}, 1e-5);
  CHECK(is(cdist(origin, far, 10), {1e4 * std::pow(2.0, 0.1)}, 1e-6));
  CHECK(is(cdist(origin, near, 10), {1e-5 * std::pow(2.0, 0.1)}, 1e-6));
  CHECK(all(slope([&](const Tensor& x) { return cdist(origin, x, 10); }, near) > 0.1).item<bool>());
  CHECK(is(pairwise_distance(far, origin, {.p = 10, .eps = 0}), {1e4 * std::pow(2.0, 0.1)}, 1e-6));
  const std::vector<double> standard{-1.3416407865, -0.4472135955, 0.4472135955, 1.3416407865};
  const Tensor huge = tensor({1e30f, 2e30f, 3e30f, 4e30f});
  CHECK(is(layer_norm(huge, {4}), standard, 1e-6));
  CHECK(is(rms_norm(huge, {4}), {0.36514837, 0.73029674, 1.09544512, 1.46059349}, 1e-6));
  CHECK(is(stddev(tensor({1e20f, -1e20f})), {std::sqrt(2.0) * 1e20}, 1e-6));
  CHECK(is(mean(tensor({3e38f, 3e38f})), {3e38}, 1e-6));
}

TEST_CASE("slopes of asinh, acosh and atan2 far out") {
  const Tensor far = tensor({1e19f, 1e25f, 1e38f});
  CHECK(is(slope([](const Tensor& x) { return asinh(x); }, far), {1e-19, 1e-25, 1e-38}, 1e-6));
  CHECK(is(slope([](const Tensor& x) { return acosh(x); }, far), {1e-19, 1e-25, 1e-38}, 1e-6));
  for (const double scale : {1e-30, 1e-20, 1.0, 1e20, 1e30}) {
    CAPTURE(scale);
    const Tensor y = full({1}, 3 * scale), x = full({1}, 4 * scale);
    CHECK(is(slope([&](const Tensor& t) { return atan2(t, x); }, y), {0.16 / scale}, 1e-5));
    CHECK(is(slope([&](const Tensor& t) { return atan2(y, t); }, x), {-0.12 / scale}, 1e-5));
  }
}

TEST_CASE("gradients through singular vectors at any scale") {
  const Tensor a = tensor({{2.0, 1.0, 0.5}, {0.0, 3.0, 1.0}}, float64);
  const auto f = [](const Tensor& m) {
    const auto [u, s, vh] = svd(m);
    return square(u[0][0]) + square(vh[0][1]);
  };
  const Tensor at_1 = slope(f, a);
  for (const double scale : {1e-170, 1e-20, 1e20, 1e170}) {
    CAPTURE(scale);
    CHECK(close(slope(f, a * scale) * scale, at_1, 1e-10));
  }
  for (const double scale : {1e-20, 1e20}) {
    CAPTURE(scale);
    CHECK(close(slope(f, (a * scale).to(float32)).to(float64) * scale, at_1, 1e-4));
  }
}

TEST_CASE("centered RMSprop survives gradients that hardly vary") {
  const Parameter w(zeros({4}), "w");
  optim::RMSprop rule({w}, {.lr = 1e-3, .centered = true});
  for (int step = 0; step < 200; ++step) {
    rule.zero_grad();
    sum(w.tensor() * (1 + 1e-5 * step)).backward();
    rule.step();
    REQUIRE(all(isfinite(w.tensor())).item<bool>());
  }
}

TEST_CASE("cdist has one gradient, recorded or not") {
  const Tensor a = tensor({{1e5f, 1e5f + 1}}), b = tensor({{1e5f + 0.25f, 1e5f + 0.5f}});
  const Tensor leaf = a.requires_grad();
  const Tensor plain = grad(sum(cdist(leaf, b)), {leaf})[0];
  const Tensor recorded = grad(sum(cdist(leaf, b)), {leaf}, {.create_graph = true})[0];
  const double length = std::hypot(0.25, 0.5);
  CHECK(is(plain, {-0.25 / length, 0.5 / length}, 1e-5));
  CHECK(is(recorded, {-0.25 / length, 0.5 / length}, 1e-5));
}

TEST_CASE("means do not round before they are subtracted") {
  const Tensor x = tensor({1e8f, 1e8f + 8});
  CHECK(is(var(x), {32}, 1e-6));
  CHECK(is(slope([](const Tensor& t) { return var(t); }, x), {-8, 8}, 1e-6));
  nn::BatchNorm1d norm(1);
  norm.eval();
  norm.running_mean.set(full({1}, 1e6));
  norm.running_var.set(full({1}, 1.0));
  CHECK(is(norm(tensor({{1e6f + 1}})), {1 / std::sqrt(1 + 1e-5)}, 1e-6));
  const Tensor near = tensor({10000.0f, 10000.0625f, 9999.9375f, 10000.125f});
  const Tensor exact = layer_norm(near.to(float64), {4});
  CHECK(close(layer_norm(near, {4}).to(float64), exact, 1e-5));
}

TEST_CASE("an element's value does not depend on its neighbours") {
  const auto same = [](const auto& f, Dtype dtype) {
    const Tensor alone = f(full({1}, -80.0, dtype));
    for (const double other : {0.0, 1e4, 1e-30, 3e5, -1.0}) {
      const Tensor many = index_put(full({16}, other, dtype), {3}, tensor(-80.0, dtype));
      if (f(many)[3].item() != alone.item()) return false;
    }
    return true;
  };
  for (const Dtype dtype : {float32, float64}) {
    CHECK(same([](const Tensor& x) { return cos(x); }, dtype));
    CHECK(same([](const Tensor& x) { return sin(x); }, dtype));
    CHECK(same([](const Tensor& x) { return mish(x); }, dtype));
    CHECK(same([](const Tensor& x) { return exp(x); }, dtype));
    CHECK(same([](const Tensor& x) { return softplus(x); }, dtype));
    CHECK(same([](const Tensor& x) { return tanh(x); }, dtype));
  }
}

TEST_SUITE_END();

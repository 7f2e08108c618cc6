// Means and variances where sums overflow, squares leave the range of the dtype, or the mean is no
// number of the dtype.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {
constexpr double inf = std::numeric_limits<double>::infinity();

/// The gradient of sum(f(x) weights), by the plain pass and by the recorded one, to six digits of
/// its largest element.
template <class F>
void check_slopes(F f, const Tensor& x, const Tensor& weights, const Tensor& want) {
  const Tensor leaf = x.requires_grad("x");
  const double size = amax(abs(want)).to(float64).item<double>();
  for (const bool create_graph : {false, true}) {
    const Tensor have = grad(sum(f(leaf) * weights), {leaf}, {.create_graph = create_graph})[0];
    CHECK(amax(abs(have - want)).to(float64).item<double>() <= 1e-5 * size);
  }
}
}  // namespace

TEST_CASE("sums and means of finite numbers overflow only where the result does") {
  CHECK(mean(tensor({3e38, 3e38}, float32)).item<float>() == 3e38F);
  CHECK(mean(tensor({1.7e308, 1.7e308, 1.7e308}, float64)).item<double>() == 1.7e308);
  CHECK(sum(tensor({3e38, 3e38, -3e38}, float32)).item<float>() == 3e38F);
  CHECK(sum(tensor({1.7e308, 1.7e308, -1.7e308}, float64)).item<double>() == 1.7e308);
  CHECK(
      array_equal(mean(tensor({{3e38, 1}, {3e38, 2}}, float32), 0), tensor({3e38, 1.5}, float32)));
  CHECK(array_equal(mean(full({2, 3, 2}, 3e38, float32), {0, 2}), full({3}, 3e38, float32)));
  CHECK(mean(tensor({inf, 1.0}, float64)).item<double>() == inf);
  CHECK(sum(tensor({1.7e308, 1.7e308, -1.0}, float64)).item<double>() == inf);
  CHECK(std::isnan(mean(tensor({inf, -inf}, float64)).item<double>()));
}

TEST_CASE("the mean of very many equal floats is that float to two units in the last place") {
  const float mean_of_tenths = mean(full({20'000'000}, 0.1, float32)).item<float>();
  CHECK(std::abs(mean_of_tenths - 0.1F) <= 1.5e-8F);
  CHECK(mean(ones({20'000'000}, float32)).item<float>() == 1);
}

TEST_CASE("var and stddev do not round the mean before they subtract it") {
  // The mean, 1e8 + 4, is no float; by hand: (4^2 + 4^2) / 1, slope 2 (x - mean).
  const Tensor x = tensor({1e8, 1e8 + 8}, float32), one = ones({}, float32);
  const auto of = [](const Tensor& t) { return var(t); };
  CHECK(var(x).item<float>() == 32);
  check_slopes(of, x, one, tensor({-8, 8}, float32));
  check_slopes([](const Tensor& t) { return stddev(t); }, x, one,
               tensor({-std::sqrt(0.5), std::sqrt(0.5)}, float32));
  CHECK(var(tensor({1e17, 1e17 + 16}, float64)).item<double>() == 128);
  CHECK(array_equal(var(tensor({{1e8, 0}, {1e8 + 8, 2}}, float32), 0), tensor({32, 2}, float32)));
  CHECK(array_equal(var(tensor({{{1e8}, {1e8 + 8}}, {{0}, {2}}}, float32), 1),
                    tensor({{32}, {2}}, float32)));
}

TEST_CASE("stddev scales with its argument, down to the smallest numbers and up to the largest") {
  for (const double scale : {1e-30, 1e-20, 1.0, 1e20, 1e37}) {
    CAPTURE(scale);
    const Tensor x = tensor({1, 2, 4, 9}, float32) * scale;
    CHECK(stddev(x).item<float>() == doctest::Approx(std::sqrt(38.0 / 3) * scale).epsilon(1e-6));
    // d stddev = (x - mean) / (3 stddev), the same at every scale
    check_slopes([](const Tensor& t) { return stddev(t); }, x, ones({}, float32),
                 tensor({-3, -2, 0, 5}, float32) / (3 * std::sqrt(38.0 / 3)));
  }
  for (const double scale : {1e-300, 1e-170, 1e170, 1e307}) {
    CAPTURE(scale);
    const Tensor x = tensor({1, 2, 4, 9}, float64) * scale;
    CHECK(stddev(x).item<double>() == doctest::Approx(std::sqrt(38.0 / 3) * scale).epsilon(1e-12));
  }
  CHECK(stddev(tensor({1e20, -1e20}, float32)).item<float>() ==
        doctest::Approx(std::sqrt(2.0) * 1e20));
}

TEST_CASE("the variance of equal numbers is exactly 0, and the slope of their stddev") {
  for (const auto& axes : {Axes{}, Axes{0}, Axes{1}}) {
    const Tensor x = full({7, 9}, 0.1, float32);
    CHECK(array_equal(var(x, axes), zeros_like(var(x, axes))));
    const Tensor leaf = x.requires_grad("x");
    CHECK(array_equal(grad(sum(stddev(leaf, axes)), {leaf})[0], zeros({7, 9})));
  }
}

TEST_CASE("var and stddev over every pattern of axes agree with float64 by hand") {
  const Tensor x = randn({3, 4, 2, 5}, float64);
  for (const Axes& axes : {Axes{}, Axes{0}, Axes{1}, Axes{3}, Axes{0, 1}, Axes{2, 3}, Axes{0, 3},
                           Axes{0, 2}, Axes{1, 3}, Axes{0, 1, 3}, Axes{0, 2, 3}}) {
    const Tensor d = x - mean(x, axes, {.keepdim = true});
    CHECK(allclose(var(x, axes, {.correction = 0}), mean(d * d, axes)));
    CHECK(allclose(stddev(x, axes, {.keepdim = true, .correction = 0}),
                   sqrt(mean(d * d, axes, {.keepdim = true}))));
  }
}

TEST_CASE("normalisations are the same at every scale and far from 0") {
  // (x - mean) / sqrt(var): -3/sqrt(5), -1/sqrt(5), ...; eps is nothing beside these variances
  const Tensor want = tensor({-3, -1, 1, 3}, float32) / std::sqrt(5.0);
  const Tensor x = tensor({1, 2, 3, 4}, float32), w = tensor({1, 2, 0, 1}, float64);
  const Tensor small = x.to(float64).requires_grad("x");
  const Tensor slopes = grad(sum(layer_norm(small, {4}, {.eps = 0}) * w), {small})[0];
  for (const double scale : {1e10, 1e20, 1e30, 8e37}) {
    CAPTURE(scale);
    const auto of = [](const Tensor& t) { return layer_norm(t, {4}); };
    CHECK(allclose(of(x * scale), want, 1e-6));
    check_slopes(of, x * scale, w.to(float32), (slopes / scale).to(float32));
    const Tensor columns = unsqueeze(x * scale, 1);
    CHECK(allclose(batch_norm(columns).y, unsqueeze(want, 1), 1e-6));
  }
  // x / sqrt(mean(x^2)): 7.5 is the mean square
  for (const double scale : {1e-25, 1e25, 8e37})
    CHECK(allclose(rms_norm(x * scale, {4}, {.eps = 0}), x / std::sqrt(7.5), 1e-6));
  // [1e8, 1e8 + 8] has the mean 1e8 + 4 and the deviation 4.
  const Tensor far = tensor({1e8, 1e8 + 8}, float32);
  CHECK(allclose(layer_norm(far, {2}), tensor({-1, 1}, float32), 1e-6));
  CHECK(allclose(batch_norm(unsqueeze(far, 1)).y, tensor({{-1}, {1}}, float32), 1e-6));
  CHECK(allclose(group_norm(unsqueeze(far, 0), 1), tensor({{-1, 1}}, float32), 1e-6));
  // float64 on the same floats
  const Tensor tens = randn({8, 64}, float32) + 1e4;
  CHECK(
      allclose(layer_norm(tens, {64}), layer_norm(tens.to(float64), {64}).to(float32), 1e-5, 1e-6));
}

#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/init.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "support/close.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// Mean and standard deviation of the elements.
std::pair<double, double> moments(const Tensor& x) {
  const Tensor y = x.to(float64);
  return {mean(y).item<double>(), std::sqrt(var(y).item<double>())};
}

/// How far x x^T, or x^T x where x has fewer columns, is from the identity times `square`.
double distance_from_orthogonal(const Tensor& x, double square) {
  const Tensor rows = x.shape()[0] <= x.shape()[1] ? x : transpose(x);
  const Tensor gram = matmul(rows, transpose(rows));
  return max(abs(gram - square * eye(rows.shape()[0], -1, x.dtype()))).item<double>();
}

}  // namespace

TEST_CASE("initializers draw the spread that their source defines") {
  using namespace nn::init;
  Generator generator(11);
  const Shape shape{300, 200};  // fan_in 200, fan_out 300
  const auto check_normal = [&](const Initializer& draw, double std) {
    const auto [mean, spread] = moments(draw(shape, float64, generator));
    CHECK(std::abs(mean) < 4 * std / std::sqrt(60000.0));
    CHECK(spread == close(std, 0.02));
  };
  const auto check_uniform = [&](const Initializer& draw, double bound) {
    const Tensor x = draw(shape, float32, generator);
    CHECK(max(abs(x)).item<double>() <= bound * (1 + 1e-6));
    CHECK(max(abs(x)).item<double>() > 0.99 * bound);
    CHECK(moments(x).second == close(bound / std::sqrt(3.0), 0.02));
  };
  check_normal(Gaussian{}, 1 / 200.0);
  check_normal(Normal{.mean = 0, .std = 3}, 3);
  check_normal(XavierNormal{}, std::sqrt(2 / 500.0));
  check_uniform(XavierUniform{.gain = 5 / 3.0}, 5 / 3.0 * std::sqrt(6 / 500.0));
  check_normal(KaimingNormal{}, std::sqrt(2 / 200.0));
  check_normal(KaimingNormal{.gain = 1, .fan = Fan::out}, std::sqrt(1 / 300.0));
  check_uniform(KaimingUniform{.gain = calculate_gain("leaky_relu", std::sqrt(5.0))},
                1 / std::sqrt(200.0));
  check_uniform(KaimingUniform{.fan = Fan::out}, std::sqrt(6 / 300.0));
}

TEST_CASE("fans count the kernel, and a bias has none") {
  CHECK(nn::init::fan_in({64, 32, 5}) == 160);
  CHECK(nn::init::fan_out({64, 32, 5}) == 320);
  CHECK_THROWS_WITH_AS(nn::init::fan_in({3}),
                       "init: a weight is [out, in, kernel...], so its shape [3] has no fan",
                       ShapeError);
  CHECK_THROWS_AS(nn::init::XavierUniform{}({3}), ShapeError);
}

TEST_CASE("fill replaces the value of a parameter in its own dtype") {
  const Parameter w(zeros({50, 40}, float64), "w");
  Generator generator(1), same(1);
  nn::init::fill(w, nn::init::XavierNormal{}, generator);
  CHECK(array_equal(w, nn::init::XavierNormal{}({50, 40}, float64, same)));
}

TEST_CASE("lecun's initializers have variance 1 / fan_in") {
  Generator generator(3);
  const Tensor normal = nn::init::LecunNormal{}({40, 50, 5, 2}, float64, generator);
  CHECK(moments(normal).second == close(1 / std::sqrt(500.0), 0.02));
  const Tensor uniform = nn::init::LecunUniform{}({40, 50, 5, 2}, float64, generator);
  CHECK(moments(uniform).second == close(1 / std::sqrt(500.0), 0.02));
  CHECK(max(abs(uniform)).item<double>() <= std::sqrt(3 / 500.0));
  CHECK(max(abs(uniform)).item<double>() > 0.999 * std::sqrt(3 / 500.0));
}

TEST_CASE("gains are PyTorch's") {
  using nn::init::calculate_gain;
  for (const char* neutral : {"linear", "sigmoid", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
                              "conv_transpose2d", "conv_transpose3d"})
    CHECK(calculate_gain(neutral) == 1);
  CHECK(calculate_gain("tanh") == 5.0 / 3);
  CHECK(calculate_gain("relu") == std::sqrt(2.0));
  CHECK(calculate_gain("selu") == 0.75);
  CHECK(calculate_gain("leaky_relu") == close(1.4141428569978354, 1e-15));
  CHECK(calculate_gain("leaky_relu", 0.2) == close(1.3867504905630728, 1e-15));
  CHECK_THROWS_WITH_AS(
      calculate_gain("gelu"),
      "calculate_gain: no gain is known for 'gelu'; linear, sigmoid, conv1d to conv3d, "
      "conv_transpose1d to conv_transpose3d, tanh, relu, leaky_relu and selu have one",
      ValueError);
  CHECK_THROWS_WITH_AS(calculate_gain("leaky_relu", std::nan("")),
                       "calculate_gain: slope = nan, but it must be finite", ValueError);
}

TEST_CASE("constants, zeros, ones and the identity are what they say, in any dtype") {
  using namespace nn::init;
  CHECK(array_equal(Constant{2.5}({2, 3}), tensor({{2.5, 2.5, 2.5}, {2.5, 2.5, 2.5}})));
  CHECK(array_equal(Zeros{}({2}, int64), tensor({0, 0})));
  CHECK(array_equal(Ones{}({2}, float64), tensor({1.0, 1.0}, float64)));
  CHECK(array_equal(Eye{}({2, 3}), tensor({{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}})));
  CHECK(array_equal(Eye{}({3, 2}, float64), tensor({{1.0, 0.0}, {0.0, 1.0}, {0.0, 0.0}}, float64)));
  CHECK(Eye{}({0, 3}).shape() == Shape{0, 3});
  CHECK_THROWS_WITH_AS(Eye{}({3}), "Eye: needs a matrix [rows, columns], got [3]", ShapeError);
  CHECK_THROWS_WITH_AS(Eye{}({2, 2, 2}), "Eye: needs a matrix [rows, columns], got [2, 2, 2]",
                       ShapeError);
}

TEST_CASE("a convolution with a Dirac weight hands its channels on, group by group") {
  using nn::init::Dirac;
  const Tensor x = rand({2, 4, 5, 6});
  CHECK(array_equal(conv2d(x, Dirac{}({4, 4, 3, 3}), {}, {.padding = 1}), x));
  CHECK(
      array_equal(conv2d(x, Dirac{.groups = 2}({4, 2, 3, 3}), {}, {.padding = 1, .groups = 2}), x));
  const Tensor wide = conv2d(x, Dirac{}({6, 4, 1, 3}), {}, {.padding = {0, 1}});
  CHECK(array_equal(slice(wide, 1, 0, 4), x));
  CHECK(array_equal(slice(wide, 1, 4, 6), zeros({2, 2, 5, 6})));
  // more channels out of a group than into it: torch.nn.init.dirac_(torch.empty(4, 1, 2), 2)
  CHECK(array_equal(Dirac{.groups = 2}({4, 1, 2}, float64),
                    tensor({{{0.0, 1.0}}, {{0.0, 0.0}}, {{0.0, 1.0}}, {{0.0, 0.0}}}, float64)));
  CHECK(sum(Dirac{}({2, 3, 3, 2, 4})).item<double>() == 2);
  CHECK(Dirac{}({2, 0, 3}).shape() == Shape{2, 0, 3});
  CHECK_THROWS_WITH_AS(Dirac{}({4, 4}),
                       "Dirac: needs the weight of a convolution, [out, in, kernel...] with 1 to 3 "
                       "kernel axes, got [4, 4]",
                       ShapeError);
  CHECK_THROWS_AS(Dirac{}({1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_THROWS_WITH_AS(Dirac{.groups = 3}({4, 4, 3}),
                       "Dirac: groups = 3 does not divide the 4 channels out of [4, 4, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Dirac{.groups = 0}({4, 4, 3}),
                       "Dirac: groups = 0, but it must be at least 1", ValueError);
}

TEST_CASE("a truncated normal has the moments of its density, and its bounds are values") {
  const auto check = [](double mean, double std, double low, double high) {
    Generator generator(5);
    const Tensor x =
        nn::init::TruncatedNormal{mean, std, low, high}({300, 200}, float64, generator);
    CHECK(min(x).item<double>() >= low);
    CHECK(max(x).item<double>() <= high);
    // the standard normal density and distribution function at the bounds
    const auto density = [](double z) {
      return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    };
    const auto below = [](double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; };
    const double a = (low - mean) / std, b = (high - mean) / std;
    const double mass = below(b) - below(a);
    const double shift = (density(a) - density(b)) / mass;
    const double a_term = std::isfinite(a) ? a * density(a) : 0;
    const double b_term = std::isfinite(b) ? b * density(b) : 0;
    const double spread = std * std::sqrt(1 + (a_term - b_term) / mass - shift * shift);
    const auto [got_mean, got_spread] = moments(x);
    CHECK(std::abs(got_mean - (mean + std * shift)) < 4 * spread / std::sqrt(60000.0));
    CHECK(got_spread == close(spread, 0.02));
  };
  const double inf = std::numeric_limits<double>::infinity();
  check(0, 1, -2, 2);
  check(1, 2, 0, 2);
  check(0, 0.02, 0.01, 0.05);
  check(-3, 1, 0, inf);
  check(0, 1, -inf, inf);
  check(5, 100, 4, 6);  // nearly uniform
  const Tensor x = nn::init::TruncatedNormal{.std = 0.02, .low = -0.1, .high = 0.1}({50'000});
  CHECK(max(abs(x)).item<float>() <= 0.1f);
}

TEST_CASE(
    "orthogonal weights have orthonormal rows or columns times the gain, and no bias of sign") {
  Generator generator(9);
  for (const Dtype dtype : {float32, float64})
    for (const Shape& shape :
         {Shape{4, 4}, Shape{3, 7}, Shape{7, 3}, Shape{4, 2, 3}, Shape{1, 5}}) {
      const Tensor x = nn::init::Orthogonal{1.5}(shape, dtype, generator);
      REQUIRE(x.shape() == shape);
      REQUIRE(x.dtype() == dtype);
      CHECK(distance_from_orthogonal(reshape(x, {shape[0], -1}), 1.5 * 1.5) <
            (dtype == float32 ? 1e-5 : 1e-14));
    }
  // over all orthogonal matrices each entry has mean 0; QR's own signs give the first -0.6
  double total = 0;
  for (int i = 0; i < 400; ++i)
    total += nn::init::Orthogonal{}({2, 2}, float64, generator).values<double>()[0];
  CHECK(std::abs(total / 400) < 4 * std::sqrt(0.5 / 400));
  CHECK(nn::init::Orthogonal{}({0, 3}).shape() == Shape{0, 3});
  CHECK_THROWS_AS(nn::init::Orthogonal{}({3}), ShapeError);
}

TEST_CASE("a sparse weight has the same number of zeros in each column, at random rows") {
  Generator generator(4);
  const Tensor x = nn::init::Sparse{.sparsity = 0.31, .std = 2}({10, 2000}, float64, generator);
  const Tensor none = (x == 0.0).to(float64);
  CHECK(array_equal(sum(none, 0), full({2000}, 4.0, float64)));  // 3.1 rounded up
  const Tensor by_row = sum(none, 1);
  CHECK(min(by_row).item<double>() > 800 - 5 * std::sqrt(480.0));
  CHECK(max(by_row).item<double>() < 800 + 5 * std::sqrt(480.0));
  CHECK(mean(x * x).item<double>() == close(4 * 0.6, 0.05));
  CHECK(array_equal(nn::init::Sparse{.sparsity = 1}({3, 2}), zeros({3, 2})));
  CHECK(min(abs(nn::init::Sparse{.sparsity = 0}({30, 20}))).item<double>() > 0);
  CHECK(nn::init::Sparse{}({0, 2}).shape() == Shape{0, 2});
  CHECK_THROWS_WITH_AS(nn::init::Sparse{.sparsity = 1.5}({3, 2}),
                       "Sparse: sparsity = 1.5, but it must be in [0, 1]", ValueError);
  CHECK_THROWS_AS(nn::init::Sparse{.sparsity = std::nan("")}({3, 2}), ValueError);
  CHECK_THROWS_WITH_AS(nn::init::Sparse{}({3}), "Sparse: needs a matrix [rows, columns], got [3]",
                       ShapeError);
}

TEST_CASE("a distribution that is none is refused with what is wrong") {
  using namespace nn::init;
  const double inf = std::numeric_limits<double>::infinity();
  const Shape shape{2, 2};
  CHECK_THROWS_WITH_AS((Uniform{1, 0}(shape)),
                       "Uniform: needs finite bounds with low <= high, got [1, 0)", ValueError);
  CHECK_THROWS_AS((Uniform{0, inf}(shape)), ValueError);
  CHECK_THROWS_AS((Uniform{-1e308, 1e308}(shape)), ValueError);
  CHECK_THROWS_WITH_AS((Normal{.std = -1}(shape)),
                       "Normal: std = -1, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS((Normal{.mean = inf}(shape)), "Normal: mean = inf, but it must be finite",
                       ValueError);
  CHECK_THROWS_WITH_AS((TruncatedNormal{.low = 2, .high = 2}(shape)),
                       "TruncatedNormal: needs low < high, got [2, 2]", ValueError);
  CHECK_THROWS_WITH_AS((TruncatedNormal{.std = 0}(shape)),
                       "TruncatedNormal: std = 0, but it must be finite and above 0", ValueError);
  CHECK_THROWS_WITH_AS((TruncatedNormal{.low = 6, .high = 7}(shape)),
                       "TruncatedNormal: [6, 7] is more than 5 std = 1 away from the mean 0",
                       ValueError);
  CHECK_THROWS_WITH_AS((KaimingNormal{.gain = -1}(shape)),
                       "KaimingNormal: gain = -1, but it must be finite and at least 0",
                       ValueError);
  CHECK_THROWS_AS((XavierUniform{.gain = std::nan("")}(shape)), ValueError);
  CHECK_THROWS_AS((XavierNormal{.gain = inf}(shape)), ValueError);
  CHECK_THROWS_AS((KaimingUniform{.gain = -2}(shape)), ValueError);
  CHECK_THROWS_AS((Orthogonal{.gain = -2}(shape)), ValueError);
  CHECK_THROWS_AS((Normal{}(shape, int64)), DtypeError);
}

TEST_CASE("weights of no elements, and draws with any number of threads") {
  using namespace nn::init;
  const std::vector<Initializer> all = {
      Constant{},     Zeros{},           Ones{},          Uniform{},
      Normal{},       TruncatedNormal{}, Gaussian{},      XavierUniform{},
      XavierNormal{}, KaimingUniform{},  KaimingNormal{}, LecunUniform{},
      LecunNormal{},  Orthogonal{},      Sparse{},        Eye{}};
  for (const auto& draw : all) {
    for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}, Shape{0, 0}}) {
      const Tensor x = draw(shape, float32, default_generator());
      CHECK(x.shape() == shape);
    }
    Generator one(1), three(1);
    const Tensor x = with_threads(1, [&] { return draw({90, 80}, float32, one); });
    CHECK(array_equal(with_threads(3, [&] { return draw({90, 80}, float32, three); }), x));
  }
}

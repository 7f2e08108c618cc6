// What scales, scales: normalisations, distances and similarities of numbers far from 1, and of
// numbers far from 0. Right values are those at scale 1, or closed forms.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/normalisation.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

Tensor f64(const NestedList& values) { return detail::from_braces(values, float64); }

struct Scaled {
  const char* name;
  int degree;  ///< f(s x) = s^degree f(x)
  std::function<Tensor(const Tensor&)> f;
};

/// Value, gradient and gradient of the gradient of f(s x), divided by what they scale with.
std::vector<Tensor> at_scale(const Scaled& sample, double s, Dtype dtype, bool create_graph) {
  const Tensor at_1 = f64({{3, 4, -1, 2}, {0.5, 1, -2, 2.5}});
  const Tensor x = (at_1 * s).to(dtype).requires_grad();
  const Tensor y = sample.f(x);
  const Tensor c = reshape(linspace(0.5, 1.5, y.numel(), float64), y.shape()).to(dtype);
  const Tensor g = grad(y, {x}, {.create_graph = create_graph, .seed = c})[0];
  std::vector<Tensor> result{y.detach().to(float64) / std::pow(s, sample.degree),
                             g.detach().to(float64) / std::pow(s, sample.degree - 1)};
  if (!create_graph) return result;
  const Tensor v = (f64({{1, -1, 2, 0.5}, {0.3, 1, 1, -1}}) * s).to(dtype);
  const Tensor h = grad(sum(g * v), {x})[0];
  result.push_back(h.detach().to(float64) / std::pow(s, sample.degree - 1));
  return result;
}

void check_equal(const std::vector<Tensor>& got, const std::vector<Tensor>& want,
                 double tolerance) {
  for (std::size_t order = 0; order < got.size(); ++order) {
    CAPTURE(order);
    CHECK(allclose(got[order], want[order], tolerance, tolerance));
  }
}

const std::vector<Scaled>& samples() {
  static const Tensor other = f64({{4, 3, 1, 1}, {2, 1, 0.5, -1}, {1, 2, 3, 4}});
  // `other` at about the scale of x
  static const auto beside = [](const Tensor& x) {
    return (other * amax(abs(x.detach())).to(float64)).to(x.dtype());
  };
  static const std::vector<Scaled> all{
      {"normalize", 0, [](const Tensor& x) { return normalize(x, {.eps = 0}); }},
      {"normalize, p = 3", 0, [](const Tensor& x) { return normalize(x, {.p = 3, .eps = 0}); }},
      {"normalize, p = 1", 0, [](const Tensor& x) { return normalize(x, {.p = 1, .eps = 0}); }},
      {"cosine_similarity", 0,
       [](const Tensor& x) { return cosine_similarity(x, slice(beside(x), 0, 0, 2), {.eps = 0}); }},
      {"pairwise_distance", 1,
       [](const Tensor& x) { return pairwise_distance(x, select(beside(x), 0, 2), {.eps = 0}); }},
      {"cdist", 1, [](const Tensor& x) { return cdist(x, beside(x)); }},
      {"cdist, p = 3", 1, [](const Tensor& x) { return cdist(x, beside(x), 3); }},
      {"cdist, p = 1.5", 1, [](const Tensor& x) { return cdist(x, beside(x), 1.5); }},
      {"cdist, p = 10", 1, [](const Tensor& x) { return cdist(x, beside(x), 10); }},
      {"cdist, p = inf", 1, [](const Tensor& x) { return cdist(x, beside(x), inf); }},
      {"layer_norm", 0, [](const Tensor& x) { return layer_norm(x, {4}, {.eps = 0}); }},
      {"batch_norm", 0,
       [](const Tensor& x) {
         return batch_norm(reshape(x, {4, 2}), {.eps = 0}).y;
       }},
      {"instance_norm", 0,
       [](const Tensor& x) { return instance_norm(unsqueeze(x, 0), {.eps = 0}).y; }},
      {"group_norm", 0, [](const Tensor& x) { return group_norm(x, 2, {.eps = 0}); }},
      {"rms_norm", 0, [](const Tensor& x) { return rms_norm(x, {4}, {.eps = 0.0}); }},
  };
  return all;
}

}  // namespace

TEST_CASE("normalisations and distances scale to second order, from 1e-30 to 1e30 and further") {
  for (const auto& sample : samples())
    for (const Dtype dtype : {float32, float64})
      for (const bool create_graph : {false, true}) {
        const auto want = at_scale(sample, 1, float64, create_graph);
        const double tolerance = dtype == float32 ? 2e-5 : 1e-12;
        for (const double s : dtype == float32 ? std::vector<double>{1e-15, 1e-5, 1, 1e5, 1e15}
                                               : std::vector<double>{1e-140, 1e-20, 1e20, 1e140}) {
          CAPTURE(sample.name);
          CAPTURE(s);
          CAPTURE(name(dtype));
          CAPTURE(create_graph);
          const auto got = at_scale(sample, s, dtype, create_graph);
          CHECK(got.size() == want.size());
          check_equal(got, want, tolerance);
        }
        for (const double s : dtype == float32 ? std::vector<double>{1e-30, 1e30}
                                               : std::vector<double>{1e-200, 1e200}) {
          CAPTURE(sample.name);
          CAPTURE(s);
          check_equal(at_scale(sample, s, dtype, false), want, tolerance);
        }
      }
}

TEST_CASE("float32 normalize, cdist and layer_norm of large and small numbers have closed forms") {
  CHECK(allclose(normalize(tensor({3e19, 4e19}, float32)), tensor({0.6, 0.8}, float32)));
  const Tensor o = zeros({1, 2}), ones2 = ones({1, 2});
  // 2^(1/10) = 1.0717735
  CHECK(cdist(ones2 * 1e4, o, 10).item<double>() == close(10717.735, 1e-6));
  const Tensor small = (ones2 * 1e-5).requires_grad();
  const Tensor y = cdist(small, o, 10);
  CHECK(y.item<double>() * 1e5 == close(1.0717735, 1e-6));
  CHECK(allclose(grad(y, {small})[0], full({1, 2}, 0.53588673)));
  CHECK(allclose(layer_norm(tensor({1, 2, 3, 4}, float32) * 1e30, {4}),
                 tensor({-1.3416408, -0.4472136, 0.4472136, 1.3416408}, float32)));
}

TEST_CASE("normalisation of numbers far from 0 has the digits that the numbers have") {
  // Whole numbers, so that float32 holds them exactly; the right values are float64's.
  for (const double offset : {1e4, 1e6, 1.6e7}) {
    const Tensor x64 = f64({{0, 1, 2, 5}, {3, 1, 4, 4}}) + offset;
    const auto compare = [&](auto f, double tolerance) {
      CAPTURE(offset);
      for (const bool create_graph : {false, true}) {
        const Tensor x = x64.to(float32).requires_grad(), want = x64.requires_grad();
        const Tensor y = f(x), right = f(want);
        CHECK(allclose(y.detach().to(float64), right.detach(), tolerance, tolerance));
        const Tensor c = reshape(linspace(0.5, 1.5, 8, float64), x.shape());
        CHECK(allclose(
            grad(y, {x}, {.create_graph = create_graph, .seed = c.to(float32)})[0].detach().to(
                float64),
            grad(right, {want}, {.create_graph = create_graph, .seed = c})[0].detach(), tolerance,
            tolerance));
      }
    };
    compare([](const Tensor& x) { return layer_norm(x, {4}); }, 2e-6);
    compare([](const Tensor& x) { return group_norm(x, 2); }, 2e-6);
    compare([](const Tensor& x) { return batch_norm(x).y; }, 2e-6);
    compare([](const Tensor& x) { return reshape(instance_norm(unsqueeze(x, 0)).y, x.shape()); },
            2e-6);
  }
}

TEST_CASE("batch_norm in evaluation subtracts the mean before it scales") {
  const Tensor x = tensor({{1e6 + 1}}, float32);
  nn::BatchNorm1d layer(1, {.eps = 1e-5});
  layer.running_mean.set(tensor({1e6}, float32));
  layer.train(false);
  CHECK(layer(x).item<double>() == close(1 / std::sqrt(1 + 1e-5), 1e-7));
  CHECK(batch_norm(x, {.weight = tensor({2.0}, float32),
                       .bias = tensor({3.0}, float32),
                       .running_mean = tensor({1e6}, float32),
                       .running_var = ones({1}),
                       .training = false})
            .y.item<double>() == close(3 + 2 / std::sqrt(1 + 1e-5), 1e-7));
}

TEST_CASE("cdist has one gradient, whether the pass is recorded or not") {
  const Tensor a = tensor({{1e5, 1e5}}, float32), b = tensor({{1e5 - 1, 1e5 + 2}}, float32);
  for (const bool create_graph : {false, true}) {
    const Tensor x = a.requires_grad(), y = b.requires_grad();
    const auto g = grad(cdist(x, y), {x, y}, {.create_graph = create_graph});
    CHECK(allclose(g[0].detach(), tensor({{0.4472136, -0.8944272}}, float32)));
    CHECK(allclose(g[1].detach(), tensor({{-0.4472136, 0.8944272}}, float32)));
  }
}

TEST_CASE("vectors of zeros have finite slopes to second order") {
  const auto finite = [](const char* name, auto f) {
    CAPTURE(name);
    const Tensor x = f64({{0, 0}, {0, 0}}).requires_grad();
    const Tensor g = grad(sum(f(x)), {x}, {.create_graph = true})[0];
    CHECK(all(isfinite(g)).template item<bool>());
    CHECK(
        all(isfinite(grad(sum(square(g)), {x}, {.allow_unused = true})[0])).template item<bool>());
  };
  const Tensor one = f64({{3, 4}, {0, 0}});
  finite("normalize", [](const Tensor& x) { return normalize(x); });
  finite("cosine_similarity", [&](const Tensor& x) { return cosine_similarity(x, one); });
  finite("cdist", [&](const Tensor& x) { return cdist(x, one); });
  finite("cdist, p = 3", [&](const Tensor& x) { return cdist(x, one, 3); });
  finite("pairwise_distance",
         [&](const Tensor& x) { return pairwise_distance(x, one * 0, {.eps = 0}); });
  finite("layer_norm", [](const Tensor& x) { return layer_norm(x, {2}); });
  finite("rms_norm", [](const Tensor& x) { return rms_norm(x, {2}); });
  finite("norm", [](const Tensor& x) { return norm(x, 2, 1); });
}

TEST_CASE("normalisations refuse an eps that is none") {
  const Tensor x = ones({2, 4});
  const double quiet = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS((void)layer_norm(x, {4}, {.eps = -1}),
                       "layer_norm: eps = -1, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_AS((void)group_norm(x, 2, {.eps = quiet}), ValueError);
  CHECK_THROWS_AS((void)batch_norm(x, {.eps = quiet}), ValueError);
  CHECK_THROWS_AS((void)rms_norm(x, {4}, {.eps = -1e-3}), ValueError);
}

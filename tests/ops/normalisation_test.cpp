#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace gradtape;

namespace {

Tensor random(const Shape& shape, Dtype dtype = float64) {
  Generator generator(5);
  return randn(shape, dtype, generator);
}

/// (x - mean) / sqrt(var + eps) over axes by other ops.
Tensor composed(const Tensor& x, const Axes& axes, double eps = 1e-5) {
  return (x - mean(x, axes, {.keepdim = true})) *
         rsqrt(var(x, axes, {.keepdim = true, .correction = 0}) + eps);
}

}  // namespace

TEST_CASE("the fused normalisations agree with their compositions, value and gradient") {
  const Tensor x = random({5, 6, 7, 9}).requires_grad(), g = random({5, 6, 7, 9}) + 0.5;
  const auto same = [&](const Tensor& fused, const Tensor& plain) {
    CHECK(allclose(fused.detach(), plain.detach(), 1e-12, 1e-12));
    CHECK(
        allclose(grad(fused, {x}, {.seed = g})[0], grad(plain, {x}, {.seed = g})[0], 1e-11, 1e-12));
  };
  same(layer_norm(x, {9}), composed(x, -1));
  same(layer_norm(x, {7, 9}), composed(x, {2, 3}));
  same(batch_norm(x).y, composed(x, {0, 2, 3}));
  same(instance_norm(x).y, composed(x, {2, 3}));
  same(group_norm(x, 2), reshape(composed(reshape(x, {5, 2, 3 * 63}), -1), x.shape()));
  const Tensor table = random({40, 150}).requires_grad(), c = random({40, 150});
  const Tensor fused = batch_norm(table).y, plain = composed(table, 0);
  CHECK(allclose(fused.detach(), plain.detach(), 1e-12, 1e-12));
  CHECK(allclose(grad(fused, {table}, {.seed = c})[0], grad(plain, {table}, {.seed = c})[0], 1e-11,
                 1e-12));
}

TEST_CASE("scale and shift come out of the same pass as by their own ops, value and gradients") {
  // A number for each channel, [channels, 1, ...] or [channels], or for each element of a row.
  const auto same = [](const Shape& shape, const Shape& affine, const auto& norm,
                       const auto& plain) {
    CAPTURE(shape.str());
    const Tensor x = random(shape).requires_grad(), g = random(shape) + 0.25;
    const Tensor w = (random({affine.numel()}) + 1.0).requires_grad(),
                 b = random({affine.numel()}).requires_grad();
    for (const bool create_graph : {false, true}) {
      const Tensor fused = norm(x, w, b),
                   composed = plain(x) * reshape(w, affine) + reshape(b, affine);
      CHECK(allclose(fused.detach(), composed.detach(), 1e-11, 1e-12));
      const auto have = grad(fused, {x, w, b}, {.create_graph = create_graph, .seed = g}),
                 want = grad(composed, {x, w, b}, {.seed = g});
      for (std::size_t i = 0; i < 3; ++i)
        CHECK(allclose(have[i].detach(), want[i].detach(), 1e-10, 1e-11));
    }
  };
  const auto layer = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return layer_norm(x, {w.numel()}, {.weight = w, .bias = b});
  };
  const auto last = [](const Tensor& x) { return composed(x, -1); };
  for (const std::int64_t rows : {1, 3, 200})
    for (const std::int64_t n : {2, 7, 37, 1030})
      if (rows * n < 100'000) same({rows, n}, {n}, layer, last);
  same({70, 1030}, {1030}, layer, last);  // several pieces of rows
  same({1, 70'001}, {70'001}, layer, last);
  const auto batch = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return batch_norm(x, {.weight = w, .bias = b}).y;
  };
  same({5, 6, 7, 9}, {6, 1, 1}, batch, [](const Tensor& x) { return composed(x, {0, 2, 3}); });
  same({40, 600}, {600}, batch, [](const Tensor& x) { return composed(x, 0); });
  same({9000, 3}, {3}, batch, [](const Tensor& x) { return composed(x, 0); });
  const auto instance = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return instance_norm(x, {.weight = w, .bias = b}).y;
  };
  same({5, 6, 7, 9}, {6, 1, 1}, instance, [](const Tensor& x) { return composed(x, {2, 3}); });
  const auto groups = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return group_norm(x, 2, {.weight = w, .bias = b});
  };
  const auto halves = [](const Tensor& x) {
    return reshape(composed(reshape(x, {x.size(0), 2, -1}), -1), x.shape());
  };
  same({5, 6, 7, 9}, {6, 1, 1}, groups, halves);
  same({5, 34}, {34}, groups, halves);
  same({5, 6, 1}, {6, 1}, groups, halves);
  const auto rms = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return rms_norm(x, {w.numel()}, {.weight = w, .eps = 1e-5}) + b;
  };
  const auto root = [](const Tensor& x) {
    return x * rsqrt(mean(square(x), -1, {.keepdim = true}) + 1e-5);
  };
  same({3, 37}, {37}, rms, root);
  same({70, 1030}, {1030}, rms, root);
  same({6, 1}, {1}, rms, root);
}

TEST_CASE("gradients of a scale or a shift alone, and of x beside a constant scale") {
  const Tensor x = random({4, 9}), w = random({9}), b = random({9});
  const Tensor z = composed(x, -1), leaf = w.requires_grad(), shift = b.requires_grad();
  const auto slope = [](const Tensor& y, const Tensor& of) {
    return grad(sum(square(y)), {of})[0];
  };
  CHECK(allclose(slope(layer_norm(x, {9}, {.weight = leaf}), leaf), sum(2.0 * z * z * w, 0)));
  CHECK(allclose(slope(layer_norm(x, {9}, {.bias = shift}), shift), sum(2.0 * (z + b), 0)));
  CHECK(allclose(slope(layer_norm(x, {9}, {.weight = w, .bias = shift}), shift),
                 sum(2.0 * (z * w + b), 0)));
  const Tensor input = x.requires_grad();
  CHECK(allclose(slope(layer_norm(input, {9}, {.weight = w}), input),
                 slope(composed(input, -1) * w, input), 1e-10, 1e-12));
}

TEST_CASE("where no cotangent arrives, not even an infinite scale makes a slope") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = random({3, 4}).requires_grad(), w = tensor({1.0, infinity, 1.0, 1.0}, float64);
  const Tensor g = tensor({{1, 0, 2, 3}, {0, 0, 0, 0}, {1, 0, 1, 1}}, float64);
  for (const bool create_graph : {false, true}) {
    const Tensor slopes =
        grad(layer_norm(x, {4}, {.weight = w}), {x}, {.create_graph = create_graph, .seed = g})[0]
            .detach();
    CHECK(all(isfinite(slopes)).item<bool>());
    CHECK(array_equal(slice(slopes, 0, 1, 2), zeros({1, 4}, float64)));
  }
}

TEST_CASE("normalisations give the same bits for every number of threads") {
  const int before = num_threads();
  const auto results = [](int threads) {
    set_num_threads(threads);
    Generator generator(3);
    const Tensor x = randn({64, 48, 40}, float32, generator).requires_grad(),
                 w = randn({48}, float32, generator).requires_grad(),
                 row = randn({40}, float32, generator).requires_grad();
    const Tensor y = batch_norm(x, {.weight = w}).y * 2.0 + group_norm(x, 4, {.weight = w}) +
                     layer_norm(x, {40}, {.weight = row});
    auto all = grad(sum(square(y)), {x, w, row});
    all.push_back(y.detach());
    return all;
  };
  const auto one = results(1), three = results(3);
  set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(array_equal(one[i], three[i]));
}

TEST_CASE("normalisation keeps its digits far from 0 in float32") {
  const Tensor near = random({3, 1000}, float32), far = near + 1000.0;
  CHECK(allclose(layer_norm(far, {1000}), layer_norm(near, {1000}), 0, 2e-3));
}

TEST_CASE("a constant row with eps 0 passes zero cotangents as zeros") {
  const Tensor x = ones({1, 3}, float64).requires_grad();
  const Tensor y = layer_norm(x, {3}, {.eps = 0});
  for (const bool create_graph : {false, true})
    CHECK(array_equal(
        grad(
            y, {x},
            {.create_graph = create_graph, .retain_graph = true, .seed = zeros({1, 3}, float64)})[0]
            .detach(),
        zeros({1, 3}, float64)));
}

TEST_CASE("batch_norm moves the running statistics towards those of the batch") {
  const Tensor x = tensor({{1, 10}, {3, 30}}, float64).requires_grad();
  const auto [y, mean, var] = batch_norm(x, {.running_mean = tensor({0, 100}, float64),
                                             .running_var = tensor({1, 1}, float64),
                                             .momentum = 0.25});
  CHECK(allclose(mean, tensor({0.5, 80.0}, float64)));
  CHECK(allclose(var, tensor({0.75 + 0.5, 0.75 + 50}, float64)));  // unbiased: 2 and 200
  CHECK_FALSE(mean.is_tracked());
  CHECK(y.is_tracked());
  const auto plain = batch_norm(x);
  CHECK_FALSE(plain.running_mean.defined());
  CHECK(array_equal(plain.y.detach(), y.detach()));
}

TEST_CASE(
    "batch_norm by running statistics is an affine function of x and returns them as they are") {
  const Tensor x = random({2, 3, 4}), m = tensor({1, 2, 3}, float64),
               v = tensor({4, 9, 16}, float64);
  const auto result =
      batch_norm(x, {.running_mean = m, .running_var = v, .training = false, .eps = 0});
  CHECK(allclose(result.y, (x - reshape(m, {3, 1})) / sqrt(reshape(v, {3, 1}))));
  CHECK(array_equal(result.running_mean, m));
  CHECK(array_equal(result.running_var, v));
}

TEST_CASE("instance_norm takes the mean of the instances' statistics") {
  const Tensor x = tensor({{{1, 3}}, {{5, 9}}}, float64);
  const auto result = instance_norm(
      x, {.running_mean = zeros({1}, float64), .running_var = zeros({1}, float64), .momentum = 1});
  CHECK(allclose(result.running_mean, tensor({4.5}, float64)));
  CHECK(allclose(result.running_var, tensor({5.0}, float64)));  // of 2 and 8
}

TEST_CASE("rms_norm of a row has mean square 1") {
  const Tensor x = random({4, 50});
  CHECK(allclose(mean(square(rms_norm(x, {50})), -1), ones({4}, float64)));
}

TEST_CASE("local_response_norm divides by what its neighbours hold") {
  const Tensor x = tensor({{1, 2, 3, 4}}, float64);
  const Tensor y = local_response_norm(x, 3, {.alpha = 3, .beta = 1, .k = 1});
  CHECK(allclose(y, tensor({{1 / 6.0, 2 / 15.0, 3 / 30.0, 4 / 26.0}}, float64)));
  const Tensor z = local_response_norm(x, 2, {.alpha = 2, .beta = 1, .k = 1});
  CHECK(allclose(z, tensor({{1 / 2.0, 2 / 6.0, 3 / 14.0, 4 / 26.0}}, float64)));
  // A window far larger than the channels takes no time for what is not there.
  const Tensor w =
      local_response_norm(x, std::int64_t{1} << 62, {.alpha = 0x1p62, .beta = 1, .k = 1});
  CHECK(allclose(w, x / (1.0 + sum(square(x), 1, {.keepdim = true}))));
}

TEST_CASE("normalisations say what is wrong with their arguments") {
  const Tensor x = ones({2, 4}, float64), w = ones({3}, float64);
  CHECK_THROWS_WITH_AS(layer_norm(x, {3}),
                       "layer_norm: the last axes of [2, 4] must have the extents [3]", ShapeError);
  CHECK_THROWS_WITH_AS(layer_norm(x, {4}, {.weight = w}),
                       "layer_norm: weight [3] must have the shape [4]", ShapeError);
  CHECK_THROWS_WITH_AS(group_norm(x, 3),
                       "group_norm: 3 groups do not divide the 4 channels of [2, 4]", ValueError);
  CHECK_THROWS_WITH_AS(batch_norm(w), "batch_norm: needs [n, channels], got [3]", ShapeError);
  CHECK_THROWS_WITH_AS(instance_norm(x), "instance_norm: needs [n, channels, ...], got [2, 4]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(batch_norm(ones({1, 3})),
                       "batch_norm: training needs at least two values a channel, [1, 3] has 1",
                       ShapeError);
  CHECK_THROWS_WITH_AS(batch_norm(x, {.training = false}),
                       "batch_norm: without training it needs running_mean and running_var",
                       ValueError);
  CHECK_THROWS_WITH_AS(batch_norm(x, {.running_mean = ones({4}, float64)}),
                       "batch_norm: running_mean and running_var go together", ValueError);
  CHECK_THROWS_WITH_AS(layer_norm(ones({2}, int64), {2}),
                       "layer_norm: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(local_response_norm(x, 0),
                       "local_response_norm: size must be at least 1, got 0", ValueError);
}

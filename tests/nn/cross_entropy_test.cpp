#include "gradtape/nn/loss/cross_entropy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gradtape/autograd/gradcheck.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/tape.hpp"
#include "support/close.hpp"

using namespace gradtape;
using nn::Reduction;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

Tensor sample(const Shape& shape, std::uint64_t seed, Dtype dtype = float64) {
  Generator generator(seed);
  return 3.0 * randn(shape, dtype, generator);
}

/// Classes 0, 3, 6, ... of `classes`, one for each of n rows.
Tensor some_classes(std::int64_t n, std::int64_t classes) {
  std::vector<std::int64_t> list;
  for (std::int64_t row = 0; row < n; ++row) list.push_back(3 * row % classes);
  return tensor(list);
}

Tensor f64(const NestedList& values) { return detail::from_braces(values, float64); }

template <class F> std::string message(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// The same by ops: -sum_c a_c log_softmax(x)_c for x: [n, classes], summed over the divisor.
Tensor composed(const Tensor& x, const Tensor& target, const nn::CrossEntropyOptions& options) {
  const auto classes = x.size(1);
  const Tensor counts =
      options.ignore_index ? target != Tensor(*options.ignore_index) : ones(target.shape(), bool_);
  const Tensor weight = options.weight.defined() ? options.weight : ones({classes}, x.dtype());
  const Tensor hit = one_hot(where(counts, target, 0), classes, x.dtype());
  const double smoothing = options.label_smoothing;
  const Tensor a = ((1 - smoothing) * hit + smoothing / static_cast<double>(classes)) * weight;
  const Tensor losses = where(counts, -sum(a * log_softmax(x), -1), 0);
  if (options.reduction == Reduction::none) return losses;
  if (options.reduction == Reduction::sum) return sum(losses);
  return sum(losses) / sum(where(counts, sum(hit * weight, -1), 0));
}

}  // namespace

TEST_CASE("cross_entropy is the mean of -log_softmax at the targets") {
  for (auto dtype : {float32, float64})
    for (std::int64_t classes : {1, 2, 10, 16, 37}) {
      CAPTURE(classes);
      const Tensor logits = sample({6, classes}, 8, dtype), target = some_classes(6, classes);
      const Tensor picked = log_softmax(logits) * one_hot(target, classes, dtype);
      const Tensor loss = nn::cross_entropy(logits, target);
      CHECK(loss.ndim() == 0);
      CHECK(allclose(loss, -sum(picked) / 6.0, dtype == float32 ? 1e-6 : 1e-14, 1e-7));
    }
}

TEST_CASE("the gradient of cross_entropy is (softmax - one_hot) / n, recorded or not") {
  for (auto dtype : {float32, float64})
    for (std::int64_t classes : {2, 10, 16, 37}) {
      CAPTURE(classes);
      const Tensor target = some_classes(6, classes),
                   logits = sample({6, classes}, 9, dtype).requires_grad();
      const Tensor want = (softmax(logits.detach()) - one_hot(target, classes, dtype)) / 6.0;
      const double eps = dtype == float32 ? 1e-6 : 1e-14;
      CHECK(allclose(grad(nn::cross_entropy(logits, target), {logits})[0], want, eps, eps));
      CHECK(allclose(grad(nn::cross_entropy(logits, target), {logits}, {.create_graph = true})[0],
                     want, eps, eps));
    }
  const Tensor target = some_classes(4, 3);
  const auto check = gradcheck([&](const Tensor& x) { return nn::cross_entropy(x, target); },
                               sample({4, 3}, 10), {.order = 2});
  CHECK_MESSAGE(check, check.message);
}

TEST_CASE("cross_entropy keeps its digits for logits far from 0") {
  const Tensor near = tensor({{0.5, 0.0}, {0.0, 0.25}}, float32), target = tensor({1, 1});
  const Tensor far = (near + 65536.0).requires_grad();
  CHECK(allclose(nn::cross_entropy(far, target), nn::cross_entropy(near, target), 1e-6));
  const Tensor want = (softmax(near) - one_hot(target, 2)) / 2.0;
  CHECK(allclose(grad(nn::cross_entropy(far, target), {far})[0], want, 1e-6));
}

TEST_CASE("cross_entropy with masked classes has finite gradients") {
  const Tensor logits = tensor({{0.0, -inf, 0.0}}, float64).requires_grad();
  for (bool recorded : {false, true}) {
    const Tensor loss = nn::cross_entropy(logits, tensor({0}));
    CHECK(loss.item<double>() == testing::close(std::log(2.0), 1e-12));
    const Tensor dx = grad(loss, {logits}, {.create_graph = recorded})[0];
    CHECK(allclose(dx, tensor({{-0.5, 0.0, 0.5}}, float64), 1e-14));
  }
}

TEST_CASE("cross_entropy says what is wrong with its arguments") {
  const Tensor logits = zeros({2, 3}).requires_grad("logits");
  CHECK_THROWS_AS(nn::cross_entropy(logits, tensor({0, 3})), ValueError);
  CHECK(message([&] {
          (void)nn::cross_entropy(logits, tensor({0, 3}));
        }) ==
        "cross_entropy: class 3 in row 1 of target is out of range for the 3 classes of logits "
        "'logits' [2, 3]");
  CHECK(message([&] {
          (void)nn::cross_entropy(logits, tensor({-1, 0}));
        }) ==
        "cross_entropy: class -1 in row 0 of target is out of range for the 3 classes of logits "
        "'logits' [2, 3]");
  CHECK_THROWS_AS(nn::cross_entropy(logits, tensor({0})), ShapeError);
  CHECK(message([&] { (void)nn::cross_entropy(logits, tensor({0})); }) ==
        "cross_entropy: target [1] must hold one class for each row of logits 'logits' [2, 3], as "
        "[2], or probabilities of the logits' shape");
  CHECK_THROWS_AS(nn::cross_entropy(logits, tensor({0.0, 1.0})), DtypeError);
  CHECK(message([&] {
          (void)nn::cross_entropy(logits, tensor({0.0, 1.0}));
        }) ==
        "cross_entropy: target must hold class indices in int64, got float32; convert it with "
        "to(int64)");
  CHECK_THROWS_AS(nn::cross_entropy(zeros({0, 3}), zeros({0}, int64)), ShapeError);
  CHECK(message([&] {
          (void)nn::cross_entropy(zeros({0, 3}), zeros({0}, int64));
        }) == "cross_entropy: logits [0, 3] have no rows, and the mean of nothing is undefined");
}

TEST_CASE("cross_entropy weights, ignores and smooths as its formula says") {
  const Tensor logits = f64({{1, 2, 0}, {0, 0, 3}, {1, 1, 1}}), target = tensor({1, 2, 0});
  const Tensor log_p = log_softmax(logits), w = f64({1, 2, 4});
  const auto at = [&](int row, int c) {
    return log_p.data<double>()[static_cast<std::size_t>(3 * row + c)];
  };
  const auto value = [&](const nn::CrossEntropyOptions& options) {
    return nn::cross_entropy(logits, target, options).item<double>();
  };
  CHECK(value({}) == testing::close(-(at(0, 1) + at(1, 2) + at(2, 0)) / 3, 1e-12));
  CHECK(value({.weight = w}) ==
        testing::close(-(2 * at(0, 1) + 4 * at(1, 2) + at(2, 0)) / 7, 1e-12));
  CHECK(value({.ignore_index = 2}) == testing::close(-(at(0, 1) + at(2, 0)) / 2, 1e-12));
  const double row = -(0.7 * at(0, 1) + 0.1 * (at(0, 0) + at(0, 1) + at(0, 2)));
  CHECK(select(nn::cross_entropy(logits, target,
                                 {.label_smoothing = 0.3, .reduction = Reduction::none}),
               0, 0)
            .item<double>() == testing::close(row, 1e-12));
  const Tensor none = tensor({2, 2, 2});
  CHECK(std::isnan(nn::cross_entropy(logits, none, {.ignore_index = 2}).item<double>()));
}

TEST_CASE("cross_entropy of class indices is that of their one-hot probabilities") {
  Generator generator(1);
  const Tensor logits = randn({2, 3, 4}, float64, generator),
               target = tensor({{0, 2, 1, 1}, {2, 2, 0, 1}});
  const Tensor q = transpose(one_hot(target, 3, float64), 1, 2), w = f64({1, 2, 0.5});
  CHECK(allclose(nn::cross_entropy(logits, target), nn::cross_entropy(logits, q)));
  for (const auto reduction : {Reduction::sum, Reduction::none}) {
    const nn::CrossEntropyOptions options{.weight = w, .reduction = reduction};
    CHECK(allclose(nn::cross_entropy(logits, target, options),
                   nn::cross_entropy(logits, q, options)));
  }
  CHECK(allclose(nn::nll_loss(log_softmax(logits, 1), target), nn::cross_entropy(logits, target)));
}

TEST_CASE("cross_entropy is its composed form for all options, with its gradients") {
  for (const auto dtype : {float32, float64})
    for (const std::int64_t classes : {3, 21})
      for (const double smoothing : {0.0, 0.3, 1.0})
        for (const bool weighted : {false, true})
          for (const bool ignores : {false, true})
            for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
              CAPTURE(classes);
              CAPTURE(smoothing);
              CAPTURE(weighted);
              CAPTURE(ignores);
              nn::CrossEntropyOptions options{.label_smoothing = smoothing, .reduction = reduction};
              if (weighted) options.weight = linspace(0.5, 2, classes, dtype);
              if (ignores) options.ignore_index = 0;
              const Tensor x = sample({6, classes}, 11, dtype).requires_grad(),
                           target = tensor({0, 2, 1, 1, 0, 2});
              const Tensor loss = nn::cross_entropy(x, target, options),
                           want = composed(x, target, options);
              const double eps = dtype == float32 ? 1e-5 : 1e-13;
              CHECK(loss.shape() == want.shape());
              CHECK(allclose(loss, want, eps, eps));
              const Tensor seed = linspace(1, 2, loss.numel(), dtype);
              const Tensor g =
                  reduction == Reduction::none ? seed : reshape(slice(seed, 0, 0, 1), {});
              const Tensor slope = grad(want, {x}, {.retain_graph = true, .seed = g})[0];
              for (const bool recorded : {false, true})
                CHECK(allclose(
                    grad(loss, {x}, {.create_graph = recorded, .retain_graph = true, .seed = g})[0],
                    slope, eps, eps));
              if (dtype == float64 && classes == 3) {
                const auto f = [&](const Tensor& x) {
                  return nn::cross_entropy(x, target, options);
                };
                const auto check = gradcheck(f, x, {.order = 2});
                CHECK_MESSAGE(check, check.message);
              }
            }
}

TEST_CASE("cross_entropy differentiates probabilities and weights that are tracked") {
  const Tensor x = sample({4, 3}, 12), q = softmax(sample({4, 3}, 13)) * 0.8 + 0.1,
               w = f64({1, 2, 0.5});
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
    const auto soft = gradcheck(
        [&](const std::vector<Tensor>& in) {
          return nn::cross_entropy(
              in[0], in[1], {.weight = in[2], .label_smoothing = 0.2, .reduction = reduction});
        },
        {x, q, w}, {.order = 2});
    CHECK_MESSAGE(soft, soft.message);
    const auto hard = gradcheck(
        [&](const std::vector<Tensor>& in) {
          return nn::cross_entropy(
              in[0], tensor({0, 2, 1, 1}),
              {.weight = in[1], .ignore_index = 2, .label_smoothing = 0.2, .reduction = reduction});
        },
        {x, w}, {.order = 2});
    CHECK_MESSAGE(hard, hard.message);
  }
}

TEST_CASE("a zero cotangent of cross_entropy gives a zero gradient, even of rows that are NaN") {
  const Tensor x = f64({{-inf, -inf, -inf}, {inf, 1, 0}}).requires_grad();
  for (const bool recorded : {false, true})
    for (const double smoothing : {0.0, 0.1}) {
      const Tensor loss =
          0.0 * nn::cross_entropy(x, tensor({0, 1}), {.label_smoothing = smoothing});
      CHECK(array_equal(grad(loss, {x}, {.create_graph = recorded})[0], zeros({2, 3}, float64)));
    }
}

TEST_CASE("cross_entropy has the same bits on any number of threads") {
  const std::int64_t n = 37, rows = 4000;
  const Tensor x = sample({rows, n}, 3, float32).requires_grad(), target = some_classes(rows, n);
  const int before = num_threads();
  for (const double smoothing : {0.0, 0.1}) {
    const auto both = [&] {
      const Tensor loss = nn::cross_entropy(x, target, {.label_smoothing = smoothing});
      return std::vector<Tensor>{loss, grad(loss, {x})[0]};
    };
    set_num_threads(1);
    const auto one = both();
    set_num_threads(4);
    const auto four = both();
    CHECK(array_equal(one[0], four[0]));
    CHECK(array_equal(one[1], four[1]));
  }
  set_num_threads(before);
}

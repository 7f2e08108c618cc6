#include <gradtape/autograd/kernels/spatial/convolution.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using kernels::ConvolutionPath;

namespace {

/// What f() gives while convolutions are computed in one way.
template <class F> auto by(ConvolutionPath path, const F& f) {
  struct Scope {
    ~Scope() { kernels::set_convolution_path(ConvolutionPath::automatic); }
  } const scope;
  kernels::set_convolution_path(path);
  return f();
}

struct Case {
  std::string what;
  Shape x, w;
  ConvOptions options;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"3x3", {3, 5, 9, 20}, {9, 5, 3, 3}, {.padding = 1}},
      {"blocks of 8, 6, 4, 2 and 1 channels", {1, 3, 6, 50}, {17, 3, 2, 3}, {}},
      {"5 channels", {2, 5, 7, 7}, {5, 5, 3, 3}, {}},
      {"even kernel, padding same", {2, 3, 8, 9}, {4, 3, 4, 2}, {.padding = "same"}},
      {"padding wider than the kernel", {2, 2, 4, 5}, {3, 2, 2, 2}, {.padding = 4}},
      {"stride 2", {2, 3, 11, 12}, {4, 3, 3, 3}, {.stride = 2, .padding = 1}},
      {"stride 3 over 2", {2, 3, 14, 13}, {4, 3, 2, 2}, {.stride = 3}},
      {"stride 2 and 3, dilation 3 and 2",
       {2, 2, 17, 19},
       {3, 2, 3, 3},
       {.stride = {2, 3}, .padding = {2, 1}, .dilation = {3, 2}}},
      {"the end of x is not read", {2, 2, 10, 10}, {3, 2, 3, 3}, {.stride = 4}},
      {"1x1", {2, 5, 9, 9}, {6, 5, 1, 1}, {}},
      {"1x1, stride 2", {2, 5, 9, 9}, {6, 5, 1, 1}, {.stride = 2}},
      {"depthwise", {2, 6, 10, 17}, {6, 1, 3, 3}, {.padding = 1, .groups = 6}},
      {"depthwise, stride 2", {2, 6, 10, 17}, {12, 1, 3, 3}, {.stride = 2, .groups = 6}},
      {"groups", {3, 6, 8, 8}, {10, 3, 3, 3}, {.padding = 1, .groups = 2}},
      {"one image in bands", {1, 3, 300, 301}, {2, 3, 3, 3}, {.padding = 1}},
      {"an image larger than a band, stride 2", {1, 2, 310, 290}, {2, 2, 5, 5}, {.stride = 2}},
      {"many terms", {1, 150, 5, 5}, {3, 150, 3, 3}, {.padding = 1}},
      {"small images", {20, 4, 3, 3}, {6, 4, 2, 2}, {}},
      {"as many images as lanes, and more", {37, 3, 6, 7}, {9, 3, 3, 3}, {.padding = 1}},
      {"many images, padding wider than the kernel", {17, 2, 4, 5}, {3, 2, 2, 2}, {.padding = 4}},
      {"many images, stride 2 and 3, dilation 3 and 2",
       {16, 2, 17, 19},
       {3, 2, 3, 3},
       {.stride = {2, 3}, .padding = {2, 1}, .dilation = {3, 2}}},
      {"many images, some of x is not read", {16, 2, 10, 10}, {3, 2, 3, 3}, {.stride = 4}},
      {"many images in groups", {32, 6, 8, 8}, {10, 3, 3, 3}, {.padding = 1, .groups = 2}},
      {"many images, depthwise", {16, 6, 10, 17}, {12, 1, 3, 3}, {.stride = 2, .groups = 6}},
      {"many images, padding 2", {16, 5, 7, 8}, {9, 5, 3, 3}, {.padding = 2}},
      {"many images, padding 3 and 0", {19, 2, 3, 9}, {3, 2, 3, 3}, {.padding = {3, 0}}},
      {"many images, no padding", {16, 20, 5, 33}, {17, 20, 3, 3}, {}},
      {"many images, one output", {16, 8, 3, 3}, {8, 8, 3, 3}, {}},
      {"many images in bands", {16, 40, 24, 20}, {5, 40, 3, 3}, {.padding = 1}},
      {"many images, many terms", {16, 150, 5, 5}, {3, 150, 3, 3}, {.padding = 1}},
      {"many images, 1d", {33, 4, 300}, {5, 4, 7}, {.padding = 3, .dilation = 2}},
      {"many images, 3d", {17, 3, 6, 7, 8}, {4, 3, 3, 2, 3}, {.stride = {1, 2, 1}, .padding = 1}},
      {"large enough for threads", {8, 32, 20, 20}, {40, 32, 3, 3}, {.padding = 1}},
      {"1d", {3, 4, 70}, {5, 4, 7}, {.padding = 3, .dilation = 2}},
      {"1d in bands", {1, 1, 400000}, {2, 1, 5}, {.stride = 2, .padding = 2}},
      {"3d", {2, 3, 6, 7, 8}, {4, 3, 3, 2, 3}, {.stride = {1, 2, 1}, .padding = 1}},
      {"3d in bands", {1, 2, 40, 40, 50}, {3, 2, 3, 3, 3}, {.padding = 1}},
  };
  return all;
}

Tensor convolution(const Tensor& x, const Tensor& w, const Tensor& b, const ConvOptions& options) {
  return x.ndim() == 3   ? conv1d(x, w, b, options)
         : x.ndim() == 4 ? conv2d(x, w, b, options)
                         : conv3d(x, w, b, options);
}

/// y, the gradients of x and w, and a transposed convolution with a bias.
std::vector<Tensor> results(const Case& c, Dtype dtype) {
  const auto numbers = [&](const Shape& shape, std::uint64_t seed) {
    return sample(shape, seed).to(dtype);
  };
  const Tensor x = numbers(c.x, 1).requires_grad(), w = numbers(c.w, 2).requires_grad();
  const Tensor y = convolution(x, w, numbers({c.w[0]}, 3), c.options);
  auto all = grad(y, {x, w}, {.seed = numbers(y.shape(), 4)});
  all.push_back(y.detach());
  if (c.x.ndim() == 4 && c.options.padding.mode.empty())
    all.push_back(conv_transpose2d(numbers(y.shape(), 5), w.detach(),
                                   numbers({c.w[1] * c.options.groups}, 6),
                                   {.stride = c.options.stride,
                                    .padding = c.options.padding,
                                    .dilation = c.options.dilation,
                                    .groups = c.options.groups}));
  return all;
}

/// The largest distance of elements, in units of the largest element.
double distance(const Tensor& a, const Tensor& b) {
  return max(abs(a - b)).item<double>() / max(abs(b)).item<double>();
}

}  // namespace

TEST_CASE("convolutions computed directly are those computed with columns") {
  for (const auto& c : cases()) {
    CAPTURE(c.what);
    const auto exact = by(ConvolutionPath::columns, [&] { return results(c, float64); });
    for (const auto path : {ConvolutionPath::along, ConvolutionPath::across,
                            ConvolutionPath::winograd, ConvolutionPath::automatic}) {
      CAPTURE(static_cast<int>(path));
      const auto direct = by(path, [&] { return results(c, float64); });
      const auto single = by(path, [&] { return results(c, float32); });
      for (std::size_t i = 0; i < exact.size(); ++i) {
        CAPTURE(i);
        CHECK(distance(direct[i], exact[i]) < 1e-14);
        // Registers of four elements have the longest sums.
        CHECK(distance(single[i].to(float64), exact[i]) < 4e-6);
      }
    }
  }
}

TEST_CASE("convolutions computed directly have the same bits on any number of threads") {
  for (const auto& c : cases())
    for (const auto path :
         {ConvolutionPath::along, ConvolutionPath::across, ConvolutionPath::winograd}) {
      CAPTURE(c.what);
      CAPTURE(static_cast<int>(path));
      const auto run = [&](int threads) {
        return by(path, [&] { return with_threads(threads, [&] { return results(c, float32); }); });
      };
      const auto one = run(1), two = run(2), three = run(3);
      for (std::size_t i = 0; i < one.size(); ++i) {
        CAPTURE(i);
        CHECK(array_equal(one[i], two[i]));
        CHECK(array_equal(one[i], three[i]));
      }
    }
}

TEST_CASE("what is not finite reaches the same elements, however a convolution is computed") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = sample({17, 3, 6, 20}, 1), w = sample({4, 3, 3, 3}, 2);
  const auto spoil = [](const Tensor& t, std::int64_t at, double value) {
    auto values = t.values<double>();
    values[static_cast<std::size_t>(at)] = value;
    return tensor(values, t.shape());
  };
  for (const double value : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()})
    for (const bool in_x : {true, false}) {
      const Tensor bad_x = (in_x ? spoil(x, 19, value) : x).requires_grad();
      const Tensor bad_w = (in_x ? w : spoil(w, 2, value)).requires_grad();
      const auto run = [&] {
        const Tensor y = conv2d(bad_x, bad_w, {}, {.padding = 1});
        auto all = grad(y, {bad_x, bad_w}, {.seed = sample(y.shape(), 3)});
        all.push_back(y.detach());
        return all;
      };
      const auto columns = by(ConvolutionPath::columns, run);
      for (const auto path :
           {ConvolutionPath::along, ConvolutionPath::across, ConvolutionPath::winograd}) {
        CAPTURE(static_cast<int>(path));
        const auto direct = by(path, run);
        for (std::size_t i = 0; i < columns.size(); ++i) {
          CAPTURE(i);
          CHECK(array_equal(isfinite(direct[i]), isfinite(columns[i])));
          CHECK(array_equal(isnan(direct[i]), isnan(columns[i])));
        }
      }
    }
}

TEST_CASE("3x3 convolutions of batches are as exact by Winograd's algorithm as by sums") {
  const Tensor x = sample({16, 24, 9, 10}, 1), w = sample({20, 24, 3, 3}, 2);
  const auto run = [&](const Tensor& a, const Tensor& b) {
    return conv2d(a, b, {}, {.padding = 1}).to(float64);
  };
  const auto exact = by(ConvolutionPath::columns, [&] { return run(x, w); });
  const auto sizes = by(ConvolutionPath::columns, [&] { return run(abs(x), abs(w)); });
  const Tensor x32 = x.to(float32), w32 = w.to(float32);
  // The inputs are rounded too; a sum of 216 terms may be off by 215 of these units.
  const double unit = std::numeric_limits<float>::epsilon() / 2;
  for (const auto path : {ConvolutionPath::across, ConvolutionPath::winograd}) {
    CAPTURE(static_cast<int>(path));
    const auto y = by(path, [&] { return run(x32, w32); });
    CHECK(max(abs(y - exact) / sizes).item<double>() < 8 * unit);
  }
}

TEST_CASE("3x3 convolutions of small whole numbers are exact by Winograd's algorithm") {
  const auto whole = [](const Tensor& t) { return floor(t * 8.).to(float32).detach(); };
  const Tensor x = whole(sample({16, 8, 6, 7}, 1)).requires_grad();
  const Tensor w = whole(sample({8, 8, 3, 3}, 2)).requires_grad();
  const auto run = [&] {
    const Tensor y = conv2d(x, w, {}, {.padding = 1});
    auto all = grad(y, {x, w}, {.seed = whole(sample(y.shape(), 3))});
    all.push_back(y.detach());
    return all;
  };
  const auto columns = by(ConvolutionPath::columns, run);
  const auto winograd = by(ConvolutionPath::winograd, run);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    CAPTURE(i);
    CHECK(array_equal(winograd[i], columns[i]));
  }
}

TEST_CASE("a transform that leaves the range of float32 does not spoil a convolution") {
  // Sums of four inputs overflow; sums of products with these weights do not.
  const Tensor x = full({16, 4, 6, 6}, 2e38, float32);
  const Tensor w = full({4, 4, 3, 3}, 1e-3, float32);
  const auto run = [&] { return conv2d(x, w, {}, {.padding = 1}); };
  const auto columns = by(ConvolutionPath::columns, run);
  REQUIRE(all(isfinite(columns)).item<bool>());
  CHECK(allclose(by(ConvolutionPath::winograd, run), columns, 1e-6));
}

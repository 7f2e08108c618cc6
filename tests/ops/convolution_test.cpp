#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// conv2d by its definition, one element at a time.
Tensor reference(const Tensor& x, const Tensor& w, const std::array<std::int64_t, 2>& stride,
                 const std::array<std::int64_t, 2>& padding,
                 const std::array<std::int64_t, 2>& dilation, std::int64_t groups) {
  const auto at = [](const Tensor& t, std::int64_t a, std::int64_t b, std::int64_t c,
                     std::int64_t d) {
    if (c < 0 || d < 0 || c >= t.size(2) || d >= t.size(3)) return 0.0;
    const auto i = ((a * t.size(1) + b) * t.size(2) + c) * t.size(3) + d;
    return t.data<double>()[static_cast<std::size_t>(i)];
  };
  const auto extent = [&](int axis) {
    const auto i = static_cast<std::size_t>(axis);
    return (x.size(2 + axis) + 2 * padding[i] - dilation[i] * (w.size(2 + axis) - 1) - 1) /
               stride[i] +
           1;
  };
  const Shape shape{x.size(0), w.size(0), extent(0), extent(1)};
  std::vector<double> y;
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t o = 0; o < shape[1]; ++o)
      for (std::int64_t i = 0; i < shape[2]; ++i)
        for (std::int64_t j = 0; j < shape[3]; ++j) {
          double sum = 0;
          for (std::int64_t c = 0; c < w.size(1); ++c)
            for (std::int64_t k = 0; k < w.size(2); ++k)
              for (std::int64_t l = 0; l < w.size(3); ++l)
                sum += at(w, o, c, k, l) * at(x, n, o / (shape[1] / groups) * w.size(1) + c,
                                              i * stride[0] - padding[0] + k * dilation[0],
                                              j * stride[1] - padding[1] + l * dilation[1]);
          y.push_back(sum);
        }
  return tensor(y, shape);
}

double inner(const Tensor& a, const Tensor& b) { return sum(a * b).item<double>(); }

}  // namespace

TEST_CASE("conv2d follows its definition where blocks of columns split and join images") {
  struct Case {
    Shape x, w;
    std::array<std::int64_t, 2> stride, padding, dilation;
    std::int64_t groups;
  };
  const std::vector<Case> cases{
      {{3, 2, 7, 6}, {4, 2, 3, 2}, {1, 1}, {0, 0}, {1, 1}, 1},
      {{2, 4, 9, 8}, {6, 2, 3, 3}, {2, 3}, {1, 2}, {2, 1}, 2},
      {{40, 3, 5, 5}, {2, 3, 2, 2}, {1, 1}, {1, 0}, {1, 1}, 1},     // several images a block
      {{2, 40, 33, 31}, {3, 40, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},  // several blocks an image
      {{2, 6, 9, 10}, {4, 3, 1, 1}, {1, 1}, {0, 0}, {1, 1}, 2},     // the columns are x
      {{1, 5, 20, 20}, {5, 1, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 5}};
  for (const auto& c : cases) {
    const Tensor x = sample(c.x, 1), w = sample(c.w, 2), b = sample({c.w[0]}, 3);
    const ConvOptions options{.stride = {c.stride[0], c.stride[1]},
                              .padding = {c.padding[0], c.padding[1]},
                              .dilation = {c.dilation[0], c.dilation[1]},
                              .groups = c.groups};
    const Tensor want = reference(x, w, c.stride, c.padding, c.dilation, c.groups);
    CHECK(allclose(conv2d(x, w, {}, options), want, 1e-12, 1e-12));
    CHECK(allclose(conv2d(x, w, b, options), want + reshape(b, {-1, 1, 1}), 1e-12, 1e-12));

    // <g, conv(x, w)> is linear in x and in w, so the gradients give it back.
    const Tensor at_x = x.requires_grad(), at_w = w.requires_grad();
    const Tensor g = sample(want.shape(), 4);
    const auto gradients = grad(conv2d(at_x, at_w, {}, options), {at_x, at_w}, {.seed = g});
    const Tensor other_x = sample(c.x, 5), other_w = sample(c.w, 6);
    const Tensor moved_x = reference(other_x, w, c.stride, c.padding, c.dilation, c.groups);
    const Tensor moved_w = reference(x, other_w, c.stride, c.padding, c.dilation, c.groups);
    CHECK(inner(gradients[0], other_x) == close(inner(g, moved_x), 1e-11));
    CHECK(inner(gradients[1], other_w) == close(inner(g, moved_w), 1e-11));
  }
}

TEST_CASE("conv1d and conv3d are conv2d with an axis fewer and more") {
  const Tensor x = sample({2, 3, 8}, 1), w = sample({4, 3, 3}, 2);
  const ConvOptions options{.stride = 2, .padding = 1};
  const Tensor flat =
      conv2d(unsqueeze(x, 2), unsqueeze(w, 2), {}, {.stride = {1, 2}, .padding = {0, 1}});
  CHECK(allclose(conv1d(x, w, {}, options), squeeze(flat, 2), 1e-14, 1e-14));
  const Tensor deep = conv3d(reshape(x, {2, 3, 1, 1, 8}), reshape(w, {4, 3, 1, 1, 3}), {},
                             {.stride = {1, 1, 2}, .padding = {0, 0, 1}});
  CHECK(allclose(reshape(deep, {2, 4, 4}), squeeze(flat, 2), 1e-14, 1e-14));
}

TEST_CASE("conv_transpose2d is the gradient of conv2d with respect to its input") {
  const Tensor x = sample({2, 4, 7, 6}, 1).requires_grad(), w = sample({6, 2, 3, 2}, 2);
  const Tensor y =
      conv2d(x, w, {}, {.stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .groups = 2});
  const Tensor g = sample(y.shape(), 3);
  const ConvTransposeOptions options{
      .stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .groups = 2};
  CHECK(allclose(conv_transpose2d(g, w, {}, options), grad(y, {x}, {.seed = g})[0], 1e-13, 1e-13));
}

TEST_CASE("padding \"same\" keeps the extents, with the odd zero at the end") {
  const Tensor x = tensor({{{1.0, 2.0, 3.0}}}, float64), w = tensor({{{1.0, 10.0}}}, float64);
  CHECK(array_equal(conv1d(x, w, {}, {.padding = "same"}), tensor({{{21.0, 32.0, 3.0}}}, float64)));
  CHECK(array_equal(conv1d(x, w, {}, {.padding = "valid"}), tensor({{{21.0, 32.0}}}, float64)));
}

TEST_CASE("a convolution gives the same bits on any number of threads") {
  const Tensor x = sample({40, 3, 12, 12}, 1, float32).requires_grad();
  const Tensor w = sample({5, 3, 3, 3}, 2, float32).requires_grad();
  const auto run = [&] {
    const Tensor y = conv2d(x, w, {}, {.padding = 1});
    auto all = grad(y, {x, w}, {.seed = ones_like(y)});
    all.push_back(y.detach());
    return all;
  };
  const auto one = with_threads(1, run), two = with_threads(2, run);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(array_equal(one[i], two[i]));
}

TEST_CASE("convolutions name the shapes and options that do not fit") {
  const Tensor x = zeros({2, 3, 5, 5}), w = zeros({4, 3, 3, 3});
  using Text = std::string;
  CHECK(error<ShapeError>([&] {
          (void)conv2d(zeros({3, 3}), w);
        }) == "conv2d: needs x [n, channels, height, width], or that without n; got [3, 3]");
  CHECK(error<ShapeError>([&] {
          (void)conv2d(x, zeros({4, 3, 3}));
        }) == "conv2d: needs weight [out, in, 2 kernel extents], got [4, 3, 3]");
  CHECK(error<ShapeError>([&] {
          (void)conv2d(x, zeros({4, 2, 3, 3}));
        }) ==
        "conv2d: weight must be [out, in / groups, ...] for x [n, in, ...], with in and out "
        "multiples of groups: x is [2, 3, 5, 5], weight [4, 2, 3, 3], groups 1");
  CHECK(error<ShapeError>([&] { (void)conv2d(x, w, {}, {.groups = 2}); }).find("groups 2") !=
        Text::npos);
  CHECK(error<ShapeError>([&] { (void)conv2d(x, w, zeros({3})); }) ==
        "conv2d: bias must be [4] for weight [4, 3, 3, 3], got [3]");
  CHECK(error<ShapeError>([&] {
          (void)conv2d(x, zeros({4, 3, 6, 3}));
        }) ==
        "conv2d: the kernel of weight [4, 3, 6, 3] with dilation [1, 1] is larger than x [2, 3, 5, "
        "5] with padding [0, 0]");
  CHECK(error<ShapeError>([&] {
          (void)conv2d(x, zeros({4, 3, 0, 3}));
        }) == "conv2d: the kernel of weight [4, 3, 0, 3] is empty");
  CHECK(error<ValueError>([&] { (void)conv2d(x, w, {}, {.stride = 0}); }) ==
        "conv2d: stride must be at least 1 and below 2^31, got [0]");
  CHECK(error<ValueError>([&] {
          (void)conv2d(x, w, {}, {.dilation = {1, -1}});
        }) == "conv2d: dilation must be at least 1 and below 2^31, got [1, -1]");
  CHECK(error<ValueError>([&] { (void)conv2d(x, w, {}, {.padding = -1}); }) ==
        "conv2d: padding must be at least 0 and below 2^31, got [-1]");
  CHECK(error<ValueError>([&] {
          (void)conv2d(x, w, {}, {.stride = {1, 1, 1}});
        }) ==
        "conv2d: stride takes one value, or one for each of the 2 spatial axes; got [1, 1, 1]");
  CHECK(error<ValueError>([&] { (void)conv2d(x, w, {}, {.stride = 2, .padding = "same"}); }) ==
        "conv2d: padding \"same\" needs stride 1, got [2, 2]");
  CHECK(error<ValueError>([&] { (void)conv2d(x, w, {}, {.padding = "full"}); }) ==
        "conv2d: padding must be numbers, \"same\" or \"valid\", got \"full\"");
  CHECK(error<ValueError>([&] { (void)conv2d(x, w, {}, {.groups = 0}); }) ==
        "conv2d: groups must be at least 1 and below 2^31, got 0");
  CHECK(error<DtypeError>([&] { (void)conv2d(x.to(int64), w.to(int64)); }).find("int64") !=
        Text::npos);
  const Tensor t = zeros({3, 4, 3, 3});
  CHECK(error<ShapeError>([&] { (void)conv_transpose2d(x, w); }) ==
        "conv_transpose2d: weight must be [in, out / groups, ...] for x [n, in, ...], with in a "
        "multiple of groups: x is [2, 3, 5, 5], weight [4, 3, 3, 3], groups 1");
  CHECK(error<ValueError>([&] { (void)conv_transpose2d(x, t, {}, {.output_padding = 1}); }) ==
        "conv_transpose2d: output_padding [1, 1] must be smaller than stride [1, 1] or dilation "
        "[1, 1]");
  CHECK(error<ShapeError>([&] { (void)conv_transpose2d(x, t, {}, {.padding = 4}); }) ==
        "conv_transpose2d: the output would be empty: x is [2, 3, 5, 5], weight [3, 4, 3, 3], "
        "padding [4, 4]");
}

TEST_CASE("im2col shows every window, and col2im adds the windows where they overlap") {
  const Tensor x = tensor({{{{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}}}, float64);
  CHECK(array_equal(im2col(x, 2),
                    tensor({{{1.0, 2.0}, {2.0, 3.0}, {4.0, 5.0}, {5.0, 6.0}}}, float64)));
  CHECK(array_equal(col2im(im2col(x, 2), {2, 3}, 2),
                    tensor({{{{1.0, 4.0, 3.0}, {4.0, 10.0, 6.0}}}}, float64)));
  CHECK(error<ShapeError>([&] { (void)im2col(x, 3); }) ==
        "im2col: the kernel [3, 3] with dilation [1, 1] is larger than an image [2, 3] with "
        "padding [0, 0]");
  CHECK(error<ShapeError>([&] {
          (void)col2im(zeros({1, 6, 2}), {2, 3}, 2);
        }) ==
        "col2im: needs columns [n, channels 4, 2], or that without n, for images [2, 3] and the "
        "kernel [2, 2]; got [1, 6, 2]");
}

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace gradtape;

namespace {

/// 0, 1, 2, ... in `shape`.
Tensor counting(const Shape& shape) { return reshape(arange(shape.numel()), shape); }

}  // namespace

TEST_CASE("permute moves every element to its place, for all orders, sizes and dtypes") {
  const auto check = [](const Shape& shape, const Axes& axes, Dtype dtype) {
    CAPTURE(shape.str());
    const Tensor y = permute(counting(shape).to(dtype), axes).to(float64);
    std::int64_t step[3] = {shape[1] * shape[2], shape[2], 1}, at = 0, wrong = 0;
    for (std::int64_t i = 0; i < y.size(0); ++i)
      for (std::int64_t j = 0; j < y.size(1); ++j)
        for (std::int64_t k = 0; k < y.size(2); ++k, ++at) {
          const auto from = i * step[axes[0]] + j * step[axes[1]] + k * step[axes[2]];
          wrong += y.data<double>()[static_cast<std::size_t>(at)] !=
                   (dtype == bool_ ? from != 0 : static_cast<double>(from));
        }
    CHECK(wrong == 0);
  };
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{3, 70, 65}, Shape{9, 16, 130}, Shape{1100, 2, 3},
                             Shape{3, 2, 1100}, Shape{66, 5, 64}})
    for (const Dtype dtype : {float32, float64, int64, bool_})
      for (const Axes& axes :
           {Axes{0, 2, 1}, Axes{1, 0, 2}, Axes{2, 1, 0}, Axes{1, 2, 0}, Axes{2, 0, 1}})
        check(shape, axes, dtype);
}

TEST_CASE("flip, roll and rot90 move elements to where NumPy moves them") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(array_equal(flip(x), tensor({{6, 5, 4}, {3, 2, 1}})));
  CHECK(array_equal(flip(x, 0), tensor({{4, 5, 6}, {1, 2, 3}})));
  CHECK(array_equal(flip(x, -1), tensor({{3, 2, 1}, {6, 5, 4}})));
  CHECK(array_equal(roll(x, 1), tensor({{6, 1, 2}, {3, 4, 5}})));
  CHECK(array_equal(roll(x, -1, 1), tensor({{2, 3, 1}, {5, 6, 4}})));
  CHECK(array_equal(roll(x, {1, 4}, {0, 1}), tensor({{6, 4, 5}, {3, 1, 2}})));
  CHECK(array_equal(rot90(x), tensor({{3, 6}, {2, 5}, {1, 4}})));
  CHECK(array_equal(rot90(x, 2), flip(x)));
  CHECK(array_equal(rot90(x, -1), tensor({{4, 1}, {5, 2}, {6, 3}})));
  CHECK(array_equal(rot90(x, 1, 1, 0), rot90(x, 3)));
  const Tensor large = counting({300, 70});
  CHECK(array_equal(flip(flip(large, 0), 0), large));
  CHECK(at(flip(large), {0, 0}).item<int>() == 300 * 70 - 1);
}

TEST_CASE("tile and repeat_interleave repeat the whole and each row") {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  CHECK(array_equal(tile(x, {2}), tensor({{1, 2, 1, 2}, {3, 4, 3, 4}})));
  CHECK(array_equal(tile(x, {2, 1}), tensor({{1, 2}, {3, 4}, {1, 2}, {3, 4}})));
  CHECK(tile(x, {2, 3, 4}).shape() == Shape{2, 6, 8});
  CHECK(tile(x, {0, 3}).shape() == Shape{0, 6});
  CHECK(array_equal(tile(Tensor(7), {3}), tensor({7, 7, 7})));
  CHECK(array_equal(repeat_interleave(x, 2), tensor({{1, 2}, {1, 2}, {3, 4}, {3, 4}})));
  CHECK(array_equal(repeat_interleave(x, 2, 1), tensor({{1, 1, 2, 2}, {3, 3, 4, 4}})));
  CHECK(array_equal(repeat_interleave(x, tensor({0, 3}), 1), tensor({{2, 2, 2}, {4, 4, 4}})));
}

TEST_CASE("meshgrid spreads coordinates in matrix or picture order") {
  const auto ij = meshgrid({tensor({1, 2}), tensor({3, 4, 5})});
  CHECK(array_equal(ij[0], tensor({{1, 1, 1}, {2, 2, 2}})));
  CHECK(array_equal(ij[1], tensor({{3, 4, 5}, {3, 4, 5}})));
  const auto xy = meshgrid({tensor({1, 2}), tensor({3, 4, 5})}, MeshOrder::xy);
  CHECK(array_equal(xy[0], transpose(ij[0])));
  CHECK(array_equal(xy[1], transpose(ij[1])));
}

TEST_CASE("pad fills the border by its mode, and a negative width cuts") {
  const Tensor x = tensor({1, 2, 3, 4});
  CHECK(array_equal(pad(x, {1, 2}, {.value = 9}), tensor({9, 1, 2, 3, 4, 9, 9})));
  CHECK(array_equal(pad(x, {-1, 1}), tensor({2, 3, 4, 0})));
  CHECK(array_equal(pad(x, {-5, 3}), tensor({0, 0})));
  CHECK(
      array_equal(pad(x, {3, 2}, {.mode = PadMode::reflect}), tensor({4, 3, 2, 1, 2, 3, 4, 3, 2})));
  CHECK(array_equal(pad(x, {2, 1}, {.mode = PadMode::replicate}), tensor({1, 1, 1, 2, 3, 4, 4})));
  CHECK(array_equal(pad(x, {2, 1}, {.mode = PadMode::circular}), tensor({3, 4, 1, 2, 3, 4, 1})));
  CHECK(array_equal(pad(x, {-1, 2}, {.mode = PadMode::circular}), tensor({2, 3, 4, 2, 3})));
  const Tensor y = pad(ones({2, 2}, int64), {1, 0, 0, 1});  // the last axis first
  CHECK(array_equal(y, tensor({{0, 1, 1}, {0, 1, 1}, {0, 0, 0}})));
}

TEST_CASE("unfold gives every window, and its gradient adds where they overlap") {
  const Tensor x = arange(6);
  CHECK(array_equal(unfold(x, 0, 3, 2), tensor({{0, 1, 2}, {2, 3, 4}})));
  CHECK(array_equal(unfold(counting({1, 3}), 0, 1, INT64_MAX), tensor({{{0}, {1}, {2}}})));
  CHECK(array_equal(unfold(counting({3, 2}), 0, 2), tensor({{{0, 2}, {1, 3}}, {{2, 4}, {3, 5}}})));
  const Tensor leaf = ones({5}, float64).requires_grad();
  sum(unfold(leaf, 0, 3)).backward();
  CHECK(array_equal(leaf.grad(), tensor({1, 2, 3, 2, 1}, float64)));
}

TEST_CASE("diagonals are read and written at every offset") {
  const Tensor x = counting({2, 3});
  CHECK(array_equal(diagonal(x), tensor({0, 4})));
  CHECK(array_equal(diagonal(x, 1), tensor({1, 5})));
  CHECK(array_equal(diagonal(x, -1), tensor({3})));
  CHECK(diagonal(x, 3).shape() == Shape{0});
  CHECK(diagonal(x, -9).shape() == Shape{0});
  CHECK(array_equal(diagonal(counting({2, 2, 2}), 0, 0, 2), tensor({{0, 5}, {2, 7}}) + 0));
  CHECK(array_equal(diag(tensor({1, 2}), 1), tensor({{0, 1, 0}, {0, 0, 2}, {0, 0, 0}})));
  CHECK(array_equal(diag_embed(tensor({{1, 2}}), -1), tensor({{{0, 0, 0}, {1, 0, 0}, {0, 2, 0}}})));
  CHECK(array_equal(diag_embed(tensor({true, true})), eye(2, 2, bool_)));
}

TEST_CASE("tril and triu keep a triangle and share no element but the diagonal's") {
  const Tensor x = counting({3, 4}) + 1;
  CHECK(array_equal(tril(x), tensor({{1, 0, 0, 0}, {5, 6, 0, 0}, {9, 10, 11, 0}})));
  CHECK(array_equal(triu(x, 1), tensor({{0, 2, 3, 4}, {0, 0, 7, 8}, {0, 0, 0, 12}})));
  for (std::int64_t k = -5; k <= 5; ++k) CHECK(array_equal(tril(x, k) + triu(x, k + 1), x));
  CHECK(array_equal(tril(x, 1LL << 62), x));
  CHECK(array_equal(triu(x.to(bool_), -(1LL << 62)), ones({3, 4}, bool_)));
}

TEST_CASE("split and its relatives cut where PyTorch cuts") {
  const Tensor x = arange(7);
  const auto shapes = [](const std::vector<Tensor>& parts) {
    std::vector<std::int64_t> sizes;
    for (const auto& part : parts) sizes.push_back(part.size(0));
    return sizes;
  };
  using Sizes = std::vector<std::int64_t>;
  CHECK(shapes(split(x, 3)) == Sizes{3, 3, 1});
  CHECK(shapes(split(x, {2, 0, 5})) == Sizes{2, 0, 5});
  CHECK(shapes(chunk(x, 4)) == Sizes{2, 2, 2, 1});
  CHECK(shapes(chunk(x, 5)) == Sizes{2, 2, 2, 1});  // fewer than asked for
  CHECK(shapes(split(zeros({0}), 3)) == Sizes{0});
  CHECK(array_equal(concat(split(x, 3)), x));
  CHECK(unbind(counting({2, 3}), 1).size() == 3);
  CHECK(array_equal(unbind(counting({2, 3}), 1)[2], tensor({2, 5})));
  CHECK(unbind(zeros({0, 3})).empty());
}

TEST_CASE(
    "the backward pass of a split is one node, and parts without a cotangent count as zeros") {
  const Tensor x = ones({100}, float64).requires_grad();
  const auto parts = split(x, 1);
  const Tensor y = parts[3] * 2.0 + parts[7];
  sum(y).backward();
  CHECK(at(x.grad(), {3}).item<double>() == 2);
  CHECK(at(x.grad(), {7}).item<double>() == 1);
  CHECK(sum(x.grad()).item<double>() == 3);
}

TEST_CASE("squeeze, unflatten, movedim and narrow change the shape as their names say") {
  const Tensor x = counting({1, 6, 1});
  CHECK(squeeze(x).shape() == Shape{6});
  CHECK(squeeze(x, {0, -1}).shape() == Shape{6});
  CHECK(squeeze(x, 2).shape() == Shape{1, 6});
  CHECK(unflatten(x, 1, {2, -1}).shape() == Shape{1, 2, 3, 1});
  const Tensor y = counting({2, 3, 4});
  CHECK(movedim(y, 0, -1).shape() == Shape{3, 4, 2});
  CHECK(array_equal(movedim(y, {0, 2}, {2, 0}), permute(y, {2, 1, 0})));
  CHECK(array_equal(narrow(arange(5), 0, -2, 2), tensor({3, 4})));
}

TEST_CASE("arranging says what does not fit") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(flip(x, 2), "flip: axis 2 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(roll(x, {1, 2}, {0}), "roll: 2 shifts for 1 axes", ShapeError);
  CHECK_THROWS_WITH_AS(rot90(x, 1, 0, -2), "rot90: needs two axes of [2, 3], got 0 twice",
                       ShapeError);
  CHECK_THROWS_WITH_AS(tile(x, {-1}), "tile: a count must not be negative, got -1", ValueError);
  CHECK_THROWS_WITH_AS(repeat_interleave(x, tensor({1})),
                       "repeat_interleave: counts [1] for the 2 rows along axis 0 of [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(repeat_interleave(x, tensor({1.0, 2.0})),
                       "repeat_interleave: the counts must be int64, got float32", DtypeError);
  CHECK_THROWS_WITH_AS(meshgrid({x}), "meshgrid: takes tensors of at most one axis, got [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(pad(x, {1}),
                       "pad: needs (before, after) of at most the 2 axes of [2, 3], got "
                       "1 widths",
                       ValueError);
  CHECK_THROWS_WITH_AS(pad(x, {-2, -2}),
                       "pad: (-2, -2) cuts more than there is along axis 1 of [2, 3]", ValueError);
  CHECK_THROWS_WITH_AS(pad(x, {3, 0}, {.mode = PadMode::reflect}),
                       "pad: reflect of (3, 0) needs more rows than axis 1 of [2, 3] has",
                       ValueError);
  CHECK_THROWS_WITH_AS(unfold(x, 0, 3), "unfold: windows of 3 do not fit axis 0 of [2, 3]",
                       ValueError);
  CHECK_THROWS_WITH_AS(unfold(x, 0, 1, 0), "unfold: step must be at least 1, got 0", ValueError);
  CHECK_THROWS_WITH_AS(diag(zeros({})),
                       "diag: takes a vector or a matrix, got []; see diagonal and diag_embed",
                       ShapeError);
  CHECK_THROWS_WITH_AS(diagonal(x, 0, 1, -1), "diagonal: needs two axes, got axis 1 twice",
                       ShapeError);
  CHECK_THROWS_WITH_AS(tril(zeros({3})), "tril: needs a matrix or a batch of them, got [3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(split(x, 0), "split: needs parts of at least one row, got 0", ValueError);
  CHECK_THROWS_WITH_AS(split(x, {1, 2}), "split: sizes [1, 2] do not add up to axis 0 of [2, 3]",
                       ValueError);
  CHECK_THROWS_WITH_AS(chunk(x, 0), "chunk: needs at least one part, got 0", ValueError);
  CHECK_THROWS_WITH_AS(narrow(x, 1, 2, 2),
                       "narrow: 2 rows from 2 on do not lie in axis 1 of [2, 3]", ValueError);
  CHECK_THROWS_WITH_AS(unflatten(x, 1, {2, 2}),
                       "unflatten: an axis of extent 3 of [2, 3] does not fill [2, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(movedim(x, {0, 1}, {0}), "movedim: 2 axes to move to 1 places", ShapeError);
  CHECK_THROWS_WITH_AS(slice(x, 0, 0, to_end, -1),
                       "slice: step must be at least 1, got -1; to walk backwards, flip first",
                       ValueError);
}

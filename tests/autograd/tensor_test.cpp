#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

using namespace gradtape;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
}

TEST_CASE("a tensor knows its shape, dtype and elements") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.dtype() == int64);
  CHECK(x.ndim() == 2);
  CHECK(x.numel() == 6);
  CHECK(x.size(0) == 2);
  CHECK(x.size(-1) == 3);
  CHECK(std::vector(x.data<std::int64_t>().begin(), x.data<std::int64_t>().end()) ==
        std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
  CHECK_THROWS_WITH_AS(x.size(2), "size: axis 2 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(
      x.data<float>(),
      "data: [2, 3] of int64 read as float32; use the element type of the dtype, or "
      "convert with to(float32)",
      DtypeError);
}

TEST_CASE("nested braces take the widest of bool, int64 and float32, unless told") {
  CHECK(tensor({true, false}).dtype() == bool_);
  CHECK(tensor({true, 2}).dtype() == int64);
  CHECK(tensor({2, true}).dtype() == int64);
  CHECK(tensor({{1, 2}, {3, 4.5}}).dtype() == float32);
  CHECK(tensor({1.5, true}).dtype() == float32);
  CHECK(tensor({0.1}, float64).item<double>() == 0.1);
  CHECK(tensor({0.1}).item<double>() == static_cast<double>(0.1f));
  const std::int64_t large = (std::int64_t{1} << 62) + 1;  // not a double
  CHECK(tensor({large}).item<std::int64_t>() == large);
  CHECK(tensor(3).shape() == Shape{});
  CHECK(tensor({}).shape() == Shape{0});
  CHECK(tensor({{{}, {}}}).shape() == Shape{1, 2, 0});
  CHECK(tensor({{{{{{{{7}}}}}}}}).shape() == Shape{1, 1, 1, 1, 1, 1, 1, 1});
  CHECK_THROWS_WITH_AS(tensor({{1, 2}, {3}}),
                       "tensor: ragged braces: an item of shape [1] beside one of [2]", ShapeError);
  CHECK_THROWS_WITH_AS(tensor({1.0, std::nan("")}, int64), "tensor: nan does not fit int64",
                       ValueError);
}

TEST_CASE("tensors are made from spans and vectors of every element type") {
  const std::array<bool, 3> bits{true, false, true};
  CHECK(array_equal(tensor(std::span<const bool>(bits), {3}), tensor({true, false, true})));
  CHECK(array_equal(tensor(std::vector{1.5, 2.5}), tensor({1.5, 2.5}, float64)));
  CHECK(array_equal(tensor(std::vector{1.5f, 2.5f}, {2, 1}), tensor({{1.5}, {2.5}})));
  CHECK(array_equal(tensor(std::vector<std::int64_t>{}, {0, 3}), zeros({0, 3}, int64)));
  CHECK_THROWS_WITH_AS(tensor(std::vector{1.0f, 2.0f}, {3}),
                       "tensor: shape [3] takes 3 values, got 2", ShapeError);
}

TEST_CASE("creation functions") {
  CHECK(array_equal(zeros({2}), tensor({0., 0.})));
  CHECK(array_equal(ones({1, 2}, bool_), tensor({{true, true}})));
  CHECK(array_equal(full({2}, 7, int64), tensor({7, 7})));
  CHECK(array_equal(full_like(tensor({1, 2}), -3), tensor({-3, -3})));
  CHECK(array_equal(zeros_like(ones({2}, float64)), tensor({0, 0}, float64)));
  CHECK(array_equal(ones_like(zeros({2}, int64)), tensor({1, 1})));
  CHECK(sum(full({300, 1000}, 2, float64)).item<double>() == 600000);  // several threads
  CHECK_THROWS_WITH_AS(full({2}, infinity, int64), "full: inf does not fit int64", ValueError);

  CHECK(array_equal(arange(3), tensor({0, 1, 2})));
  CHECK(array_equal(arange(5, -1, -2), tensor({5, 3, 1})));
  CHECK(array_equal(arange(0, 1, 0.25, float64), tensor({0, 0.25, 0.5, 0.75}, float64)));
  CHECK(arange(3, 3).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(arange(0, 1, 0), "arange: start 0, stop 1 and step 0 give no finite range",
                       ValueError);
  CHECK_THROWS_WITH_AS(arange(0, infinity),
                       "arange: start 0, stop inf and step 1 give no finite range", ValueError);

  CHECK(array_equal(linspace(0, 1, 5, float64), tensor({0, 0.25, 0.5, 0.75, 1}, float64)));
  const Tensor thirds = linspace(-0.1, 0.7, 4, float64);
  CHECK(thirds.data<double>().front() == -0.1);
  CHECK(thirds.data<double>().back() == 0.7);
  CHECK(array_equal(linspace(2, 5, 1), tensor({2.})));
  CHECK(linspace(2, 5, 0).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(linspace(0, 1, -1), "linspace: count must not be negative, got -1",
                       ValueError);
  CHECK_THROWS_WITH_AS(linspace(0, 1, 3, int64), "linspace: needs float32 or float64, got int64",
                       DtypeError);

  CHECK(array_equal(eye(2), tensor({{1., 0.}, {0., 1.}})));
  CHECK(array_equal(eye(2, 3, int64), tensor({{1, 0, 0}, {0, 1, 0}})));
  CHECK(eye(0).shape() == Shape{0, 0});
  CHECK_THROWS_WITH_AS(eye(-2), "eye: the number of rows must not be negative, got -2", ShapeError);
}

TEST_CASE("shapes that no memory holds are refused, whatever their product wraps to") {
  const std::int64_t huge = std::int64_t{1} << 32;
  CHECK_THROWS_WITH_AS(zeros({huge, huge}),
                       "zeros: [4294967296, 4294967296] has more elements than any memory holds",
                       ShapeError);
  CHECK_THROWS_WITH_AS(zeros({2, -1}), "zeros: shape [2, -1] has a negative extent", ShapeError);
  CHECK_THROWS_WITH_AS(zeros({-2}), "Shape: extent -2 of axis 0 is negative", ShapeError);
  CHECK_THROWS_WITH_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), "Shape: a tensor has at most 8 axes",
                       ShapeError);
  CHECK_THROWS_AS((void)zeros({huge, huge, 0}), ShapeError);  // as NumPy
  CHECK(zeros({huge, 0}).numel() == 0);
}

TEST_CASE("item converts the only element") {
  CHECK(tensor({{2.75}}).item<float>() == 2.75f);
  CHECK(tensor({{2.75}}).item<int>() == 2);
  CHECK(tensor(2.75).item<bool>());
  CHECK_FALSE(tensor({0}).item<bool>());
  CHECK(tensor({true}).item<double>() == 1);
  CHECK_THROWS_WITH_AS(tensor({1, 2}).item<int>(), "item: needs exactly one element, [2] has 2",
                       ShapeError);
  CHECK_THROWS_WITH_AS(zeros({0}).requires_grad("bias").item<float>(),
                       "item: needs exactly one element, 'bias' [0] has 0", ShapeError);
  CHECK_THROWS_WITH_AS(Tensor(infinity).item<int>(), "item: inf does not fit int64", ValueError);
}

TEST_CASE("an undefined tensor says so") {
  const Tensor nothing;
  CHECK_FALSE(nothing.defined());
  CHECK_FALSE(nothing.is_tracked());
  CHECK_THROWS_WITH_AS(
      nothing.shape(),
      "shape: this tensor is undefined (default-constructed, moved from, or a gradient "
      "that nothing has reached)",
      GraphError);
}

TEST_CASE("a literal adopts the dtype that it meets") {
  const Tensor x = tensor({1, 2}, float32);
  CHECK((0.5 * x).dtype() == float32);
  CHECK((x.to(float64) * 0.5).dtype() == float64);
  CHECK((tensor({1, 2}) + 1).dtype() == int64);
  CHECK(Tensor(0.5).is_weak());
  CHECK_FALSE(Tensor(0.5).to(float64).is_weak());
  CHECK_FALSE(Tensor(0.5).requires_grad().is_weak());
  CHECK(Tensor(0.5).dtype() == float64);
  CHECK(Tensor(3).dtype() == int64);
  CHECK(Tensor(true).dtype() == bool_);
}

TEST_CASE("to converts between all dtypes, exactly where it can") {
  const Tensor x = tensor({-1.75, 0, 2.5}, float64);
  CHECK(array_equal(x.to(float32), tensor({-1.75, 0, 2.5}, float32)));
  CHECK(array_equal(x.to(int64), tensor({-1, 0, 2})));
  CHECK(array_equal(x.to(bool_), tensor({true, false, true})));
  CHECK(array_equal(tensor({true, false}).to(float32), tensor({1., 0.})));
  const Tensor many = arange(100000);
  CHECK(array_equal(many.to(float64).to(int64), many));
  CHECK(x.to(float64).raw() == x.raw());  // nothing to do, nothing copied
  CHECK(full({1}, -0x1p63, float64).to(int64).item<std::int64_t>() ==
        std::numeric_limits<std::int64_t>::min());
  CHECK_THROWS_WITH_AS(full({1}, 0x1p63, float64).to(int64),
                       "to: 9.223372036854776e+18 does not fit int64", ValueError);
  CHECK_THROWS_WITH_AS(full({100000}, infinity).to(int64), "to: inf does not fit int64",
                       ValueError);
}

TEST_CASE("to between floats passes the gradient back in the input's dtype") {
  const Tensor x = tensor({1, 2}, float32).requires_grad();
  const Tensor y = x.to(float64);
  sum(y * y).backward();
  CHECK(array_equal(x.grad(), tensor({2, 4}, float32)));
  CHECK_FALSE(x.to(int64).is_tracked());
}

TEST_CASE("copies, detached tensors and reshapes share their elements") {
  const Tensor x = zeros({40, 50}).requires_grad();
  CHECK(Tensor(x).raw() == x.raw());
  CHECK(x.detach().raw() == x.raw());
  CHECK_FALSE(x.detach().is_tracked());
  CHECK(detail::alias(x, {2000}).raw() == x.raw());
  CHECK(detail::alias(x, {50}, 100).raw() == x.data<float>().data() + 100);
  const Tensor small = tensor({1, 2, 3});  // copied: cheaper than sharing
  CHECK(array_equal(detail::alias(small, {2}, 1), tensor({2, 3})));
}

TEST_CASE("an alias keeps the elements when the original is gone") {
  Tensor x = ones({40, 50});
  const Tensor rows = detail::alias(x, {2, 50}, 50);
  x = {};
  CHECK(array_equal(rows, ones({2, 50})));
}

TEST_CASE("elements may be overwritten only while nobody else can see them") {
  const Tensor x = zeros({40, 50});
  CHECK(detail::is_unique(x));
  {
    const Tensor copy = x;
    CHECK_FALSE(detail::is_unique(x));
  }
  CHECK(detail::is_unique(x));
  {
    const Tensor rows = detail::alias(x, {50});
    CHECK_FALSE(detail::is_unique(x));
    CHECK_FALSE(detail::is_unique(rows));
  }
  const Tensor turned = detail::transposed(x);
  CHECK_FALSE(detail::is_unique(x));
  CHECK_FALSE(detail::is_unique(turned));
  CHECK_FALSE(detail::is_unique({}));
}

TEST_CASE_TEMPLATE("a transposed value is right in every element", T, float, double, std::int64_t,
                   bool) {
  for (const Shape& shape : {Shape{2, 3}, Shape{70, 33}, Shape{3, 65, 40}, Shape{2, 1, 5},
                             Shape{0, 4}, Shape{200, 300}, Shape{1100, 3}, Shape{3, 1100}}) {
    const Tensor x = randint(-9, 10, shape).to(dtype_of<T>);
    const Tensor y = detail::transposed(x);
    const auto rows = shape[shape.ndim() - 2], cols = shape.back();
    REQUIRE(y.size(-2) == cols);
    REQUIRE(y.size(-1) == rows);
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const auto matrix = i / (rows * cols), row = i / cols % rows, col = i % cols;
      const auto at = matrix * rows * cols + col * rows + row;
      wrong +=
          x.data<T>()[static_cast<std::size_t>(i)] != y.data<T>()[static_cast<std::size_t>(at)];
    }
    CHECK(wrong == 0);
    CHECK(array_equal(detail::transposed(y), x));
  }
}

TEST_CASE("a transposed value is moved when first read, and not for a second transpose") {
  const Tensor x = randn({30, 40});
  const Tensor y = detail::transposed(x);
  CHECK(y.value_ref()->data.load() == nullptr);
  CHECK(detail::transposed(y).raw() == x.raw());
  CHECK(y.value_ref()->data.load() == nullptr);
  CHECK(y.raw() == y.raw());
  CHECK(y.value_ref()->data.load() != nullptr);
}

TEST_CASE("threads that read a transposed value at once see one array") {
  const Tensor x = randn({300, 200}), y = detail::transposed(x);
  std::array<const void*, 4> seen{};
  std::vector<std::thread> readers;
  for (auto& mine : seen) readers.emplace_back([&] { mine = y.raw(); });
  for (auto& reader : readers) reader.join();
  for (const auto* one : seen) CHECK(one == seen[0]);
  CHECK(array_equal(matmul(x, y), matmul(x, transpose(x).detach())));
}

TEST_CASE("the names and sizes of the dtypes") {
  CHECK(name(float32) == doctest::String("float32"));
  CHECK(name(float64) == doctest::String("float64"));
  CHECK(name(int64) == doctest::String("int64"));
  CHECK(name(bool_) == doctest::String("bool"));
  CHECK(size_of(float32) == sizeof(float));
  CHECK(size_of(float64) == sizeof(double));
  CHECK(size_of(int64) == sizeof(std::int64_t));
  CHECK(size_of(bool_) == sizeof(bool));
}

TEST_CASE("arange and eye take a dtype behind one number") {
  CHECK(array_equal(arange(3, float64), tensor({0.0, 1.0, 2.0}, float64)));
  CHECK(array_equal(arange(2.5, float32), tensor({0.0, 1.0, 2.0})));
  CHECK(array_equal(eye(2, float64), tensor({{1.0, 0.0}, {0.0, 1.0}}, float64)));
  CHECK(array_equal(eye(2, int64), tensor({{1, 0}, {0, 1}})));
}

// Data into tensors and out of them: containers, extents and indices of every integer type.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parameter.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <set>
#include <span>
#include <vector>

#include "support/numbers.hpp"

using namespace gradtape;
using testing::infinity, testing::least, testing::most;

TEST_CASE("containers of every integer type make int64, floats keep theirs") {
  const Tensor labels = tensor({3, 0, 2});
  CHECK(array_equal(tensor(std::vector<int>{3, 0, 2}), labels));
  CHECK(array_equal(tensor(std::vector<std::uint8_t>{3, 0, 2}), labels));
  CHECK(array_equal(tensor(std::vector<short>{3, 0, 2}), labels));
  CHECK(array_equal(tensor(std::vector<std::size_t>{3, 0, 2}), labels));
  CHECK(array_equal(tensor(std::vector<long long>{3, 0, 2}), labels));
  CHECK(array_equal(tensor(std::vector<signed char>{-3}), tensor({-3})));
  CHECK(tensor(std::vector<float>{0.5f}).dtype() == float32);
  CHECK(tensor(std::vector<double>{0.1}).item() == 0.1);
  CHECK(array_equal(tensor(std::vector<long double>{0.5L}), tensor({0.5}, float64)));
  CHECK(array_equal(tensor(std::vector<bool>{true, false}), tensor({true, false})));
  CHECK(tensor(std::vector<int>{}).shape() == Shape{0});
}

TEST_CASE("vectors, arrays, C arrays, spans, lists and sets are containers alike") {
  const std::array<double, 2> array{1, 2};
  const double c_array[] = {1, 2};
  const double grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
  std::vector<double> vector{1, 2};
  const Tensor expected = tensor({1.0, 2.0}, float64);
  CHECK(array_equal(tensor(array), expected));
  CHECK(array_equal(tensor(c_array), expected));
  CHECK(array_equal(tensor(std::span<const double>(vector)), expected));
  CHECK(array_equal(tensor(std::span<double>(vector)), expected));
  CHECK(array_equal(tensor(std::span<double, 2>(vector)), expected));
  CHECK(array_equal(tensor(std::deque<double>{1, 2}), expected));
  CHECK(array_equal(tensor(std::list<double>{1, 2}), expected));
  CHECK(array_equal(tensor(std::set<double>{2, 1}), expected));
  CHECK(array_equal(tensor(grid), tensor({{1, 2, 3}, {4, 5, 6}}, float64)));
  std::vector<int> many(1000);
  for (int i = 0; i < 1000; ++i) many[static_cast<std::size_t>(i)] = i;
  CHECK(array_equal(tensor(many), arange(1000)));  // converted in several portions
}

TEST_CASE("nested vectors are matrices, ragged ones are refused") {
  const std::vector<std::vector<double>> rows{{1, 2, 3}, {4, 5, 6}};
  CHECK(array_equal(tensor(rows), tensor({{1, 2, 3}, {4, 5, 6}}, float64)));
  CHECK(tensor(std::vector<std::array<float, 3>>(4)).shape() == Shape{4, 3});
  CHECK(tensor(std::vector<std::vector<std::vector<int>>>(2, {{1}, {2}})).shape() ==
        Shape{2, 2, 1});
  CHECK(array_equal(tensor(std::vector<std::vector<bool>>{{true}, {false}}),
                    tensor({{true}, {false}})));
  CHECK(tensor(std::vector<std::vector<double>>{}).shape() == Shape{0, 0});
  CHECK(tensor(std::vector<std::vector<double>>(2)).shape() == Shape{2, 0});
  CHECK_THROWS_WITH_AS(tensor(std::vector<std::vector<int>>{{1, 2}, {3}}),
                       "tensor: ragged rows: one of 1 along axis 1 beside one of 2", ShapeError);
  CHECK_THROWS_WITH_AS(tensor(std::vector<std::vector<int>>{{1}, {2, 3}}),
                       "tensor: ragged rows: one of 2 along axis 1 beside one of 1", ShapeError);
}

TEST_CASE("braces around containers are one more axis, as in NumPy") {
  const std::vector<double> v{1, 2, 3}, w{4, 5, 6};
  CHECK(array_equal(tensor({v}), tensor({{1, 2, 3}}, float64)));
  CHECK(array_equal(tensor({v, w}), tensor({{1, 2, 3}, {4, 5, 6}}, float64)));
  CHECK(array_equal(tensor({v, w}, int64), tensor({{1, 2, 3}, {4, 5, 6}})));
  CHECK(tensor({std::vector{v, w}}).shape() == Shape{1, 2, 3});
  CHECK_THROWS_AS((void)tensor({v, std::vector<double>{1}}), ShapeError);
}

TEST_CASE("a container takes a dtype, a shape or both") {
  const std::vector<std::uint8_t> pixels{0, 51, 255, 102};
  CHECK(array_equal(tensor(pixels, float32), tensor({0.0, 51.0, 255.0, 102.0})));
  CHECK(array_equal(tensor(pixels, {2, 2}), tensor({{0, 51}, {255, 102}})));
  CHECK(array_equal(tensor(pixels, {2, 2}, float64), tensor({{0, 51}, {255, 102}}, float64)));
  CHECK(tensor(std::vector<float>{5}, {}).shape() == Shape{});
  CHECK(array_equal(tensor(std::vector<double>{0.1}, float32), tensor({0.1})));
  CHECK(array_equal(tensor(std::vector{1.5, -1.5}, int64), tensor({1, -1})));
  CHECK(array_equal(tensor(std::vector{0.0, 0.5}, bool_), tensor({false, true})));
  CHECK_THROWS_WITH_AS(tensor(pixels, {2, 3}), "tensor: shape [2, 3] takes 6 values, got 4",
                       ShapeError);
  CHECK_THROWS_WITH_AS(tensor(std::vector{1e30}, int64), "tensor: 1e+30 does not fit int64",
                       ValueError);
}

TEST_CASE("an unsigned integer that int64 cannot hold is refused wherever it is taken") {
  const auto large = static_cast<std::uint64_t>(most) + 1;
  const char* message = "int64: 9223372036854775808 is larger than the largest int64";
  CHECK_THROWS_WITH_AS(tensor(std::vector{large}), message, ValueError);
  CHECK_THROWS_WITH_AS(tensor({large}), message, ValueError);
  CHECK_THROWS_WITH_AS(tensor({1}) + large, message, ValueError);
  CHECK_THROWS_WITH_AS(zeros({large}), message, ValueError);
  CHECK_THROWS_WITH_AS(sum(zeros({2}), large), message, ValueError);
  CHECK_THROWS_WITH_AS(zeros({2})[large], message, ValueError);
  CHECK(tensor({large - 1}).item<std::int64_t>() == most);
}

TEST_CASE("braces with NaN and numbers past int64 make floats") {
  CHECK(isnan(tensor({std::numeric_limits<double>::quiet_NaN()})).item<bool>());
  CHECK(tensor({1e30, 1.0}).dtype() == float32);
  CHECK(tensor({1e30}, float64).item() == 1e30);
  CHECK(tensor({-infinity, 1.0}, float64)[0].item() == -infinity);
}

TEST_CASE("extents, axes and indices are of any integer type, in braces or a container") {
  const std::vector<float> values(6);
  const unsigned char two = 2;
  const short axis = -1;
  CHECK(zeros({two, values.size()}).shape() == Shape{2, 6});
  CHECK(zeros(values.size()).shape() == Shape{6});
  CHECK(zeros(std::vector<int>{2, 3}).shape() == Shape{2, 3});
  CHECK(reshape(tensor(values), std::array<std::size_t, 2>{2, 3}).shape() == Shape{2, 3});
  const Tensor x = reshape(arange(6), {two, 3u});
  CHECK(array_equal(sum(x, axis), tensor({3, 12})));
  CHECK(array_equal(sum(x, {std::size_t{0}, 1u}), sum(x)));
  CHECK(array_equal(sum(x, std::vector<int>{0, 1}), sum(x)));
  CHECK(array_equal(sum(x, std::vector<int>{}), x));  // no axis
  CHECK(array_equal(permute(x, {1u, short{0}}), transpose(x)));
  CHECK(array_equal(at(x, {range(0u, values.size()), two}), tensor({2, 5})));
  CHECK(max_pool2d(zeros({1, 1, 4, 4}), {2u, std::size_t{2}}, {.stride = two}).shape() ==
        Shape{1, 1, 2, 2});
}

TEST_CASE("x[i] is at(x, {i}), for integers, ranges and masks, of parameters too") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(array_equal(x[0], tensor({1, 2, 3})));
  CHECK(x[-1][0].item<int>() == 4);
  CHECK(array_equal(x[range(1, to_end)], tensor({{4, 5, 6}})));
  CHECK(array_equal(x[x > 4], tensor({5, 6})));
  CHECK(array_equal(x[tensor({1, 0})], flip(x, 0)));
  CHECK(array_equal(x[newaxis], unsqueeze(x, 0)));
  CHECK(array_equal(Parameter(tensor({1.0, 2.0}))[1], tensor(2.0)));
  CHECK_THROWS_WITH_AS(x[2], "at: index 2 is out of range for axis 0 of [2, 3]", ValueError);
  const Tensor leaf = tensor({1.0, 2.0}).requires_grad();
  square(leaf[1]).backward();
  CHECK(array_equal(leaf.grad(), tensor({0.0, 4.0})));
}

TEST_CASE("item() is a double, and refuses what the type asked for cannot hold") {
  CHECK(tensor({0.1}, float64).item() == 0.1);
  CHECK(tensor({true}).item() == 1);
  CHECK(tensor({-129}).item<short>() == -129);
  CHECK(tensor({2.9}).item<int>() == 2);
  CHECK(tensor({least}).item<std::int64_t>() == least);
  CHECK(tensor({255}).item<std::uint8_t>() == 255);
  CHECK(tensor({most}).item<std::uint64_t>() == static_cast<std::uint64_t>(most));
  CHECK(tensor({infinity}).item<float>() == std::numeric_limits<float>::infinity());
  CHECK_THROWS_WITH_AS(
      tensor({5000000000}).item<int>(),
      "item: 5000000000 does not fit the type asked for, which holds -2147483648 to 2147483647",
      ValueError);
  CHECK_THROWS_WITH_AS(tensor({300}).item<std::uint8_t>(),
                       "item: 300 does not fit the type asked for, which holds 0 to 255",
                       ValueError);
  CHECK_THROWS_AS(tensor({-1}).item<std::uint64_t>(), ValueError);
  CHECK_THROWS_AS(tensor({-129}).item<signed char>(), ValueError);
  CHECK_THROWS_WITH_AS(tensor({1e30}, float64).item<int>(), "item: 1e+30 does not fit int64",
                       ValueError);
  CHECK_THROWS_WITH_AS(tensor({1e300}, float64).item<float>(),
                       "item: 1e+300 does not fit float; ask for item<double>()", ValueError);
}

TEST_CASE("values() copies the elements, so a temporary may be asked") {
  CHECK((tensor({1, 2}) * 3).values<std::int64_t>() == std::vector<std::int64_t>{3, 6});
  CHECK(tensor({true, false}).values<bool>() == std::vector<bool>{true, false});
  CHECK_THROWS_AS(tensor({1}).values<float>(), DtypeError);
}

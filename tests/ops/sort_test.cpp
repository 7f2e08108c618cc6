#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("sort agrees with the standard library's in every dtype, and is stable") {
  Generator generator(1);
  for (Dtype dtype : {float32, float64, int64, bool_}) {
    const Tensor x = randint(-3, 4, {500}, generator).to(dtype);
    auto expected = values(x);
    std::stable_sort(expected.begin(), expected.end());
    const auto [sorted, at] = sort(x);
    CHECK(values(sorted) == expected);
    CHECK(array_equal(argsort(x), at));
    for (std::size_t i = 1; i < expected.size(); ++i)
      if (expected[i] == expected[i - 1])
        REQUIRE(at.data<std::int64_t>()[i] > at.data<std::int64_t>()[i - 1]);
    std::reverse(expected.begin(), expected.end());
    CHECK(values(sort(x, 0, {.descending = true}).values) == expected);
  }
}

TEST_CASE("sort works along every axis, and of nothing") {
  const Tensor x = tensor({{3, 1}, {2, 5}, {1, 4}});
  CHECK(array_equal(sort(x, 0).values, tensor({{1, 1}, {2, 4}, {3, 5}})));
  CHECK(array_equal(sort(x, 0).indices, tensor({{2, 0}, {1, 2}, {0, 1}})));
  CHECK(array_equal(sort(x).values, tensor({{1, 3}, {2, 5}, {1, 4}})));
  CHECK(sort(zeros({2, 0})).values.shape() == Shape{2, 0});
  CHECK(sort(zeros({0, 2})).indices.shape() == Shape{0, 2});
}

TEST_CASE("NaN sorts behind every number") {
  const Tensor x = tensor({2.0, not_a_number, 1.0}, float64);
  CHECK(values(sort(x).indices) == std::vector<double>{2, 0, 1});
  CHECK(values(sort(x, 0, {.descending = true}).indices) == std::vector<double>{1, 0, 2});
  CHECK(values(topk(x, 1).indices) == std::vector<double>{1});
  CHECK(kthvalue(x, 2).values.item<double>() == 2);
}

TEST_CASE("topk and kthvalue are parts of the sorted tensor") {
  Generator generator(2);
  const Tensor x = rand({7, 300}, float64, generator);
  const Tensor sorted = sort(x).values;
  CHECK(array_equal(topk(x, 5, {.largest = false}).values, slice(sorted, 1, 0, 5)));
  CHECK(array_equal(topk(x, 5).values, slice(sort(x, 1, {.descending = true}).values, 1, 0, 5)));
  for (std::int64_t k : {1, 2, 150, 300})
    CHECK(array_equal(kthvalue(x, k).values, select(sorted, 1, k - 1)));
  CHECK(array_equal(median(x, 1).values, select(sorted, 1, 149)));
}

TEST_CASE(
    "every order of every length, with NaN, infinities, signed zeros and the ends of the range") {
  const double inf = std::numeric_limits<double>::infinity();
  Generator generator(3);
  for (const Dtype dtype : {float32, float64, int64, bool_})
    for (const std::int64_t n : {1, 2, 40, 65, 127, 128, 129, 1000, 5000}) {
      CAPTURE(n);
      Tensor x = randn({n}, float64, generator) * 1000.0;
      if (is_floating(dtype)) {
        const auto every = [&](std::int64_t step, const Tensor& value) {
          x = where(arange(n) % step == step / 2, value, x);
        };
        every(7, -0.0), every(11, 0.0), every(13, not_a_number), every(17, inf), every(19, -inf);
        every(23, x * 1e-30), every(29, round(x / 500.0)), every(31, 1e-42);
      } else if (dtype == int64) {
        x = where(arange(n) % 5 == 2, x * 1e15, round(x / 500.0));
      }
      x = x.to(dtype);
      const auto element = values(x);
      std::vector<double> rank(element.size());
      for (std::size_t i = 0; i < rank.size(); ++i) rank[i] = static_cast<double>(i);
      for (const bool descending : {false, true}) {
        auto expected = rank;
        std::stable_sort(expected.begin(), expected.end(), [&](double i, double j) {
          double a = element[static_cast<std::size_t>(i)], b = element[static_cast<std::size_t>(j)];
          if (descending) std::swap(a, b);
          return a < b || (std::isnan(b) && !std::isnan(a));
        });
        CHECK(values(argsort(x, 0, {.descending = descending})) == expected);
        for (const std::int64_t k : {std::int64_t(1), n / 100, n / 3, n}) {
          const std::vector<double> first(expected.begin(), expected.begin() + k);
          CHECK(values(topk(x, k, {.largest = descending}).indices) == first);
        }
        for (const std::int64_t k : {std::int64_t(1), (n + 1) / 2, n})
          if (!descending)
            CHECK(kthvalue(x, k).indices.item<std::int64_t>() ==
                  static_cast<std::int64_t>(expected[static_cast<std::size_t>(k - 1)]));
      }
    }
}

TEST_CASE("mode finds the most frequent element") {
  const auto [most, at] = mode(tensor({{3, 1, 3, 1, 2}, {5, 4, 4, 9, 9}}));
  CHECK(array_equal(most, tensor({1, 4})));
  CHECK(array_equal(at, tensor({3, 2})));
}

TEST_CASE("quantile reads between elements, for one level or several") {
  const Tensor x = tensor({{4, 1, 3, 2}, {10, 40, 20, 30}}, float64);
  CHECK(allclose(quantile(x, 0.5, 1), tensor({2.5, 25.0}, float64)));
  CHECK(allclose(quantile(x, tensor({0.0, 0.25, 1.0}, float64), 1),
                 tensor({{1.0, 10.0}, {1.75, 17.5}, {4.0, 40.0}}, float64)));
  CHECK(quantile(x, 0.4, 1, {.interpolation = Interpolation::lower}).values<double>()[0] == 2);
  CHECK(quantile(x, 0.4, 1, {.interpolation = Interpolation::higher}).values<double>()[0] == 3);
  CHECK(quantile(x, 0.4, 1, {.interpolation = Interpolation::nearest}).values<double>()[0] == 2);
  CHECK(quantile(x, 0.4, 1, {.interpolation = Interpolation::midpoint}).values<double>()[0] == 2.5);
  CHECK(quantile(x, 0.5, {0, 1}, {.keepdim = true}).shape() == Shape{1, 1});
  CHECK(values(quantile(tensor({1.0, not_a_number}, float64), 0.0))[0] != 0);
  const Tensor q = Tensor(0.4).to(float64).requires_grad();
  CHECK(grad(quantile(slice(x, 0, 1), q), {q})[0].item<double>() == close(30, 1e-12));
}

TEST_CASE("unique gives the values, where they are and how often") {
  const auto u = unique(tensor({{3, 1, 3}, {2, 1, 3}}));
  CHECK(array_equal(u.values, tensor({1, 2, 3})));
  CHECK(array_equal(u.inverse, tensor({{2, 0, 2}, {1, 0, 2}})));
  CHECK(array_equal(u.counts, tensor({2, 1, 3})));
  CHECK(unique(zeros({0})).values.shape() == Shape{0});
  CHECK(unique(tensor({not_a_number, not_a_number}, float64)).values.numel() == 2);
}

TEST_CASE("searchsorted searches row by row where sorted has rows") {
  const Tensor sorted = tensor({{1, 3, 5}, {2, 4, 6}}), x = tensor({{3, 0}, {5, 7}});
  CHECK(array_equal(searchsorted(sorted, x), tensor({{1, 0}, {2, 3}})));
  CHECK(searchsorted(tensor({1.0f, 2.0f}), 1.5).item<int>() == 1);
}

TEST_CASE("sorts give the same bits for any number of threads") {
  Generator generator(3);
  const Tensor x = randint(0, 50, {300, 400}, generator);
  const auto all = [&] { return std::vector<Tensor>{argsort(x), median(x, 0).indices}; };
  const auto one = with_threads(1, all), two = with_threads(2, all);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(array_equal(one[i], two[i]));
}

TEST_CASE("sorting and searching say what is wrong") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(sort(x, 2), "sort: axis 2 is out of range for shape [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(argsort(x, -3), "argsort: axis -3 is out of range for shape [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(topk(x, 4), "topk: k must be in [0, 3] for axis -1 of [2, 3], got 4",
                       ValueError);
  CHECK_THROWS_WITH_AS(kthvalue(x, 0), "kthvalue: k must be in [1, 3] for axis -1 of [2, 3], got 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(median(zeros({0}), 0),
                       "median: [0] has no elements to reduce, and median of nothing is undefined",
                       ShapeError);
  CHECK_THROWS_WITH_AS(mode(zeros({0}), 0),
                       "mode: [0] has no elements to reduce, and mode of nothing is undefined",
                       ShapeError);
  CHECK_THROWS_WITH_AS(quantile(x, 1.5), "quantile: q must be in [0, 1], got 1.5", ValueError);
  CHECK_THROWS_WITH_AS(quantile(zeros({0}), 0.5), "quantile: [0] has no elements to rank",
                       ShapeError);
  CHECK_THROWS_WITH_AS(quantile(tensor({1, 2}), 0.5),
                       "quantile: needs float32 or float64, got int64; convert with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(
      searchsorted(x, zeros({4, 3})),
      "searchsorted: sorted [2, 3] must have one axis or the leading axes of x [4, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(searchsorted(Tensor(1.0f).detach(), x),
                       "searchsorted: sorted needs an axis to search along, got a 0-d tensor",
                       ShapeError);
  CHECK_THROWS_WITH_AS(bucketize(x, x), "bucketize: the boundaries must have one axis, got [2, 3]",
                       ShapeError);
}

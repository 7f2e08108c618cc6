#include <gradtape/autograd/generator.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "support/close.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Block = std::array<std::uint32_t, 4>;

double central_moment(const Tensor& x, double power) {
  const double average = mean(x).item<double>();
  return mean(pow(x - average, power)).item<double>();
}

}  // namespace

TEST_CASE("Philox gives the published known answers of Random123") {
  CHECK(detail::philox4x32({0, 0, 0, 0}, {0, 0}) ==
        Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(detail::philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(detail::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                           {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the stream is a function of seed and position") {
  Generator generator(7);
  generator.set_position(5);
  const Block block = detail::philox4x32({5, 0, 0, 0}, {7, 0});
  CHECK(generator.next() == (std::uint64_t{block[1]} << 32 | block[0]));
  CHECK(generator.position() == 6);
  Generator seeded(std::uint64_t{1} << 33);
  seeded.set_position(std::uint64_t{3} << 32);
  const Block upper = detail::philox4x32({0, 3, 0, 0}, {0, 2});
  CHECK(seeded.next() == (std::uint64_t{upper[1]} << 32 | upper[0]));
}

TEST_CASE("rand maps the leading bits of the stream to [0, 1)") {
  Generator generator(0);
  const Tensor x = rand({5}, float32, generator);
  CHECK(x.data<float>()[0] == static_cast<float>(0x6627e8d5 >> 8) * 0x1p-24f);
  CHECK(x.data<float>()[3] == static_cast<float>(0x9b00dbd8 >> 8) * 0x1p-24f);
  CHECK(generator.position() == 2);
  Generator again(0);
  const Tensor y = rand({2}, float64, again);
  CHECK(y.data<double>()[1] == static_cast<double>(0x9b00dbd8bc57ac4c >> 11) * 0x1p-53);
}

TEST_CASE("the same numbers come for any number of threads") {
  const Shape shape{401, 503};
  for (const Dtype dtype : {float32, float64}) {
    const auto draw = [&] {
      Generator g(3);
      return std::vector<Tensor>{rand(shape, dtype, g), randn(shape, dtype, g),
                                 bernoulli(0.3, shape, dtype, g)};
    };
    const auto one = with_threads(1, draw), three = with_threads(3, draw);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(array_equal(one[i], three[i]));
  }
}

TEST_CASE("rand is uniform: mean 1/2, variance 1/12, all below 1") {
  Generator generator(1);
  for (const Dtype dtype : {float32, float64}) {
    const Tensor x = rand({1000000}, dtype, generator).to(float64);
    CHECK(mean(x).item<double>() == close(0.5, 0.002));
    CHECK(central_moment(x, 2) == close(1 / 12., 0.005));
    CHECK(amin(x).item<double>() >= 0);
    CHECK(amax(x).item<double>() < 1);
  }
}

TEST_CASE("randn has the moments of the standard normal") {
  Generator generator(2);
  for (const Dtype dtype : {float32, float64}) {
    const Tensor x = randn({1000000}, dtype, generator).to(float64);
    CHECK(std::abs(mean(x).item<double>()) < 0.004);  // four standard errors
    CHECK(central_moment(x, 2) == close(1, 0.006));
    CHECK(std::abs(central_moment(x, 3)) < 0.01);
    CHECK(central_moment(x, 4) == close(3, 0.014));
    const double beyond_2 = mean((abs(x) > 2).to(float64)).item<double>();
    CHECK(beyond_2 == close(0.0455, 0.03));
    const Tensor pairs = reshape(x, {500000, 2});  // sine and cosine of one angle
    CHECK(std::abs(mean(select(pairs, 1, 0) * select(pairs, 1, 1)).item<double>()) < 0.006);
  }
}

TEST_CASE("randint covers its range evenly, both ends as documented") {
  Generator generator(4);
  const Tensor x = randint(-3, 4, {70000}, generator);
  std::array<int, 7> counts{};
  for (const auto value : x.data<std::int64_t>()) {
    REQUIRE(value >= -3);
    REQUIRE(value < 4);
    ++counts[static_cast<std::size_t>(value + 3)];
  }
  for (const int count : counts) CHECK(std::abs(count - 10000) < 400);
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  const Tensor wide = randint(lowest, highest, {1000}, generator).to(float64) * 0x1p-63;
  CHECK(amin(wide).item<double>() < -0.9);
  CHECK(amax(wide).item<double>() > 0.9);
  CHECK_THROWS_WITH_AS(randint(2, 2, {3}), "randint: low 2 must be below high 2", ValueError);
}

TEST_CASE("below has no bias where the bound does not divide the range") {
  // Of three equal parts of [0, 3 * 2^62) a plain remainder would fill the first twice as often.
  Generator generator(5);
  std::array<int, 3> counts{};
  for (int i = 0; i < 30000; ++i) ++counts[generator.below(std::uint64_t{3} << 62) >> 62];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 400);
  CHECK(generator.below(1) == 0);
  CHECK_THROWS_WITH_AS(generator.below(0), "Generator::below: bound must be at least 1",
                       ValueError);
}

TEST_CASE("randperm is a permutation, and every order is as likely") {
  Generator generator(6);
  const Tensor order = randperm(1000, generator);
  std::vector<std::int64_t> sorted(order.data<std::int64_t>().begin(),
                                   order.data<std::int64_t>().end());
  CHECK_FALSE(std::is_sorted(sorted.begin(), sorted.end()));
  std::sort(sorted.begin(), sorted.end());
  CHECK(array_equal(tensor(sorted), arange(1000)));
  std::array<int, 9> seen{};  // by the first two of three
  for (int i = 0; i < 6000; ++i) {
    const Tensor three = randperm(3, generator);
    const auto* p = three.data<std::int64_t>().data();
    ++seen[static_cast<std::size_t>(p[0] * 3 + p[1])];
  }
  for (const int pair : {1, 2, 3, 5, 6, 7})
    CHECK(std::abs(seen[static_cast<std::size_t>(pair)] - 1000) < 150);
  CHECK(randperm(0).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(randperm(-1), "randperm: n must not be negative, got -1", ValueError);
}

TEST_CASE("bernoulli draws ones at its rate, and always or never at the ends") {
  Generator generator(8);
  CHECK(mean(bernoulli(0.3, {200000}, float64, generator)).item<double>() == close(0.3, 0.015));
  CHECK(array_equal(bernoulli(1, {100}), ones({100})));
  CHECK(array_equal(bernoulli(0, {100}), zeros({100})));
  CHECK_THROWS_WITH_AS(bernoulli(1.5, {2}), "bernoulli: p must be in [0, 1], got 1.5", ValueError);
  CHECK_THROWS_WITH_AS(bernoulli(std::nan(""), {2}), "bernoulli: p must be in [0, 1], got nan",
                       ValueError);
  CHECK_THROWS_WITH_AS(rand({2}, int64),
                       "rand: draws float32 or float64, got int64; whole numbers are randint's",
                       DtypeError);
}

TEST_CASE("seeds, splits and positions") {
  seed(11);
  const Tensor a = rand({7});
  seed(11);
  CHECK(array_equal(rand({7}), a));
  CHECK_FALSE(array_equal(rand({7}), a));
  const auto saved = default_generator().position();
  const Tensor b = randn({3});
  default_generator().set_position(saved);
  CHECK(array_equal(randn({3}), b));
  const Generator parent(11);
  Generator left = parent.split(0), right = parent.split(1), same = parent.split(0);
  const auto first = left.next();
  CHECK(first == same.next());
  CHECK(first != right.next());
  seed(0);
}

TEST_CASE("the n-th thread draws from a stream of its own, which the main thread's seed gives") {
  const auto elsewhere = [] {
    Tensor drawn;
    std::thread([&] { drawn = rand({4}); }).join();
    return drawn;
  };
  seed(12);
  const Tensor first = elsewhere(), second = elsewhere();
  CHECK(array_equal(first, rand({4}, float32, Generator(12).split(1))));
  CHECK(array_equal(second, rand({4}, float32, Generator(12).split(2))));
  CHECK(default_generator().position() == 0);
  CHECK(array_equal(rand({4}), rand({4}, float32, Generator(12))));
  seed(13);
  CHECK(!array_equal(elsewhere(), first));
  seed(12);  // and everything comes again
  CHECK(array_equal(elsewhere(), first));
  std::thread([&] {  // a thread's own seed is its own
    seed(12);
    CHECK(array_equal(rand({4}), rand({4}, float32, Generator(12))));
  })
      .join();
  CHECK(array_equal(elsewhere(), rand({4}, float32, Generator(12).split(3))));
  seed(0);
}

TEST_CASE("copies of a generator draw from one stream, a clone from its own") {
  const Generator generator(5);
  const Generator copy = generator, clone = generator.clone(), same(5);
  const auto first = generator.next();
  CHECK(first == same.next());
  CHECK(copy.position() == 1);
  CHECK(copy.next() == same.next());
  CHECK(clone.position() == 0);
  CHECK(clone.next() == first);
  CHECK(generator.position() == 2);
}

TEST_CASE("a default-constructed generator is the default one of the thread that draws") {
  seed(13);
  const Generator generator;
  const auto first = generator.next();
  CHECK(default_generator().position() == 1);
  std::uint64_t elsewhere = 0;
  std::thread([&] {
    seed(13);
    elsewhere = generator.next();
  }).join();
  CHECK(elsewhere == first);
  CHECK(generator.position() == 1);
  const auto next = default_generator().clone().next();
  CHECK(Generator().next() == next);
  seed(0);
}

TEST_CASE("in a scope the default generator is another one") {
  seed(14);
  const Generator generator(15);
  const Tensor want = rand({5}, float32, generator.clone());
  {
    const GeneratorScope scope(generator);
    CHECK(array_equal(rand({5}), want));
    {
      const GeneratorScope inner(Generator(16));
      (void)rand({5});
    }
    CHECK(default_generator().seed() == 15);
    const GeneratorScope again(default_generator());
    CHECK(default_generator().seed() == 15);
  }
  CHECK(generator.position() == 2);
  CHECK(default_generator().seed() == 14);
  CHECK(default_generator().position() == 0);
  seed(0);
}

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "distributed/ranks.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("ranks add up numbers and tensors, and tell each other what rank 0 knows") {
  const auto& all = world();
  const int rank = all.rank(), size = all.size();
  CHECK(all.shard().index == rank);
  CHECK(all.shard().count == size);
  CHECK(all.str().find("rank " + std::to_string(rank) + " of " + std::to_string(size)) !=
        std::string::npos);
  CHECK(all.sum(0.5 * rank) == 0.25 * size * (size - 1));
  CHECK(all.sum(std::int64_t{1} << 60) == (std::int64_t{1} << 60) * size);
  // The mean of ranks' values, weighed by rank + 1.
  double part = 0, whole = 0;
  for (int r = 0; r < size; ++r) part += 10.0 * r * (r + 1), whole += r + 1;
  CHECK(all.mean(10.0 * rank, rank + 1) == doctest::Approx(part / whole).epsilon(1e-15));
  CHECK(all.mean(rank == 0 ? 3 : std::nan(""), rank == 0 ? 2 : 0) == 3);
  CHECK_THROWS_AS((void)all.mean(1, 0), ValueError);
  CHECK_THROWS_AS((void)all.mean(1, -1), ValueError);

  for (const auto dtype : {float32, float64, int64}) {
    const Tensor x = full({5, 3}, rank + 1, float64).to(dtype);
    CHECK(equal_bits(all.sum(x), full({5, 3}, size * (size + 1) / 2, float64).to(dtype)));
  }
  CHECK(all.sum(zeros({0, 2})).shape() == Shape{0, 2});

  CHECK(all.from_root([&] { return rank + 7; }) == 7);
  CHECK(all.from_root([&] { return rank == 0; }));
  CHECK(all.from_root([&] { return std::string(static_cast<std::size_t>(rank), 'x') + "told"; }) ==
        "told");
  const Tensor told = all.from_root([&] { return full({2, 3}, rank + 1.5, float64); });
  CHECK(equal_bits(told, full({2, 3}, 1.5, float64)));
  CHECK(all.from_root([] { return zeros({}, int64); }).shape() == Shape{});
}

TEST_CASE("what rank 0 throws is thrown on all ranks, and they go on") {
  const auto& all = world();
  CHECK_THROWS_WITH_AS(all.on_root([] { fail<IoError>("save", "the disk is full"); }),
                       doctest::Contains("save: the disk is full"), Error);
  all.barrier();
  CHECK_THROWS_AS((void)all.from_root([]() -> Tensor { throw std::runtime_error("none"); }),
                  std::runtime_error);
  CHECK(all.sum(1.0) == all.size());
}

TEST_CASE("the same order of ranks gives the same bits of a sum on each") {
  const auto& all = world();
  // Sums whose last bits depend on the order.
  const Generator generator(static_cast<std::uint64_t>(all.rank()) + 1);
  const Tensor x = randn({1000}, float32, generator) * std::pow(10.0, all.rank());
  Tensor expected;
  for (int r = 0; r < all.size(); ++r) {
    const Generator other(static_cast<std::uint64_t>(r) + 1);
    const Tensor part = randn({1000}, float32, other) * std::pow(10.0, r);
    expected = expected.defined() ? expected + part : part;
  }
  CHECK(equal_bits(all.sum(x), expected));
}

TEST_CASE("options and tensors that do not fit are refused") {
  CHECK_THROWS_WITH_AS(distributed::World({.timeout = 0}), doctest::Contains("timeout"),
                       ValueError);
  if (world().size() == 1) return;
  const Tensor x = zeros({world().is_root() ? 2 : 3});
  CHECK_THROWS_WITH_AS(
      (void)world().sum(x),
      doctest::Contains("rank 0 has [2] float32 in a sum of tensors, rank 1 has [3] float32"),
      distributed::DistributedError);
  CHECK_THROWS_AS((void)world().sum(zeros({2}, bool_)), DtypeError);
}

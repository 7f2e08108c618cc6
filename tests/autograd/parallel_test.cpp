#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parallel.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/bits.hpp"
#include "support/process.hpp"
#include "support/sanitizers.hpp"
#include "support/skip.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using detail::parallel_for;

namespace {

/// How often each index of a loop was visited.
std::vector<int> visits(std::int64_t n, std::int64_t grain) {
  std::vector<int> count(static_cast<std::size_t>(n));
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) ++count[static_cast<std::size_t>(i)];
  });
  return count;
}

std::vector<int> once(std::int64_t n) { return std::vector<int>(static_cast<std::size_t>(n), 1); }

}  // namespace

TEST_CASE("a parallel loop visits every index once, for any number of threads and sizes") {
  for (const int threads : {1, 2, 3, 8})
    with_threads(threads, [&] {
      for (const std::int64_t n : {1, 2, 7, 100, 4096, 10'001})
        for (const std::int64_t grain : {1, 3, 5000}) CHECK(visits(n, grain) == once(n));
      return 0;
    });
}

TEST_CASE("thousands of short loops one after the other lose none") {
  with_threads(3, [&] {
    for (int repeat = 0; repeat < 5000; ++repeat) REQUIRE(visits(6, 1) == once(6));
    return 0;
  });
}

TEST_CASE("a loop inside a loop, and loops of two threads at the same time") {
  with_threads(2, [&] {
    std::atomic<int> inner = 0;
    parallel_for(8, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i)
        parallel_for(10, 1, [&](std::int64_t b, std::int64_t e) { inner += int(e - b); });
    });
    CHECK(inner == 80);
    std::atomic<int> wrong = 0;
    const auto loops = [&] {
      for (int repeat = 0; repeat < 500; ++repeat) wrong += visits(50, 1) != once(50);
    };
    std::thread first(loops), second(loops);
    first.join();
    second.join();
    CHECK(wrong == 0);
    return 0;
  });
}

TEST_CASE("an exception leaves a parallel loop, and the next loop runs") {
  with_threads(3, [&] {
    CHECK_THROWS_AS(parallel_for(100, 1,
                                 [](std::int64_t begin, std::int64_t) {
                                   if (begin > 10) throw std::runtime_error("a piece");
                                 }),
                    std::runtime_error);
    CHECK(visits(100, 1) == once(100));
    return 0;
  });
}

TEST_CASE("a forked child starts threads of its own") {
  if (!can_fork) return skip(no_fork);
  if (under_thread_sanitizer) return skip("the thread sanitizer has no threads after a fork");
  with_threads(2, [&] {
    Generator generator(1);
    const Tensor x = randn({200'000}, float32, generator);
    const Tensor expected = exp(x);
    Child child([&] { return equal_bits(exp(x), expected) && visits(64, 1) == once(64); });
    CHECK(child.wait());
    CHECK(equal_bits(exp(x), expected));
    return 0;
  });
}

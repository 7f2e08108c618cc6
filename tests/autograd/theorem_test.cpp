// The theorem this library is about (Baur and Strassen 1983): the gradient costs a constant times
// the function. The tape owes it to visiting every node once, however often its result is used, and
// to never recursing.

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>
#include <pthread.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "support/close.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// Runs `f` on a thread whose stack has `bytes`.
void run_on_stack(std::size_t bytes, const std::function<void()>& f) {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, bytes) == 0);
  pthread_t thread;
  const auto start = [](void* run) -> void* {
    (*static_cast<const std::function<void()>*>(run))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, start, const_cast<std::function<void()>*>(&f)) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
}

}  // namespace

TEST_CASE("backward visits a shared subexpression once: 2^1000 paths take 3001 visits") {
  const Tensor h = scalar(0.5);
  const Tensor x = scalar(3).requires_grad();
  Tensor y = x;
  for (int i = 0; i < 1000; ++i) y = y * h + y * h;
  CHECK(Tape(y).size() == 3001);
  y.backward();
  CHECK(last_pass().nodes_visited == 3001);
  CHECK(last_pass().vjps_called == 4000);
  CHECK(x.grad().item<double>() == 1);
}

TEST_CASE("a recorded backward pass visits each node once too, and its own graph is as long") {
  const Tensor x = scalar(1.0001).requires_grad();
  Tensor y = x;
  for (int i = 0; i < 300; ++i) y = 0.5 * (y * y + y);
  const auto forward = Tape(y).size();
  const Tensor slope = grad(y, {x}, {.create_graph = true})[0];
  CHECK(last_pass().nodes_visited == forward);
  CHECK(Tape(slope).size() < 8 * forward);
  slope.backward();
  CHECK(last_pass().nodes_visited < 8 * forward);
}

TEST_CASE("a chain of a million ops records, differentiates and is destroyed on a small stack") {
  constexpr int length = 1'000'000;
  double slope = 0;
  std::size_t visits = 0;
  run_on_stack(256 * 1024, [&] {
    const Tensor x = scalar(1).requires_grad(), c = scalar(0.5);
    Tensor y = x;
    for (int i = 0; i < length; ++i) y = y + c;
    y.backward();
    visits = last_pass().nodes_visited;
    slope = x.grad().item<double>();
  });
  CHECK(slope == 1);
  CHECK(visits == length + 1);

  run_on_stack(
      256 * 1024,
      [&] {  // never differentiated: destroyed as recorded, with all that the vjps captured
        Tensor y = scalar(1).requires_grad();
        for (int i = 0; i < length; ++i) y = tanh(y) * y;
        slope = y.item<double>();
      });
  CHECK(std::isfinite(slope));
}

TEST_CASE("a long recorded backward pass is destroyed without recursion") {
  double second = 0;
  run_on_stack(256 * 1024, [&] {
    const Tensor x = scalar(1e-9).requires_grad();
    Tensor y = x;
    for (int i = 0; i < 50'000; ++i) y = sin(y);
    const Tensor slope = grad(y, {x}, {.create_graph = true})[0];
    second = grad(slope, {x})[0].item<double>();
  });
  CHECK(second == close(-1e-9 * 50'000, 1e-3));
}

TEST_CASE("the visits of a backward pass grow linearly with the graph") {
  for (std::size_t n : {1000, 10'000, 100'000}) {
    const Tensor x = scalar(1).requires_grad(), w = scalar(0.999).requires_grad();
    Tensor y = x;
    for (std::size_t i = 0; i < n; ++i) y = tanh(y * w + x);
    y.backward();
    CHECK(last_pass().nodes_visited == 3 * n + 2);
    CHECK(last_pass().vjps_called == 5 * n);
  }
}

TEST_CASE("putting a graph that branches in order takes as long for each of many nodes as of few") {
  for (const std::size_t n : {1000, 10'000, 100'000, 1'000'000}) {
    // Each node is a product of two of those before it; the last one leads to all of them.
    std::mt19937 random(7);
    std::vector<Tensor> made{scalar(1).requires_grad()};
    const auto any = [&] { return made[random() % made.size()]; };
    for (std::size_t i = 0; i < n; ++i) made.push_back(any() * any());
    const Tensor y = sum(stack(made));

    const Tape tape(y);
    CHECK(tape.size() == n + 3);
    bool inputs_first = true;
    for (std::size_t i = 0; i < tape.size(); ++i)
      for (const auto input : tape.inputs(i)) inputs_first = inputs_first && input < i;
    CHECK(inputs_first);
    // Recording order: behind the leaf, position i is the i-th product.
    CHECK(tape.position(made[n / 3]) == n / 3);

    y.backward();
    CHECK(last_pass().nodes_visited == n + 3);
    CHECK(last_pass().order_steps > n);
    CHECK(last_pass().order_steps < 4 * n);  // two digits at most, or one and its counters
  }
}

TEST_CASE("a small graph is put in order quickly when its nodes are recorded far apart") {
  const Tensor x = scalar(2).requires_grad();
  const Tensor a = x * x, b = a + x;
  for (int i = 0; i < 100'000; ++i) (void)(a * 2.0);
  const Tensor c = a * b, d = c + b + a;
  d.backward();
  CHECK(last_pass().nodes_visited == 6);
  CHECK(last_pass().order_steps < 200);
  CHECK(x.grad().item<double>() == 53);  // a'b + ab' + b' + a' with a = 4, a' = 4, b = 6, b' = 5
}

TEST_CASE("wide graphs are walked once too") {
  const Tensor x = scalar(2).requires_grad();
  std::vector<Tensor> terms;
  for (int i = 0; i < 70'000; ++i) terms.push_back(x * static_cast<double>(i));
  sum(stack(terms)).backward();
  CHECK(last_pass().nodes_visited == 70'003);
  CHECK(x.grad().item<double>() == 70'000.0 * 69'999 / 2);
}

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

Parameter weight() { return Parameter(tensor({1.0}, float64), "w"); }

}  // namespace

TEST_CASE("curves take the values of their formulas") {
  using namespace optim;
  CHECK(step_decay(3, 0.5)(2, 8) == 8);
  CHECK(step_decay(3, 0.5)(6, 8) == 2);
  CHECK(multistep_decay({2, 5}, 0.5)(2, 8) == 4);
  CHECK(multistep_decay({2, 5}, 0.5)(5, 8) == 2);
  CHECK(exponential_decay(0.5)(3, 8) == 1);
  CHECK(polynomial_decay(4, 2)(2, 8) == 2);
  CHECK(polynomial_decay(4)(9, 8) == 0);
  CHECK(constant_schedule(0.25, 2)(1, 8) == 2);
  CHECK(constant_schedule(0.25, 2)(2, 8) == 8);
  CHECK(linear_schedule(0.5, 1, 4)(2, 8) == 6);
  CHECK(linear_schedule(0.5, 1, 4)(7, 8) == 8);
  CHECK(cosine_schedule(4, 2)(2, 8) == close(5, 1e-12));
  CHECK(cosine_schedule(4, 2)(4, 8) == close(2, 1e-12));
  CHECK(cosine_restarts(2, 2)(2, 8) == 8);
  CHECK(cosine_restarts(2, 2)(4, 8) == close(4, 1e-12));
  CHECK(cosine_restarts(2, 2)(6, 8) == 8);
  CHECK(robbins_monro(2)(6, 8) == 2);
  CHECK(swa_schedule(2, 4)(0, 8) == 8);
  CHECK(swa_schedule(2, 4)(1, 8) == close(2 + 3 * (1 + std::sqrt(0.5)), 1e-12));
  CHECK(swa_schedule(2, 4, true)(1, 8) == 6.5);
  CHECK(swa_schedule(2, 4)(9, 8) == 2);
  CHECK(swa_schedule(2, 0)(0, 8) == 2);
  CHECK(lambda_schedule([](std::int64_t k) { return 1.0 / (1 + static_cast<double>(k)); })(3, 8) ==
        2);
  const Curve product = multiplicative_schedule([](std::int64_t k) { return k == 2 ? 0.25 : 0.5; });
  CHECK(product(3, 16) == 1);
  CHECK(product(1, 16) == 8);  // backwards, too
  CHECK(warm_up(3, exponential_decay(0.5))(0, 8) == 2);
  CHECK(warm_up(3, exponential_decay(0.5))(3, 8) == 8);
  CHECK(warm_up(3, exponential_decay(0.5))(4, 8) == 4);
  const Curve parts = sequential_schedule({constant_schedule(0.5, 9), exponential_decay(0.5)}, {3});
  CHECK(parts(2, 8) == 4);
  CHECK(parts(3, 8) == 8);
  CHECK(parts(4, 8) == 4);
  CHECK(chained_schedule({constant_schedule(0.5, 9), exponential_decay(0.5)})(2, 8) == 1);
  const CyclicOptions triangle{.min_lr = 1, .max_lr = 3, .up = 2, .down = 4, .triangular2 = true};
  CHECK(cyclic_schedule(triangle)(2, 9) == 3);
  CHECK(cyclic_schedule(triangle)(5, 9) == 1.5);
  CHECK(cyclic_schedule(triangle)(8, 9) == 2);
  CHECK(cyclic_momentum(triangle)(2, 9) == close(0.8, 1e-12));
  const OneCycleOptions one{.max_lr = 5, .steps = 10, .pct_start = 0.5, .linear = true};
  CHECK(one_cycle(one)(0, 9) == close(0.2, 1e-12));
  CHECK(one_cycle(one)(4, 9) == close(5, 1e-12));
  CHECK(one_cycle(one)(9, 9) == close(0.2e-4, 1e-12));
  CHECK(one_cycle_momentum(one)(4, 9) == close(0.85, 1e-12));
  CHECK_THROWS_WITH_AS(one_cycle(one)(11, 9), "one_cycle: step 11 of a cycle of 10 steps",
                       ValueError);
}

TEST_CASE("a schedule sets the rates of every group, and momenta where it has a curve for them") {
  const Parameter a = weight(), b = weight();
  optim::Adam adam({a}, {.lr = 1});
  adam.add_group({b}, {.lr = 4});
  optim::Schedule schedule(adam, optim::warm_up(1, optim::exponential_decay(0.5)),
                           optim::linear_schedule(1, 0.5, 2));
  CHECK(adam.lr(0) == 0.5);
  CHECK(adam.lr(1) == 2);
  schedule.step();
  schedule.step();
  CHECK(schedule.steps() == 2);
  CHECK(adam.lr(0) == 0.5);
  CHECK(adam.lr(1) == 2);
  CHECK(adam.options().beta1 == 0.45);
  optim::Rprop rprop({weight()});
  CHECK_THROWS_WITH_AS(
      optim::Schedule(rprop, optim::exponential_decay(0.5), optim::exponential_decay(0.5)),
      "Schedule: the optimizer has no momentum to change", ValueError);
  CHECK_THROWS_WITH_AS(optim::Schedule(rprop, {}), "Schedule: got an empty curve", ValueError);
}

TEST_CASE("the learning rate falls once a quantity stays where it is") {
  optim::SGD sgd({weight()}, {.lr = 1});
  optim::ReduceOnPlateau plateau(sgd, {.factor = 0.5, .patience = 1, .cooldown = 1, .min_lr = 0.2});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> rates;
  for (const double value : {5.0, 4.0, 4.0, nan, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0}) {
    plateau.step(value);
    rates.push_back(sgd.lr());
  }
  CHECK(rates == std::vector<double>{1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2});
  CHECK(plateau.best() == 3);
}

TEST_CASE("schedules refuse options out of range") {
  using namespace optim;
  CHECK_THROWS_WITH_AS(step_decay(0), "step_decay: size = 0, but it must be at least 1",
                       ValueError);
  CHECK_THROWS_AS(cosine_schedule(0), ValueError);
  CHECK_THROWS_AS(cosine_restarts(3, 0), ValueError);
  CHECK_THROWS_WITH_AS(robbins_monro(1, 0.5),
                       "robbins_monro: power = 0.5, but it must be in (0.5, 1]", ValueError);
  CHECK_THROWS_AS(robbins_monro(0), ValueError);
  CHECK_THROWS_WITH_AS(swa_schedule(-1),
                       "swa_schedule: lr = -1, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(sequential_schedule({cosine_schedule(3)}, {2}),
                       "sequential_schedule: 1 curves need 0 milestones, got 1", ValueError);
  CHECK_THROWS_AS(
      sequential_schedule({cosine_schedule(3), cosine_schedule(3), cosine_schedule(3)}, {2, 2}),
      ValueError);
  CHECK_THROWS_AS(chained_schedule({Curve()}), ValueError);
  CHECK_THROWS_WITH_AS(one_cycle({.max_lr = 1}), "one_cycle: steps = 0, but it must be at least 2",
                       ValueError);
  CHECK_THROWS_AS(cyclic_schedule({.up = 0}), ValueError);
  SGD sgd({weight()});
  CHECK_THROWS_WITH_AS(ReduceOnPlateau(sgd, {.factor = 1}),
                       "ReduceOnPlateau: factor = 1, but it must be in [0, 1)", ValueError);
}

TEST_CASE("clip_grad_norm scales all gradients to one norm and leaves others' tensors alone") {
  // It divides by the norm plus 1e-6, as PyTorch does.
  const Parameter a(tensor({1.0, 1.0}, float64), "a"), b(tensor({1.0}, float64), "b"),
      unused = weight();
  (3.0 * sum(a) * 1.0 + 4.0 * sum(b)).backward();  // gradients (3, 3) and 4
  const Tensor held = a.grad();
  const std::vector<Parameter> all = {a, b, unused};
  CHECK(optim::clip_grad_norm(all, 100) == close(std::sqrt(34.0), 1e-12));
  CHECK(b.grad().item<double>() == 4);
  CHECK(optim::clip_grad_norm(all, 5, {.p = 1}) == close(10, 1e-12));
  CHECK(b.grad().item<double>() == close(2, 1e-6));
  CHECK(held.data<double>()[0] == 3);
  CHECK(optim::clip_grad_norm(all, 1, {.p = std::numeric_limits<double>::infinity()}) ==
        close(2, 1e-6));
  CHECK(b.grad().item<double>() == close(1, 1e-6));
  CHECK_FALSE(unused.grad().defined());
  optim::clip_grad_value(all, 0.8);
  CHECK(b.grad().item<double>() == 0.8);
  CHECK(a.grad().values<double>()[1] == close(0.75, 1e-6));
  CHECK_THROWS_WITH_AS(optim::clip_grad_norm(all, -1),
                       "clip_grad_norm: max_norm = -1, but it must be at least 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::clip_grad_value(all, -1),
                       "clip_grad_value: limit = -1, but it must be at least 0", ValueError);
  sum(a * std::numeric_limits<double>::infinity()).backward();
  CHECK_THROWS_WITH_AS(optim::clip_grad_norm(all, 1, {.error_if_nonfinite = true}),
                       "clip_grad_norm: the norm of the gradients is inf", ValueError);
}

TEST_CASE("clipped gradients that two parameters share are scaled once each") {
  const Parameter a = weight(), b = weight();
  sum(a + b).backward();
  CHECK(optim::clip_grad_norm({a, b}, 0.5) == close(std::sqrt(2.0), 1e-12));
  CHECK(a.grad().item<double>() == close(0.5 / std::sqrt(2.0), 1e-6));
  CHECK(b.grad().item<double>() == close(0.5 / std::sqrt(2.0), 1e-6));
}

TEST_CASE("an exponential average follows the parameters and changes places with them") {
  const Parameter w = weight();
  optim::ExponentialAverage average({w}, 0.75);
  w.set(tensor({5.0}, float64));
  average.update();
  CHECK(average.average(0).item<double>() == 2);
  CHECK(w.tensor().item<double>() == 5);
  average.swap();
  CHECK(w.tensor().item<double>() == 2);
  CHECK(average.average(0).item<double>() == 5);
  average.swap();
  average.update();
  CHECK(average.average(0).item<double>() == 2.75);
  CHECK(w.tensor().item<double>() == 5);
  CHECK_THROWS_WITH_AS(optim::ExponentialAverage({w}, 1),
                       "ExponentialAverage: decay = 1, but it must be in [0, 1)", ValueError);
}

// Update rules, schedules and clipping at the edges: gradients of any size, states that no run has
// made, options that are no numbers.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using namespace gradtape::optim;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// A step with this gradient.
template <class Rule> void step_along(Rule& rule, const Parameter& w, const Tensor& gradient) {
  rule.zero_grad();
  sum(w.tensor() * gradient).backward();
  rule.step();
}

template <class Rule, class Options> void check_unmoved(const Options& options) {
  const Parameter w(ones({3}), "w");
  Rule rule({w}, options);
  for (int i = 0; i < 3; ++i) step_along(rule, w, zeros({3}));
  CAPTURE(std::string(Options::rule));
  CHECK(array_equal(w.tensor().detach(), ones({3})));
}

}  // namespace

TEST_CASE("centered RMSprop keeps its digits where gradients hardly vary") {
  // In float64, where mean square less squared mean has digits to lose, it goes the same way.
  const Parameter narrow(zeros({1}), "narrow"), wide(zeros({1}, float64), "wide");
  const RMSpropOptions options{.lr = 1e-4, .alpha = 0.9, .centered = true};
  RMSprop of_narrow({narrow}, options), of_wide({wide}, options);
  for (int i = 0; i < 200; ++i) {
    const double g = 1 + 1e-5 * std::sin(i);
    step_along(of_narrow, narrow, full({1}, g, float32));
    step_along(of_wide, wide, full({1}, static_cast<double>(static_cast<float>(g)), float64));
  }
  const auto have = narrow.tensor().detach().item<float>();
  CHECK(have == doctest::Approx(wide.tensor().detach().item<double>()).epsilon(0.02));
}

TEST_CASE("without eps, an element that never had a gradient stays where it is") {
  check_unmoved<Adam>(AdamOptions{.eps = 0});
  check_unmoved<AdamW>(AdamWOptions{.eps = 0, .weight_decay = 0});
  check_unmoved<Adamax>(AdamaxOptions{.eps = 0});
  check_unmoved<NAdam>(NAdamOptions{.eps = 0});
  check_unmoved<RAdam>(RAdamOptions{.eps = 0});
  check_unmoved<Adagrad>(AdagradOptions{.eps = 0});
  check_unmoved<Adadelta>(AdadeltaOptions{.eps = 0});
  check_unmoved<RMSprop>(RMSpropOptions{.eps = 0});
  check_unmoved<RMSprop>(RMSpropOptions{.eps = 0, .centered = true});
  check_unmoved<Adafactor>(AdafactorOptions{.eps1 = 1e-30});  // whose square is no float32
}

TEST_CASE("the first step of Adam is lr, also for a gradient whose square is close to overflow") {
  const Parameter w(zeros({1}), "w");
  Adam adam({w}, {.lr = 0.5});
  step_along(adam, w, full({1}, 1e20, float32));
  CHECK(w.tensor().detach().item<float>() == doctest::Approx(-0.5).epsilon(1e-5));
}

TEST_CASE("Adafactor's factored moment is a product that neither overflows nor vanishes") {
  // The step of a constant gradient does not depend on its size; in float64 at size 1.
  const auto moved = [](double size, Dtype dtype) {
    const Parameter w(ones({2, 3}, dtype), "w");
    Adafactor rule({w}, {});
    step_along(rule, w, full({2, 3}, size, dtype));
    return w.tensor().detach().to(float64);
  };
  for (const double size : {1e-3, 1e10, 1e15})
    CHECK(allclose(moved(size, float32), moved(1, float64), 1e-5));
}

TEST_CASE("clip_grad_norm finds the norm of gradients whose powers over- or underflow") {
  const auto norm_of = [](double size, double p) {
    const Parameter w(zeros({2}, float64), "w");
    sum(w.tensor() * tensor({3 * size, 4 * size}, float64)).backward();
    return clip_grad_norm({w}, 1e308, {.p = p});
  };
  CHECK(norm_of(1e200, 2) == doctest::Approx(5e200));
  CHECK(norm_of(1e-200, 2) == doctest::Approx(5e-200));
  CHECK(norm_of(1e50, 10) ==
        doctest::Approx(std::pow(std::pow(3, 10) + std::pow(4, 10), 0.1) * 1e50));
}

TEST_CASE("states that hold a count of no run are refused") {
  const auto refuses = [](auto& of, const char* entry) {
    StateDict state = of.state_dict();
    REQUIRE(state.contains(entry));
    state[entry] = state_entry(std::numeric_limits<std::int64_t>::max());
    CAPTURE(std::string(entry));
    CHECK_THROWS_AS(of.load_state_dict(state), ValueError);
  };
  const Parameter w(ones({3}), "w");
  Adam adam({w});
  NAdam nadam({w});
  ASGD asgd({w});
  Adagrad adagrad({w});
  Adafactor adafactor({w});
  LBFGS lbfgs({w});
  refuses(adam, "state.0.steps");
  refuses(nadam, "state.0.steps");
  refuses(asgd, "state.0.steps");
  refuses(adagrad, "state.0.steps");
  refuses(adafactor, "state.0.steps");
  refuses(lbfgs, "state.0.iterations");
  Schedule schedule(adam, constant_schedule(0.5, 3));
  refuses(schedule, "steps");
  ReduceOnPlateau plateau(adam, {});
  refuses(plateau, "bad_steps");
  StochasticWeightAverage average({w});
  refuses(average, "count");
  EarlyStopping stopping({w});
  refuses(stopping, "steps");
  refuses(stopping, "bad_steps");
  refuses(stopping, "best_step");
}

TEST_CASE("schedules refuse what is no number, and milestones out of order") {
  CHECK_THROWS_WITH_AS(exponential_decay(not_a_number),
                       "exponential_decay: gamma = nan, but it must be finite and at least 0",
                       ValueError);
  CHECK_THROWS_AS(step_decay(3, not_a_number), ValueError);
  CHECK_THROWS_AS(multistep_decay({1, 5}, not_a_number), ValueError);
  CHECK_THROWS_AS(polynomial_decay(3, not_a_number), ValueError);
  CHECK_THROWS_AS(constant_schedule(not_a_number, 3), ValueError);
  CHECK_THROWS_AS(linear_schedule(not_a_number, 1, 3), ValueError);
  CHECK_THROWS_AS(linear_schedule(1, not_a_number, 3), ValueError);
  CHECK_THROWS_AS(cosine_schedule(3, not_a_number), ValueError);
  CHECK_THROWS_AS(cosine_restarts(3, 2, not_a_number), ValueError);
  CHECK_THROWS_AS(cyclic_schedule({.min_lr = 0, .max_lr = 1, .up = 2, .gamma = not_a_number}),
                  ValueError);
  CHECK_THROWS_WITH_AS(multistep_decay({5, 1}),
                       "multistep_decay: a milestone = 1, but it must be more than 5", ValueError);
  CHECK_THROWS_AS(multistep_decay({-1, 3}), ValueError);
}

TEST_CASE("schedules of any length count without overflow") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CHECK(cosine_restarts(1, most)(5, 2) == doctest::Approx(2));
  CHECK(cosine_restarts(most, 2)(5, 2) == doctest::Approx(2));
  CHECK(warm_up(most, constant_schedule(1, 1))(0, 2) == doctest::Approx(2 / 9.2e18).epsilon(0.01));
  CHECK_THROWS_AS(cyclic_schedule({.min_lr = 0, .max_lr = 1, .up = most, .down = most}),
                  ValueError);
  // Lengths 2, 6, 18: step 10 is number 2 of 18.
  CHECK(cosine_restarts(2, 3)(10, 1) ==
        doctest::Approx((1 + std::cos(std::acos(-1.0) * 2 / 18)) / 2));
}

TEST_CASE("functions that are empty are refused where they are given, not where they are called") {
  const nn::data::Dataset data(ones({2, 1}), ones({2}));
  CHECK_THROWS_AS((void)data.map(std::function<nn::data::Sample(nn::data::Sample)>()), ValueError);
  CHECK_THROWS_AS((void)data.map_batches(std::function<nn::data::Batch(nn::data::Batch)>()),
                  ValueError);
  CHECK_THROWS_AS((void)data.map_inputs(nullptr), ValueError);
  CHECK_THROWS_AS(
      (void)nn::data::Dataset::from_function(2, std::function<nn::data::Sample(std::int64_t)>()),
      ValueError);
  CHECK_THROWS_AS(nn::Sequential(nn::Sequential::Function()), ValueError);
  nn::Linear layer(1, 1);
  CHECK_THROWS_AS((void)layer.register_forward_hook(nullptr), ValueError);
  CHECK_THROWS_AS((void)layer.register_forward_pre_hook(nullptr), ValueError);
  CHECK_THROWS_AS(layer.apply(nullptr), ValueError);
}

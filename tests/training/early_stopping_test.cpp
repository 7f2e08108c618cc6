#include <gradtape/autograd/ops.hpp>
#include <gradtape/optim/early_stopping.hpp>
#include <gradtape/optim/sgd.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace gradtape;
using optim::EarlyStopping;

static_assert(Stateful<EarlyStopping>);

namespace {

const double not_a_number = std::nan("");

/// After how many of the values it stops; 0 for never.
int stops_after(const std::vector<double>& values, const optim::EarlyStoppingOptions& options) {
  EarlyStopping stopping({}, options);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (stopping.step(values[i])) return static_cast<int>(i) + 1;
  return 0;
}

}  // namespace

TEST_CASE("early stopping waits for `patience` steps in a row without improvement") {
  CHECK(stops_after({5, 4, 4.5, 3, 3, 3.5, 9}, {.patience = 3}) == 7);
  CHECK(stops_after({5, 4, 4.5, 3, 3, 3.5}, {.patience = 3}) == 0);
  CHECK(stops_after({5, 5}, {.patience = 1}) == 2);
  CHECK(stops_after({1, 2, 3, 3}, {.patience = 1, .maximize = true}) == 4);
}

TEST_CASE("an improvement of no more than min_delta does not count") {
  CHECK(stops_after({5, 4.5, 4.6}, {.patience = 2, .min_delta = 0.5}) == 3);
  CHECK(stops_after({5, 4.5, 4.6}, {.patience = 2}) == 0);
  CHECK(stops_after({1, 1.5, 2}, {.patience = 1, .min_delta = 0.5, .maximize = true}) == 2);
}

TEST_CASE("NaN is no improvement, and anything else improves on nothing") {
  CHECK(stops_after({not_a_number, not_a_number}, {.patience = 2}) == 2);
  CHECK(stops_after({not_a_number, 3, not_a_number}, {.patience = 2}) == 0);
  EarlyStopping stopping({}, {.patience = 5});
  stopping.step(std::numeric_limits<double>::infinity());
  CHECK(stopping.improved());
  stopping.step(2);
  CHECK((stopping.improved() && stopping.best() == 2 && stopping.best_step() == 2));
  stopping.step(not_a_number);
  CHECK((!stopping.improved() && stopping.best() == 2));
}

TEST_CASE("early stopping restores the weights and buffers of the best step") {
  const Parameter weight(tensor({1.0f, 2.0f}), "weight");
  const Buffer mean(tensor({0.5f}));
  optim::SGD sgd({weight}, {.lr = 1});
  EarlyStopping stopping({weight}, {.patience = 2, .buffers = {{"mean", mean}}});
  const double losses[] = {3, 1, 2, 2};
  for (const double loss : losses) {
    sum(weight.tensor()).backward();  // every step takes 1 off each weight, in place where it can
    sgd.step();
    sgd.zero_grad();
    mean.set(mean.tensor() + 1.0f);
    if (stopping.step(loss)) break;
  }
  CHECK(array_equal(weight, tensor({-3.0f, -2.0f})));
  stopping.restore();
  CHECK(array_equal(weight, tensor({-1.0f, 0.0f})));
  CHECK(array_equal(mean, tensor({2.5f})));
}

TEST_CASE("early stopping goes on from its saved state") {
  const Parameter weight(tensor({1.0f}));
  EarlyStopping first({weight}, {.patience = 2});
  EarlyStopping second({weight}, {.patience = 2});
  second.load_state_dict(first.state_dict());
  CHECK_THROWS_AS(second.restore(), ValueError);
  first.step(1);
  weight.set(tensor({7.0f}));
  first.step(2);
  second.load_state_dict(first.state_dict());
  CHECK((second.best() == 1 && second.best_step() == 1 && !second.should_stop()));
  CHECK(second.step(3));
  second.restore();
  CHECK(weight.tensor().item<float>() == 1);
}

TEST_CASE("early stopping refuses options out of range and a state of other weights") {
  CHECK_THROWS_WITH_AS(EarlyStopping({}, {.patience = 0}),
                       "EarlyStopping: patience = 0, but it must be at least 1", ValueError);
  CHECK_THROWS_WITH_AS(EarlyStopping({}, {.min_delta = not_a_number}),
                       "EarlyStopping: min_delta = nan, but it must be finite and at least 0",
                       ValueError);
  CHECK_THROWS_AS(EarlyStopping({Parameter()}), GraphError);
  EarlyStopping stopping({Parameter(tensor({1.0f}))});
  stopping.step(not_a_number);
  CHECK_THROWS_WITH_AS(stopping.restore(),
                       "EarlyStopping: no value in 1 steps was a number, so there are no best "
                       "weights to restore",
                       ValueError);
  EarlyStopping other({Parameter(zeros({2}))});
  other.step(1);
  CHECK_THROWS_WITH_AS(
      stopping.load_state_dict(other.state_dict()),
      "EarlyStopping: 'parameters.0' must be [1] float32, the state has [2] float32", ValueError);
  CHECK(stopping.best_step() == 0);
}

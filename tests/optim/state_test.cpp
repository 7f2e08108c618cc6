#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

static_assert(Stateful<optim::Optimizer> && Stateful<optim::SGD> && Stateful<optim::Schedule> &&
              Stateful<optim::ReduceOnPlateau> && Stateful<optim::ExponentialAverage> &&
              Stateful<optim::StochasticWeightAverage>);

namespace {

/// Two parameters of a model, one float32 and one float64, in groups of their own.
struct Model {
  Parameter a = Parameter(linspace(-1, 1, 6).to(float32), "a");
  Parameter b = Parameter(reshape(linspace(-2, 1, 6).to(float64), {2, 3}), "b");

  /// Leaves the gradients of step t.
  void differentiate(int t) const {
    a.zero_grad();
    b.zero_grad();
    (sum(sin(a * static_cast<double>(t))).to(float64) + sum(cos(b) * b * std::sin(t))).backward();
  }
};

/// A model and the rule that trains it.
template <class Rule, class Options> struct Run {
  Model model;
  Rule rule;

  explicit Run(Options options) : rule({model.a}, options) {
    options.lr *= 2;
    rule.add_group({model.b}, options);
  }
  void train(int from, int to) {
    for (int t = from; t < to; ++t) {
      model.differentiate(t);
      rule.step();
      rule.lr(1) *= 0.9;
    }
  }
};

/// A run that goes on elsewhere after four steps arrives where the uninterrupted one does; without
/// its state it does not.
template <class Rule, class Options> void check_resumes(const Options& options) {
  CAPTURE(Options::rule);
  Run<Rule, Options> whole(options), stopped(options), resumed(options), forgetful(options);
  whole.train(0, 8);
  stopped.train(0, 4);
  for (auto* other : {&resumed, &forgetful}) {
    other->model.a.set(stopped.model.a.tensor());
    other->model.b.set(stopped.model.b.tensor());
  }
  const StateDict state = stopped.rule.state_dict();
  stopped.train(4, 6);  // which leaves what was saved alone
  resumed.rule.load_state_dict(state);
  resumed.train(4, 8);
  forgetful.train(4, 8);
  CHECK(array_equal(resumed.model.a, whole.model.a));
  CHECK(array_equal(resumed.model.b, whole.model.b));
  CHECK_FALSE(array_equal(forgetful.model.b, whole.model.b));
  const StateDict end = whole.rule.state_dict(), resumed_end = resumed.rule.state_dict();
  REQUIRE(end.size() == resumed_end.size());
  for (const auto& [key, value] : end) {
    const auto& name = key;
    CAPTURE(name);
    CHECK(array_equal(value, resumed_end.at(name)));
  }
}

}  // namespace

TEST_CASE("every rule goes on from its saved state bit for bit") {
  using namespace optim;
  check_resumes<SGD>(SGDOptions{.lr = 0.1});
  check_resumes<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
  check_resumes<Adam>(AdamOptions{.lr = 0.1, .amsgrad = true});
  check_resumes<AdamW>(AdamWOptions{.lr = 0.1});
  check_resumes<Adamax>(AdamaxOptions{.lr = 0.1});
  check_resumes<NAdam>(NAdamOptions{.lr = 0.1});
  check_resumes<RAdam>(RAdamOptions{.lr = 0.1});
  check_resumes<Adagrad>(AdagradOptions{.lr = 0.1, .lr_decay = 0.1, .initial_sum = 0.5});
  check_resumes<Adadelta>(AdadeltaOptions{});
  check_resumes<RMSprop>(RMSpropOptions{.lr = 0.1, .momentum = 0.5, .centered = true});
  check_resumes<Rprop>(RpropOptions{.lr = 0.1});
  check_resumes<Lion>(LionOptions{.lr = 0.1});
  check_resumes<Adafactor>(AdafactorOptions{.lr = 0.1});
  check_resumes<ASGD>(ASGDOptions{.lr = 0.1, .lambda = 0.1, .start = 2});
}

TEST_CASE("the options of every group are saved, and what is remembered by name") {
  Model model;
  optim::Adam adam({model.a}, {.beta1 = 0.5, .amsgrad = true});
  adam.add_group({model.b}, {.lr = 3});
  model.differentiate(1);
  adam.step();
  const StateDict state = adam.state_dict();
  CHECK(state.at("groups.0.beta1").item<double>() == 0.5);
  CHECK(state.at("groups.0.amsgrad").item<std::int64_t>() == 1);
  CHECK(state.at("groups.1.lr").item<double>() == 3);
  CHECK(state.at("groups.1.size").item<std::int64_t>() == 1);
  CHECK(state.at("state.1.steps").item<std::int64_t>() == 1);
  CHECK(array_equal(state.at("state.0.first_moment"), adam.state(0).first_moment));
  CHECK(state.at("state.0.max_second_moment").shape() == Shape{6});
  CHECK(state.at("state.1.max_second_moment").shape() == Shape{0});  // undefined without amsgrad

  optim::Adam other({Parameter(zeros({6}))});
  other.add_group({Parameter(zeros({2, 3}))}, {});
  other.load_state_dict(state);
  CHECK(other.options(0).amsgrad);
  CHECK(other.options(1).lr == 3);
  CHECK_FALSE(other.state(1).max_second_moment.defined());
}

TEST_CASE("an optimizer refuses a state that does not fit and stays as it is") {
  Model model;
  optim::Adam adam({model.a, model.b}, {.lr = 0.25});
  model.differentiate(1);
  adam.step();
  const StateDict good = adam.state_dict();
  const auto with = [&](const std::string& name, const Tensor& value) {
    StateDict state = good;
    state["groups.0.lr"] = state_entry(0.5);
    state["state.0.first_moment"] = ones({6});
    state[name] = value;
    return state;
  };
  const auto check = [&](const StateDict& state, const char* message) {
    CHECK_THROWS_WITH_AS(adam.load_state_dict(state), message, ValueError);
    CHECK(adam.lr() == 0.25);
    CHECK(array_equal(adam.state(0).first_moment, good.at("state.0.first_moment")));
    CHECK_FALSE(adam.state(0).max_second_moment.defined());
  };
  StateDict missing = with("groups.0.lr", state_entry(0.5));
  missing.erase("state.1.second_moment");
  check(missing, "Adam: the state has no 'state.1.second_moment'");
  check(with("state.2.steps", state_entry(std::int64_t{1})),
        "Adam: the state has an unknown entry 'state.2.steps'");
  check(with("state.1.second_moment", zeros({3})),
        "Adam: 'state.1.second_moment' must be [2, 3] floating, the state has [3] float32");
  check(with("state.1.second_moment", zeros({2, 3}, int64)),
        "Adam: 'state.1.second_moment' must be [2, 3] floating, the state has [2, 3] int64");
  check(with("state.1.steps", state_entry(std::int64_t{-1})),
        "Adam: state.1.steps = -1, but it must be in [0, 9007199254740992]");
  check(with("groups.0.amsgrad", state_entry(std::int64_t{2})),
        "Adam: 'groups.0.amsgrad' must be 0 or 1, the state has 2");
  check(with("groups.0.beta1", state_entry(1.0)),
        "Adam: groups.0.beta1 = 1, but it must be in [0, 1)");
  check(with("groups.0.beta1", state_entry(std::int64_t{0})),
        "Adam: 'groups.0.beta1' must be [] float64, the state has [] int64");
  check(with("groups.0.size", state_entry(std::int64_t{3})),
        "Adam: group 0 has 2 parameters, in the state 3");
}

TEST_CASE("a schedule goes on from its saved state, whatever its optimizer's rates were") {
  const auto make = [](optim::SGD& sgd) {
    return optim::Schedule(sgd, optim::warm_up(3, optim::cosine_schedule(10)),
                           optim::linear_schedule(1, 0.5, 8));
  };
  Model model;
  optim::SGD first({model.a}, {.lr = 2, .momentum = 0.8}), second({model.a}, {.lr = 1});
  auto whole = make(first), resumed = make(second);
  for (int i = 0; i < 4; ++i) whole.step();
  resumed.load_state_dict(whole.state_dict());
  for (int i = 0; i < 8; ++i) {
    CHECK(resumed.steps() == whole.steps());
    CHECK(second.lr() == first.lr());
    CHECK(*second.momentum() == *first.momentum());
    whole.step();
    resumed.step();
  }
  StateDict state = whole.state_dict();
  state["steps"] = state_entry(std::int64_t{-2});
  CHECK_THROWS_WITH_AS(resumed.load_state_dict(state),
                       "Schedule: steps = -2, but it must be in [0, 9007199254740992]", ValueError);
  state = whole.state_dict();
  state["groups.0.lr"] = state_entry(-1.0);
  CHECK_THROWS_WITH_AS(resumed.load_state_dict(state),
                       "Schedule: groups.0.lr = -1, but it must be finite and at least 0",
                       ValueError);
  state = whole.state_dict();
  state.erase("groups.0.base_lr");
  CHECK_THROWS_WITH_AS(resumed.load_state_dict(state),
                       "Schedule: the state has no 'groups.0.base_lr'", ValueError);
  CHECK(resumed.steps() == 12);
}

TEST_CASE("a plateau remembers its best value and how long it has waited") {
  Model model;
  optim::SGD sgd({model.a}, {.lr = 1});
  const optim::PlateauOptions options{.factor = 0.5, .patience = 2, .cooldown = 2};
  optim::ReduceOnPlateau first(sgd, options), second(sgd, options);
  for (const double value : {3.0, 2.0, 2.5, 2.5}) first.step(value);
  second.load_state_dict(first.state_dict());
  CHECK(second.best() == 2);
  second.step(2.5);
  CHECK(sgd.lr() == 0.5);
  first.load_state_dict(second.state_dict());
  for (const double value : {2.5, 2.5, 2.5, 2.5}) first.step(value);
  CHECK(sgd.lr() == 0.5);  // two steps of cooling down, two of patience
  first.step(2.5);
  CHECK(sgd.lr() == 0.25);
  CHECK_THROWS_WITH_AS(first.load_state_dict({}), "ReduceOnPlateau: the state has no 'best'",
                       ValueError);
  StateDict state = first.state_dict();
  state["bad_steps"] = state_entry(std::int64_t{-1});
  CHECK_THROWS_WITH_AS(first.load_state_dict(state),
                       "ReduceOnPlateau: bad_steps = -1, but it must be in [0, 9007199254740992]",
                       ValueError);
}

TEST_CASE("averages go on from their saved state") {
  const Parameter w(tensor({1.0}, float64), "w");
  optim::ExponentialAverage first({w}, 0.75), second({w}, 0.75);
  optim::StochasticWeightAverage mean({w}), other({w});
  for (const double value : {5.0, 9.0}) {
    w.set(tensor({value}, float64));
    first.update();
    mean.update();
  }
  second.load_state_dict(first.state_dict());
  other.load_state_dict(mean.state_dict());
  first.update();
  second.update();
  mean.update();
  other.update();
  CHECK(second.average(0).item<double>() == first.average(0).item<double>());
  CHECK(other.average(0).item<double>() == mean.average(0).item<double>());
  CHECK(other.count() == 3);
  CHECK_THROWS_WITH_AS(first.load_state_dict({{"averages.0", zeros({2}, float64)}}),
                       "ExponentialAverage: 'averages.0' must be [1] float64, the state has "
                       "[2] float64",
                       ValueError);
  CHECK_THROWS_WITH_AS(
      mean.load_state_dict(
          {{"averages.0", zeros({1}, float64)}, {"count", state_entry(std::int64_t{-1})}}),
      "StochasticWeightAverage: count = -1, but it must be in [0, 9007199254740992]", ValueError);
  CHECK(mean.count() == 3);
}

TEST_CASE("stochastic weight averaging is the plain mean of the values it was shown") {
  const Parameter w(tensor({7.0}, float64), "w");
  optim::StochasticWeightAverage mean({w});
  CHECK(mean.average(0).item<double>() == 7);
  for (const double value : {2.0, 4.0, 9.0}) {
    w.set(tensor({value}, float64));
    mean.update();
  }
  CHECK(mean.average(0).item<double>() == close(5, 1e-12));
  CHECK(w.tensor().item<double>() == 9);
  mean.swap();
  CHECK(w.tensor().item<double>() == close(5, 1e-12));
  CHECK(mean.average(0).item<double>() == 9);
}

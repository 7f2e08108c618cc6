#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/close.hpp"
#include "support/parameters.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Vector = std::vector<double>;
using Parameters = std::vector<Parameter>;

/// Where the rule takes w = 1 after each of the gradients.
template <class Rule, class Options> Vector path(const Options& options, const Vector& gradients) {
  const Parameter w(tensor({1.0}, float64), "w");
  Rule rule({w}, options);
  Vector out;
  for (const double g : gradients) {
    set_gradient(w, {g});
    rule.step();
    out.push_back(w.tensor().item<double>());
  }
  return out;
}

void check_path(const Vector& got, const Vector& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(got[i] == close(want[i], 1e-12));
}

}  // namespace

TEST_CASE("the first two steps of each rule are those of its formula by hand") {
  using namespace optim;
  // Gradients 2 and -1; sums of squares 4 and 5.
  check_path(path<Adagrad>(AdagradOptions{.lr = 0.1, .eps = 0}, {2, -1}),
             {0.9, 0.9 + 0.1 / std::sqrt(5.0)});
  check_path(
      path<Adagrad>(AdagradOptions{.lr = 0.1, .lr_decay = 1, .initial_sum = 5, .eps = 0}, {2, -1}),
      {1 - 0.2 / 3, 1 - 0.2 / 3 + 0.05 / std::sqrt(10.0)});
  const double rms = std::sqrt(0.5 * 2 + 0.5);  // v: 2, then 1.5
  check_path(path<RMSprop>(RMSpropOptions{.lr = 0.1, .alpha = 0.5, .eps = 0}, {2, -1}),
             {1 - 0.2 / std::sqrt(2.0), 1 - 0.2 / std::sqrt(2.0) + 0.1 / rms});
  // m: 1, then 0; so the deviation is sqrt(2 - 1), then sqrt(1.5).
  check_path(
      path<RMSprop>(RMSpropOptions{.lr = 0.1, .alpha = 0.5, .eps = 0, .centered = true}, {2, -1}),
      {0.8, 0.8 + 0.1 / rms});
  check_path(
      path<RMSprop>(
          RMSpropOptions{.lr = 0.1, .alpha = 0.5, .eps = 0, .momentum = 0.5, .centered = true},
          {2, -1}),
      {0.8, 0.8 - 0.1 * (1 - 1 / rms)});
  check_path(path<Adamax>(AdamaxOptions{.lr = 0.1, .beta1 = 0.5, .beta2 = 0.25, .eps = 0}, {2, -1}),
             {0.9, 0.9});  // m: 1, then 0
  check_path(path<Rprop>(RpropOptions{.lr = 0.1}, {2, 3, -1, -1}),
             {0.9, 0.9 - 0.12, 0.9 - 0.12, 0.9 - 0.12 + 0.06});
  check_path(path<Lion>(LionOptions{.lr = 0.1, .beta1 = 0.5, .beta2 = 0.5, .weight_decay = 0.5},
                        {2, -1, -4}),
             {0.85, 0.95 * 0.85, 0.95 * 0.95 * 0.85 + 0.1});  // c: 1, 0, -2
  check_path(path<ASGD>(ASGDOptions{.lr = 0.1, .lambda = 0}, {2, -1}), {0.8, 0.9});
  const double d1 = std::sqrt(1.0 / 3) * 2, u1 = 0.5 * d1 * d1;
  check_path(path<Adadelta>(AdadeltaOptions{.lr = 1, .rho = 0.5, .eps = 1}, {2, -1}),
             {1 - d1, 1 - d1 + std::sqrt((u1 + 1) / (0.5 * 2 + 0.5 + 1))});
  // rho_t <= 5 in the first steps: momentum alone.
  check_path(path<RAdam>(RAdamOptions{.lr = 0.1}, {2, 2}), {0.8, 0.6});
  const double mu1 = 0.45, mu2 = 0.45;  // momentum_decay 0: beta1 / 2
  check_path(path<NAdam>(NAdamOptions{.lr = 0.1, .eps = 0, .momentum_decay = 0}, {2}),
             {1 - 0.1 * ((1 - mu1) * 2 / (1 - mu1) + mu2 * 0.2 / (1 - mu1 * mu1 * mu2)) / 2});
  check_path(path<AdamW>(AdamWOptions{.lr = 0.1, .eps = 0, .weight_decay = 0.5}, {2}),
             {0.95 - 0.1});
  // v: 4, then 1 with beta2 = 0; amsgrad keeps 4.
  check_path(path<Adam>(AdamOptions{.lr = 0.1, .beta1 = 0, .beta2 = 0, .eps = 0, .amsgrad = true},
                        {2, -1}),
             {0.9, 0.95});
  check_path(path<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.5, .dampening = 0.25}, {2, -1}),
             {0.8, 0.8 - 0.1 * (1 - 0.75)});
}

TEST_CASE("each rule that maximizes goes where minus the gradient would take it") {
  const auto check = []<class Rule, class Options>(Options options) {
    options.lr = 0.1;
    const Vector down = path<Rule>(options, {0.5, -1, 2, 3});
    options.maximize = true;
    CHECK(path<Rule>(options, {-0.5, 1, -2, -3}) == down);
    CHECK(path<Rule>(options, {0.5}).front() > 1);
  };
  check.operator()<optim::SGD>(optim::SGDOptions{.momentum = 0.9, .weight_decay = 0.1});
  check.operator()<optim::Adam>(optim::AdamOptions{.weight_decay = 0.1});
  check.operator()<optim::AdamW>(optim::AdamWOptions{.weight_decay = 0});
  check.operator()<optim::Adamax>(optim::AdamaxOptions{});
  check.operator()<optim::NAdam>(optim::NAdamOptions{});
  check.operator()<optim::RAdam>(optim::RAdamOptions{});
  check.operator()<optim::Adagrad>(optim::AdagradOptions{});
  check.operator()<optim::Adadelta>(optim::AdadeltaOptions{});
  check.operator()<optim::RMSprop>(optim::RMSpropOptions{.centered = true});
  check.operator()<optim::Rprop>(optim::RpropOptions{});
  check.operator()<optim::Lion>(optim::LionOptions{});
  check.operator()<optim::ASGD>(optim::ASGDOptions{});
}

TEST_CASE("ASGD averages its path from the step that its options say") {
  const Parameter w(tensor({1.0}, float64), "w");
  optim::ASGD asgd({w}, {.lr = 1, .lambda = 0, .start = 1});
  double total = 0;
  for (int t = 1; t <= 4; ++t) {
    set_gradient(w, {static_cast<double>(t)});
    asgd.step();
    if (t >= 2) total += w.tensor().item<double>();
  }
  // The path is 0, -2, -5, -9; the weights of the average are 1, 1, 1, 1/2.
  CHECK(asgd.state(0).average.item<double>() == close(-7, 1e-12));
  CHECK(total == -16);
}

TEST_CASE("groups of parameters have options of their own") {
  const Parameter a(tensor({1.0}, float64), "a"), b(tensor({1.0}, float64), "b");
  optim::SGD sgd({a}, {.lr = 0.1});
  sgd.add_group({b}, {.lr = 0.5});
  set_gradient(a, {1});
  set_gradient(b, {1});
  sgd.step();
  CHECK(a.tensor().item<double>() == 0.9);
  CHECK(b.tensor().item<double>() == 0.5);
  CHECK(sgd.num_groups() == 2);
  CHECK(sgd.lr(1) == 0.5);
  CHECK_THROWS_WITH_AS(sgd.add_group({a}, {}),
                       "SGD: parameters 0 and 2 are the same variable, 'a'; "
                       "it would be updated twice a step",
                       ValueError);
  CHECK_THROWS_AS(sgd.add_group({}, {}), ValueError);
  CHECK(sgd.num_groups() == 2);
  CHECK(sgd.parameters().size() == 2);
}

TEST_CASE("the rules refuse options out of range, with rule, option, value and range") {
  using namespace optim;
  const Parameters w = {Parameter(tensor({1.0}), "w")};
  CHECK_THROWS_WITH_AS(SGD(w, {.momentum = 0.9, .dampening = 0.5, .nesterov = true}),
                       "SGD: dampening = 0.5, but it must be 0 with nesterov", ValueError);
  CHECK_THROWS_WITH_AS(AdamW(w, {.beta1 = 1}), "AdamW: beta1 = 1, but it must be in [0, 1)",
                       ValueError);
  CHECK_THROWS_WITH_AS(Adamax(w, {.eps = -1}),
                       "Adamax: eps = -1, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(NAdam(w, {.momentum_decay = -1}),
                       "NAdam: momentum_decay = -1, but it must be finite and at least 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(RAdam(w, {.beta2 = 2}), "RAdam: beta2 = 2, but it must be in [0, 1)",
                       ValueError);
  CHECK_THROWS_WITH_AS(Adagrad(w, {.initial_sum = -1}),
                       "Adagrad: initial_sum = -1, but it must be finite and at least 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(Adadelta(w, {.rho = 1.5}), "Adadelta: rho = 1.5, but it must be in [0, 1]",
                       ValueError);
  CHECK_THROWS_WITH_AS(RMSprop(w, {.alpha = -1}), "RMSprop: alpha = -1, but it must be in [0, 1]",
                       ValueError);
  CHECK_THROWS_WITH_AS(Rprop(w, {.shrink = 1}), "Rprop: shrink = 1, but it must be in (0, 1)",
                       ValueError);
  CHECK_THROWS_WITH_AS(Rprop(w, {.grow = 1}), "Rprop: grow = 1, but it must be finite and above 1",
                       ValueError);
  CHECK_THROWS_WITH_AS(Rprop(w, {.min_step = 2, .max_step = 1}),
                       "Rprop: max_step = 1, but it must be at least min_step = 2", ValueError);
  CHECK_THROWS_WITH_AS(Lion(w, {.lr = -1}), "Lion: lr = -1, but it must be finite and at least 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(ASGD(w, {.alpha = -1}),
                       "ASGD: alpha = -1, but it must be finite and at least 0", ValueError);
}

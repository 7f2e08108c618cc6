#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using optim::LineSearch;

namespace {

/// Rosenbrock's function of p, and a q [1, 2] that is to be p's beginning.
struct Valley {
  Parameter p = Parameter(tensor({-1.2, 1.0, 0.5}, float64), "p");
  Parameter q = Parameter(tensor({{2.0, -1.0}}, float64), "q");
  int evaluations = 0;

  std::vector<Parameter> parameters() const { return {p, q}; }
  Tensor operator()() {
    ++evaluations;
    const Tensor head = slice(p, 0, 0, 2), tail = slice(p, 0, 1, 3);
    return sum(100.0 * square(tail - square(head)) + square(1.0 - head)) +
           sum(square(q - reshape(head, {1, 2})));
  }
};

void check_close(const Valley& valley, const std::vector<double>& want, double epsilon = 1e-9) {
  const Tensor all = concat({valley.p, reshape(valley.q, {2})});
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK(all.data<double>()[i] == close(want[i], epsilon));
}

}  // namespace

TEST_CASE("LBFGS goes where PyTorch's goes, with the strong Wolfe conditions and without") {
  {
    Valley valley;
    optim::LBFGS lbfgs(valley.parameters(),
                       {.max_iter = 5, .history_size = 3, .line_search = LineSearch::strong_wolfe});
    CHECK(lbfgs.step(valley) == close(63.44, 1e-12));
    CHECK(lbfgs.state().evaluations == 6);
    check_close(valley, {-0.8588978125268286, 0.7610143706810319, 0.6021038215479091,
                         1.941625168606562, -0.9635787208356152});
    CHECK(lbfgs.step(valley) == close(14.43681659357029, 1e-12));
    CHECK(lbfgs.step(valley) == close(7.900764973207028, 1e-12));
    CHECK(lbfgs.state().history.size() == 3);
    lbfgs.step(valley);
    CHECK(lbfgs.state().evaluations == 24);
    check_close(valley,
                {0.1330973932068242, 0.02569961066861182, -0.008087708041597657,
                 -0.1337499448030779, 0.2435228793102022},
                1e-7);
  }
  Valley valley;
  optim::LBFGS lbfgs(valley.parameters(), {.lr = 0.05, .max_iter = 6, .history_size = 4});
  lbfgs.step(valley);
  check_close(valley, {-1.127283949362951, 0.9565253097853926, 0.5473761314602079,
                       1.992865926131269, -0.9955371651943238});
  CHECK(lbfgs.step(valley) == close(41.45839519838599, 1e-12));
  CHECK(lbfgs.step(valley) == close(30.31526183421723, 1e-12));
  check_close(valley, {-1.043599701603331, 0.9188281338743134, 0.6451273228299836,
                       1.944276367176804, -0.9649118935015775});
  CHECK(lbfgs.state().evaluations == 18);
}

TEST_CASE("LBFGS finds the minimum and stays there") {
  Valley valley;
  optim::LBFGS lbfgs(valley.parameters(),
                     {.max_iter = 200, .line_search = LineSearch::strong_wolfe});
  lbfgs.step(std::ref(valley));
  check_close(valley, {1, 1, 1, 1, 1}, 1e-5);
  CHECK(valley.evaluations == lbfgs.state().evaluations);
  const auto before = lbfgs.state().evaluations;
  lbfgs.options().tolerance_grad = 1e-2;
  lbfgs.step(valley);
  CHECK(lbfgs.state().evaluations == before + 1);
}

TEST_CASE(
    "on a quadratic function L-BFGS is the conjugate gradient method: n steps for n unknowns") {
  const Parameter x(tensor({3.0, -2.0, 1.0, 4.0}, float64), "x");
  const Tensor a = tensor({1.0, 3.0, 7.0, 20.0}, float64);
  optim::LBFGS lbfgs({x}, {.tolerance_change = 0, .line_search = LineSearch::strong_wolfe});
  lbfgs.step([&] { return 0.5 * sum(a * x * x); });
  CHECK(max(abs(x.tensor())).item<double>() < 1e-7);
}

TEST_CASE("LBFGS goes on from its saved state bit for bit") {
  const optim::LBFGSOptions options{.max_iter = 3, .line_search = LineSearch::strong_wolfe};
  Valley whole, stopped;
  optim::LBFGS first(whole.parameters(), options), second(stopped.parameters(), options);
  for (int i = 0; i < 4; ++i) first.step(whole);
  for (int i = 0; i < 2; ++i) second.step(stopped);
  Valley other;
  other.p.set(stopped.p.tensor());
  other.q.set(stopped.q.tensor());
  const StateDict state = second.state_dict();
  CHECK(state.at("state.0.history").item<std::int64_t>() == 3);
  optim::LBFGS resumed(other.parameters());
  resumed.load_state_dict(state);
  CHECK(resumed.options().line_search == LineSearch::strong_wolfe);
  for (int i = 0; i < 2; ++i) resumed.step(other);
  CHECK(array_equal(other.p, whole.p));
  CHECK(array_equal(other.q, whole.q));
  CHECK(resumed.state().evaluations == first.state().evaluations);

  StateDict bad = state;
  bad["state.0.history"] = state_entry(std::numeric_limits<std::int64_t>::max());
  CHECK_THROWS_WITH_AS(resumed.load_state_dict(bad),
                       "LBFGS: the state has no 'state.0.history.3.change'", ValueError);
  bad = state;
  bad["state.0.history.1.move"] = zeros({0}, int64);
  CHECK_THROWS_WITH_AS(resumed.load_state_dict(bad), "LBFGS: the state has an empty correction",
                       ValueError);
  bad = state;
  bad["state.0.move"] = zeros({0}, int64);
  CHECK_THROWS_WITH_AS(resumed.load_state_dict(bad), "LBFGS: the state has no last step",
                       ValueError);
  CHECK(resumed.state().history.size() == first.state().history.size());
}

TEST_CASE("a loss that throws leaves parameters and state as they were") {
  Valley valley;
  optim::LBFGS lbfgs(valley.parameters(), {.line_search = LineSearch::strong_wolfe});
  int left = 4;
  CHECK_THROWS_AS(lbfgs.step([&] {
    if (--left == 0) throw std::runtime_error("no more");
    return valley();
  }),
                  std::runtime_error);
  check_close(valley, {-1.2, 1, 0.5, 2, -1}, 1e-15);
  CHECK(lbfgs.state().iterations == 0);
}

TEST_CASE("LBFGS trains parameters of several dtypes together and leaves frozen ones alone") {
  const Parameter a(tensor({3.0, 1.0}), "a"), b(tensor({2.0}, float64), "b"),
      frozen(tensor({5.0}), "frozen"), unused(tensor({7.0}), "unused");
  frozen.freeze();
  optim::LBFGS lbfgs({a, b, frozen, unused}, {.line_search = LineSearch::strong_wolfe});
  lbfgs.step([&] {
    return sum(square(a - 1.0)).to(float64) + sum(square(b + 2.0)) +
           sum(square(frozen)).to(float64);
  });
  CHECK(allclose(a, tensor({1.0, 1.0}), 1e-5));
  CHECK(b.tensor().item<double>() == close(-2, 1e-12));
  CHECK(a.dtype() == float32);
  CHECK(frozen.tensor().item<float>() == 5);
  CHECK(unused.tensor().item<float>() == 7);
  a.to(float64);
  lbfgs.step([&] { return sum(square(a)) + sum(square(b)); });
  CHECK(max(abs(a.tensor())).item<double>() < 1e-6);
}

TEST_CASE("after L-BFGS another rule may go on with one of the parameters") {
  Valley valley;
  optim::LBFGS(valley.parameters()).step(valley);
  const Tensor p = valley.p.tensor().detach() * 1.0, q = valley.q.tensor().detach() * 1.0;
  optim::SGD sgd({valley.p}, {.lr = 1});
  valley.p.zero_grad();
  sum(valley.p).backward();
  sgd.step();
  CHECK(array_equal(valley.p, p - 1.0));
  CHECK(array_equal(valley.q, q));
}

TEST_CASE("the line search steps back from where the loss is not finite") {
  const Parameter x(tensor({1.0}, float64), "x");
  optim::LBFGS lbfgs({x}, {.lr = 100, .line_search = LineSearch::strong_wolfe});
  lbfgs.step([&] { return sum(x - log(x - 0.5)); });  // NaN from 1/2 down; least at 3/2
  CHECK(x.tensor().item<double>() == close(1.5, 1e-5));
}

TEST_CASE("LBFGS refuses options out of range and a step without a loss") {
  const std::vector<Parameter> w = {Parameter(tensor({1.0}), "w")};
  CHECK_THROWS_WITH_AS(optim::LBFGS(w, {.lr = -1}),
                       "LBFGS: lr = -1, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::LBFGS(w, {.max_iter = 0}),
                       "LBFGS: max_iter = 0, but it must be at least 1", ValueError);
  CHECK_THROWS_WITH_AS(optim::LBFGS(w, {.history_size = 0}),
                       "LBFGS: history_size = 0, but it must be at least 1", ValueError);
  CHECK_THROWS_WITH_AS(optim::LBFGS(w, {.tolerance_grad = -1}),
                       "LBFGS: tolerance_grad = -1, but it must be finite and at least 0",
                       ValueError);
  optim::LBFGS lbfgs(w);
  CHECK_THROWS_WITH_AS(lbfgs.step(),
                       "LBFGS: a step needs the loss as a function of the parameters: "
                       "step([&] { return loss(model(x), y); })",
                       GraphError);
  CHECK_THROWS_WITH_AS(lbfgs.step({}), "LBFGS: got an empty function", ValueError);
  CHECK_THROWS_WITH_AS(lbfgs.lr(1), "LBFGS: group 1 is out of range for 1", ValueError);
}

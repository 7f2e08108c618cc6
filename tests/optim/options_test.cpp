#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

using namespace gradtape;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Stands for a member of any type.
struct Any {
  template <class T> operator T() const;
};

/// How many members an aggregate of plain values has.
template <class T, class... Members> constexpr std::size_t count_members() {
  if constexpr (requires { T{Members{}..., Any{}}; })
    return count_members<T, Members..., Any>();
  else
    return sizeof...(Members);
}

/// The names in a list of options; makes the one called `target` a value that no option may have.
class Names : public optim::detail::Fields {
 public:
  explicit Names(std::string target = {}) : Fields("", false), target_(std::move(target)) {}
  std::vector<std::string> all, numbers;

 private:
  template <class Number> void add(std::string_view name, Number& value, Number wrong) {
    all.emplace_back(name);
    numbers.emplace_back(name);
    if (name == target_) value = wrong;
  }
  void visit(std::string_view name, double& value) override { add(name, value, nan); }
  void visit(std::string_view name, std::int64_t& value) override {
    add(name, value, std::int64_t{-1});
  }
  void visit(std::string_view name, bool&) override { all.emplace_back(name); }
  void visit(std::string_view, Tensor&, const Shape&) override { FAIL("an option is no tensor"); }

  std::string target_;
};

void set_gradient(const Parameter& w) {
  w.zero_grad();
  sum(square(w)).backward();
}

template <class Rule> void step(Rule& rule) {
  if constexpr (std::is_same_v<Rule, optim::LBFGS>) {
    rule.step([&] { return sum(square(rule.parameters()[0])); });
  } else if constexpr (std::is_same_v<Rule, optim::SparseAdam>) {
    const Parameter& w = rule.parameters()[0];
    w.zero_grad();
    sum(embedding(w, tensor({0}), {.sparse = true})).backward();
    rule.step();
  } else {
    set_gradient(rule.parameters()[0]);
    rule.step();
  }
}

/// Every option and every number of the state is saved, and checked wherever it comes from.
template <class Rule, class Options> void check() {
  CAPTURE(Options::rule);
  const std::vector<Parameter> w = {Parameter(ones({2, 3}), "w")};
  Names names;
  Options options;
  options.fields(names);
  CHECK(names.all.size() == count_members<Options>());

  Rule rule(w);
  step(rule);
  const StateDict state = rule.state_dict();
  for (const auto& name : names.all) CHECK(state.contains("groups.0." + name));
  for (const auto& name : names.numbers) {
    Options wrong;
    Names set(name);
    wrong.fields(set);
    const auto error =
        doctest::Contains((std::string(Options::rule) + ": " + name + " = ").c_str());
    CHECK_THROWS_WITH_AS(Rule(w, wrong), error, ValueError);
    Rule changed(w);
    changed.options() = wrong;
    CHECK_THROWS_WITH_AS(step(changed), error, ValueError);
  }
  for (const auto& entry_of : state) {
    const auto& [name, value] = entry_of;
    CAPTURE(entry_of.first);
    if (value.ndim() > 0) continue;
    StateDict wrong = state;
    wrong[name] = value.dtype() == float64 ? state_entry(nan) : state_entry(std::int64_t{-1});
    CHECK_THROWS_AS(rule.load_state_dict(wrong), ValueError);
    CHECK(array_equal(rule.state_dict().at(name), value));
  }
}

}  // namespace

TEST_CASE("every option of every rule is saved, and checked when set, changed and loaded") {
  using namespace optim;
  check<SGD, SGDOptions>();
  check<Adam, AdamOptions>();
  check<AdamW, AdamWOptions>();
  check<Adamax, AdamaxOptions>();
  check<NAdam, NAdamOptions>();
  check<RAdam, RAdamOptions>();
  check<Adagrad, AdagradOptions>();
  check<Adadelta, AdadeltaOptions>();
  check<Adafactor, AdafactorOptions>();
  check<RMSprop, RMSpropOptions>();
  check<Rprop, RpropOptions>();
  check<Lion, LionOptions>();
  check<ASGD, ASGDOptions>();
  check<SparseAdam, SparseAdamOptions>();
  check<LBFGS, LBFGSOptions>();
}

TEST_CASE("a refused step changes nothing") {
  const Parameter w(ones({3}), "w");
  optim::Adam adam({w});
  set_gradient(w);
  adam.options().beta2 = 1;
  CHECK_THROWS_WITH_AS(adam.step(), "Adam: beta2 = 1, but it must be in [0, 1)", ValueError);
  CHECK(array_equal(w, ones({3})));
  CHECK(adam.state(0).steps == 0);
}

TEST_CASE("a step for which not one parameter has a gradient is an error") {
  const Parameter used(ones({2}), "used"), unused(ones({2}), "unused");
  optim::Adam adam({used, unused}, {.lr = 0.5});
  CHECK_THROWS_WITH_AS(adam.step(), doctest::Contains("Adam: not one parameter has a gradient"),
                       GraphError);
  sum(used.tensor()).backward();
  adam.step();  // one is enough
  CHECK(used.tensor()[0].item() == 0.5);
  CHECK(unused.tensor()[0].item() == 1);
}

TEST_CASE("groups, parameters and layers out of range are errors of gradtape") {
  const Parameter w(ones({2}), "w");
  optim::Adam adam({w});
  CHECK_THROWS_WITH_AS(adam.lr(1), "Adam: group 1 is out of range for 1", ValueError);
  CHECK_THROWS_WITH_AS(adam.momentum(2), "Adam: group 2 is out of range for 1", ValueError);
  CHECK_THROWS_WITH_AS(adam.options(5), "Adam: group 5 is out of range for 1", ValueError);
  CHECK_THROWS_WITH_AS(adam.state(1), "Adam: parameter 1 is out of range for 1", ValueError);
  optim::ExponentialAverage average({w});
  CHECK_THROWS_WITH_AS(average.average(1), "ExponentialAverage: parameter 1 is out of range for 1",
                       ValueError);
  CHECK_THROWS_AS(optim::StochasticWeightAverage({w}).average(1), ValueError);
}

TEST_CASE("the state of another optimizer is refused by its options") {
  const Parameter w(ones({2}), "w");
  optim::Adam adam({w});
  optim::SGD sgd({w}, {.lr = 0.1});
  CHECK_THROWS_WITH_AS(sgd.load_state_dict(adam.state_dict()),
                       doctest::Contains("SGD: the state is another optimizer's: its options are "
                                         "amsgrad, beta1, beta2, eps"),
                       ValueError);
}

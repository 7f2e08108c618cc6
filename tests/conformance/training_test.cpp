// The conformance program's checks of training and of L-BFGS: a wrong number is found.
#include <gradtape/autograd/tensor.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "conformance/check.hpp"

using namespace gradtape;
using namespace gradtape::conformance;

namespace {

/// The outcome of a case: "" where it passes, else why not.
std::string outcome_of(const std::string& kind, const std::string& op,
                       const std::map<std::string, Tensor>& arrays, const std::string& json) {
  Case c;
  c.kind = kind;
  c.op = op;
  c.rtol = c.atol = 1e-9;
  c.arrays = arrays;
  c.json = json;
  const Outcome got = check(c);
  return got.verdict == conformance::Verdict::unsupported ? "unsupported: " + got.reason
                                                          : got.reason;
}

/// One step with lr = 0.1 of y = w x + b from 0, on (1, 1) and (2, 3): the gradients of the mean
/// square are -7 and -4.
struct Line {
  std::string model = "Linear(1,1), mse", optimizer = R"({"name":"SGD","kwargs":{"lr":0.1}})",
              prefix = {};
  double loss = 5, weight = 0.7, bias = 0.4;

  std::string outcome() const {
    const auto one = [](double value) { return full({1, 1}, value, float64); };
    return outcome_of("training", "line",
                      {{"x", tensor({{1.0}, {2.0}}, float64)},
                       {"t", tensor({{1.0}, {3.0}}, float64)},
                       {"w0", one(0)},
                       {"w", one(weight)},
                       {"b0", tensor({0.0}, float64)},
                       {"b", tensor({bias}, float64)},
                       {"l", tensor({loss}, float64)}},
                      R"({"desc":")" + model + R"(","optimizer":)" + optimizer +
                          R"(,"steps":1,"inputs":{"x":"x","t":"t"},"losses":"l","params":{")" +
                          prefix + R"(weight":{"init":"w0","final":"w"},")" + prefix +
                          R"(bias":{"init":"b0","final":"b"}}})");
  }
};

/// One iteration of L-BFGS on the corpus's objective from 0, where it is 3.
std::string lbfgs(double final_loss) {
  return outcome_of(
      "optimizer", "LBFGS", {{"p", zeros({4}, float64)}, {"q", zeros({2, 3}, float64)}},
      R"j({"kwargs":{"lr":0.1,"max_iter":1,"line_search_fn":null},"mode":"closed","steps":1,)j"
      R"j("objective":"sum_{i<3} ((1-p[i])^2 + 5*(p[i+1]-p[i]^2)^2) + )j"
      R"j(0.5*sum(q*q*[[1,2,3],[4,5,6]]) + 0.3*sum_{j<3} q[0,j]*p[j]",)j"
      R"j("params":[{"name":"p","init":"p"},{"name":"q","init":"q"}],"final_loss":)j" +
          std::to_string(final_loss) + "}");
}

}  // namespace

TEST_CASE("a conformance case of training compares losses and final parameters") {
  CHECK(Line().outcome() == "");
  CHECK(Line{.loss = 5.01}.outcome().starts_with("losses[0] is 5, wanted 5.0"));
  CHECK(Line{.weight = 0.75}.outcome().starts_with("weight[0, 0] is 0.7"));
  CHECK(Line{.bias = 0.45}.outcome().starts_with("bias[0] is 0.4"));
  CHECK(Line{.model = "Sequential(Linear(1,1),Identity), mse mean", .prefix = "0."}.outcome() ==
        "");
  CHECK(Line{.model = "Sequential(ReLU(), Linear(1,1)), mse", .prefix = "1."}.outcome() == "");
  CHECK(Line{.model = "Sequential(Linear(1,1),Sigmoid), mse", .prefix = "0."}.outcome() != "");
  CHECK(Line{.model = "Linear(1,1), mse sum"}.outcome().starts_with("losses[0] is 10"));
  CHECK(Line{.model = "Linear(1,1), sinkhorn"}.outcome() == "unsupported: the loss sinkhorn");
  CHECK(Line{.model = "Weird(1,1), mse"}.outcome() == "unsupported: no equivalent of nn.Weird");
  CHECK(Line{.optimizer = R"({"name":"SGD","kwargs":{"lr":0.1,"speed":1}})"}.outcome() ==
        "unsupported: the keyword speed");
}

TEST_CASE("a conformance case of L-BFGS asks for a final loss as low") {
  // The gradient is -2 in three elements; the first step is min(1, 1 / 6) lr long: p = (1, 1, 1, 0)
  // / 30, where the objective is 2.81372.
  CHECK(lbfgs(3) == "");
  CHECK(lbfgs(2.82) == "");
  CHECK(lbfgs(2.8).starts_with("the final loss is 2.8137"));
}

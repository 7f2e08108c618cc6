// The conformance program's check of initializers and layers: what is wrong in one is found.
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <string>

#include "conformance/check.hpp"
#include "conformance/layers.hpp"

using namespace gradtape;
using namespace gradtape::conformance;

namespace {

/// The outcome of a case: "" where it passes, else why not.
std::string outcome(const std::string& op, const std::string& rest,
                    const std::string& kind = "init", const std::string& note = "") {
  Case c;
  c.kind = kind;
  c.op = op;
  c.rtol = c.atol = 1e-9;
  c.note = note;
  c.json = "{" + rest + "}";
  const Outcome got = check(c);
  return got.verdict == conformance::Verdict::unsupported ? "unsupported: " + got.reason
                                                          : got.reason;
}

std::string normal(const std::string& kwargs, const std::string& expected) {
  return outcome("normal_", R"("shape":[100,100],"kwargs":)" + kwargs +
                                R"(,"mean_abs_limit":0.06,"std_rel_limit":0.04,)" + expected);
}

}  // namespace

TEST_CASE("a conformance case of an initializer compares mean, spread and bounds") {
  CHECK(normal("{}", R"("mean":0,"std":1)") == "");
  CHECK(normal("{}", R"("mean":0.2,"std":1)").ends_with(", wanted 0.2"));
  CHECK(normal(R"({"std":2})", R"("mean":0,"std":1)").ends_with(", wanted 1"));
  CHECK(normal("{}", R"("mean":0,"std":1,"bound":1)").ends_with("], wanted [-1, 1]"));
  CHECK(normal("{}", R"("mean":0,"std":1,"lo":-9,"hi":2)").ends_with("], wanted [-9, 2]"));
  CHECK(normal(R"({"scale":2})", R"("mean":0,"std":1)") ==
        "unsupported: normal_: the keyword scale is not read");
  CHECK(outcome("weird_", R"("shape":[2],"mean":0)") == "unsupported: no equivalent of weird_");
}

TEST_CASE(
    "a conformance case of a gain or an orthogonal or sparse weight compares what it should") {
  CHECK(outcome("calculate_gain",
                R"("kwargs":{"nonlinearity":"selu","param":null},"value":0.75)") == "");
  CHECK(outcome("calculate_gain",
                R"("kwargs":{"nonlinearity":"leaky_relu","param":0.2},"value":1.4)") != "");
  CHECK(outcome("orthogonal_", R"("shape":[2,3,2],"kwargs":{"gain":2.0})") == "");
  CHECK(outcome("sparse_", R"("shape":[10,400],"kwargs":{"sparsity":0.35})") == "");
}

TEST_CASE("a conformance case of a layer's initial values finds its parameters") {
  const auto linear = [](const std::string& expected) {
    return outcome("default_init", R"x("module":"nn.Linear(16,7)","expected":{)x" + expected + "}");
  };
  CHECK(linear(R"("weight_bound":0.25,"bias_bound":0.25)") == "");
  CHECK(linear(R"("bound":0.25)") == "");
  CHECK(linear(R"("weight_bound":0.26)").ends_with(", wanted +-0.26"));
  CHECK(linear(R"("weight_bound":0.24)").ends_with(", wanted +-0.24"));
  CHECK(linear(R"("weight_std":0.144338,"weight_mean":0)") == "");
  CHECK(linear(R"("weight_std":0.2)").ends_with(", wanted 0.2"));
  CHECK(linear(R"("bias":0)").starts_with("bias[0] is "));
  CHECK(linear(R"("scale":1)") == "unsupported: nn.Linear(16,7) has no parameter scale");
  CHECK(outcome("default_init",
                R"x("module":"nn.LSTM(3,16,num_layers=2)","expected":{"all_bound":0.25})x") == "");
  CHECK(outcome("default_init", R"x("module":"nn.LSTM(3,16)","expected":{"weight_bound":0.25})x") ==
        "");
  CHECK(outcome("default_init",
                R"x("module":"nn.BatchNorm1d(3)","expected":{"running_mean":0,"weight":1})x") ==
        "");
  CHECK(outcome("default_init", R"x("module":"nn.Wavelet(3)","expected":{"a":1})x") ==
        "unsupported: no equivalent of nn.Wavelet");
}

TEST_CASE("a layer is made from PyTorch's expression, and no argument is dropped") {
  CHECK(make_layer("nn.Linear(3, out_features=2, bias=False)").module.parameters().size() == 1);
  CHECK_THROWS_WITH_AS(make_layer("nn.Linear(3,2,device=1)"),
                       "nn.Linear: the keyword device is not read", Unsupported);
  CHECK_THROWS_WITH_AS(make_layer("Linear"), "the layer Linear", Unsupported);
}

TEST_CASE("a conformance case of dropout compares what is kept, how much is, and the gradient") {
  const auto dropout = [](const std::string& kept, const std::string& fraction,
                          const std::string& note) {
    return outcome("dropout",
                   R"("shape":[50,4,40],"kwargs":{"p":0.5},"zero_limit":0.03,"kept_value":)" +
                       kept + R"(,"zero_fraction":)" + fraction,
                   "statistic", note);
  };
  CHECK(dropout("2", "0.5", "element") == "");
  CHECK(dropout("3", "0.5", "element").starts_with("output["));
  CHECK(dropout("2", "0.6", "element").ends_with(" is 0, wanted 0.6"));
  CHECK(dropout("2", "0.5", "channel").starts_with("the least of each channel["));
}

// ---- layers ----

namespace {

/// Why a case of nn.Linear(2, 1) with weights 2 and 3 and bias 1 does not pass.
std::string linear_outcome(const Tensor& y, const Tensor& weight_gradient) {
  Case c;
  c.kind = "module";
  c.op = "nn.Linear";
  c.rtol = c.atol = 1e-9;
  c.args = "[2,1]";
  c.kwargs = "{}";
  c.json = R"({"mode":"train"})";
  c.inputs = {{"input", tensor({{1.0, -1.0}}, float64), true},
              {"param:m.weight", tensor({{2.0, 3.0}}, float64), true},
              {"param:m.bias", tensor({1.0}, float64), true}};
  c.outputs = {{y, tensor({{10.0}}, float64)}};
  c.grads = {{"input", tensor({{20.0, 30.0}}, float64)},
             {"param:m.weight", weight_gradient},
             {"param:m.bias", tensor({10.0}, float64)}};
  return check(c).reason;
}

}  // namespace

TEST_CASE("a conformance case of a layer compares the output and the gradients of its parameters") {
  const Tensor y = tensor({{0.0}}, float64), g = tensor({{10.0, -10.0}}, float64);
  CHECK(linear_outcome(y, g) == "");
  CHECK(linear_outcome(y + 1.0, g) == "value[0, 0] is 0, wanted 1 (1 of 1 elements differ)");
  CHECK(linear_outcome(y, g * 2.0).starts_with("grad param:m.weight[0, 0] is 10, wanted 20"));
  CHECK(linear_outcome(y, Tensor()) == "");  // not asked for
}

TEST_CASE("a loss of PyTorch's is made from its constructor") {
  const auto layer = make_layer("nn.SmoothL1Loss(reduction='sum', beta=2.0)");
  Call inputs("", {tensor({1.0, 4.0}), tensor({0.0, 0.0})}, {});
  CHECK(layer.call(inputs).tensor("it").item<float>() == 0.25f + 3.0f);
}

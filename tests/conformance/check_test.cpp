// The conformance program's reading and checking of cases: what is wrong in a case is found.
#include <gradtape/autograd/io/safetensors.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "conformance/check.hpp"
#include "conformance/extract.hpp"
#include "support/files.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::conformance;
using namespace gradtape::testing;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double not_a_number = std::nan("");

/// One case of softmax over [2, 3] with value, gradient and Hessian-vector product.
struct Softmax {
  Tensor x = tensor({{0.5, -1.0, 2.0}, {1.5, 0.25, -0.75}}, float64);
  Tensor cotangent = tensor({{1.0, 2.0, -1.0}, {0.5, 0.0, 1.0}}, float64);
  Tensor v = tensor({{-1.0, 0.5, 1.0}, {2.0, 1.0, -0.5}}, float64);
  Tensor y = softmax(x, 1);
  // g = y (c - <y, c>), and its derivative along v with dy = y (v - <y, v>)
  Tensor grad = y * (cotangent - sum(y * cotangent, 1, {.keepdim = true}));
  Tensor dy = y * (v - sum(y * v, 1, {.keepdim = true}));
  Tensor hvp = dy * (cotangent - sum(y * cotangent, 1, {.keepdim = true})) -
               y * sum(dy * cotangent, 1, {.keepdim = true});

  std::map<std::string, Tensor> arrays() const {
    return {{"x", x}, {"y", y}, {"c", cotangent}, {"g", grad}, {"v", v}, {"h", hvp}};
  }
};

const std::string softmax_line =
    R"({"id":"g/0/softmax","group":"g","kind":"op","op":"softmax","args":[{"$":"x0"},1],"kwargs":{},)"
    R"("inputs":[{"name":"x0","array":"x","dtype":"float64","shape":[2,3],"grad":true}],)"
    R"("outputs":[{"array":"y","dtype":"float64","shape":[2,3],"cotangent":"c"}],)"
    R"("grads":{"x0":"g"},"hvp":{"v":{"x0":"v"},"out":{"x0":"h"}},)"
    R"("tol":{"rtol":1e-9,"atol":1e-10}})";

/// A case y = clone(x), whose gradient is the cotangent.
std::string clone_line(const std::string& rest = R"("grads":{"x0":"g"})") {
  return R"({"id":"g/1/clone","group":"g","kind":"op","op":"clone","args":[{"$":"x0"}],)"
         R"("inputs":[{"name":"x0","array":"x","grad":true}],)"
         R"("outputs":[{"array":"y","cotangent":"c"}],"tol":{"rtol":1e-9,"atol":1e-10},)" +
         rest + "}";
}

std::vector<Case> read(const std::string& lines, const std::map<std::string, Tensor>& arrays) {
  const TemporaryFolder folder;
  folder.file("cases.jsonl", lines);
  save_safetensors(folder.path("g.safetensors"), arrays);
  return read_cases(folder.path(""));
}

/// Why a case does not pass.
std::string reason(const std::string& line, const std::map<std::string, Tensor>& arrays) {
  return check(read(line, arrays).at(0)).reason;
}

Tensor changed(const Tensor& x, std::int64_t i, double by) {
  std::vector<double> elements(x.data<double>().begin(), x.data<double>().end());
  elements[static_cast<std::size_t>(i)] += by;
  return tensor(elements, x.shape());
}

}  // namespace

TEST_CASE("a conformance case passes when value, gradient and Hessian-vector product agree") {
  const auto cases = read(softmax_line + "\n\n", Softmax().arrays());
  REQUIRE(cases.size() == 1);
  CHECK(cases[0].id == "g/0/softmax");
  CHECK(cases[0].call() == R"(softmax(*[{"$":"x0"},1], **{}))");
  const Outcome outcome = check(cases[0]);
  CHECK_MESSAGE(outcome.verdict == conformance::Verdict::passed, outcome.reason);
}

TEST_CASE("a conformance case fails by one wrong element of any quantity, which is named") {
  for (const auto& [array, message] : std::map<std::string, std::string>{
           {"y", "value[1, 0] is"}, {"g", "grad x0[1, 0] is"}, {"h", "hvp x0[1, 0] is"}}) {
    auto arrays = Softmax().arrays();
    arrays[array] = changed(arrays[array], 3, 1e-8);
    const auto why = reason(softmax_line, arrays);
    CHECK_MESSAGE(why.starts_with(message), why);
    CHECK(contains(why, "(1 of 6 elements differ)"));
    arrays[array] = changed(Softmax().arrays()[array], 3, 5e-11);  // within the tolerance
    CHECK(reason(softmax_line, arrays) == "");
  }
}

TEST_CASE("conformance compares shapes, dtypes and counts exactly") {
  auto arrays = Softmax().arrays();
  arrays["y"] = reshape(arrays["y"], {3, 2});
  CHECK(reason(softmax_line, arrays) == "value has shape [2, 3], wanted [3, 2]");
  arrays["y"] = Softmax().y.to(float32);
  CHECK(reason(softmax_line, arrays) == "value has dtype float64, wanted float32");
  auto line = softmax_line;
  line.replace(line.find("\"cotangent\":\"c\"}"), 16,
               R"("cotangent":"c"},{"array":"y","cotangent":null})");
  CHECK(reason(line, Softmax().arrays()) == "1 outputs, wanted 2");
}

TEST_CASE("conformance takes NaN for NaN, infinities by sign, and no path for zero") {
  const Tensor special = tensor({not_a_number, infinity, -infinity, 1.0}, float64);
  const Tensor c = ones({4}, float64);
  const std::map<std::string, Tensor> arrays = {{"x", special}, {"y", special}, {"c", c}, {"g", c}};
  CHECK(reason(clone_line(), arrays) == "");
  for (const auto& [i, other] : std::vector<std::pair<int, double>>{
           {0, 1.0}, {1, -infinity}, {1, 1e308}, {2, not_a_number}, {3, infinity}}) {
    auto wrong = arrays;
    std::vector<double> elements = {not_a_number, infinity, -infinity, 1.0};
    elements[static_cast<std::size_t>(i)] = other;
    wrong["y"] = tensor(elements);
    CHECK(contains(reason(clone_line(), wrong), "value[" + std::to_string(i) + "] is"));
  }
  const std::string null_grad = R"("grads":{"x0":null})";
  CHECK(reason(clone_line(null_grad), arrays) ==
        "grad x0[0] is 1, wanted 0 (4 of 4 elements differ)");
  auto zero = arrays;
  zero["c"] = zeros({4}, float64);
  CHECK(reason(clone_line(null_grad), zero) == "");
}

TEST_CASE("a conformance case is an expression, too, and random ones need only the shape") {
  const Tensor x = tensor({1.0, 2.0}, float64);
  std::map<std::string, Tensor> arrays = {{"x", x}, {"y", x}, {"c", x}, {"g", x}};
  const std::string line =
      R"j({"id":"e","group":"g","kind":"op","op":"o","expr":"(lambda a: [a.clone()])(x0)",)j"
      R"("inputs":[{"name":"x0","array":"x","grad":true}],"outputs":[{"array":"y","cotangent":"c"}],)"
      R"("grads":{"x0":"g"},"tol":{"rtol":0,"atol":0})";
  CHECK(reason(line + "}", arrays) == "");
  arrays["y"] = x + 1.0;
  CHECK(contains(reason(line + "}", arrays), "value[0] is 1, wanted 2"));
  CHECK(reason(line + R"(,"tags":["random"]})", arrays) == "");
  arrays["y"] = zeros({3}, float64);
  CHECK(contains(reason(line + R"(,"tags":["random"]})", arrays), "value has shape"));
}

TEST_CASE("conformance tells failures, what is unsupported and conventions apart") {
  auto verdict = [](std::string line, const std::string& from, const std::string& to) {
    line.replace(line.find(from), from.size(), to);
    return check(read(line, Softmax().arrays()).at(0));
  };
  CHECK(verdict(softmax_line, "\"op\":\"softmax\"", "\"op\":\"nothing\"").verdict ==
        conformance::Verdict::unsupported);
  CHECK(verdict(softmax_line, "\"kind\":\"op\"", "\"kind\":\"other\"").verdict ==
        conformance::Verdict::unsupported);
  CHECK(verdict(softmax_line, "\"kwargs\":{}", "\"kwargs\":{\"new\":1}").reason ==
        "softmax: the keyword new is not read");
  CHECK(verdict(softmax_line, ",1],", ",{\"complex\":1}],").reason ==
        "the argument {\"complex\":1}");
  const auto error = verdict(softmax_line, ",1],", ",7],");  // the library's error is a failure
  CHECK(error.verdict == conformance::Verdict::failed);
  CHECK(contains(error.reason, "axis 7"));
  CHECK(verdict(softmax_line, "\"array\":\"y\"", "\"array\":\"x\"").verdict ==
        conformance::Verdict::failed);
  const auto tagged = [&](const std::string& tag) {
    return read(clone_line(R"("tags":[")" + tag + "\"]"), Softmax().arrays()).at(0);
  };
  CHECK(tagged("kink").is_convention());
  CHECK(tagged("nonfinite").is_convention());
  CHECK(!tagged("size0").is_convention());
  CHECK(check(tagged("size0")).verdict == conformance::Verdict::failed);  // its y is no clone of x
  CHECK(check(tagged("beyond_torch")).verdict == conformance::Verdict::unsupported);
}

TEST_CASE("conformance compares the paths of optimizers, learning rates and clipped gradients") {
  const std::map<std::string, Tensor> arrays = {
      {"w", tensor({1.0, 2.0}, float64)},        {"g", tensor({{2.0, -2.0}}, float64)},
      {"path", tensor({{0.0, 3.0}}, float64)},   {"lrs", tensor({0.5, 0.25}, float64)},
      {"before", tensor({{3.0, 6.0}}, float64)}, {"after", tensor({{2.0, 2.0}}, float64)}};
  const std::string rest = R"("group":"g","tol":{"rtol":1e-9,"atol":0}})";
  const std::map<std::string, std::string> lines = {
      {"path",
       R"j({"id":"a","kind":"optimizer","op":"SGD","kwargs":{"lr":0.5},"mode":"given",)j"
       R"j("steps":1,"params":[{"name":"w","init":"w","grads":"g","trajectory":"path"}],)j"},
      {"lrs", R"j({"id":"b","kind":"scheduler","op":"ExponentialLR","kwargs":{"gamma":0.5},)j"
              R"j("base_lr":0.5,"steps":1,"lrs":"lrs",)j"},
      {"after", R"j({"id":"c","kind":"clip","op":"clip_grad_value_","kwargs":{"clip_value":2},)j"
                R"j("grads_before":["before"],"grads_after":["after"],)j"}};
  for (const auto& [array, line] : lines) {
    CHECK(reason(line + rest, arrays) == "");
    auto wrong = arrays;
    wrong[array] = reshape(changed(wrong[array], 1, 1e-6), wrong[array].shape());
    CHECK(contains(reason(line + rest, wrong), "(1 of 2 elements differ)"));
  }
  auto unread = lines.at("lrs");
  unread.replace(unread.find("gamma"), 5, "delta");
  CHECK(reason(unread + rest, arrays) == "the keyword delta");
}

TEST_CASE("a damaged corpus is refused, with the line") {
  auto refusal = [](const std::string& lines) {
    try {
      read(lines, Softmax().arrays());
    } catch (const IoError& e) {
      return std::string(e.what());
    }
    return std::string("was read");
  };
  CHECK(contains(refusal(softmax_line + "\n{"), "cases.jsonl', line 2: "));
  CHECK(contains(refusal("{}"), "line 1: "));
  CHECK(contains(refusal("[]"), "line 1: "));
  auto line = softmax_line;
  line.replace(line.find("\"array\":\"y\""), 11, "\"array\":\"q\"");
  CHECK(contains(refusal(line), "line 1 names an array that its group lacks"));
  line = softmax_line;
  line.replace(line.find("\"group\":\"g\""), 11, "\"group\":\"z\"");
  CHECK(contains(refusal(line), "z.safetensors' cannot be opened"));
  CHECK_THROWS_AS(read_cases("/nowhere"), IoError);
}

TEST_CASE("extract keeps the smallest case of each function, with its arrays") {
  const TemporaryFolder folder;
  auto arrays = Softmax().arrays();
  arrays["large"] = zeros({50, 50}, float64);
  auto large = clone_line();
  large.replace(large.find("\"array\":\"x\""), 11, "\"array\":\"large\"");
  folder.file("cases.jsonl", large + "\n" + softmax_line + "\n" + clone_line() + "\n" +
                                 clone_line(R"("tags":["kink"])") + "\n" +
                                 clone_line(R"("tags":["extended"])") + "\n");
  save_safetensors(folder.path("g.safetensors"), arrays);
  extract(read_cases(folder.path("")), folder.path(""), folder.path("small"));
  const auto cases = read_cases(folder.path("small"));
  REQUIRE(cases.size() == 3);
  CHECK(cases[0].op == "softmax");
  CHECK(cases[1].json == clone_line());
  CHECK(cases[2].is_convention());
  CHECK(check(cases[0]).verdict == conformance::Verdict::passed);
  CHECK(!load_safetensors(folder.path("small/g.safetensors")).contains("large"));
}

#include <gradtape/autograd/check/op_properties.hpp>
#include <gradtape/autograd/mutate_check.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "support/op_samples.hpp"

using namespace gradtape;
using namespace gradtape::op_properties;
using namespace gradtape::testing;

namespace {

Tensors to(const Tensors& x, Dtype dtype) {
  Tensors y;
  for (const auto& t : x) y.push_back(t.to(dtype));
  return y;
}

Tensors leaves(const Tensors& x) {
  Tensors y;
  for (const auto& t : x) y.push_back(t.requires_grad());
  return y;
}

bool any_empty(const Tensors& x) {
  return std::any_of(x.begin(), x.end(), [](const Tensor& t) { return t.numel() == 0; });
}

/// A fixed cotangent of any shape.
Tensor cotangent(const Tensor& y) {
  Generator generator(11);
  return (rand(y.shape(), float64, generator) + 0.5).to(y.dtype());
}

/// Equal element by element up to a unit in the last place, NaN to NaN; the infinities and zeros
/// are exact.
bool same(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return false;
  const double unit = a.dtype() == float32 ? 1.2e-7 : 1e-14;
  const Tensor x = a.to(float64), y = b.to(float64);
  for (std::size_t i = 0; i < x.data<double>().size(); ++i) {
    const double p = x.data<double>()[i], q = y.data<double>()[i];
    if (!(p == q || (std::isnan(p) && std::isnan(q)) || std::abs(p - q) <= unit * std::abs(q)))
      return false;
  }
  return true;
}

bool all_zero(const Tensors& gradients) {
  return std::all_of(gradients.begin(), gradients.end(),
                     [](const Tensor& g) { return array_equal(g, zeros_like(g)); });
}

/// The op under which errors are thrown.
const char* title(const OpSample& sample) { return *sample.name ? sample.name : sample.function; }

/// Calls `check(sample, inputs)` for every list of shapes of every row.
template <class Check> void for_each_call(Check check) {
  for (const auto& sample : op_samples())
    for (const auto& shapes : sample.shapes) {
      std::string call = title(sample);
      for (const auto& shape : shapes) call += " " + shape.str();
      CAPTURE(call);
      check(sample, sample_inputs(sample, shapes));
    }
}

void check(const Outcome& outcome) { CHECK_MESSAGE(outcome, outcome.problem); }

}  // namespace

TEST_CASE("every op's gradient is right to second order") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    if (sample.flat || any_empty(x) || any_empty({sample.f(x)})) return;
    check(gradient_is_right(sample.f, x, 2));
  });
}

TEST_CASE("the samples of every op would notice a mistake in any of its vjps") {
  std::map<std::string, bool> noticed;
  for_each_call([&](const OpSample& sample, const Tensors& x) {
    if (!*sample.name || sample.flat || any_empty(x) || any_empty({sample.f(x)})) return;
    for (const auto& m : mutate_check(sample.name, sample.f, x, {.order = 1}).mutations)
      noticed[m.op + ", gradient of its input " + std::to_string(m.input) + ": " + m.change] |=
          m.caught;
  });
  CHECK(noticed.size() > 500);
  for (const auto& mutation : noticed) CHECK_MESSAGE(mutation.second, mutation.first);
}

TEST_CASE("every flat op has the slope 0") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    if (!sample.flat) return;
    const Tensors at = leaves(x);
    const Tensor y = sample.f(at);
    CHECK(all_zero(grad(y, at, {.retain_graph = true, .seed = cotangent(y)})));
    CHECK(all_zero(grad(y, at, {.create_graph = true, .seed = cotangent(y)})));
    Tensors beside = x;
    beside[0] = x[0] + 1e-6;
    CHECK(array_equal(sample.f(beside), y.detach()));
  });
}

TEST_CASE("every op takes empty inputs and gives empty outputs their gradient 0") {
  std::set<std::string> seen;
  for_each_call([&](const OpSample& sample, const Tensors& x) {
    const auto outcome = empty_tensors_work(sample.f, x);
    check(outcome);
    if (outcome.applies) seen.insert(title(sample));
  });
  CHECK(seen.size() > 50);
}

TEST_CASE("every op agrees in float32 and float64") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    if (!sample.random) check(float32_agrees(sample.f, x));
  });
}

TEST_CASE("no op takes float32 and float64 together") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    check(dtypes_do_not_mix(sample.f, x, title(sample)));
  });
}

TEST_CASE("no op writes into its inputs, neither forward nor backward") {
  for_each_call(
      [](const OpSample& sample, const Tensors& x) { check(inputs_are_untouched(sample.f, x)); });
}

TEST_CASE("the fast first-order backward pass of every op equals the recorded one") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    check(fast_pass_equals_recorded(sample.f, x));
  });
}

TEST_CASE("a zero cotangent gives an exact zero") {
  for_each_call([](const OpSample& sample, const Tensors& x) {
    check(zero_cotangent_gives_zero(sample.f, x));
  });
}

TEST_CASE("every op keeps what is documented at 0, -0, infinities and ties") {
  std::size_t points = 0;
  for (const auto& sample : op_samples())
    for (const auto& edge : sample.edges)
      for (auto dtype : {float64, float32}) {
        ++points;
        const Tensors at = leaves(to(edge.inputs, dtype));
        const Tensor y = sample.f(at), zero = zeros_like(y);
        std::string point = title(sample);
        for (const auto& x : at) point += " " + x.str();
        point += " -> " + y.str();
        CAPTURE(point);
        CHECK(same(y, edge.value.to(dtype)));
        for (bool create_graph : {false, true}) {
          CAPTURE(create_graph);
          const auto g = grad(sum(y), at, {.create_graph = create_graph, .retain_graph = true});
          for (std::size_t i = 0; i < at.size(); ++i) {
            CAPTURE(g[i].str());
            CHECK(same(g[i], edge.gradients[i].to(dtype)));
          }
          CHECK(all_zero(
              grad(y, at, {.create_graph = create_graph, .retain_graph = true, .seed = zero})));
        }
      }
  CHECK(points > 100);
}

TEST_CASE("a backward pass visits every node of an op once") {
  for_each_call(
      [](const OpSample& sample, const Tensors& x) { check(nodes_are_visited_once(sample.f, x)); });
}

TEST_CASE("every op without a gradient gives its value") {
  for (const auto& sample : value_samples()) {
    CAPTURE(sample.function);
    CHECK(sample.holds());
  }
}

TEST_CASE("every function of the ops' headers and every op that is ever recorded has a row") {
  std::set<std::string> seen, functions, names, value_names, listed_functions;
  {
    struct Observer : Watch {
      explicit Observer(std::set<std::string>& seen) : seen(seen) {}
      void recorded(const char* op, const Tensor&, std::span<const Tensor>) override {
        seen.insert(op);
      }
      std::set<std::string>& seen;
    };
    const Observer observer(seen);
    for_each_call([&](const OpSample& sample, const Tensors& x) {
      const Tensors at = leaves(x);
      const Tensor y = sample.f(at);
      const auto g = grad(y, at, {.create_graph = true, .seed = cotangent(y).requires_grad()});
      for (const auto& first : g) sum(first * first).backward({.retain_graph = true});
    });
  }
  for (const auto& sample : op_samples()) {
    if (*sample.name) names.insert(sample.name);
    listed_functions.insert(sample.function);
  }
  for (const auto& sample : value_samples()) {
    value_names.insert(sample.name);
    listed_functions.insert(sample.function);
  }
  for (const auto& name : seen)
    CHECK_MESSAGE((names.contains(name) || value_names.contains(name)), "no row for the op ", name);
  for (const auto& name : names)
    CHECK_MESSAGE(seen.contains(name), "the row does not record ", name);

  const std::regex declaration(R"(^(?:Tensor|bool|std::vector<Tensor>) (operator[^(]+|\w+)\(.*)");
  for (const char* folder : {"/autograd/ops", "/nn/loss"})
    for (const auto& file :
         std::filesystem::directory_iterator(std::string(GRADTAPE_SOURCE_DIR) + folder)) {
      if (file.path().extension() != ".hpp") continue;
      std::ifstream header(file.path());
      for (std::string line; std::getline(header, line) && line.find("detail {") == line.npos;)
        if (std::smatch match; std::regex_match(line, match, declaration))
          functions.insert(match[1]);
    }
  CHECK(functions.size() > 80);
  for (const auto& function : functions)
    CHECK_MESSAGE(listed_functions.contains(function), "no row for ", function);
}

#include <gradtape/autograd/draw.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "support/files.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("a tape as text has a line for every node, inputs before users") {
  const Tensor w = tensor({1.0f, 2.0f, 3.0f}).requires_grad("w");
  const Tape tape(sum(w * w));
  CHECK(str(tape) ==
        "0  leaf 'w'  [3]   float32\n"
        "1  mul       [3]   float32  0, 0\n"
        "2  sum       []    float32  1\n");
  std::ostringstream out;
  out << tape;
  CHECK(out.str() == str(tape));
}

TEST_CASE("a table of the tape has the values and gradients of every node") {
  const Tensor w = scalar(2).requires_grad("w"), x = scalar(3).requires_grad("x");
  Trace trace;
  const Tensor u1 = w * x, u3 = u1 * exp(u1 / 10.0);
  const Tape tape(u3);
  CHECK(str(tape, {.values = &trace, .gradients = true}) ==
        "   node      shape  dtype    inputs  value    gradient\n"
        "0  leaf 'w'  []     float64          2        8.74617\n"
        "1  leaf 'x'  []     float64          3        5.83078\n"
        "2  mul       []     float64  0, 1    6        2.91539\n"
        "3  div       []     float64  2       0.6      10.9327\n"
        "4  exp       []     float64  3       1.82212  6\n"
        "5  mul       []     float64  2, 4    10.9327  1\n");
  CHECK_FALSE(w.grad().defined());
  CHECK(contains(str(tape, {.gradients = true}), "inputs  gradient\n"));
  CHECK_NOTHROW(u3.backward());
  CHECK(error<GraphError>([&] { (void)str(tape, {.gradients = true}); }).find("released") !=
        std::string::npos);
}

TEST_CASE("a table of the tape shows small tensors whole, others by norm and range") {
  const Tensor w = tensor({{1., -2.}, {0.5, 4.}}).requires_grad("w");
  const Tensor before = w * 2.0;
  Trace trace;
  const Tensor wide = concat({before, tensor({{3., 3.}}), ones({2, 2})});
  const auto text = str(Tape({square(wide), sum(before)}), {.values = &trace, .gradients = true});
  CHECK(contains(text, "leaf 'w'  [2, 2]  float32          -    "));  // seen by no op of the trace
  CHECK(contains(text, "norm 10.3441, -4 to 8  norm 20.6882, -8 to 16\n"));
  CHECK(contains(text, "  [[10, -14], [6, 34]]\n"));  // of w: 2 (2 * 2 w + 1)
  const Tensor huge = full({3, 3}, 1e200, float64).requires_grad() * 1.0;
  CHECK(contains(str(Tape(huge), {.values = &trace}), "norm 3e+200, 1e+200 to 1e+200\n"));
  const Tensor bad = log(tensor({-1., 1., 1., 1., 1., 1., 1., 1., 0.}).requires_grad());
  CHECK(contains(str(Tape(bad), {.values = &trace}), "1 NaN, 1 infinite\n"));
}

TEST_CASE("dot draws every node and every edge, and escapes names") {
  const Tensor w = ones({3}).requires_grad("a \"b\"");
  const auto graph = dot(Tape(sum(w * w)));
  CHECK(graph.find("digraph tape {") == 0);
  CHECK(contains(graph, R"(n0 [label="leaf 'a \"b\"'\n[3]", style=filled];)"));
  CHECK(contains(graph, "n0 -> n1;\n  n0 -> n1;"));
  CHECK(contains(graph, "n1 -> n2;"));
}

TEST_CASE("a traced page holds shapes, statistics of values and gradients, and cost") {
  const Tensor w = tensor({1.0f, 2.0f, 3.0f}).requires_grad("w");
  Trace trace;
  const Tensor loss = sum(w * w);
  const auto page = trace.html(loss);
  CHECK(page.find("<!doctype html>") == 0);
  CHECK(contains(page, R"("op":"mul")"));
  CHECK(contains(page, R"("name":"w")"));
  CHECK(contains(page, R"("max":9.0,"mean":4.666666666666667,"min":1.0)"));  // of w * w
  CHECK(contains(page, R"("max":6.0,"mean":4.0,"min":2.0)"));                // of the gradient
  CHECK(contains(page, R"("flops":3)"));
  CHECK(contains(page, R"("nonFinite":"")"));
  CHECK_FALSE(w.grad().defined());
  if (const char* path = std::getenv("GRADTAPE_TAPE_PAGE")) trace.save_html(path, loss);
  CHECK_NOTHROW(loss.backward());
}

TEST_CASE("a traced page says where the first NaN or infinity appeared") {
  const Tensor x = tensor({1.0f, 0.0f}).requires_grad();
  Trace trace;
  const auto page = trace.html(sum(log(x) * 2.0));
  CHECK(contains(page, R"("nonFinite":"in the value of 1 log")"));
  CHECK(contains(trace.html(sum(sqrt(x))), R"("nonFinite":"in the gradient of 0 leaf")"));
}

TEST_CASE("what never reaches the result is no warning of a traced page") {
  const Tensor x = tensor({1.0f, 2.0f}).requires_grad();
  Trace trace;
  // A causal mask: minus infinity, whose softmax is 0.
  const Tensor masked = where(tensor({true, false}), x, -INFINITY);
  const auto page = trace.html(sum(square(softmax(masked))));
  CHECK(contains(page, R"("harmless":"in the value of 1 where")"));
  CHECK(contains(page, R"("nonFinite":"")"));
  CHECK_FALSE(contains(page, R"("bad":true)"));
  // A branch that is not taken, but whose slope is NaN all the same.
  const Tensor root = where(x > 1.5, sqrt(x - 1.5), 0.0);
  CHECK(contains(trace.html(sum(root * 1.0)), R"("harmless":"in the value of)"));
  const Tensor log_of_zero = log(x - 1.0);
  CHECK(contains(trace.html(sum(log_of_zero)), R"("bad":true)"));
}

TEST_CASE("a traced page puts a leaf before its first user, and names the layer of an op") {
  const Tensor x = ones({2, 3}), a = ones({4, 3}).requires_grad("a.weight"),
               b = ones({1, 4}).requires_grad("b.weight");
  Trace trace;
  const auto page = trace.html(sum(linear(relu(linear(x, a)), b)));
  std::size_t at = 0;
  for (const char* next :
       {R"("name":"a.weight","op":"leaf")", R"("layer":"a.weight","name":"","op":"linear")",
        R"("op":"relu")", R"("name":"b.weight","op":"leaf")",
        R"("inputs":[2,3],"layer":"b.weight","name":"","op":"linear")"}) {
    CAPTURE(next);
    at = page.find(next, at);
    CHECK(at != std::string::npos);
  }
}

TEST_CASE("a traced page shows the first elements and a histogram, and times every node") {
  const Tensor x = tensor({0.0, 1.0, 1.0, NAN, -INFINITY}, float64).requires_grad("x");
  Trace trace;
  const auto page = trace.html(x * 2.0, ones({5}, float64));
  CHECK(contains(page, R"("first":[0.0,2.0,2.0,"NaN"],"inf":1,)"));
  CHECK(contains(page, R"("histogram":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,2])"));
  const auto forward = page.find(R"("forward":{"bad":)", page.find(R"("op":"leaf")"));
  const auto time = page.find(R"("ns":)", forward);
  CHECK(time < page.find("}", forward));
  CHECK(std::stoll(page.substr(time + 5)) > 0);
}

TEST_CASE("a name that looks like markup cannot end the page's script") {
  const Tensor x = ones({1}).requires_grad("</script><b>");
  Trace trace;
  const auto page = trace.html(sum(x));
  CHECK_FALSE(contains(page, "</script><b>"));
  CHECK(contains(page, R"(<\/script><b>)"));
}

TEST_CASE("a traced page is written to a file, or the error says why not") {
  const TemporaryFolder folder;
  const Tensor x = ones({1}).requires_grad();
  Trace trace;
  const Tensor loss = sum(x);
  trace.save_html(folder.path("tape.html"), loss);
  std::ifstream file(folder.path("tape.html"));
  std::stringstream text;
  text << file.rdbuf();
  CHECK(contains(text.str(), R"("op":"sum")"));
  CHECK(contains(text.str(), "</html>"));
  CHECK_THROWS_AS(trace.save_html(folder.path("nowhere/tape.html"), loss), IoError);
  CHECK_THROWS_WITH_AS(trace.html(ones({})), doctest::Contains("not tracked"), GraphError);
}

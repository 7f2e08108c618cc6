// What was in a new user's way: data that did not come in, operators that were not there, tools
// that did not name what they saw.
#include "found/found.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <sstream>
#include <thread>

using namespace gradtape;
using namespace gradtape::testing;

TEST_SUITE_BEGIN("found in use");

TEST_CASE("containers of any arithmetic type come in") {
  const std::vector<int> ints{1, 2, 3};
  CHECK(tensor(ints).dtype() == int64);
  CHECK(is(tensor(ints), {1, 2, 3}));
  CHECK(is(tensor(std::vector<std::uint8_t>{255, 0}), {255, 0}));
  CHECK(tensor(std::vector<bool>{true, false}).dtype() == bool_);
  CHECK(tensor(std::array<float, 2>{1, 2}).dtype() == float32);
  CHECK(tensor(std::vector<double>{1, 2}).dtype() == float64);
  const float raw[] = {1, 2, 3};
  CHECK(tensor(std::span<const float>(raw)).shape() == Shape{3});
  CHECK(tensor(raw).shape() == Shape{3});
  CHECK(tensor(ints, float32).dtype() == float32);
  const std::vector<std::vector<double>> rows{{1, 2}, {3, 4}, {5, 6}};
  CHECK(tensor(rows).shape() == Shape{3, 2});
  const std::vector<std::vector<double>> ragged{{1, 2}, {3}};
  CHECK(error<ShapeError>([&] { (void)tensor(ragged); }) != "no error");
  const std::size_t n = 3;
  CHECK(zeros({n, 2}).shape() == Shape{3, 2});
}

TEST_CASE("names can be rebound, tensors indexed, masks combined, integers divided") {
  Tensor loss = tensor(1.0, float64);
  const Tensor before = loss;
  loss += 2.0;
  CHECK(loss.item() == 3);
  CHECK(before.item() == 1);
  const Tensor x = reshape(arange(6), {2, 3});
  CHECK(is(x[1], {3, 4, 5}));
  CHECK(x[1][-1].item<int>() == 5);
  const Tensor low = x<4, high = x> 1;
  CHECK(is(masked_select(x, low & high), {2, 3}));
  CHECK(is(masked_select(x, ~low | ~high), {0, 1, 4, 5}));
  const Tensor a = tensor({7, -7}), b = tensor({3, 3});
  CHECK(is(a % b, {1, 2}));  // as Python
  CHECK(is(floor_divide(a, b), {2, -3}));
  CHECK(is(abs(a), {7, 7}));
  CHECK(is(pow(a, 2), {49, 49}));
}

TEST_CASE("a range says both of its ends") {
  const Tensor x = arange(5);
  CHECK(is(at(x, {range(1, to_end)}), {1, 2, 3, 4}));
  CHECK(is(at(x, {range(0, 1)}), {0}));
}

TEST_CASE("threads draw streams of their own") {
  Tensor a, b;
  std::thread([&] { a = rand({8}); }).join();
  std::thread([&] { b = rand({8}); }).join();
  CHECK_FALSE(array_equal(a, b));
}

TEST_CASE("a variable that a model uses but did not register is named") {
  struct Forgetful : nn::Module {
    nn::Linear known = child("known", nn::Linear(2, 2));
    nn::Linear forgotten{2, 2};
    Tensor operator()(const Tensor& x) const { return forgotten(known(x)); }
  } model;
  const Tensor x = ones({1, 2});
  std::ostringstream out;
  out << nn::summary(model, x);
  CHECK(contains(out.str(), "not registered"));
  CHECK(nn::unregistered(model, sum(model(x))).size() == 2);
}

TEST_CASE("undefined tensors are named with the op") {
  const Tensor t, x = ones({2, 2});
  CHECK(contains(error<Error>([&] { (void)(t + 1.0); }), "add"));
  CHECK(contains(error<Error>([&] { (void)matmul(x, t); }), "matmul"));
  CHECK(contains(error<Error>([&] { (void)sum(t); }), "sum"));
  CHECK(contains(error<Error>([&] { (void)nn::mse_loss(x, t); }), "mse_loss"));
}

TEST_CASE("mixed dtypes are told the conversion that loses nothing") {
  const std::string text = error<DtypeError>([] { (void)(arange(2) + tensor({1.5f, 2.5f})); });
  CHECK(contains(text, "to(float32)"));
  CHECK_FALSE(contains(text, "to(int64)"));
  CHECK(contains(error<DtypeError>([] { (void)pow(tensor({true}), 2); }), "pow"));
}

TEST_CASE("what has no gradient says why") {
  const Tensor x = ones({2, 2}).requires_grad();
  CHECK(contains(error<GraphError>([&] { argmax(x).backward(); }), "int64"));
  nn::Linear layer(2, 1);
  layer.freeze();
  CHECK(contains(error<GraphError>([&] { sum(layer(ones({1, 2}))).backward(); }), "frozen"));
}

TEST_CASE("dtypes, confusion matrices and state dicts print") {
  std::ostringstream out;
  out << float32 << " " << zeros({0, 3}) << " " << StateDict{{"w", ones({2})}};
  CHECK(contains(out.str(), "float32"));
  CHECK(contains(out.str(), "[0, 3]"));
  CHECK(contains(out.str(), "w"));
  nn::metric::ConfusionMatrix matrix;
  matrix.update(tensor({0, 1}), tensor({0, 1}));
  std::ostringstream table;
  table << matrix;
  CHECK_FALSE(table.str().empty());
}

TEST_CASE("cost counts losses, the same step twice, and what a checkpoint runs") {
  const Tensor x = ones({1000}).requires_grad(), t = zeros({1000});
  CHECK(cost(nn::mse_loss(x, t)).total.forward_flops > 0);
  const auto peak = [&] { return cost(sum(exp(tanh(x)))).peak_bytes; };
  CHECK(peak() > 0);
  CHECK(peak() == peak());
  const Tensor y = checkpoint([](const Tensor& v) { return tanh(exp(v)); }, x);
  CHECK(cost(sum(y)).total.forward_flops > 1000);
}

TEST_CASE("gradcheck names the output that is wrong") {
  const auto f = [](const Tensor& x) {
    const Tensor wrong =
        record("wrong", x.detach() * 2.0, {x}, {[](const Tensor& g) { return g; }});
    return std::vector<Tensor>{square(x), wrong};
  };
  const auto result = gradcheck(f, tensor({1.0, 2.0}, float64));
  CHECK_FALSE(result);
  CHECK(contains(result.message, "output 1"));
}

TEST_SUITE_END();

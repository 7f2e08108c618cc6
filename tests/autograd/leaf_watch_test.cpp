#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/parameter.hpp>
#include <gradtape/autograd/tape.hpp>

#include "support/bits.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// Notes the leaves in the order in which they are complete, with their gradients and with the
/// last op that was visited before.
class Follower : public LeafWatch {
 public:
  explicit Follower(double scale = 1) : scale_(scale) {}

  double started(const Tape& tape) override {
    ++passes;
    leaves = 0;
    for (std::size_t i = 0; i < tape.size(); ++i) leaves += tape.is_leaf(i);
    return scale_;
  }
  void completed(const Tape& tape, std::size_t i, const Tensor& g, const RowGradient& r) override {
    order.push_back(tape.leaf_name(i));
    gradients.push_back(g);
    rows.push_back(r);
  }

  int passes = 0;
  std::size_t leaves = 0;
  std::vector<std::string> order;
  std::vector<Tensor> gradients;
  std::vector<RowGradient> rows;

 private:
  double scale_;
};

}  // namespace

TEST_CASE(
    "leaves are complete in the reverse order of their first use, before earlier ops are visited") {
  const Tensor x = arange(1, 4, 1, float64).requires_grad("x");
  const Tensor w = full({3}, 2.0, float64).requires_grad("w");
  const Tensor v = full({3}, 3.0, float64).requires_grad("v");
  std::vector<std::string> seen;
  Tensor product = x * w;
  product.register_hook([&](const Tensor&) {
    seen.push_back("product");
    return Tensor();
  });
  Follower follower;
  v.register_hook([&](const Tensor&) {
    seen.push_back("v");
    return Tensor();
  });
  sum(product * v * w).backward();
  // w is used early and late: it is complete with its first use only, as x is.
  REQUIRE(follower.order.size() == 3);
  CHECK(follower.order[0] == "v");
  CHECK(seen == std::vector<std::string>{"v", "product"});
  CHECK(follower.leaves == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const Tensor& leaf = follower.order[i] == "v" ? v : follower.order[i] == "w" ? w : x;
    CHECK(equal_bits(follower.gradients[i], leaf.grad()));
  }
}

TEST_CASE("a followed pass leaves the same bits, and its seed can be scaled") {
  const auto gradient = [](double factor, double scale, bool follow) {
    const Parameter w(linspace(-1, 1, 12, float32), "w");
    const auto pass = [&] { (sum(tanh(w.tensor() * 3.0) * w.tensor()) * factor).backward(); };
    if (!follow) {
      pass();
      pass();
    } else {
      const Follower follower(scale);
      pass();
      pass();
    }
    return w.grad();
  };
  CHECK(equal_bits(gradient(1, 1, true), gradient(1, 1, false)));
  CHECK(equal_bits(gradient(1, 0.3, true), gradient(0.3, 1, false)));
}

TEST_CASE("several watches scale a seed once, if they agree") {
  const Tensor x = full({}, 2.0, float64).requires_grad("x");
  const Follower a(0.25), b(1), c(0.25);
  (x * x).backward();
  CHECK(x.grad().item() == 1);
  const Follower d(0.5);
  CHECK_THROWS_WITH_AS((x * x).backward(), doctest::Contains("differently"), GraphError);
  CHECK(x.grad().item() == 1);
}

TEST_CASE("an output that is a leaf, and a leaf to which nothing comes, are complete too") {
  Follower follower;
  const Tensor x = full({}, 2.0, float64).requires_grad("x");
  x.backward();
  CHECK(follower.order == std::vector<std::string>{"x"});
  CHECK(x.grad().item() == 1);

  const Tensor y = full({}, 2.0, float64).requires_grad("y");
  const Tensor nothing =
      record("nothing", full({}, 1.0, float64), {y}, {[](const Tensor&) { return Tensor(); }});
  nothing.backward();
  CHECK(follower.order == std::vector<std::string>{"x", "y"});
  CHECK_FALSE(follower.gradients[1].defined());
  CHECK(follower.passes == 2);
}

TEST_CASE("rows come joined; grad() and other threads are not followed") {
  const Parameter table(reshape(arange(0, 10, 1, float64), {5, 2}), "table");
  Follower follower;
  const auto loss = [&] {
    return sum(embedding(table, tensor({3, 1, 3}), {.sparse = true})) +
           sum(embedding(table, tensor({0, 1}), {.sparse = true}));
  };
  CHECK(grad(loss(), {table.tensor()})[0].defined());
  CHECK(follower.order.empty());
  loss().backward();
  REQUIRE(follower.order == std::vector<std::string>{"table"});
  CHECK_FALSE(follower.gradients[0].defined());
  CHECK(array_equal(follower.rows[0].index, tensor({0, 1, 3})));
  CHECK(array_equal(follower.rows[0].values,
                    reshape(tensor({1, 1, 2, 2, 2, 2}), {3, 2}).to(float64)));
  CHECK(array_equal(table.row_gradient().index, tensor({0, 1, 3})));
}

TEST_CASE("a gradient is set whole or by rows, and what does not fit is refused by name") {
  const Parameter w(zeros({3, 2}, float64), "w");
  w.set_grad(ones({3, 2}, float64));
  CHECK(array_equal(w.grad(), ones({3, 2}, float64)));
  w.set_grad(RowGradient{tensor({2, 0, -1}), reshape(arange(0, 6, 1, float64), {3, 2})});
  CHECK(array_equal(w.row_gradient().index, tensor({0, 2})));
  CHECK(array_equal(w.grad(), reshape(tensor({2, 3, 0, 0, 4, 6}), {3, 2}).to(float64)));
  CHECK(w.has_grad());
  w.set_grad(Tensor());
  CHECK_FALSE(w.has_grad());
  CHECK_FALSE(w.grad().defined());

  CHECK_THROWS_WITH_AS(w.set_grad(ones({2, 3}, float64)),
                       doctest::Contains("'w' is [3, 2], the new value [2, 3]"), ShapeError);
  CHECK_THROWS_AS(w.set_grad(ones({3, 2}, float32)), DtypeError);
  CHECK_THROWS_WITH_AS((w.set_grad(RowGradient{tensor({3}), ones({1, 2}, float64)})),
                       doctest::Contains("row 3 is out of range for 'w' [3, 2]"), ValueError);
  CHECK_THROWS_AS((w.set_grad(RowGradient{tensor({1}), ones({2, 2}, float64)})), ShapeError);
  CHECK_THROWS_AS((w.set_grad(RowGradient{tensor({1}), ones({1, 2}, float32)})), ShapeError);
  CHECK_FALSE(w.grad().defined());
}

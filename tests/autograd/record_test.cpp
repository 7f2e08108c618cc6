// What `record` takes and what vjps get: temporaries, several forms of vjp, the op's own results,
// and rows of tables.
#include <doctest/doctest.h>

#include <memory>
#include <span>
#include <vector>

#include <gradtape/autograd/autograd.hpp>

#include "support/close.hpp"

using namespace gradtape;
using gradtape::testing::close;

namespace {

using Tensors = std::span<const Tensor>;
using Needed = std::vector<bool>;

Tensor leaf(double x) { return full({}, x, float64).requires_grad(); }
double value(const Tensor& x) { return x.item<double>(); }

/// {x y, x / y}, whose vjp is written in the results: x dx = p gp + q gq, y dy = p gp - q gq.
std::vector<Tensor> product_and_quotient(const Tensor& x, const Tensor& y) {
  return record("product_and_quotient", {x.detach() * y.detach(), x.detach() / y.detach()}, {x, y},
                [x, y](Tensors g, const Needed&, Tensors results) {
                  const auto term = [&](std::size_t k) {
                    return g[k].defined() ? g[k] * results[k] : Tensor(0.0);
                  };
                  return std::vector<Tensor>{(term(0) + term(1)) / x, (term(0) - term(1)) / y};
                });
}

/// Rows of a table, as an op of a user's would look them up.
Tensor look_up(const Tensor& table, const Tensor& index) {
  return record("look_up", index_select(table.detach(), 0, index), {table},
                {[index](const Tensor& g) {
                  return RowGradient{index, g};
                }});
}

Tensor table() { return reshape(arange(0, 6, 1, float64), {3, 2}); }

}  // namespace

TEST_CASE("record takes inputs and vjps that are temporaries, and vjps that can only be moved") {
  const Tensor x = leaf(3);
  auto factor = std::make_unique<double>(5.0);
  const Tensor y = record("scaled", full({}, 45.0, float64), {x * x},
                          {[factor = std::move(factor)](const Tensor& g) { return g * *factor; }});
  CHECK(value(grad(y, {x})[0]) == 5 * 2 * 3);
}

TEST_CASE("record takes parameters as they are") {
  const Parameter w(full({}, 3.0, float64), "w");
  const Tensor y =
      record("twice", w.tensor().detach() * 2.0, {w}, {[](const Tensor& g) { return g * 2.0; }});
  y.backward();
  CHECK(value(w.grad()) == 2);
}

TEST_CASE("a joint vjp gets the op's results, tracked where the pass is recorded") {
  const Tensor x = leaf(6), y = leaf(2);
  const auto both = product_and_quotient(x, y);
  const auto slopes = grad(both[0] * both[1], {x, y}, {.create_graph = true});  // x^2
  CHECK(value(slopes[0]) == close(12, 1e-15));
  CHECK(value(slopes[1]) == close(0, 1e-15));
  const auto second = grad(slopes[0], {x, y}, {.allow_unused = true});
  CHECK(value(second[0]) == close(2, 1e-15));
  CHECK(value(second[1]) == close(0, 1e-15));
}

TEST_CASE("a joint vjp gets results that nobody kept") {
  const Tensor x = leaf(6), y = leaf(2);
  const Tensor quotient = product_and_quotient(x, y)[1];  // the product is gone
  const auto slopes = grad(quotient, {x, y}, {.create_graph = true});
  CHECK(value(slopes[0]) == 0.5);
  CHECK(value(slopes[1]) == -1.5);
  CHECK(value(grad(slopes[1], {y})[0]) == close(1.5, 1e-15));  // 2 x / y^3
}

TEST_CASE("results handed to a joint vjp pass gradcheck to second order") {
  const auto f = [](const std::vector<Tensor>& x) {
    const auto both = product_and_quotient(x[0], x[1]);
    return sum(both[0] * both[0] + both[1]);
  };
  const std::vector<Tensor> at{tensor({1.5, -0.5, 2.0}, float64).requires_grad(),
                               tensor({0.5, 1.0, -2.0}, float64).requires_grad()};
  CHECK(gradcheck(f, at, {.order = 2}));
}

TEST_CASE("rows that a vjp returns are added up: as rows in a leaf, dense anywhere else") {
  const Tensor index = tensor({2, 0, 2}), right = tensor({{1, 1}, {0, 0}, {2, 2}}, float64);
  const Tensor leaf = table().requires_grad();
  sum(look_up(leaf, index)).backward();
  CHECK(array_equal(leaf.grad(), right));

  CHECK(array_equal(grad(sum(look_up(leaf, index)), {leaf})[0], right));
  const Tensor computed = leaf * 1.0;
  CHECK(array_equal(grad(sum(look_up(computed, index)), {computed})[0], right));

  const Parameter w(table(), "w");
  sum(look_up(w, index)).backward();
  CHECK(array_equal(w.row_gradient().index, tensor({0, 2})));
  CHECK(array_equal(w.row_gradient().values, tensor({{1, 1}, {2, 2}}, float64)));
}

TEST_CASE("rows that a vjp returns differentiate again") {
  const auto f = [](const std::vector<Tensor>& x) {
    const Tensor rows = look_up(x[0], tensor({2, 0, 2}));
    return sum(rows * rows * rows);
  };
  CHECK(gradcheck(f, {table().requires_grad()}, {.order = 2}));
}

TEST_CASE("a pass that fails leaves no rows in a leaf") {
  const Tensor leaf = table().requires_grad();
  const Tensor broken = record("broken", leaf.detach() * 1.0, {leaf},
                               {[](const Tensor&) -> Tensor { fail<ValueError>("broken", "no"); }});
  const Tensor loss = sum(broken) + sum(look_up(leaf, tensor({1})));
  CHECK_THROWS_AS(loss.backward(), ValueError);
  CHECK_FALSE(leaf.grad().defined());
}

TEST_CASE("map_grad replaces a gradient, whole or in rows, and nothing where there is none") {
  const Parameter w(table(), "w");
  w.map_grad([](const Tensor&) -> Tensor { fail<ValueError>("f", "is not called"); });
  sum(look_up(w, tensor({1, 1}))).backward();
  w.map_grad([](const Tensor& g) {
    CHECK(g.shape() == Shape{1, 2});
    return g * 3.0;
  });
  CHECK(array_equal(w.row_gradient().values, tensor({{6, 6}}, float64)));
  sum(w * 1.0).backward();
  w.map_grad([](const Tensor& g) { return -g; });
  CHECK(array_equal(w.grad(), tensor({{-1, -1}, {-7, -7}, {-1, -1}}, float64)));
  CHECK_THROWS_WITH_AS(w.map_grad([](const Tensor& g) { return sum(g); }),
                       "Parameter::map_grad: 'w' is [3, 2], the new value []", ShapeError);
  CHECK_THROWS_AS(w.map_grad([](const Tensor& g) { return g.to(float32); }), DtypeError);
  CHECK(array_equal(w.grad(), tensor({{-1, -1}, {-7, -7}, {-1, -1}}, float64)));
}

TEST_CASE(
    "a watch is shown every node of a pass with its cotangent, also where nodes are released") {
  struct Visits : Watch {
    void visited(const Tape& tape, std::size_t i, const Tensor& g) override {
      CHECK(tape.size() == 4);
      seen.push_back(std::string(tape.name(i)) + " " + tape.name(3) + " " + g.str());
    }
    std::vector<std::string> seen;
  } visits;
  const Tensor x = leaf(2), y = leaf(5);
  (x * y + 1.0).backward();
  CHECK(visits.seen ==
        std::vector<std::string>{"add add 1.", "mul add 1.", "leaf add 2.", "leaf add 5."});
}

TEST_CASE("a recording scope puts the whole mode back, also after an exception") {
  const auto before = recording_mode();
  try {
    const auto inside = RecordingScope::inside_op();
    CHECK_FALSE(recording());
    CHECK(recording_mode().inside_op);
    const auto on = RecordingScope::on();
    CHECK(recording());
    CHECK(recording_mode().inside_op);
    fail<ValueError>("test", "out of here");
  } catch (const ValueError&) {
  }
  CHECK(recording_mode().recording == before.recording);
  CHECK(recording_mode().inside_op == before.inside_op);
  CHECK(recording_mode().transforms == before.transforms);
}

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <gradtape/autograd/check_finite.hpp>
#include <gradtape/autograd/checkpoint.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/runtime/work.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/close.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Indices = std::vector<std::int64_t>;

Parameter table() { return Parameter(reshape(linspace(-1, 1.25, 10, float64), {5, 2}), "table"); }

/// A sum over looked up rows with a weight of its own for every element.
Tensor loss_of(const Tensor& rows) {
  const Tensor weights =
      reshape(arange(0, static_cast<double>(rows.numel()), 1, float64) - 1.5, rows.shape());
  return sum(rows * rows * weights + rows);
}

/// Leaves the gradient of a lookup in the table.
void look_up(const Parameter& w, const Indices& index, bool sparse = true) {
  loss_of(embedding(w, tensor(index), {.sparse = sparse})).backward();
}

/// What a whole gradient for the same lookups is.
Tensor whole(const std::vector<Indices>& lookups) {
  const Parameter w = table();
  for (const auto& index : lookups) look_up(w, index, false);
  CHECK_FALSE(w.row_gradient().defined());
  return w.grad();
}

}  // namespace

TEST_CASE("a sparse lookup leaves the rows it read, each once and ascending, and their sum") {
  const Parameter w = table();
  look_up(w, {3, 1, 3, 1});
  const RowGradient rows = w.row_gradient();
  CHECK(array_equal(rows.index, tensor({1, 3})));
  CHECK(rows.values.shape() == Shape{2, 2});
  CHECK(allclose(w.grad(), whole({{3, 1, 3, 1}})));
  CHECK(allclose(rows.values, index_select(w.grad(), 0, rows.index)));

  look_up(w, {0, 3});  // another pass adds to it
  CHECK(array_equal(w.row_gradient().index, tensor({0, 1, 3})));
  CHECK(allclose(w.grad(), whole({{3, 1, 3, 1}, {0, 3}})));
  w.zero_grad();
  CHECK_FALSE(w.row_gradient().defined());
  CHECK_FALSE(w.grad().defined());

  look_up(w, {});
  CHECK(w.row_gradient().index.shape() == Shape{0});
  CHECK(array_equal(w.grad(), zeros({5, 2}, float64)));
}

TEST_CASE("options of a lookup scale its rows, and the padding is not among them") {
  const auto gradient = [](bool sparse, std::int64_t padding) {
    const Parameter w = table();
    const EmbeddingOptions options{
        .padding_idx = padding, .scale_grad_by_freq = true, .sparse = sparse};
    loss_of(embedding(w, tensor({{3, 1, 1}, {3, 0, 1}}), options)).backward();
    if (sparse) CHECK(array_equal(w.row_gradient().index, tensor({0, 3})));
    CHECK(w.row_gradient().defined() == sparse);
    return w.grad();
  };
  for (const std::int64_t padding : {1, -4}) {
    const Tensor want = gradient(false, padding);
    CHECK(allclose(gradient(true, padding), want));
    CHECK(array_equal(select(want, 0, 1), zeros({2}, float64)));
  }
}

TEST_CASE("rows and a whole gradient of the same table add up") {
  const Parameter w = table();
  const Tensor rows = embedding(w, tensor({2, 4}), {.sparse = true});
  (loss_of(rows) + sum(matmul(rows, transpose(w)))).backward();  // tied weights
  CHECK_FALSE(w.row_gradient().defined());
  const Parameter v = table();
  const Tensor same = embedding(v, tensor({2, 4}));
  (loss_of(same) + sum(matmul(same, transpose(v)))).backward();
  CHECK(allclose(w.grad(), v.grad()));
}

TEST_CASE("the gradient is whole for who asks for it so: grad, hooks, watches, tables computed") {
  const Indices index = {3, 1, 1};
  const Tensor want = whole({index});
  const Parameter w = table();
  const auto lookup = [&](const Tensor& x) {
    return loss_of(embedding(x, tensor(index), {.sparse = true}));
  };
  const Tensor first = grad(lookup(w), {w}, {.create_graph = true})[0];
  CHECK(allclose(first, want));
  const Tensor second = grad(sum(first), {w})[0];  // of sum r^2 c + r: 2 c, c summed by row
  CHECK(values(second) == std::vector<double>{0, 0, 6, 10, 0, 0, -3, -1, 0, 0});
  CHECK_FALSE(w.grad().defined());

  lookup(w * 1.0).backward();
  CHECK_FALSE(w.row_gradient().defined());
  CHECK(allclose(w.grad(), want));
  w.zero_grad();
  {
    const CheckFinite guard;
    lookup(w).backward();
  }
  CHECK_FALSE(w.row_gradient().defined());
  w.zero_grad();
  checkpoint([&](const Tensor& x) { return lookup(w) + sum(x); },
             ones({2}, float64).requires_grad())
      .backward();
  CHECK(allclose(w.grad(), want));
  w.zero_grad();
  int calls = 0;
  w.tensor().register_hook([&](const Tensor& g) {
    ++calls;
    CHECK(g.shape() == Shape{5, 2});
    return 2.0 * g;
  });
  lookup(w).backward();
  CHECK(calls == 1);
  CHECK(allclose(w.grad(), 2.0 * want));
}

TEST_CASE("a frozen table gets no rows, and conversion to another dtype keeps those that it has") {
  const Parameter w = table();
  look_up(w, {3, 1, 1});
  w.to(float32);
  CHECK(w.row_gradient().values.dtype() == float32);
  CHECK(allclose(w.grad().to(float64), whole({{3, 1, 1}})));
  w.zero_grad();
  w.freeze();
  CHECK_FALSE(embedding(w, tensor({1}), {.sparse = true}).is_tracked());
}

TEST_CASE("a lookup of few rows of a large table needs no memory of the table's size") {
  const std::int64_t n = 200'000, d = 32;
  const Parameter w(zeros({n, d}), "large");
  optim::SGD sgd({w}, {.lr = 1});
  const auto before = detail::held_bytes;
  sum(embedding(w, tensor({7, 199'999, 7}), {.sparse = true})).backward();
  CHECK(detail::held_bytes - before < 10'000);
  sgd.step();
  CHECK(detail::held_bytes - before < 10'000);
  CHECK(at(w, {7, 0}).item<float>() == -2);
  CHECK(at(w, {199'999, 31}).item<float>() == -1);
  CHECK(sum(w).item<float>() == -96);
}

TEST_CASE("what a rule does to rows is what it does to the whole gradient") {
  const auto check = []<class Rule, class Options>(const Options& options) {
    const Parameter a = table(), b = table();
    Rule rows({a}, options), dense({b}, options);
    for (const Indices& index : {Indices{1, 3, 1}, Indices{0}, Indices{4, 4, 4, 1}}) {
      rows.zero_grad();
      dense.zero_grad();
      look_up(a, index);
      look_up(b, index, false);
      rows.step();
      dense.step();
    }
    CHECK(allclose(a, b, 1e-13));
  };
  check.operator()<optim::SGD>(optim::SGDOptions{.lr = 0.1});
  check.operator()<optim::SGD>(optim::SGDOptions{.lr = 0.1, .maximize = true});
  check.operator()<optim::SGD>(optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
  check.operator()<optim::SGD>(optim::SGDOptions{.lr = 0.1, .weight_decay = 0.1});
  check.operator()<optim::Adagrad>(optim::AdagradOptions{.lr = 0.1, .lr_decay = 0.1});
  check.operator()<optim::Adagrad>(optim::AdagradOptions{.lr = 0.1, .weight_decay = 0.1});
  check.operator()<optim::Adagrad>(optim::AdagradOptions{.lr = 0.1, .initial_sum = 0.5});
}

TEST_CASE("a rule that knows no rows takes the whole gradient") {
  const Parameter a = table(), b = table();
  optim::Adam rows({a}), dense({b});
  look_up(a, {1, 3, 1});
  look_up(b, {1, 3, 1}, false);
  rows.step();
  dense.step();
  CHECK(allclose(a, b));
}

TEST_CASE("SparseAdam gives PyTorch's values and leaves rows alone that were not used") {
  const Parameter w(reshape((arange(0, 10, 1, float64) - 4.0) / 4.0, {5, 2}), "w");
  optim::SparseAdam adam({w}, {.lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3});
  for (const Indices& index : {Indices{1, 3, 1}, Indices{3, 0}, Indices{1, 1, 4}}) {
    adam.zero_grad();
    look_up(w, index);
    adam.step();
  }
  const Tensor want =  // torch.optim.SparseAdam of PyTorch 1.13
      reshape(tensor({-1.0, -0.6736151913564363, -0.680466110991755, -0.4320551330879919, 0.0, 0.25,
                      0.3470743696123646, 0.5773717900367201, 0.9325680084966326, 1.18255434378242},
                     float64),
              {5, 2});
  CHECK(allclose(w, want, 1e-13, 1e-14));
  CHECK(adam.state(0).steps == 3);
  CHECK(at(adam.state(0).first_moment, {4, 1}).item<double>() == close(1.95, 1e-12));

  const StateDict state = adam.state_dict();
  const Parameter other(w.tensor().detach(), "other");
  optim::SparseAdam resumed({other});
  resumed.load_state_dict(state);
  for (const auto* one : {&w, &other}) {
    one->zero_grad();
    look_up(*one, {3});
  }
  adam.step();
  resumed.step();
  CHECK(array_equal(w, other));

  look_up(w, {2}, false);
  CHECK_THROWS_WITH_AS(adam.step(),
                       "SparseAdam: the gradient of 'w' is whole; look its rows up with "
                       "embedding(w, index, {.sparse = true}), or use Adam",
                       ValueError);
  CHECK(array_equal(w, other));
  CHECK(adam.state(0).steps == 4);
  CHECK_THROWS_WITH_AS(optim::SparseAdam({w}, {.beta1 = 1}),
                       "SparseAdam: beta1 = 1, but it must be in [0, 1)", ValueError);
}

TEST_CASE("clipping keeps rows rows") {
  const Parameter w = table();
  look_up(w, {3, 1, 1});
  const Tensor before = w.grad();
  const double norm = optim::clip_grad_norm({w}, 0.5);
  CHECK(norm == close(std::sqrt(sum(before * before).item<double>()), 1e-12));
  REQUIRE(w.row_gradient().defined());
  CHECK(allclose(w.grad(), before * (0.5 / (norm + 1e-6))));
  optim::clip_grad_value({w}, 0.125);
  REQUIRE(w.row_gradient().defined());
  CHECK(max(abs(w.grad())).item<double>() == 0.125);
}

TEST_CASE("a pass counts the leaf of a sparse lookup among the nodes that it visits") {
  const auto visits = [](bool sparse) {
    const Parameter w = table(), other = table();
    const auto rows = [&](const Parameter& p) {
      return embedding(p, tensor({3, 1, 3}), {.sparse = sparse});
    };
    // A leaf with rows twice, and one with rows and a whole gradient.
    const Tensor y = loss_of(rows(w)) + loss_of(rows(w)) + loss_of(rows(other)) + sum(other);
    const auto nodes = Tape(y).size();
    y.backward();
    CHECK(last_pass().nodes_visited == nodes);
    return last_pass().nodes_visited;
  };
  CHECK(visits(true) == visits(false));
}

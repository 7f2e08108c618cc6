#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <vector>

#include "distributed/ranks.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using namespace gradtape::distributed;

namespace {

Tensor input(int rank, const Shape& shape = {3, 2}) {
  return randn(shape, float64, Generator(static_cast<std::uint64_t>(rank) + 11));
}

/// What f(x) adds to the sum of all ranks' losses.
Tensor loss_of(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  const Tensor y = f(x), weights = cos(arange(0, static_cast<double>(y.numel()), 1, float64));
  return sum(y * y * reshape(weights, y.shape()));
}

/// Compares gradients and Hessian-vector products with central differences of the sum of all ranks'
/// losses, or of the one loss that they compute alike, of which they are: one element of one rank's
/// input moves at a time.
void check_across_ranks(const std::function<Tensor(const Tensor&)>& f, const Shape& shape = {3, 2},
                        bool replicated = false) {
  const Tensor x = input(world().rank(), shape);
  const Tensor direction = input(world().rank() + 20, shape);
  const auto total = [&](const Tensor& own) {
    return replicated ? sum_over_ranks(world(), own) : own;
  };
  const auto first = [&](const Tensor& at, bool create_graph) {
    return grad(loss_of(f, at), {at}, {.create_graph = create_graph})[0];
  };
  const auto slope = [&](const Tensor& at) { return total(sum(first(at, true) * direction)); };
  const auto value = [&](const Tensor& at) {
    const double own = loss_of(f, at).item();
    return replicated ? own : world().sum(own);
  };
  const auto slope_value = [&](const Tensor& at) {
    const double own = slope(at.requires_grad()).item();
    return replicated ? own : world().sum(own);
  };
  const Tensor leaf = x.requires_grad("x");
  const Tensor gradient = first(leaf, false);
  const Tensor product = grad(slope(leaf), {leaf})[0];
  constexpr double h = 1e-5;
  for (int mover = 0; mover < world().size(); ++mover)
    for (std::int64_t k = 0; k < x.numel(); ++k) {
      const Tensor step = reshape(one_hot(tensor({k}), x.numel()).to(float64), shape) *
                          (world().rank() == mover ? h : 0.0);
      const double by_value = (value(x + step) - value(x - step)) / (2 * h);
      const double by_slope = (slope_value(x + step) - slope_value(x - step)) / (2 * h);
      if (world().rank() != mover) continue;
      CHECK(reshape(gradient, {-1})[k].item() == doctest::Approx(by_value).epsilon(1e-6));
      CHECK(reshape(product, {-1})[k].item() == doctest::Approx(by_slope).epsilon(1e-6));
    }
}

}  // namespace

TEST_CASE("ops over ranks give what they say") {
  const int rank = world().rank(), size = world().size();
  Tensor total = input(0);
  std::vector<Tensor> all{input(0)};
  for (int r = 1; r < size; ++r) {
    total = total + input(r);
    all.push_back(input(r));
  }
  CHECK(equal_bits(all_reduce(world(), input(rank)), total));
  CHECK(equal_bits(sum_over_ranks(world(), input(rank)), total));
  CHECK(equal_bits(copy_to_ranks(world(), input(rank)), input(rank)));
  for (int root = 0; root < size; ++root)
    CHECK(equal_bits(broadcast(world(), input(rank), root), input(root)));
  CHECK(equal_bits(all_gather(world(), input(rank)), concat(all)));
  CHECK(equal_bits(all_gather(world(), input(rank), 1), concat(all, 1)));
  CHECK(equal_bits(all_gather(world(), input(rank), -1), concat(all, -1)));
  CHECK(equal_bits(reduce_scatter(world(), input(rank)), rows_of(total, rank)));
  // Parts of different extents.
  std::vector<Tensor> uneven;
  for (int r = 0; r < size; ++r) uneven.push_back(input(r, {r + 1, 2}));
  CHECK(equal_bits(all_gather(world(), uneven[static_cast<std::size_t>(rank)]), concat(uneven)));
  CHECK(equal_bits(all_reduce(world(), full({2}, rank, int64)),
                   full({2}, size * (size - 1) / 2, int64)));
}

TEST_CASE("gradients over ranks agree with differences, to second order") {
  check_across_ranks([](const Tensor& x) { return all_reduce(world(), x * x); });
  check_across_ranks([](const Tensor& x) { return all_reduce(world(), sin(x)) * x; });
  for (int root = 0; root < world().size(); ++root)
    check_across_ranks([root](const Tensor& x) { return broadcast(world(), x * x, root) * x; });
  check_across_ranks([](const Tensor& x) { return all_gather(world(), x * x); });
  check_across_ranks([](const Tensor& x) { return all_gather(world(), sin(x), 1); });
  check_across_ranks([](const Tensor& x) { return reduce_scatter(world(), x * x); }, {4, 2});
  // One loss that all compute alike.
  check_across_ranks([](const Tensor& x) { return sum_over_ranks(world(), x * x * x); }, {3, 2},
                     true);
}

TEST_CASE("what does not matter on a rank has no gradient there, and none is NaN") {
  const Tensor leaf = ones({2}, float64).requires_grad("x");
  const double infinite = std::numeric_limits<double>::infinity();
  sum(broadcast(world(), leaf) * infinite).backward();
  CHECK(equal_bits(leaf.grad(), full({2}, world().is_root() ? infinite : 0.0, float64)));
}

TEST_CASE("what ops over ranks do not take is refused on any number of ranks") {
  for (const auto& op : std::vector<std::function<Tensor(const Tensor&)>>{
           [](const Tensor& x) { return all_reduce(world(), x); },
           [](const Tensor& x) { return broadcast(world(), x); },
           [](const Tensor& x) { return all_gather(world(), x); },
           [](const Tensor& x) { return reduce_scatter(world(), x); },
           [](const Tensor& x) { return copy_to_ranks(world(), x); },
           [](const Tensor& x) { return sum_over_ranks(world(), x); }}) {
    CHECK_THROWS_AS((void)op(Tensor()), GraphError);
    CHECK_THROWS_AS((void)op(zeros({2}, bool_)), DtypeError);
    CHECK(op(zeros({0, 3})).size(-1) == 3);
  }
  CHECK_THROWS_AS((void)all_gather(world(), zeros({2}), 3), Error);
  CHECK_THROWS_AS((void)reduce_scatter(world(), zeros({2}), 3), Error);
}

TEST_CASE("what would wait for ever is refused") {
  if (world().size() == 1) return;
  const bool root = world().is_root();
  const Tensor x = ones({2}, float64), leaf = x.requires_grad("x");
  CHECK_THROWS_WITH_AS((void)all_reduce(world(), root ? leaf : x), doctest::Contains("tracked"),
                       DistributedError);
  CHECK_THROWS_AS((void)all_gather(world(), root ? x : ones({2, 2}, float64)), DistributedError);
  CHECK_THROWS_AS((void)broadcast(world(), x, world().size()), ValueError);
  CHECK_THROWS_AS((void)broadcast(world(), root ? x : ones({3}, float64)), DistributedError);
}

TEST_CASE("a linear layer spread over ranks equals the whole one, in values and gradients") {
  const int size = world().size();
  seed(4);
  const nn::Linear first(5, 6, {.dtype = float64}), second(6, 5, {.dtype = float64});
  seed(4);
  const ColumnLinear column(world(), 5, 6, {.dtype = float64});
  const RowLinear row(world(), 6, 5, {.dtype = float64});
  const Tensor whole_x = input(0, {3, 5}).requires_grad("x"),
               x = input(0, {3, 5}).requires_grad("x");
  const Tensor whole_loss = sum(square(second(tanh(first(whole_x)))));
  const Tensor loss = sum(square(row(tanh(column(x)))));
  CHECK(allclose(loss, whole_loss));
  whole_loss.backward();
  loss.backward();
  const auto shard = world().shard();
  const auto part = [&](const Tensor& t, int axis) {
    const auto n = t.size(axis);
    return narrow(t, axis, shard.begin(n), shard.end(n) - shard.begin(n));
  };
  CHECK(allclose(x.grad(), whole_x.grad()));
  CHECK(allclose(column.weight.grad(), part(first.weight.grad(), 0)));
  CHECK(allclose(column.bias.grad(), part(first.bias.grad(), 0)));
  CHECK(allclose(row.weight.grad(), part(second.weight.grad(), 1)));
  CHECK(allclose(row.bias.grad(), second.bias.grad()));
  CHECK(allclose(all_gather(world(), column(x), -1), first(x)));
  if (size > 1)
    CHECK_THROWS_WITH_AS(ColumnLinear(world(), 5, size - 1), doctest::Contains("out"), ValueError);
}

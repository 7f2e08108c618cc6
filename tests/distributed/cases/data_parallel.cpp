#include <doctest/doctest.h>

#include <memory>
#include <string>

#include <gradtape/autograd/check_finite.hpp>

#include "distributed/ranks.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using distributed::DataParallel;
using distributed::DataParallelOptions;

namespace {

/// A model with its loss on a part of a batch.
struct Task {
  virtual ~Task() = default;
  virtual Tensor loss(int rank) = 0;  // on the shard of a rank
  virtual std::int64_t samples() = 0;
  virtual nn::Module& model() = 0;
  std::int64_t samples(int rank) {
    const Shard shard{rank, world().size()};
    return shard.end(samples()) - shard.begin(samples());
  }
};

/// A classifier of `samples` inputs of a shape.
struct ClassifierTask : Task {
  struct Net : nn::Module {
    nn::Sequential layers;
    explicit Net(const nn::Sequential& all) : layers(child("layers", all)) {}
    Tensor operator()(const Tensor& input) const { return layers(input); }
  } net;
  Tensor x, y;

  ClassifierTask(const nn::Sequential& layers, const Shape& inputs, std::int64_t classes)
      : net(layers),
        x(randn(inputs, float32, Generator(3))),
        y(randint(0, classes, {inputs[0]}, Generator(4))) {}
  Tensor loss(int rank) override {
    return nn::cross_entropy(net(rows_of(x, rank)), rows_of(y, rank));
  }
  std::int64_t samples() override { return x.size(0); }
  nn::Module& model() override { return net; }
};

struct MlpTask : ClassifierTask {
  MlpTask()
      : ClassifierTask(nn::Sequential(nn::Linear(6, 17), nn::Tanh(), nn::Linear(17, 4)), {11, 6},
                       4) {}
};

struct ConvolutionTask : ClassifierTask {
  ConvolutionTask()
      : ClassifierTask(nn::Sequential(nn::Conv2d(1, 4, 3), nn::BatchNorm2d(4), nn::ReLU(),
                                      nn::MaxPool2d(2), nn::Flatten(), nn::Linear(36, 3)),
                       {9, 1, 8, 8}, 3) {}
};

struct RecurrentTask : Task {
  struct Net : nn::Module {
    nn::Embedding words = child("words", nn::Embedding(40, 5, {.sparse = true}));
    nn::LSTM lstm = child("lstm", nn::LSTM(5, 7));
    nn::Linear out = child("out", nn::Linear(7, 40));
    Tensor operator()(const Tensor& input) const { return out(lstm(words(input)).output); }
  } net;
  Tensor text = randint(0, 40, {8, 6}, Generator(7)), next = randint(0, 40, {8, 6}, Generator(8));
  Tensor loss(int rank) override {
    const Tensor logits = net(rows_of(text, rank));
    return nn::cross_entropy(reshape(logits, {-1, 40}), reshape(rows_of(next, rank), {-1}));
  }
  std::int64_t samples() override { return 8; }
  nn::Module& model() override { return net; }
};

using MakeTask = std::function<std::unique_ptr<Task>()>;
using MakeOptimizer =
    std::function<std::unique_ptr<optim::Optimizer>(const std::vector<Parameter>&)>;

template <class T> std::unique_ptr<Task> make() {
  seed(1);
  return std::make_unique<T>();
}

constexpr int steps = 4;

/// Three steps of one process that adds the shards' gradients up in the order of ranks.
std::vector<Tensor> accumulated(const MakeTask& make_task, const MakeOptimizer& make_optimizer) {
  const auto task = make_task();
  const auto optimizer = make_optimizer(task->model().parameters());
  for (int step = 0; step < steps; ++step) {
    optimizer->zero_grad();
    for (int r = 0; r < world().size(); ++r)
      (task->loss(r) *
       (static_cast<double>(task->samples(r)) / static_cast<double>(task->samples())))
          .backward();
    optimizer->step();
  }
  return values(task->model().parameters());
}

std::vector<Tensor> distributed_run(const MakeTask& make_task, const MakeOptimizer& make_optimizer,
                                    const DataParallelOptions& options) {
  const auto task = make_task();
  const auto optimizer = make_optimizer(task->model().parameters());
  DataParallel parallel(world(), task->model().parameters(), options);
  for (int step = 0; step < steps; ++step) {
    optimizer->zero_grad();
    parallel.set_samples(task->samples(world().rank()));
    task->loss(world().rank()).backward();
    parallel.synchronize();
    optimizer->step();
  }
  parallel.verify();
  return values(task->model().parameters());
}

const MakeOptimizer sgd = [](const std::vector<Parameter>& p) {
  return std::make_unique<optim::SGD>(p, optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
};
const MakeOptimizer adam = [](const std::vector<Parameter>& p) {
  return std::make_unique<optim::Adam>(p, optim::AdamOptions{.lr = 0.01});
};
const MakeOptimizer rows = [](const std::vector<Parameter>& p) {
  return std::make_unique<optim::SGD>(p, optim::SGDOptions{.lr = 0.1});
};

}  // namespace

TEST_CASE("ranks give the bits of one process that accumulates their shards") {
  const MakeTask tasks[] = {make<MlpTask>, make<ConvolutionTask>, make<RecurrentTask>};
  for (const auto& task : tasks)
    for (const auto& optimizer : {sgd, adam, rows})
      for (const auto& options :
           {DataParallelOptions{}, DataParallelOptions{.progress_thread = false},
            DataParallelOptions{.bucket_mb = 1e-4, .first_bucket_mb = 1e-5, .verify_every = 1}})
        CHECK(equal_bits(distributed_run(task, optimizer, options), accumulated(task, optimizer)));
}

TEST_CASE("MPI's own sum gives the same within rounding") {
  const auto a = distributed_run(make<MlpTask>, sgd, {.reduction = distributed::mpi_allreduce});
  const auto b = accumulated(make<MlpTask>, sgd);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(allclose(a[i], b[i], 1e-4, 1e-6));
}

TEST_CASE("equal shares need no number of samples; the values are rank 0's at first") {
  const int rank = world().rank(), size = world().size();
  const Parameter w(full({3}, rank + 1.0, float64), "w");
  DataParallel parallel(world(), {w});
  CHECK(equal_bits(w.tensor().detach(), ones({3}, float64)));
  sum(w.tensor() * (rank + 1.0)).backward();
  parallel.synchronize();
  double expected = 0;
  for (int r = 0; r < size; ++r) expected += (r + 1.0) * (1.0 / size);
  CHECK(equal_bits(w.grad(), full({3}, size == 1 ? 1.0 : expected, float64)));
  if (size == 1) return;
  CHECK(parallel.last().buckets == 1);
  CHECK(parallel.last().bytes_reduced == 24);
  // 2 (R - 1) / R of 3 elements, slices of whole elements.
  CHECK(world().sum(parallel.last().bytes_sent) == 2 * (size - 1) * 24);
}

TEST_CASE("a parameter that some ranks do not use, or none, holds nobody up") {
  const int rank = world().rank(), size = world().size();
  const Parameter shared(ones({4}, float64), "shared"), last(ones({2}, float64), "last"),
      nobody(ones({3}, float64), "nobody"), frozen(ones({3}, float64), "frozen");
  frozen.freeze();
  DataParallel parallel(world(), {nobody, shared, last, frozen});
  for (int step = 0; step < 3; ++step) {
    for (const auto& p : {shared, last, nobody}) p.zero_grad();
    Tensor loss = sum(shared.tensor());
    if (rank == size - 1) loss = loss + sum(last.tensor() * 3.0);
    loss.backward();
    parallel.synchronize();
    CHECK(allclose(shared.grad(), ones({4}, float64)));
    CHECK(allclose(last.grad(), full({2}, 3.0 / size, float64)));
    CHECK_FALSE(nobody.has_grad());
    CHECK_FALSE(frozen.has_grad());
  }
  // One rank has no loss at all, then none has.
  for (const auto& p : {shared, last}) p.zero_grad();
  if (rank == 0) sum(shared.tensor()).backward();
  parallel.synchronize();
  CHECK(allclose(shared.grad(), full({4}, 1.0 / size, float64)));
  shared.zero_grad();
  parallel.synchronize();
  CHECK_FALSE(shared.has_grad());
}

TEST_CASE("micro-batches without communication add up to one step") {
  const int rank = world().rank(), size = world().size();
  const auto micro = [&](const Parameter& w, int r, int m) {
    return sum(tanh(w.tensor() * (1.0 + r + 0.37 * m))) * (1.0 / 3);
  };
  const Parameter w(linspace(-1, 1, 5, float32), "w");
  DataParallel parallel(world(), {w});
  for (int step = 0; step < 2; ++step) {
    w.zero_grad();
    {
      const auto held = parallel.no_sync();
      micro(w, rank, 0).backward();
      micro(w, rank, 1).backward();
    }
    micro(w, rank, 2).backward();
    parallel.synchronize();

    // Each rank's own sum, then in the order of ranks.
    Tensor expected;
    for (int r = 0; r < size; ++r) {
      const Parameter copy(w.tensor());
      for (int m = 0; m < 3; ++m) (micro(copy, r, m) * (1.0 / size)).backward();
      expected = expected.defined() ? expected + copy.grad() : copy.grad();
    }
    CHECK(equal_bits(w.grad(), expected));
  }
}

TEST_CASE("shares of a total are weighed without communication, also on one rank") {
  const int size = world().size();
  const Parameter w(ones({2}, float64), "w");
  DataParallel parallel(world(), {w});
  parallel.set_samples(3, 4 * size);
  {
    const auto held = parallel.no_sync();
    sum(w.tensor()).backward();
  }
  parallel.set_samples(1, 4 * size);
  sum(w.tensor() * 2.0).backward();
  parallel.synchronize();
  CHECK(allclose(w.grad(), full({2}, (3.0 + 2.0) / 4, float64)));
  CHECK_THROWS_AS(parallel.set_samples(5, 4), ValueError);
  CHECK_THROWS_AS(parallel.set_samples(-1), ValueError);
}

TEST_CASE("sparse rows stay rows where that is less to send") {
  const int rank = world().rank(), size = world().size();
  const Parameter table(reshape(arange(0, 400, 1, float64), {100, 4}), "table");
  DataParallel parallel(world(), {table});
  // Rank r reads rows r, r + 1 and the last.
  const auto loss = [&](const Tensor& t, int r) {
    return sum(embedding(t, tensor({r, r + 1, 99, 99}), {.sparse = true}) * (r + 1.0));
  };
  loss(table, rank).backward();
  parallel.synchronize();
  const Parameter whole(table.tensor());
  for (int r = 0; r < size; ++r) (loss(whole, r) * (1.0 / size)).backward();
  REQUIRE(table.row_gradient().defined());
  CHECK(equal_bits(table.row_gradient().index, whole.row_gradient().index));
  CHECK(equal_bits(table.row_gradient().values, whole.row_gradient().values));

  // Only rank 0 uses it; and with a Watch, which wants to see gradients whole.
  table.zero_grad();
  if (rank == 0) loss(table, 0).backward();
  parallel.synchronize();
  CHECK(table.row_gradient().index.numel() == 3);
  table.zero_grad();
  {
    const CheckFinite check;
    loss(table, rank).backward();
  }
  parallel.synchronize();
  CHECK(equal_bits(table.grad(), whole.grad()));

  // Rows of most of the table go as a whole.
  table.zero_grad();
  sum(embedding(table, arange(0, 100, 1, int64), {.sparse = true})).backward();
  parallel.synchronize();
  CHECK(table.row_gradient().defined() == (size == 1));
  CHECK(allclose(table.grad(), ones({100, 4}, float64)));
  // A dense use beside a sparse one.
  table.zero_grad();
  (loss(table, rank) + sum(table.tensor())).backward();
  parallel.synchronize();
  CHECK(allclose(table.grad(), whole.grad() + 1.0));
}

TEST_CASE("float32 and float64 parameters go in buckets of their own") {
  const Parameter a(ones({3}, float32), "a"), b(ones({2}, float64), "b"),
      c(ones({4}, float32), "c");
  DataParallel parallel(world(), {a, b, c});
  (sum(a.tensor()) + sum(b.tensor()).to(float32) + sum(c.tensor())).backward();
  parallel.synchronize();
  CHECK(allclose(a.grad(), ones({3}, float32)));
  CHECK(allclose(b.grad(), ones({2}, float64)));
  CHECK(allclose(c.grad(), ones({4}, float32)));
  if (world().size() > 1) CHECK(parallel.last().buckets == 3);
}

TEST_CASE("steps that would give wrong sums are refused with the way out") {
  if (world().size() == 1) return;
  const Parameter w(ones({2}, float64), "w");
  DataParallel parallel(world(), {w});
  const auto loss = [&] { return sum(w.tensor()); };
  loss().backward();
  CHECK_THROWS_WITH_AS(loss().backward(), doctest::Contains("no_sync()"), GraphError);
  parallel.synchronize();
  CHECK_THROWS_WITH_AS(loss().backward(), doctest::Contains("zero_grad()"), GraphError);
  w.zero_grad();
  {
    const auto held = parallel.no_sync();
    CHECK_THROWS_WITH_AS(parallel.synchronize(), doctest::Contains("no_sync()"), GraphError);
    parallel.set_samples(3);
    CHECK_THROWS_WITH_AS(loss().backward(), doctest::Contains("total"), ValueError);
  }
  CHECK_THROWS_AS(DataParallel(world(), {}), ValueError);
  CHECK_THROWS_WITH_AS(DataParallel(world(), {w, w}), doctest::Contains("the same variable, 'w'"),
                       ValueError);
  CHECK_THROWS_WITH_AS(DataParallel(world(), {Parameter()}),
                       doctest::Contains("parameter 0 is undefined"), ValueError);
  CHECK_THROWS_WITH_AS(DataParallel(world(), {w}, {.bucket_mb = 0}), doctest::Contains("bucket_mb"),
                       ValueError);
}

TEST_CASE(
    "models that differ are found where they are made, and values that part where they are "
    "compared") {
  if (world().size() == 1) return;
  const int rank = world().rank(), last = world().size() - 1;
  const auto refused = [&](const Parameter& p, const std::string& message) {
    CHECK_THROWS_WITH_AS(DataParallel(world(), {p}), doctest::Contains(message.c_str()),
                         distributed::DistributedError);
  };
  const auto who = "rank " + std::to_string(last);
  refused(Parameter(ones({rank == last ? 3 : 2}), "w"),
          who + " has 'w' [3] float32 where rank 0 has 'w' [2] float32");
  refused(Parameter(ones({2}, rank == last ? float64 : float32), "w"),
          who + " has 'w' [2] float64");
  refused(Parameter(ones({2}), rank == last ? "v" : "w"), who + " has 'v' [2] float32");
  std::vector<Parameter> some{Parameter(ones({2}), "w")};
  if (rank == last) some.emplace_back(ones({1}), "more");
  CHECK_THROWS_WITH_AS(DataParallel(world(), some),
                       doctest::Contains("the first without a twin is 'more' [1] float32"),
                       distributed::DistributedError);

  const Parameter v(ones({2}), "v"), w(ones({2}), "w");
  DataParallel parallel(world(), {v, w}, {.verify_every = 2});
  if (rank == last) w.set(full({2}, 1.5));
  (sum(v.tensor()) + sum(w.tensor())).backward();
  parallel.synchronize();
  v.zero_grad();
  w.zero_grad();
  (sum(v.tensor()) + sum(w.tensor())).backward();
  CHECK_THROWS_WITH_AS(parallel.synchronize(),
                       doctest::Contains((who + " holds other values of 'w' than rank 0").c_str()),
                       distributed::DistributedError);
}

#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/data/data.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <vector>

using namespace gradtape;
using namespace gradtape::nn::data;

namespace {

using Order = std::vector<std::int64_t>;

/// Sample i has the input [i] and the target i.
Dataset counted(std::int64_t n) { return {reshape(arange(n).to(float32), {n, 1}), arange(n)}; }

Dataset made(std::int64_t n) {
  return Dataset::from_function(n, [](std::int64_t i) {
    return Sample{full({1}, static_cast<double>(i)), tensor(i)};
  });
}

/// The targets; checks that inputs came along.
Order numbers(const Dataset& dataset) {
  const auto [inputs, targets] = dataset.all();
  CHECK(array_equal(flatten(inputs), targets.to(float32)));
  const auto data = targets.data<std::int64_t>();
  return {data.begin(), data.end()};
}

}  // namespace

TEST_CASE("a data set made by a function has its samples one by one, in batches and at once") {
  const auto dataset = made(5);
  CHECK(dataset.size() == 5);
  CHECK(dataset[3].input.item<float>() == 3);
  CHECK(dataset[3].target.item<std::int64_t>() == 3);
  CHECK(numbers(dataset) == Order{0, 1, 2, 3, 4});
  CHECK(dataset.inputs().shape() == Shape{5, 1});
  CHECK(dataset.targets().dtype() == int64);
  CHECK(array_equal(batches(dataset, {.size = 2})[1].targets, tensor({2, 3})));
  CHECK(array_equal(counted(5)[3].input, tensor({3}, float32)));
}

TEST_CASE("a sample is asked for by an integer of any type") {
  const auto dataset = counted(5);
  const Generator generator(1);
  CHECK(dataset[2].target.item<int>() == 2);
  CHECK(dataset[std::size_t{4}].target.item<int>() == 4);
  CHECK(dataset[std::int16_t{1}].target.item<int>() == 1);
  CHECK(dataset[generator.below(5)].target.item<int>() < 5);
  CHECK_THROWS_WITH_AS((void)dataset[-1], "Dataset: sample -1 is out of range for 5 samples",
                       ValueError);
  CHECK_THROWS_AS((void)dataset[std::numeric_limits<std::uint64_t>::max()], ValueError);
}

TEST_CASE("one sample is drawn by a generator, each as likely as the others") {
  const Generator generator(3), again(3);
  std::vector<int> count(4);
  for (int i = 0; i < 4000; ++i) {
    const auto j = counted(4).sample(generator).target.item<int>();
    CHECK(j == made(4).sample(again).target.item<int>());  // by the generator alone
    ++count[static_cast<std::size_t>(j)];
  }
  for (const int n : count) CHECK(std::abs(n - 1000) < 120);  // 4 standard deviations are 110
  seed(5);
  const auto j = counted(100).sample().target.item<int>();
  seed(5);
  CHECK(counted(100).sample().target.item<int>() == j);
  CHECK_THROWS_WITH_AS((void)Dataset().sample(generator),
                       "Dataset: there is no sample to draw: the data set is empty", ValueError);
}

TEST_CASE("a sample that is drawn twice is changed by random maps in two ways") {
  const auto noisy = counted(1).map_inputs([](const Tensor& x, const Generator& generator) {
    return x + randn(x.shape(), x.dtype(), generator);
  });
  const Generator generator(1);
  CHECK_FALSE(array_equal(noisy.sample(generator).input, noisy.sample(generator).input));
  CHECK(array_equal(noisy.sample(Generator(1)).input, noisy.sample(Generator(1)).input));
}

TEST_CASE("literals make samples of ordinary dtypes") {
  const auto dataset = Dataset::from_function(2, [](std::int64_t i) {
    return Sample{0.5, static_cast<int>(i)};
  });
  CHECK(dataset.inputs().dtype() == float32);
  CHECK_FALSE(dataset.inputs().is_weak());
  CHECK(array_equal(dataset.targets(), tensor({0, 1})));
}

TEST_CASE("select, concat and cache give the same samples from tensors and from functions") {
  for (const auto& dataset : {counted(6), made(6)}) {
    CHECK(numbers(dataset.select(tensor({4, 0, 4, -1}))) == Order{4, 0, 4, 5});
    CHECK(numbers(dataset.select(tensor({4, 0, 2})).select(tensor({2, -3}))) == Order{2, 4});
    CHECK(dataset.select(tensor(Order{})).size() == 0);
    for (const auto& other : {counted(2), made(2)}) {
      const auto both = concat({dataset, other, Dataset(), dataset});
      CHECK(both.size() == 14);
      CHECK(numbers(both) == Order{0, 1, 2, 3, 4, 5, 0, 1, 0, 1, 2, 3, 4, 5});
      CHECK(both[7].target.item<std::int64_t>() == 1);
    }
    CHECK(numbers(dataset.cache()) == numbers(dataset));
    CHECK_THROWS_WITH_AS(dataset.select(tensor({1, 6})),
                         "Dataset::select: index 6 is out of range for 6 samples", ValueError);
    CHECK_THROWS_WITH_AS(dataset.select(tensor({-7})),
                         "Dataset::select: index -7 is out of range for 6 samples", ValueError);
    CHECK_THROWS_WITH_AS(dataset.select(tensor({{1}})),
                         "Dataset::select: index must be [m], got [1, 1]", ShapeError);
    CHECK_THROWS_AS(dataset.select(ones({2})), DtypeError);
    CHECK_THROWS_WITH_AS(dataset[6], "Dataset: sample 6 is out of range for 6 samples", ValueError);
  }
}

TEST_CASE("a data set without samples is one") {
  for (const auto& none : {Dataset(), made(0), concat(std::vector<Dataset>()), counted(0)}) {
    CHECK(none.size() == 0);
    CHECK(none.inputs().size(0) == 0);
    CHECK(none.targets().size(0) == 0);
    CHECK(batches(none).size() == 0);
    CHECK_THROWS_AS(none[0], ValueError);
  }
}

TEST_CASE("map changes samples, map_inputs inputs, map_batches whole batches") {
  for (const auto& dataset : {counted(5), made(5)}) {
    const auto doubled = dataset.map([](Sample s) { return Sample{s.input * 2.0, s.target * 2}; });
    CHECK(numbers(doubled) == Order{0, 2, 4, 6, 8});
    CHECK(numbers(doubled.select(tensor({3}))) == Order{6});
    const auto shifted =
        dataset.map_inputs([](const Tensor& x, const Generator&) { return x + 1.0; });
    CHECK(array_equal(flatten(shifted.inputs()), tensor({1, 2, 3, 4, 5}, float32)));
    CHECK(array_equal(shifted.targets(), arange(5)));
    const auto in_batches = dataset.map_batches([](Batch b) {
      return Batch{b.inputs * 3.0, b.targets * 3};
    });
    CHECK(numbers(in_batches) == Order{0, 3, 6, 9, 12});
    CHECK(in_batches[2].input.item<float>() == 6);
  }
  const auto fewer = made(4).map_batches([](Batch b) {
    return Batch{slice(b.inputs, 0, 1), b.targets};
  });
  CHECK_THROWS_WITH_AS(fewer.all(),
                       "Dataset::map_batches: the function must return 4 samples along axis 0, as "
                       "many as it got, not [3, 1]",
                       ShapeError);
}

TEST_CASE("random maps depend on seed, epoch and sample, not on batches and their order") {
  const auto dataset = made(40).map([](Sample s, const Generator& generator) {
    return Sample{rand({3}, float32, generator), s.target};
  });
  const auto drawn = [&](const BatchOptions& options) {
    std::vector<Tensor> rows(40);
    for (const auto& [x, y] : batches(dataset, options))
      for (std::int64_t k = 0; k < y.numel(); ++k)
        rows[static_cast<std::size_t>(y.data<std::int64_t>()[static_cast<std::size_t>(k)])] =
            select(x, 0, k);
    return stack(rows);
  };
  const Tensor one = drawn({.size = 7, .seed = 2});
  CHECK(array_equal(one, drawn({.size = 16, .shuffle = true, .seed = 2})));
  CHECK_FALSE(array_equal(one, drawn({.size = 7, .seed = 3})));
  CHECK_FALSE(array_equal(one, drawn({.size = 7, .seed = 2, .epoch = 1})));
  CHECK(array_equal(dataset.inputs(), drawn({})));
  CHECK(array_equal(dataset.inputs(), dataset.inputs()));
  const auto values = flatten(one);
  CHECK(unique(values).values.numel() > 115);  // other numbers for each sample
}

TEST_CASE("a random map of batches is the same again, whichever thread makes it") {
  const auto mixed = made(12).map_batches([](Batch b, const Generator& generator) {  // mixup
    const Tensor share = rand({}, float32, generator),
                 other = randperm(b.inputs.size(0), generator);
    return Batch{b.inputs * share + index_select(b.inputs, 0, other) * (1.0 - share), b.targets};
  });
  std::vector<Tensor> inputs[3];
  for (int threads = 0; threads < 3; ++threads) {
    Loader loader(mixed, {.size = 5, .seed = 1}, {.threads = threads});
    for (auto [x, y] : loader) inputs[threads].push_back(x);
    CHECK(array_equal(gradtape::concat(inputs[threads]), gradtape::concat(inputs[0])));
  }
  CHECK_FALSE(array_equal(inputs[0][0], slice(made(12).inputs(), 0, 0, 5)));
}

TEST_CASE("samples that do not fit each other or are not there are refused") {
  const auto all_of = [](std::function<Sample(std::int64_t)> f) {
    (void)Dataset::from_function(3, std::move(f)).all();
  };
  CHECK_THROWS_WITH_AS(
      all_of([](std::int64_t i) {
        return Sample{ones({1}), ones({i < 2 ? 1 : 4})};
      }),
      "Dataset: sample 2 has the target [4], where sample 0 has [1]; the samples of a batch must "
      "have one shape",
      ShapeError);
  CHECK_THROWS_WITH_AS(all_of([](std::int64_t i) {
                         return Sample{ones({1}, i ? float64 : float32), 1};
                       }),
                       "Dataset: sample 1 has the input dtype float64, where sample 0 has float32",
                       DtypeError);
  CHECK_THROWS_WITH_AS(all_of([](std::int64_t) {
                         return Sample{ones({1}), Tensor()};
                       }),
                       "Dataset: sample 0 has no target", ValueError);
  CHECK_THROWS_WITH_AS(made(-1), "Dataset::from_function: size = -1, but it must be at least 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(Dataset(nullptr), "Dataset: the source is a null pointer", ValueError);
}

TEST_CASE("k-fold holds every sample out once") {
  for (const auto& dataset : {counted(11), made(11)})
    for (const bool shuffle : {false, true}) {
      const auto folds = k_fold(dataset, 4, {.shuffle = shuffle, .seed = 1});
      CHECK(folds.size() == 4);
      Order held_out, sizes;
      for (auto [train, test] : folds) {
        auto all = numbers(train);
        CHECK(std::is_sorted(all.begin(), all.end()));
        for (const auto i : numbers(test)) {
          held_out.push_back(i);
          all.push_back(i);
        }
        sizes.push_back(test.size());
        std::sort(all.begin(), all.end());
        CHECK(all == numbers(counted(11)));
      }
      CHECK(sizes == Order{3, 3, 3, 2});
      CHECK(std::is_sorted(held_out.begin(), held_out.end()) == !shuffle);
      std::sort(held_out.begin(), held_out.end());
      CHECK(held_out == numbers(counted(11)));
    }
  const auto again = [](std::uint64_t seed) {
    return numbers(k_fold(counted(50), 5, {.shuffle = true, .seed = seed})[2].test);
  };
  CHECK(again(1) == again(1));
  CHECK(again(1) != again(2));
  CHECK_THROWS_WITH_AS(k_fold(counted(3), 4),
                       "k_fold: k must be from 2 to the number of samples, 3, got 4", ValueError);
  CHECK_THROWS_WITH_AS(k_fold(counted(3), 1),
                       "k_fold: k must be from 2 to the number of samples, 3, got 1", ValueError);
  CHECK_THROWS_WITH_AS(k_fold(counted(3), 3)[3], "k_fold: fold 3 is out of range for 3 folds",
                       ValueError);
}

TEST_CASE("weighted sampling draws in proportion, with and without replacement, by the seed") {
  const Tensor weights = tensor({1, 0, 3, 4}, float64);
  const auto drawn = [&](BatchOptions options) {
    options.size = 1000;
    options.weights = weights;
    Order all;
    for (const auto& [x, y] : batches(counted(4), options))
      for (const auto i : y.data<std::int64_t>()) all.push_back(i);
    return all;
  };
  const auto many = drawn({.seed = 1, .draws = 40000});
  CHECK(many.size() == 40000);
  for (const auto& [i, share] : {std::pair{0, 0.125}, {1, 0.0}, {2, 0.375}, {3, 0.5}})
    CHECK(std::abs(std::count(many.begin(), many.end(), i) / 40000.0 - share) < 0.01);
  CHECK(many == drawn({.seed = 1, .draws = 40000}));
  CHECK(many != drawn({.seed = 1, .epoch = 1, .draws = 40000}));
  CHECK(drawn({}).size() == 4);
  int first_is_3 = 0;
  for (std::uint64_t epoch = 0; epoch < 2000; ++epoch) {
    auto three = drawn({.epoch = epoch, .draws = 3, .replacement = false});
    first_is_3 += three[0] == 3;
    std::sort(three.begin(), three.end());
    CHECK(three == Order{0, 2, 3});
  }
  CHECK(std::abs(first_is_3 / 2000.0 - 0.5) < 0.04);
}

TEST_CASE("a sample drawn twice in an epoch is changed in two ways") {
  const auto dataset = made(2).map_inputs(gaussian_noise());
  const auto batch = batches(dataset, {.weights = tensor({1.0, 0.0}), .draws = 3})[0];
  CHECK(unique(batch.inputs).values.numel() == 3);
  CHECK(array_equal(select(batches(dataset)[0].inputs, 0, 0), select(batch.inputs, 0, 0)));
}

TEST_CASE("weights that do not fit are refused") {
  const auto refuses = [](const BatchOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(batches(counted(3), options), message, Error);
  };
  refuses({.weights = ones({2})}, "batches: weights must be [3], one for each sample, got [2]");
  refuses({.shuffle = true, .weights = ones({3})},
          "batches: samples that weights draw come in random order: leave out shuffle");
  refuses({.draws = 3}, "batches: draws are those of weights, and there are none");
  refuses({.weights = ones({3}), .draws = 4, .replacement = false},
          "multinomial: 4 draws need 4 weights above 0, and some row of [3] has fewer");
  refuses({.weights = zeros({3})},
          "multinomial: 3 draws need 1 weights above 0, and some row of [3] has fewer");
  refuses({.weights = ones({3}), .draws = -1}, "multinomial: count must not be negative, got -1");
  CHECK(batches(counted(0), {.weights = ones({0})}).size() == 0);
}

TEST_CASE("maps and choices may be stacked 100,000 deep") {
  Dataset sums(zeros({3, 1}, float64), zeros({3}));
  for (int i = 0; i < 100000; ++i)
    sums = sums.map([](Sample s) { return Sample{s.input + 1.0, s.target}; });
  CHECK(sums.size() == 3);
  CHECK(sums[2].input.item<double>() == 100000);
  const Tensor all = arange(2);
  Dataset chosen = Dataset::from_function(3, [](std::int64_t i) {
    return Sample{full({1}, static_cast<double>(i)), full({}, 0)};
  });
  for (int i = 0; i < 100000; ++i) chosen = chosen.select(chosen.size() == 2 ? all : arange(2));
  CHECK(chosen.inputs().shape() == Shape{2, 1});
  Dataset batches(zeros({3, 1}, float64), zeros({3}));
  for (int i = 0; i < 100000; ++i)
    batches = batches.map_batches([](Batch b) { return Batch{b.inputs + 1.0, b.targets}; });
  CHECK(sum(batches.inputs()).item<double>() == 300000);
}

// Numbers marked (sklearn) are those of scikit-learn's documentation; the others are worked out by
// hand.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/metric.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::nn::metric;
using namespace gradtape::testing;

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

// true 0 1 2 2 1 0 2: one 0 is taken for 1, one 1 for 2, one 2 for 1
const Tensor truth = tensor({0, 1, 2, 2, 1, 0, 2});
const Tensor guess = tensor({0, 2, 2, 1, 1, 1, 2});

struct Scores {
  double precision, recall, f1;
};

void check(const Tensor& prediction, const Tensor& target, const ScoreOptions& options,
           const Scores& expected) {
  CHECK(precision(prediction, target, options) == close(expected.precision, 1e-12));
  CHECK(recall(prediction, target, options) == close(expected.recall, 1e-12));
  CHECK(f1(prediction, target, options) == close(expected.f1, 1e-12));
}

}  // namespace

TEST_CASE("accuracy takes the first largest logit, or class indices") {
  const Tensor logits =
      tensor({{0.1f, 0.9f}, {0.5f, 0.5f}, {2.0f, 1.0f}, {-1.0f, -2.0f}}).requires_grad("logits");
  CHECK(accuracy(logits, tensor({1, 0, 0, 1})) == 0.75);
  CHECK(accuracy(guess, truth) == close(4.0 / 7, 1e-12));
  CHECK(accuracy(tensor({true, false}), tensor({1, 1})) == 0.5);
  CHECK(accuracy(tensor({0.2f, 0.9f}), tensor(1)) == 1);
  // [n, classes, length]
  const Tensor deep = tensor({{{1.0f, 0.0f}, {0.0f, 1.0f}}});
  CHECK(accuracy(deep, tensor({{0, 1}})) == 1);
  CHECK(accuracy(deep, tensor({{0, -1}}), {.ignore_index = -1}) == 1);
  CHECK(std::isnan(accuracy(zeros({0, 3}), zeros({0}, int64))));
}

TEST_CASE("a class among the k largest logits is right; of equal ones the first are among them") {
  const Tensor scores =
      tensor({{0.5f, 0.2f, 0.2f}, {0.3f, 0.4f, 0.2f}, {0.2f, 0.4f, 0.3f}, {0.7f, 0.2f, 0.1f}});
  const Tensor target = tensor({0, 1, 2, 2});
  CHECK(accuracy(scores, target, {.top_k = 2}) == 0.75);  // (sklearn)
  CHECK(accuracy(scores, target, {.top_k = 3}) == 1);
  CHECK(accuracy(scores, target) == 0.5);
  CHECK(accuracy(scores, tensor({1, 9, 9, 9}), {.top_k = 2, .ignore_index = 9}) == 1);
  CHECK(accuracy(scores, tensor({2, 9, 9, 9}), {.top_k = 2, .ignore_index = 9}) == 0);
}

TEST_CASE("metrics over batches are those of all samples, whatever their sizes") {
  Accuracy share;
  ConfusionMatrix matrix;
  R2 explained;
  MeanSquaredError squared;
  const Tensor p = tensor({2.5f, 0.0f, 2.0f, 8.0f}), t = tensor({3.0f, -0.5f, 2.0f, 7.0f});
  for (int pass = 0; pass < 2; ++pass) {
    CHECK(std::isnan(share.compute()));
    for (const auto& [start, stop] : {std::pair(0, 1), std::pair(1, 1), std::pair(1, 7)}) {
      share.update(slice(guess, 0, start, stop), slice(truth, 0, start, stop));
      matrix.update(slice(guess, 0, start, stop), slice(truth, 0, start, stop));
    }
    for (const auto& [start, stop] : {std::pair(0, 3), std::pair(3, 4)}) {
      explained.update(slice(p, 0, start, stop), slice(t, 0, start, stop));
      squared.update(slice(p, 0, start, stop), slice(t, 0, start, stop));
    }
    CHECK(share.compute() == close(4.0 / 7, 1e-12));
    CHECK(array_equal(matrix.compute(), tensor({{1, 1, 0}, {0, 1, 1}, {0, 1, 2}})));
    CHECK(explained.compute() == close(1 - 1.5 / 29.1875, 1e-12));
    CHECK(squared.compute() == 0.375);
    share.reset();
    matrix.reset();
    explained.reset();
    squared.reset();
  }
}

TEST_CASE("the states of metrics of shards add up to that of the whole") {
  const auto agree = [](auto whole, auto first, auto second, const Tensor& x, const Tensor& y) {
    const auto n = x.size(0);
    whole.update(x, y);
    first.update(slice(x, 0, 0, n / 3), slice(y, 0, 0, n / 3));
    second.update(slice(x, 0, n / 3, n), slice(y, 0, n / 3, n));
    const auto seen = first.state();
    CHECK_FALSE(array_equal(seen, whole.state()));
    first.set_state(seen + second.state());
    CHECK(allclose(first.state(), whole.state(), 1e-12));
    second.reset();
    second.set_state(first.state());
    return std::pair(second, whole);
  };
  const auto values = [&](auto metric, const Tensor& x, const Tensor& y) {
    const auto pair = agree(metric, metric, metric, x, y);
    CHECK(pair.first.compute() == close(pair.second.compute(), 1e-12));
  };
  Generator generator(1);
  const Tensor logits = randn({30, 3}, float64, generator), target = randint(0, 3, {30});
  values(Accuracy(), logits, target);
  values(Accuracy({.top_k = 2, .ignore_index = 1}), logits, target);
  values(Perplexity(), logits, target);
  values(MeanSquaredError(), logits, logits * 2.0);
  values(MeanAbsoluteError(), logits, logits * 2.0);
  const auto matrix = agree(ConfusionMatrix({.classes = 3}), ConfusionMatrix({.classes = 3}),
                            ConfusionMatrix(), logits, target);
  CHECK(array_equal(matrix.first.compute(), matrix.second.compute()));
  CHECK(matrix.first.f1() == matrix.second.f1());
  CHECK(ConfusionMatrix().state().shape() == Shape{0});
  Mean mean;
  mean.update(4, 3);
  mean.set_state(mean.state() + tensor({8.0, 1.0}, float64));
  CHECK(mean.compute() == 5);  // (3 * 4 + 8) / 4
}

TEST_CASE("metrics refuse a state that is not theirs, and keep their own") {
  Accuracy share;
  share.update(guess, truth);
  CHECK_THROWS_WITH_AS(share.set_state(zeros({3}, float64)),
                       "Accuracy: a state must be [2], got [3]", ShapeError);
  CHECK_THROWS_WITH_AS(share.set_state(zeros({2})), "Accuracy: a state must be float64, got [2]",
                       DtypeError);
  CHECK(share.compute() == close(4.0 / 7, 1e-12));
  ConfusionMatrix three({.classes = 3}), any;
  CHECK_THROWS_WITH_AS(three.set_state(zeros({4}, float64)),
                       "ConfusionMatrix: a state must be [9], got [4]", ShapeError);
  CHECK_THROWS_WITH_AS(any.set_state(zeros({3}, float64)),
                       "ConfusionMatrix: a state must be [4], got [3]", ShapeError);
  any.update(guess, truth);
  for (const double bad : {-1.0, 0.5, not_a_number, 1e300})
    CHECK_THROWS_AS(any.set_state(full({4}, bad, float64)), ValueError);
  CHECK(array_equal(any.compute(), tensor({{1, 1, 0}, {0, 1, 1}, {0, 1, 2}})));
}

TEST_CASE("precision, recall and F1 average over classes as scikit-learn has it") {
  check(guess, truth, {}, {2.0 / 3, 5.0 / 9, 26.0 / 45});
  check(guess, truth, {.average = Average::weighted}, {2.0 / 3, 4.0 / 7, 62.0 / 105});
  check(guess, truth, {.average = Average::micro}, {4.0 / 7, 4.0 / 7, 4.0 / 7});
  const Tensor y = tensor({0, 1, 2, 0, 1, 2}), z = tensor({0, 2, 1, 0, 0, 1});  // (sklearn)
  check(z, y, {}, {2.0 / 9, 1.0 / 3, 4.0 / 15});
  check(z, y, {.average = Average::micro}, {1.0 / 3, 1.0 / 3, 1.0 / 3});
  check(z, y, {.average = Average::weighted}, {2.0 / 9, 1.0 / 3, 4.0 / 15});
  // true 1 1 1 0 0: tp 2, fp 1, fn 1
  const Tensor five = tensor({1, 1, 0, 1, 0}), five_true = tensor({1, 1, 1, 0, 0});
  check(five, five_true, {.average = Average::binary}, {2.0 / 3, 2.0 / 3, 2.0 / 3});
  check(five, five_true, {.average = Average::binary, .positive = 0}, {0.5, 0.5, 0.5});
}

TEST_CASE("0 / 0 is what the options say, and a NaN is left out of averages") {
  const Tensor y = tensor({0, 1, 2, 0, 1, 2}), none = zeros({6}, int64);  // (sklearn)
  CHECK(precision(none, y) == close(1.0 / 9, 1e-12));
  CHECK(precision(none, y, {.zero_division = 1}) == close(7.0 / 9, 1e-12));
  CHECK(precision(none, y, {.zero_division = not_a_number}) == close(1.0 / 3, 1e-12));
  CHECK(precision(none, y, {.average = Average::weighted, .zero_division = not_a_number}) ==
        close(1.0 / 3, 1e-12));
  CHECK(f1(none, y, {.zero_division = 1}) ==
        close(1.0 / 6, 1e-12));  // only tp + fp + fn = 0 counts
  CHECK(precision(zeros({2}, int64), zeros({2}, int64), {.average = Average::binary}) == 0);
  CHECK(std::isnan(f1(zeros({0}, int64), zeros({0}, int64))));
}

TEST_CASE("classes that never occur take no part in the mean") {
  ConfusionMatrix wide({.classes = 10});
  wide.update(guess, truth);
  CHECK(wide.f1() == close(26.0 / 45, 1e-12));
  CHECK(wide.compute().shape() == Shape{10, 10});
  ConfusionMatrix padded({.ignore_index = 7});
  padded.update(concat({guess, tensor({1})}), concat({truth, tensor({7})}));
  CHECK(padded.f1() == close(26.0 / 45, 1e-12));
  CHECK(padded.accuracy() == close(4.0 / 7, 1e-12));
}

TEST_CASE("a confusion matrix prints the scores of its classes") {
  ConfusionMatrix matrix;
  matrix.update(guess, truth);
  CHECK(matrix.per_class()[1].precision == close(1.0 / 3, 1e-12));
  CHECK(matrix.str() ==
        "   class  precision  recall      f1  support\n"
        "       0     1.0000  0.5000  0.6667        2\n"
        "       1     0.3333  0.5000  0.4000        2\n"
        "       2     0.6667  0.6667  0.6667        3\n"
        "   macro     0.6667  0.5556  0.5778        7\n"
        "weighted     0.6667  0.5714  0.5905        7\n"
        "accuracy 0.5714\n");
}

TEST_CASE("errors and R^2 of predicted numbers are scikit-learn's") {
  const Tensor p = tensor({2.5f, 0.0f, 2.0f, 8.0f}), t = tensor({3.0f, -0.5f, 2.0f, 7.0f});
  CHECK(mean_squared_error(p, t) == 0.375);            // (sklearn)
  CHECK(mean_absolute_error(p, t) == 0.5);             // (sklearn)
  CHECK(r2(p, t) == close(1 - 1.5 / 29.1875, 1e-12));  // (sklearn)
  const Tensor p2 = tensor({{0.0, 2.0}, {-1.0, 2.0}, {8.0, -5.0}}).to(float64);
  const Tensor t2 = tensor({{0.5, 1.0}, {-1.0, 1.0}, {7.0, -6.0}}).to(float64);
  CHECK(r2(p2, t2) == close((1 - 1.25 / (217.0 / 6) + 1 - 3 / (98.0 / 3)) / 2, 1e-12));
  CHECK(r2(ones({3}), ones({3})) == 1);
  CHECK(r2(zeros({3}), ones({3})) == 0);
  CHECK(std::isnan(r2(ones({1}), ones({1}))));
  const Tensor far = full({1000}, 1e6, float64) + arange(1000).to(float64);  // no digits are lost
  CHECK(r2(far + 1.0, far) == close(1 - 1000.0 / (1000.0 * (1000.0 * 1000 - 1) / 12), 1e-12));
}

TEST_CASE("perplexity is the number of classes for a model that knows nothing") {
  // The logits are float32.
  CHECK(perplexity(zeros({6, 27}), randint(0, 27, {6})) == close(27, 1e-6));
  const Tensor logits = log(tensor({{0.5f, 0.5f}, {0.125f, 0.875f}}));
  CHECK(perplexity(logits, tensor({1, 0})) == close(4, 1e-6));  // the root of 2 and 8
  CHECK(perplexity(logits, tensor({1, -100}), {.ignore_index = -100}) == close(2, 1e-6));
  Perplexity batches;
  batches.update(slice(logits, 0, 0, 1), tensor({1}));
  batches.update(slice(logits, 0, 1, 2), tensor({0}));
  CHECK(batches.compute() == close(4, 1e-6));
}

TEST_CASE("metrics refuse what does not fit, with the shapes") {
  CHECK_THROWS_WITH_AS(accuracy(zeros({2, 3}), zeros({3}, int64)),
                       doctest::Contains("accuracy: the prediction must be logits [n, classes, "
                                         "...] or class indices of the target's shape, got"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(accuracy(zeros({2}), zeros({2}, int64)),
                       doctest::Contains("holds no class indices; of two classes `logits > 0`"),
                       DtypeError);
  CHECK_THROWS_WITH_AS(
      accuracy(zeros({2, 3}), zeros({2})),
      doctest::Contains("accuracy: the target must be class indices (int64 or bool), got"),
      DtypeError);
  CHECK_THROWS_WITH_AS(accuracy(zeros({2, 3}), tensor({0, 3})),
                       "accuracy: the target has class 3, the logits have 3 classes", ValueError);
  CHECK_THROWS_WITH_AS(accuracy(zeros({2, 3}), tensor({0, 1}), {.top_k = 4}),
                       "accuracy: top_k = 4, but there are 3 classes", ValueError);
  CHECK_THROWS_WITH_AS(Accuracy({.top_k = 0}), "accuracy: top_k = 0, but it must be at least 1",
                       ValueError);
  CHECK_THROWS_WITH_AS(accuracy(tensor({1}), tensor({1}), {.top_k = 2}),
                       doctest::Contains("accuracy: top_k = 2 needs logits [n, classes, ...]"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(accuracy(zeros({1, 0}), tensor({0})),
                       doctest::Contains("accuracy: logits of no classes"), ShapeError);
}

TEST_CASE("a confusion matrix refuses stray classes and counts nothing then") {
  ConfusionMatrix matrix({.classes = 3});
  CHECK_THROWS_WITH_AS(matrix.update(tensor({0, 3}), tensor({0, 1})),
                       "ConfusionMatrix: the prediction has class 3, but there are 3 classes",
                       ValueError);
  CHECK_THROWS_WITH_AS(matrix.update(tensor({0, 0}), tensor({0, -1})),
                       "ConfusionMatrix: the target has class -1, but there are 3 classes",
                       ValueError);
  CHECK(sum(matrix.compute()).item<int>() == 0);
  CHECK_THROWS_WITH_AS(
      ConfusionMatrix().update(tensor({0}), tensor({1'000'000'000})),
      "ConfusionMatrix: the target has class 1000000000, but counts are kept of 10000 classes",
      ValueError);
  CHECK_THROWS_WITH_AS(ConfusionMatrix({.classes = -1}),
                       "ConfusionMatrix: classes = -1, but it must be at least 0", ValueError);
  CHECK_THROWS_WITH_AS(f1(guess, truth, {.average = Average::binary}),
                       "ConfusionMatrix: Average::binary is of two classes, 0 and 1: there are 3, "
                       "and positive = 1; Average::macro is of any number",
                       ValueError);
  CHECK_THROWS_AS(r2(zeros({2}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(r2(zeros({2}), zeros({2}, float64)), DtypeError);
  CHECK_THROWS_WITH_AS(r2(zeros({}), zeros({})), "r2: needs samples along axis 0, got a 0-d target",
                       ShapeError);
  R2 outputs;
  outputs.update(zeros({2, 3}), zeros({2, 3}));
  CHECK_THROWS_WITH_AS(outputs.update(zeros({2, 2}), zeros({2, 2})),
                       "r2: the samples of this batch have 2 outputs, those before 3", ShapeError);
}

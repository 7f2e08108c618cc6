#include <doctest/doctest.h>

#include <gradtape/nn/embedding.hpp>

#include "support/close.hpp"
#include "support/modules.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

const Tensor bag_index = tensor(std::vector<std::int64_t>{0, 2, 3, 3, 1, 2});
const Tensor bag_starts = tensor(std::vector<std::int64_t>{0, 2, 2, 5});

}  // namespace

TEST_CASE("Embedding shortens the rows that it looks up, in the table, as PyTorch does") {
  const auto layer =
      with_cosines(nn::Embedding(4, 3, {.padding_idx = 1, .max_norm = 0.9, .norm_type = 1}));
  const Tensor y = layer(tensor(std::vector<std::int64_t>{0, 1, 3, 0}, {2, 2}));
  CHECK(y.shape() == Shape{2, 2, 3});
  CHECK(fingerprint(y) == close(1.264996027487239, 1e-12));
  const Tensor table = layer.weight.tensor();
  CHECK(select(table, 0, 0).values<double>()[0] == close(0.46001704541485017, 1e-12));
  CHECK(select(table, 0, 1).values<double>()[0] == close(-0.46230165789953065, 1e-12));
  CHECK(select(table, 0, 2).values<double>()[0] ==
        close(0.960170286650366, 1e-12));  // not looked up
}

TEST_CASE("the padding row of Embedding starts as 0 and gets no gradient") {
  const nn::Embedding layer(4, 3, {.padding_idx = -1});
  CHECK(array_equal(select(layer.weight.tensor(), 0, 3), zeros({3})));
  sum(layer(tensor(std::vector<std::int64_t>{1, 3, 3}))).backward();
  const Tensor g = layer.weight.grad();
  CHECK(array_equal(select(g, 0, 3), zeros({3})));
  CHECK(array_equal(select(g, 0, 1), ones({3})));
}

TEST_CASE("Embedding with sparse gradients leaves those of the rows that it read") {
  const nn::Embedding layer(1000, 3, {.sparse = true});
  sum(layer(tensor(std::vector<std::int64_t>{7, 7, 2}))).backward();
  CHECK(layer.weight.row_gradient().defined());
  CHECK(array_equal(select(layer.weight.grad(), 0, 7), full({3}, 2.0)));
  CHECK(sum(layer.weight.grad()).item<float>() == 9);
}

TEST_CASE("Embedding starts standard normal, or as a table that is given") {
  Generator generator(2);
  const nn::Embedding layer(300, 20, {.dtype = float64, .generator = generator});
  CHECK(mean(layer.weight.tensor()).item<double>() == close(0, 0.05));
  CHECK(var(layer.weight.tensor()).item<double>() == close(1, 0.05));
  const Tensor table = sines({4, 2});
  const auto fixed = nn::Embedding::from_pretrained(table, true, {.padding_idx = 1});
  CHECK(array_equal(fixed.weight.tensor(), table));
  CHECK(fixed.weight.is_frozen());
  const auto tuned = nn::Embedding::from_pretrained(table, false);
  sum(tuned(tensor(std::vector<std::int64_t>{0}))).backward();
  CHECK(tuned.weight.grad().defined());
  tuned.weight.set(zeros({4, 2}, float64));
  CHECK(array_equal(table, sines({4, 2})));
  CHECK(names(layer.state_dict()) == std::vector<std::string>{"weight"});
}

TEST_CASE("EmbeddingBag gives PyTorch's values and gradients in every mode") {
  const auto check = [](nn::BagMode mode, double value, double gradient) {
    const auto layer = with_cosines(nn::EmbeddingBag(4, 3, {.mode = mode, .padding_idx = 2}));
    const Tensor y = layer(bag_index, bag_starts);
    CHECK(fingerprint(y) == close(value, 1e-12));
    sum(y * reshape(cos(arange(0, 12, 1, float64)), {4, 3})).backward();
    CHECK(fingerprint(layer.weight.grad()) == close(gradient, 1e-12));
  };
  check(nn::BagMode::mean, 2.8414904467745083, 1.1451269823325683);
  check(nn::BagMode::sum, 6.025841767497756, 0.9367513741719348);
  check(nn::BagMode::max, 2.578021870958745, 0.8497473081856484);
  const auto weighted =
      with_cosines(nn::EmbeddingBag(4, 3, {.mode = nn::BagMode::sum, .include_last_offset = true}));
  const Tensor starts = tensor(std::vector<std::int64_t>{0, 3, 6});
  CHECK(fingerprint(weighted(bag_index, starts, sines({6}))) ==
        close(-0.014603668297247765, 1e-12));
}

TEST_CASE("EmbeddingBag of a matrix takes a row for a bag; empty bags give 0") {
  const auto layer = with_cosines(nn::EmbeddingBag(4, 3));
  const Tensor rows = embedding(layer.weight, reshape(bag_index, {2, 3}));
  CHECK(allclose(layer(reshape(bag_index, {2, 3})), mean(rows, 1)));
  const auto largest = with_cosines(nn::EmbeddingBag(4, 3, {.mode = nn::BagMode::max}));
  CHECK(array_equal(largest(reshape(bag_index, {2, 3})), max(rows, 1)));
  const Tensor nothing = zeros({2, 0}, int64);
  CHECK(array_equal(layer(nothing), zeros({2, 3}, float64)));
  CHECK(array_equal(largest(nothing), zeros({2, 3}, float64)));
  CHECK(largest(zeros({0, 2}, int64)).shape() == Shape{0, 3});
}

TEST_CASE("embeddings have right gradients to second order") {
  const auto check = [](const auto& layer, const auto& call) {
    CHECK(gradcheck([&](const std::vector<Tensor>& x) { return square(call(x)); },
                    {sines({6}) + 2.0}, {.order = 2, .parameters = layer.parameters()}));
  };
  const auto table = with_cosines(nn::Embedding(4, 2, {.scale_grad_by_freq = false}));
  check(table, [&](const auto& x) { return table(bag_index) * reshape(x[0], {6, 1}); });
  const auto bag = with_cosines(nn::EmbeddingBag(4, 2, {.mode = nn::BagMode::sum}));
  check(bag, [&](const auto& x) { return bag(bag_index, bag_starts, x[0]); });
  const auto most = with_cosines(nn::EmbeddingBag(4, 2, {.mode = nn::BagMode::max}));
  check(most, [&](const auto& x) { return most(bag_index, bag_starts) * sum(x[0]); });
}

TEST_CASE("embeddings refuse options and indices that do not fit") {
  CHECK(error<ValueError>([] { nn::Embedding(0, 3); }) ==
        "Embedding: n = 0, but it must be at least 1");
  CHECK(error<ValueError>([] { nn::Embedding(4, 3, {.padding_idx = 4}); }) ==
        "Embedding: padding_idx 4 is out of range for 4 rows");
  CHECK(error<ValueError>([] { nn::Embedding(4, 3, {.max_norm = 0.0}); }) ==
        "Embedding: max_norm = 0, but it must be above 0");
  CHECK(error<ValueError>([] {
          nn::EmbeddingBag(4, 3, {.mode = nn::BagMode::max, .scale_grad_by_freq = true});
        }) == "EmbeddingBag: scale_grad_by_freq is not for the mode max");
  CHECK(error<ShapeError>([] { nn::Embedding::from_pretrained(ones({3})); }) ==
        "Embedding: the table must be [n, d], got [3]");
  const nn::Embedding layer(4, 3, {.max_norm = 1.0});
  CHECK(error<DtypeError>([&] { layer(ones({2})); }) ==
        "Embedding: index must be int64, got float32");
  const Tensor before = layer.weight.tensor();
  CHECK(error<ValueError>([&] {
          layer(tensor(std::vector<std::int64_t>{0, 4}));
        }) == "Embedding: index 4 is out of range for 4 rows");
  CHECK(array_equal(layer.weight.tensor(), before));
  CHECK(error<ValueError>([&] {
          layer(tensor(std::vector<std::int64_t>{0, -1}));
        }) == "Embedding: index -1 is out of range for 4 rows");
  CHECK(error<ValueError>([&] {
          nn::Embedding(4, 3)(tensor(std::vector<std::int64_t>{0, -1}));
        }) ==
        "embedding: index -1 at position 1 of [2] is out of range for an extent of 4; here none "
        "counts from the end");
}

TEST_CASE("EmbeddingBag refuses offsets and factors that do not fit") {
  const nn::EmbeddingBag layer(4, 3);
  CHECK(error<ShapeError>([&] { layer(bag_index); }) ==
        "EmbeddingBag: index must be [bags, length], or [total] with offsets, got [6]");
  CHECK(error<ShapeError>([&] {
          layer(reshape(bag_index, {2, 3}), bag_starts);
        }) == "EmbeddingBag: index and offsets must be [total] and [bags], got [2, 3] and [4]");
  for (const auto& wrong : {std::vector<std::int64_t>{1, 2}, {0, 3, 2}, {0, 7}})
    CHECK(error<ValueError>([&] { layer(bag_index, tensor(wrong)); }) ==
          "EmbeddingBag: offsets must ascend from 0 to at most 6 indices");
  CHECK(error<ValueError>([&] { layer(bag_index, bag_starts, ones({6})); }) ==
        "EmbeddingBag: factors are for the mode sum only");
  const nn::EmbeddingBag sums(4, 3, {.mode = nn::BagMode::sum});
  CHECK(error<ShapeError>([&] { sums(bag_index, bag_starts, ones({5})); }) ==
        "EmbeddingBag: factors must have the shape of index, [6], got [5]");
  CHECK_THROWS_AS(layer(tensor(std::vector<std::int64_t>{0, 9}, {1, 2})), ValueError);
  CHECK_THROWS_AS(layer(tensor(std::vector<std::int64_t>{0, -1}, {1, 2})), ValueError);
}

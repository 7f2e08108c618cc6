#include <gradtape/autograd/io/csv_table.hpp>
#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/data/data.hpp>

#include <doctest/doctest.h>

#include <string>

#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::nn::data;
using namespace gradtape::testing;

TEST_CASE("a data set comes from two IDX files") {
  const TemporaryFolder folder;
  const auto images =
      folder.file("images", std::string("\0\0\x08\x02\0\0\0\2\0\0\0\3\1\2\3\4\5\xff", 18));
  const auto labels = folder.file("labels", std::string("\0\0\x08\x01\0\0\0\2\x07\x09", 10));
  const auto dataset = Dataset::from_idx(images, labels);
  CHECK(array_equal(dataset.inputs(), tensor({{1, 2, 3}, {4, 5, 255}}, float32)));
  CHECK(array_equal(dataset.targets(), tensor({7, 9})));
  const auto one = folder.file("one", std::string("\0\0\x08\x01\0\0\0\1\x07", 9));
  CHECK_THROWS_AS(Dataset::from_idx(images, one), ShapeError);
  CHECK_THROWS_AS(Dataset::from_idx(folder.path("none"), labels), IoError);
}

TEST_CASE("a data set comes from npy files, and from arrays of an npz file") {
  const TemporaryFolder folder;
  const Tensor x = randn({4, 2}), y = arange(4);
  save_npy(folder.path("x.npy"), x);
  save_npy(folder.path("y.npy"), y);
  const auto two = Dataset::from_npy(folder.path("x.npy"), folder.path("y.npy"));
  CHECK(array_equal(two.inputs(), x));
  CHECK(array_equal(two.targets(), y));
  const auto path = folder.path("all.npz");
  save_npz(path, {{"inputs", x}, {"targets", y}, {"labels", y + 1}});
  CHECK(array_equal(Dataset::from_npz(path).targets(), y));
  CHECK(array_equal(Dataset::from_npz(path, "inputs", "labels").targets(), y + 1));
  CHECK_THROWS_WITH_AS(
      Dataset::from_npz(path, "x"),
      ("Dataset::from_npz: '" + path + "' has no array 'x'; it has 'inputs', 'labels', 'targets'")
          .c_str(),
      IoError);
}

TEST_CASE("a data set comes from a table: the target, and all other columns or those named") {
  const TemporaryFolder folder;
  const auto table =
      load_csv_table(folder.file("x.csv", "sex,length,rings\nM,0.5,9\nF,0.25,7\nI,0.75,3\n"),
                     {.text = {"sex"}, .integers = {"rings"}});
  const auto rings = Dataset::from_table(table, {.target = "rings"});
  CHECK(array_equal(rings.inputs(), tensor({{2, 0.5}, {0, 0.25}, {1, 0.75}}, float32)));
  CHECK(array_equal(rings.targets(), tensor({9, 7, 3})));
  const auto sex = Dataset::from_table(table, {.target = "sex", .inputs = {"length"}});
  CHECK(array_equal(sex.inputs(), tensor({{0.5}, {0.25}, {0.75}}, float32)));
  CHECK(array_equal(sex.targets(), tensor({2, 0, 1})));
  CHECK_THROWS_WITH_AS(
      Dataset::from_table(table, {.target = "age"}),
      "CsvTable: there is no column 'age'; the columns are 'sex', 'length', 'rings'", ValueError);
}

TEST_CASE("a Standardiser is fitted on one data set and applied to others") {
  const Tensor x = tensor({{1, 10}, {3, 30}}, float32);
  const Dataset train(x, tensor({0, 1}));
  const auto standardiser = Standardiser::fit(train);
  CHECK(array_equal(standardiser.apply(train).inputs(), tensor({{-1, -1}, {1, 1}}, float32)));
  const auto made = Dataset::from_function(3, [](std::int64_t i) {
    return Sample{full({2}, 10.0 * static_cast<double>(i)), tensor(i)};
  });
  const auto standardised = standardiser.apply(made);
  CHECK(array_equal(standardised.inputs(), tensor({{-2, -2}, {8, -1}, {18, 0}}, float32)));
  CHECK(array_equal(standardised.targets(), arange(3)));
}

TEST_CASE("a vocabulary numbers the characters of a text in the order of their code points") {
  const std::string text =
      "na\xc3\xafve \xe2\x82\xac\xf0\x9f\x98\x80\n";  // naive with diaeresis, euro, face
  const auto vocabulary = Vocabulary::characters(text);
  CHECK(vocabulary.size() == 9);
  const Tensor tokens = vocabulary.encode(text);
  CHECK(array_equal(tokens, tensor({4, 2, 6, 5, 3, 1, 7, 8, 0})));
  CHECK(vocabulary.decode(tokens) == text);
  const auto again = Vocabulary::characters(vocabulary.decode(arange(9)));
  CHECK(array_equal(again.encode(text), tokens));
  CHECK(vocabulary.encode("").shape() == Shape{0});
  CHECK(Vocabulary::characters("").size() == 0);
  CHECK_THROWS_WITH_AS(vocabulary.encode("nab"),
                       "Vocabulary::encode: 'b' at byte 2 is none of the 9 tokens", ValueError);
  CHECK_THROWS_WITH_AS(vocabulary.decode(tensor({0, 9})),
                       "Vocabulary::decode: token 9 is out of range for 9 tokens", ValueError);
  CHECK_THROWS_AS(vocabulary.decode(tensor({-1})), ValueError);
  CHECK_THROWS_AS(vocabulary.decode(ones({1})), DtypeError);
}

TEST_CASE("what is not UTF-8 is refused, and taken byte by byte") {
  for (const std::string bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                                "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xe2\x82"}) {
    const std::string text = "ab" + bad;
    CHECK_THROWS_WITH_AS(
        Vocabulary::characters(text),
        "Vocabulary::characters: the text is not UTF-8 at byte 2; Vocabulary::bytes takes any",
        ValueError);
    const auto bytes = Vocabulary::bytes();
    CHECK(bytes.decode(bytes.encode(text)) == text);
  }
  CHECK(array_equal(Vocabulary::bytes().encode("a\xff"), tensor({97, 255})));
  CHECK(Vocabulary::bytes().size() == 256);
}

TEST_CASE("windows of a text have the tokens that follow as targets") {
  const Tensor tokens = arange(8) * 10;
  const auto windows = next_token_windows(tokens, {.context = 3});
  CHECK(windows.size() == 5);
  CHECK(array_equal(windows[4].input, tensor({40, 50, 60})));
  CHECK(array_equal(windows[4].target, tensor({50, 60, 70})));
  const auto last = next_token_windows(tokens, {.context = 3, .stride = 2, .last_only = true});
  CHECK(array_equal(last.inputs(), tensor({{0, 10, 20}, {20, 30, 40}, {40, 50, 60}})));
  CHECK(array_equal(last.targets(), tensor({30, 50, 70})));
  CHECK(next_token_windows(tokens, {.context = 7, .stride = 100}).size() == 1);
  CHECK_THROWS_WITH_AS(next_token_windows(tokens, {.context = 8}),
                       "next_token_windows: a context of 8 needs more tokens than 8", ValueError);
  CHECK_THROWS_WITH_AS(next_token_windows(tokens, {.context = 0}),
                       "next_token_windows: context = 0, but it must be at least 1", ValueError);
  CHECK_THROWS_WITH_AS(next_token_windows(ones({2, 2}, int64)),
                       "next_token_windows: tokens must be [n], got [2, 2]", ShapeError);
}

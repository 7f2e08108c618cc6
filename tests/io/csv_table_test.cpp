#include <gradtape/autograd/io/csv_table.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Texts = std::vector<std::string>;

constexpr auto pets =
    "name, weight ,legs,species\n"
    "\"Rex, \"\"the dog\"\"\",12.5,4,dog\n"
    "Tom,3.25,4,cat\n"
    "\" Polly \",+0.5,2,bird\n"
    "Fido,9,3,dog\n";

}  // namespace

TEST_CASE("a CSV table has its columns by name, with text as numbered categories") {
  const TemporaryFolder folder;
  const auto path = folder.file("pets.csv", pets);
  const auto table = load_csv_table(path, {.text = {"name", "species"}, .integers = {"legs"}});
  CHECK(table.size() == 4);
  CHECK(table.columns.size() == 4);
  CHECK(array_equal(table["weight"].values, tensor({12.5, 3.25, 0.5, 9.0}, float32)));
  CHECK(table["weight"].categories.empty());
  CHECK(array_equal(table["legs"].values, tensor({4, 4, 2, 3})));
  CHECK(table["species"].categories == Texts{"bird", "cat", "dog"});
  CHECK(array_equal(table["species"].values, tensor({2, 1, 0, 2})));
  CHECK(table["name"].categories == Texts{" Polly ", "Fido", "Rex, \"the dog\"", "Tom"});
  CHECK(array_equal(table.matrix({"legs", "weight", "species"}),
                    tensor({{4, 12.5, 2}, {4, 3.25, 1}, {2, 0.5, 0}, {3, 9, 2}}, float32)));
  CHECK(table.matrix({}).shape() == Shape{4, 0});
  CHECK_THROWS_WITH_AS(
      table["age"],
      "CsvTable: there is no column 'age'; the columns are 'name', 'weight', 'legs', 'species'",
      ValueError);
}

TEST_CASE("a CSV table without a row of names takes those given, and other dtype and delimiter") {
  const TemporaryFolder folder;
  const auto path = folder.file("x.csv.gz", gzipped("0.1;a\r\n0.2;b\r\n"));
  const auto table = load_csv_table(
      path, {.text = {"y"}, .dtype = float64, .delimiter = ';', .names = {"x", "y"}});
  CHECK(array_equal(table["x"].values, tensor({0.1, 0.2}, float64)));
  CHECK(array_equal(table.matrix({"y"}), tensor({{0}, {1}}, float64)));
  const auto empty = load_csv_table(folder.file("e.csv", "x,y\n"), {.text = {"y"}});
  CHECK(empty.size() == 0);
  CHECK(empty["y"].categories.empty());
  CHECK(empty.matrix({"x", "y"}).shape() == Shape{0, 2});
}

TEST_CASE("given categories number the texts, and others are refused") {
  const TemporaryFolder folder;
  const auto path = folder.file("pets.csv", pets);
  const Texts species = {"dog", "cat", "cow", "bird"};
  const auto table =
      load_csv_table(path, {.text = {"name", "species"}, .categories = {{"species", species}}});
  CHECK(array_equal(table["species"].values, tensor({0, 1, 3, 0})));
  CHECK(table["species"].categories == species);
  CHECK_THROWS_WITH_AS(
      load_csv_table(path, {.text = {"name", "species"}, .categories = {{"species", {"dog"}}}}),
      ("load_csv_table: '" + path +
       "' has 'cat' in row 3, column 4 ('species'), which is none of the 1 categories")
          .c_str(),
      IoError);
}

TEST_CASE("a bad CSV table is refused with row, column and name") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& text, const std::string& cause,
                           const CsvTableOptions& options = {}) {
    const auto path = folder.file("x.csv", text);
    CHECK_THROWS_WITH_AS(load_csv_table(path, options),
                         ("load_csv_table: '" + path + "' " + cause).c_str(), IoError);
  };
  refuses("", "is empty: it has no rows");
  refuses("a,b\n1,NA\n", "has 'NA' in row 2, column 2 ('b'), which is not float32");
  refuses("a,b\n1,2\n,3\n", "has nothing in row 3, column 1 ('a')");
  refuses("a,b\n1,\n", "has nothing in row 2, column 2 ('b')", {.text = {"b"}});
  refuses("a,b\n1,\"\"\n", "has nothing in row 2, column 2 ('b')", {.text = {"b"}});
  refuses("a,b\n1.5,2\n", "has '1.5' in row 2, column 1 ('a'), which is not int64",
          {.integers = {"a"}});
  refuses("a,b\n1,2,3\n", "has 3 fields in row 2, where row 1 has 2");
  refuses("1,2,3\n", "has 3 fields in row 1, where the names are 2", {.names = {"a", "b"}});
  refuses("a,a\n1,2\n", "has two columns 'a'");
  refuses("a,\n1,2\n", "has no name for column 2");
  refuses("a,b\n1,\"2\n", "has a quote in row 2 that does not end there");
}

TEST_CASE("options of a CSV table that do not fit are refused") {
  const TemporaryFolder folder;
  const auto path = folder.file("x.csv", "a,b\n1,2\n");
  CHECK_THROWS_WITH_AS(load_csv_table(path, {.text = {"c"}}),
                       "load_csv_table: there is no column 'c'; the columns are 'a', 'b'",
                       ValueError);
  CHECK_THROWS_WITH_AS(load_csv_table(path, {.text = {"a"}, .integers = {"a"}}),
                       "load_csv_table: column 'a' cannot hold both text and integers", ValueError);
  CHECK_THROWS_WITH_AS(load_csv_table(path, {.categories = {{"a", {"x"}}}}),
                       "load_csv_table: column 'a' has categories but is not among those of text",
                       ValueError);
  CHECK_THROWS_WITH_AS(load_csv_table(path, {.dtype = int64}),
                       "load_csv_table: dtype must be float32 or float64, got int64", DtypeError);
  CHECK_THROWS_AS(load_csv_table(path, {.delimiter = '"'}), ValueError);
}

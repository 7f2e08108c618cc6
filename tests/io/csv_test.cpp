#include <gradtape/autograd/io/csv.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/close.hpp"
#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("CSV files load with and without header, quotes, blanks, CRLF and gzip") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& text, CsvOptions options = {}) {
    return load_csv(folder.file("x.csv", text), options);
  };
  const Tensor expected = tensor({{1, 2.5}, {-3, 4e2}}, float32);
  CHECK(array_equal(load("1,2.5\n-3,4e2\n"), expected));
  CHECK(array_equal(load("1,2.5\r\n-3,4e2\r\n\r\n"), expected));
  CHECK(array_equal(load("\xef\xbb\xbf\"1\", 2.5\n -3,+4e2"), expected));
  CHECK(array_equal(load("1;2.5\n-3;4e2", {.delimiter = ';'}), expected));
  CHECK(array_equal(load("1\t2.5\n-3\t4e2", {.delimiter = '\t'}), expected));
  CHECK(array_equal(load("a,\"b, c\"\n1,2.5\n-3,4e2", {.header = true}), expected));
  CHECK(array_equal(load(gzipped("1,2.5\n-3,4e2\n")), expected));
  CHECK(array_equal(load("0.1\n", {.dtype = float64}), tensor({{0.1}}, float64)));
  CHECK(array_equal(load("9007199254740993", {.dtype = int64}), tensor({{9007199254740993}})));
  CHECK(load("a,b\n", {.header = true}).shape() == Shape{0, 2});
  const Tensor odd = load("inf,-inf,nan");
  CHECK(odd.data<float>()[1] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(odd.data<float>()[2]));
}

TEST_CASE("a bad CSV file is refused with row, column and text") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& text, const std::string& cause,
                           CsvOptions options = {}) {
    const auto path = folder.file("x.csv", text);
    CHECK_THROWS_WITH_AS(load_csv(path, options), ("load_csv: '" + path + "' " + cause).c_str(),
                         IoError);
  };
  refuses("", "is empty: it has no rows");
  refuses("\n\n", "is empty: it has no rows");
  refuses("1,2\n3,x4\n", "has 'x4' in row 2, column 2, which is not float32");
  refuses("a,b\n3,4x\n", "has '4x' in row 2, column 2 ('b'), which is not float32",
          {.header = true});
  refuses(
      "a,b\n1,2\n",
      "has 'a' in row 1, column 1, which is not float32; {.header = true} skips a row of names");
  refuses("1,2\n3,+-4\n", "has '+-4' in row 2, column 2, which is not float32");
  refuses("1,2\n3,99999999999999999999\n",
          "has '99999999999999999999' in row 2, column 2, which does not fit int64",
          {.dtype = int64});
  refuses("1,2\n3,4.0\n", "has '4.0' in row 2, column 2, which is not int64", {.dtype = int64});
  refuses("1,2\n,4\n", "has nothing in row 2, column 1");
  refuses("1,2\n3,\"\"\n", "has nothing in row 2, column 2");
  refuses("1,2\n\n3,4\n", "has nothing in row 2");
  refuses("1,2\n3,4\n5\n", "has 1 fields in row 3, where row 1 has 2");
  refuses("a,b\n1,2,3\n", "has 3 fields in row 2, where row 1 has 2", {.header = true});
  refuses("1,2\n\"3,4\n", "has a quote in row 2 that does not end there");
  CHECK_THROWS_WITH_AS(
      load_csv("x", {.delimiter = '.'}),
      "load_csv: '.' cannot be the delimiter: numbers, quotes or line ends contain it", ValueError);
  CHECK_THROWS_WITH_AS(load_csv("x", {.dtype = bool_}),
                       "load_csv: dtype must be float32, float64 or int64, got bool", DtypeError);
}

TEST_CASE("the data of the examples are what their README says") {
  const Tensor digits = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz");
  CHECK(digits.shape() == Shape{1797, 65});
  const Tensor pixels = slice(digits, 1, 0, 64), labels = slice(digits, 1, 64);
  CHECK(min(pixels).item<float>() == 0);
  CHECK(max(pixels).item<float>() == 16);
  CHECK(min(labels).item<float>() == 0);
  CHECK(max(labels).item<float>() == 9);
  const Tensor boston =
      load_csv(GRADTAPE_EXAMPLE_DATA "/boston_without_b.csv.gz", {.header = true});
  CHECK(boston.shape() == Shape{506, 13});
  CHECK(mean(select(boston, 1, -1)).item<float>() == close(22.5328, 1e-5));
}

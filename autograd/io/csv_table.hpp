/// Tables of numbers and text, column by column.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// One column of a CSV file.
struct CsvColumn {
  std::string name;  ///< As the header calls it.
  Tensor values;     ///< [rows]: its numbers, or for text the positions in `categories` (int64).
  std::vector<std::string> categories = {};  ///< The texts that occur, sorted; none for numbers.
};

/// A CSV file.
struct CsvTable {
  std::vector<CsvColumn> columns;  ///< In the order of the file.
  Dtype dtype = float32;           ///< Of its numbers, those of int64 columns apart.

  /// The number of rows.
  [[nodiscard]] std::int64_t size() const {
    return columns.empty() ? 0 : columns[0].values.size(0);
  }
  /// The column of this name. Throws ValueError with the names there are.
  const CsvColumn& operator[](const std::string& name) const;
  /// Several columns side by side: [rows, names], all of `dtype`. Throws ValueError likewise.
  [[nodiscard]] Tensor matrix(const std::vector<std::string>& names) const;
};

/// Options of load_csv_table.
struct CsvTableOptions {
  std::vector<std::string> text = {};      ///< The columns that hold text; the others hold numbers,
  std::vector<std::string> integers = {};  ///< and these of the others int64.
  Dtype dtype = float32;                   ///< float32 or float64: of the rest.
  char delimiter = ',';                    ///< Between the fields of a row.
  std::vector<std::string> names = {};     ///< Of the columns, where the first row has none.
  /// What the texts of a column may be, in the order to number them, such as those of a table that
  /// was loaded before: {{"species", before["species"].categories}}.
  std::map<std::string, std::vector<std::string>> categories = {};
};

/// A CSV file with named columns, plain or gzip-compressed:
///
///     const CsvTable iris = load_csv_table("iris.csv", {.text = {"species"}});
///     iris["species"].values      // 0, 0, 1, 2, ...
///     iris["species"].categories  // "setosa", "versicolor", "virginica"
///
/// Fields are written as load_csv has them; a quoted text keeps its blanks, two quotes in it stand
/// for one, and it ends in its line. Throws IoError as load_csv does, also for a missing text, a
/// text that is not among the given categories, and names that are empty or equal; ValueError for
/// options that name no column, DtypeError for another dtype.
[[nodiscard]] CsvTable load_csv_table(const std::string& path, const CsvTableOptions& options = {});

}  // namespace gradtape

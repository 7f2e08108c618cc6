/// Tables of numbers as text.
#pragma once

#include <string>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of load_csv.
struct CsvOptions {
  bool header = false;    ///< The first row names the columns and is no data.
  char delimiter = ',';   ///< Between the fields of a row.
  Dtype dtype = float32;  ///< float32, float64 or int64.
};

/// The numbers of a CSV file, plain or gzip-compressed, as [rows, columns]. Fields may be quoted,
/// have blanks around them, and be inf or nan; rows end in LF or CRLF, and empty lines may follow
/// the last.
/// Throws IoError with path, row, column and text for what is no number of the dtype, for a row
/// with more or fewer fields than the first, and for a file without rows; rows and columns count
/// from 1, the header included. Throws DtypeError for another dtype, ValueError for a delimiter
/// that numbers contain.
[[nodiscard]] Tensor load_csv(const std::string& path, CsvOptions options = {});

}  // namespace gradtape

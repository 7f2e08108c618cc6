#include "gradtape/autograd/io/csv.hpp"

#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/csv_rows.hpp"
#include "gradtape/autograd/io/file.hpp"

namespace gradtape {
namespace {

template <class T> Tensor parse(detail::CsvRows& rows) {
  std::vector<T> values;
  std::int64_t count = 0;
  auto columns = rows.columns();
  for (; !rows.at_end(); ++count) {
    columns = rows.next().size();
    for (std::size_t i = 0; i < columns; ++i) values.push_back(rows.number<T>(i));
  }
  return tensor(std::span<const T>(values), {count, static_cast<std::int64_t>(columns)});
}

}  // namespace

Tensor load_csv(const std::string& path, CsvOptions options) {
  detail::check_delimiter("load_csv", options.delimiter);
  if (options.dtype == bool_)
    fail<DtypeError>("load_csv", "dtype must be float32, float64 or int64, got bool");
  const auto origin = detail::file_origin("load_csv", path);
  const std::string text = read_file(path, "load_csv");
  detail::CsvRows rows(text, options.delimiter, origin);
  if (options.header) rows.skip_names();
  if (options.dtype == float32) return parse<float>(rows);
  if (options.dtype == float64) return parse<double>(rows);
  return parse<std::int64_t>(rows);
}

}  // namespace gradtape

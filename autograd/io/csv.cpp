#include "gradtape/autograd/io/csv.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/file.hpp"

namespace gradtape {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

class CsvParser {
 public:
  CsvParser(std::string_view text, const CsvOptions& options, const detail::Origin& origin)
      : text_(text), options_(options), origin_(origin) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);  // byte order mark
    text_ = text_.substr(0, text_.find_last_not_of("\r\n") + 1);    // npos + 1 is 0
  }

  template <class T> Tensor parse() {
    if (text_.empty()) origin_.fail("is empty: it has no rows");
    std::vector<std::string_view> fields;
    if (options_.header) {
      next_row(fields);
      names_ = fields;
    }
    std::vector<T> values;
    std::size_t rows = 0, columns = names_.size();
    for (; !text_.empty(); ++rows) {
      next_row(fields);
      if (columns == 0) columns = fields.size();
      if (fields.size() != columns)
        origin_.fail(fmt::format("has {} fields in row {}, where row 1 has {}", fields.size(), row_,
                                 columns));
      for (std::size_t i = 0; i < columns; ++i) values.push_back(number<T>(fields[i], i));
    }
    return tensor(std::span<const T>(values),
                  {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
  }

 private:
  /// Takes a line off the text and splits it.
  void next_row(std::vector<std::string_view>& fields) {
    ++row_;
    const auto newline = text_.find('\n');
    auto line = text_.substr(0, newline);
    text_.remove_prefix(newline == text_.npos ? text_.size() : newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (trimmed(line).empty()) origin_.fail(fmt::format("has nothing in row {}", row_));
    fields.clear();
    for (std::size_t begin = 0; begin <= line.size();) {
      const auto stop = field_end(line, begin);
      fields.push_back(unquoted(line.substr(begin, stop - begin)));
      begin = stop + 1;
    }
  }

  /// The position of the delimiter that ends the field at `begin`, or of the end of the line.
  std::size_t field_end(std::string_view line, std::size_t begin) const {
    bool in_quotes = false;
    for (; begin < line.size(); ++begin) {
      if (line[begin] == '"') in_quotes = !in_quotes;
      if (line[begin] == options_.delimiter && !in_quotes) break;
    }
    if (in_quotes) origin_.fail(fmt::format("has a quote in row {} that does not end there", row_));
    return begin;
  }

  static std::string_view unquoted(std::string_view field) {
    field = trimmed(field);
    if (field.size() >= 2 && field.starts_with('"') && field.ends_with('"'))
      field = trimmed(field.substr(1, field.size() - 2));
    return field;
  }

  template <class T> T number(std::string_view field, std::size_t column) const {
    // from_chars takes no plus sign, and must not see the minus of "+-1"
    const bool plus = field.size() > 1 && field[0] == '+' && field[1] != '-';
    const char* end = field.data() + field.size();
    T value{};
    const auto [stop, error] = std::from_chars(field.data() + plus, end, value);
    if (error == std::errc() && stop == end) return value;
    refuse(field, column,
           error == std::errc::result_out_of_range && stop == end ? "does not fit" : "is not");
  }

  [[noreturn]] void refuse(std::string_view field, std::size_t column, const char* verb) const {
    const auto place = column < names_.size() ? fmt::format("row {}, column {} ('{}')", row_,
                                                            column + 1, names_[column])
                                              : fmt::format("row {}, column {}", row_, column + 1);
    if (field.empty()) origin_.fail(fmt::format("has nothing in {}", place));
    origin_.fail(fmt::format("has '{}' in {}, which {} {}{}", field.substr(0, 40), place, verb,
                             name(options_.dtype),
                             row_ == 1 ? "; {.header = true} skips a row of names" : ""));
  }

  std::string_view text_;  // what is left of it
  const CsvOptions& options_;
  const detail::Origin& origin_;
  std::vector<std::string_view> names_;
  std::size_t row_ = 0;
};

void check(const CsvOptions& options) {
  constexpr std::string_view in_numbers = "0123456789+-.eEinfatyINFATY\"\r\n";
  if (in_numbers.find(options.delimiter) != in_numbers.npos)
    fail<ValueError>("load_csv", fmt::format("'{}' cannot be the delimiter: numbers, quotes or "
                                             "line ends contain it",
                                             options.delimiter));
  if (options.dtype == bool_)
    fail<DtypeError>("load_csv", "dtype must be float32, float64 or int64, got bool");
}

}  // namespace

Tensor load_csv(const std::string& path, CsvOptions options) {
  check(options);
  const auto origin = detail::file_origin("load_csv", path);
  const std::string text = read_file(path, "load_csv");
  CsvParser parser(text, options, origin);
  if (options.dtype == float32) return parser.parse<float>();
  if (options.dtype == float64) return parser.parse<double>();
  return parser.parse<std::int64_t>();
}

}  // namespace gradtape

#include "gradtape/autograd/io/csv_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "gradtape/autograd/error.hpp"

namespace gradtape::detail {
namespace {

std::string_view unquoted(std::string_view field) {
  field = CsvRows::trimmed(field);
  if (field.size() >= 2 && field.starts_with('"') && field.ends_with('"'))
    field = field.substr(1, field.size() - 2);
  return field;
}

}  // namespace

void check_delimiter(const char* op, char delimiter) {
  constexpr std::string_view in_numbers = "0123456789+-.eEinfatyINFATY\"\r\n";
  if (in_numbers.find(delimiter) != in_numbers.npos)
    fail<ValueError>(op, fmt::format("'{}' cannot be the delimiter: numbers, quotes or line ends "
                                     "contain it",
                                     delimiter));
}

CsvRows::CsvRows(std::string_view text, char delimiter, const Origin& origin)
    : text_(text), delimiter_(delimiter), origin_(origin) {
  if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);  // byte order mark
  text_ = text_.substr(0, text_.find_last_not_of("\r\n") + 1);    // npos + 1 is 0
  if (text_.empty()) origin_.fail("is empty: it has no rows");
}

void CsvRows::read_names() {
  read_fields();
  names_.reserve(fields_.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) names_.emplace_back(trimmed(text(i)));
}

void CsvRows::skip_names() {
  header_ = text_;
  read_fields();
  header_ = header_.substr(0, header_.size() - text_.size());
  columns_ = fields_.size();
}

/// Empty for a column without a name.
std::string CsvRows::name(std::size_t column) const {
  if (column < names_.size()) return names_[column];
  if (header_.empty()) return "";
  CsvRows header(header_, delimiter_, origin_);
  header.read_names();
  return header.names()[column];
}

const std::vector<std::string_view>& CsvRows::next() {
  read_fields();
  if (columns_ == 0) columns_ = names_.empty() ? fields_.size() : names_.size();
  if (fields_.size() != columns_)
    origin_.fail(fmt::format("has {} fields in row {}, where {} {}", fields_.size(), row_,
                             row_ == 1 ? "the names are" : "row 1 has", columns_));
  return fields_;
}

/// Takes a line off the text and splits it.
void CsvRows::read_fields() {
  ++row_;
  const auto newline = text_.find('\n');
  auto line = text_.substr(0, newline);
  text_.remove_prefix(newline == text_.npos ? text_.size() : newline + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (trimmed(line).empty()) origin_.fail(fmt::format("has nothing in row {}", row_));
  fields_.clear();
  fields_.reserve(static_cast<std::size_t>(std::count(line.begin(), line.end(), delimiter_)) + 1);
  for (std::size_t begin = 0; begin <= line.size();) {
    const auto stop = field_end(line, begin);
    fields_.push_back(unquoted(line.substr(begin, stop - begin)));
    begin = stop + 1;
  }
}

/// The position of the delimiter that ends the field at `begin`, or of the end of the line.
std::size_t CsvRows::field_end(std::string_view line, std::size_t begin) const {
  bool in_quotes = false;
  for (; begin < line.size(); ++begin) {
    if (line[begin] == '"') in_quotes = !in_quotes;
    if (line[begin] == delimiter_ && !in_quotes) break;
  }
  if (in_quotes) origin_.fail(fmt::format("has a quote in row {} that does not end there", row_));
  return begin;
}

std::string CsvRows::text(std::size_t column) const {
  std::string text;
  const auto field = fields_[column];
  for (std::size_t i = 0; i < field.size(); ++i) {
    text += field[i];
    if (field.substr(i).starts_with("\"\"")) ++i;
  }
  return text;
}

void CsvRows::refuse(const std::string& what, std::size_t column, const std::string& cause) const {
  const auto of = name(column);
  origin_.fail(fmt::format("has {} in row {}, column {}{}{}", what, row_, column + 1,
                           of.empty() ? "" : fmt::format(" ('{}')", of), cause));
}

void CsvRows::refuse_number(std::size_t column, Dtype dtype, bool too_large) const {
  const auto field = trimmed(fields_[column]);
  if (field.empty()) refuse("nothing", column, "");
  refuse(
      fmt::format("'{}'", field.substr(0, 40)), column,
      fmt::format(", which {} {}{}", too_large ? "does not fit" : "is not", gradtape::name(dtype),
                  row_ == 1 && names_.empty() ? "; {.header = true} skips a row of names" : ""));
}

double CsvRows::limit_of(std::string_view number) {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const auto mark = number.find_first_of("eE");
  auto exponent = mark == number.npos ? std::string_view() : number.substr(mark + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::int64_t power = 0;
  const auto [stop, error] =
      std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
  // A power beyond int64 outweighs every digit that a file can hold.
  if (error == std::errc::result_out_of_range)
    power = exponent.starts_with('-') ? INT64_MIN / 2 : INT64_MAX / 2;
  const auto digits = number.substr(0, mark);
  const auto point = std::min(digits.find('.'), digits.size());
  const auto first = digits.find_first_not_of("0.");
  // The power of ten of the first digit, or one more.
  power +=
      static_cast<std::int64_t>(point) - static_cast<std::int64_t>(std::min(first, digits.size()));
  const double limit = power > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -limit : limit;
}

std::string_view CsvRows::trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace gradtape::detail

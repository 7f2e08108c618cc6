/// The rows of a CSV text; for sources of the library only.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::detail {

/// Throws ValueError in the name of `op` for a delimiter that numbers, quotes or line ends contain.
void check_delimiter(const char* op, char delimiter);

/// Takes row after row off a text and numbers out of their fields; IoError with row, column and
/// text for what is none.
class CsvRows {
 public:
  /// Throws IoError for a text without rows.
  CsvRows(std::string_view text, char delimiter, const Origin& origin);

  bool at_end() const { return text_.empty(); }
  /// The number of the row that was read last, from 1.
  std::size_t row() const { return row_; }
  /// Reads the first row, whose fields name the columns.
  void read_names();
  /// The same for who needs the names in errors only: they take many times the memory of the text.
  void skip_names();
  /// The number of columns, 0 before any row was read.
  std::size_t columns() const { return columns_; }
  /// Names the columns of a text without such a row.
  void set_names(const std::vector<std::string>& names) { names_ = names; }
  const std::vector<std::string>& names() const { return names_; }

  /// Reads a row: its fields without blanks and quotes around them. As many as there are names, or
  /// as the first row had.
  const std::vector<std::string_view>& next();
  /// The number in field `column` of the last row.
  template <class T> T number(std::size_t column) const {
    std::string_view field = trimmed(fields_[column]);
    // from_chars takes no plus sign, and must not see the minus of "+-1"
    if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
    const char* end = field.data() + field.size();
    T value{};
    const auto [stop, error] = std::from_chars(field.data(), end, value);
    const bool out_of_range = error == std::errc::result_out_of_range && stop == end;
    if constexpr (std::is_floating_point_v<T>)
      if (out_of_range) return static_cast<T>(limit_of(field));
    if (error != std::errc() || stop != end) refuse_number(column, dtype_of<T>, out_of_range);
    return value;
  }
  /// The text in field `column` of the last row; two quotes inside quotes are one.
  std::string text(std::size_t column) const;
  /// Throws IoError: has `what` in "row 3, column 2 ('b')" of the last row, and then `cause`.
  [[noreturn]] void refuse(const std::string& what, std::size_t column,
                           const std::string& cause) const;

  static std::string_view trimmed(std::string_view text);
  /// What a decimal number tends to that no float is close to: 0 or infinity, with its sign.
  static double limit_of(std::string_view number);

 private:
  void read_fields();
  std::string name(std::size_t column) const;
  std::size_t field_end(std::string_view line, std::size_t begin) const;
  [[noreturn]] void refuse_number(std::size_t column, Dtype dtype, bool too_large) const;

  std::string_view text_;    // what is left of it
  std::string_view header_;  // and what was skipped
  char delimiter_;
  const Origin& origin_;
  std::vector<std::string> names_;
  std::vector<std::string_view> fields_;
  std::size_t row_ = 0, columns_ = 0;
};

}  // namespace gradtape::detail

namespace gradtape::author {
using detail::CsvRows;  ///< For readers of tables of their own.
}

/// Opt-in: tables of Apache Arrow, as pyarrow, Polars, DuckDB and others have them, by Arrow's C
/// data interface. Needs no library: the interface is the two structs below.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/borrow.hpp"
#include "gradtape/autograd/io/csv_table.hpp"

// As https://arrow.apache.org/docs/format/CDataInterface.html has them; whoever defines them too
// does so under the same name.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
}
#endif  // ARROW_C_DATA_INTERFACE

namespace gradtape::nn::data {

namespace detail {

/// An array that is ours once `release` is set in it.
struct ArrowOwner {
  ArrowArray array{};
  ArrowOwner() = default;
  ArrowOwner(const ArrowOwner&) = delete;
  ArrowOwner& operator=(const ArrowOwner&) = delete;
  ~ArrowOwner() {
    if (array.release) array.release(&array);
  }
};
using ArrowOwnerPtr = std::shared_ptr<ArrowOwner>;

/// `size` rows of an array, from `first` on.
struct ArrowRows {
  std::string what;  // in messages: "from_arrow: column 'age'"
  const ArrowArray* array;
  const ArrowSchema* schema;
  std::int64_t first, size;

  [[noreturn]] void refuse(const std::string& cause) const { fail<ValueError>(what, cause); }
  [[nodiscard]] std::string_view format() const { return schema->format; }
  [[nodiscard]] bool bit(int buffer, std::int64_t i) const {
    const auto* const bits = static_cast<const std::uint8_t*>(array->buffers[buffer]);
    return bits[(first + i) / 8] >> ((first + i) % 8) & 1;
  }
  /// Whether row i is a value; all are where there is no bitmap.
  [[nodiscard]] bool is_valid(std::int64_t i) const { return !array->buffers[0] || bit(0, i); }
  [[nodiscard]] bool has_nulls() const {
    if (array->null_count == 0 || !array->buffers[0]) return false;
    for (std::int64_t i = 0; i < size; ++i)
      if (!is_valid(i)) return true;
    return false;
  }
  void need_values() const {
    if (has_nulls())
      refuse(
          "rows are null, and only a column of floats holds that, as NaN: fill or drop them "
          "before");
  }
  /// Number `i`, by memcpy: buffers need not be aligned.
  template <class T> [[nodiscard]] T number(int buffer, std::int64_t i) const {
    T value;
    const auto at = static_cast<std::size_t>(i) * sizeof value;
    std::memcpy(&value, static_cast<const char*>(array->buffers[buffer]) + at, sizeof value);
    return value;
  }
  template <class Offset> [[nodiscard]] std::string_view text(std::int64_t i) const {
    const auto from = number<Offset>(1, first + i), to = number<Offset>(1, first + i + 1);
    if (from == to) return {};
    return {static_cast<const char*>(array->buffers[2]) + from,
            static_cast<std::size_t>(to - from)};
  }
};

/// The elements as they are where there is no null among them; a null float is NaN.
template <class T> Tensor arrow_values(const ArrowRows& rows, const ArrowOwnerPtr& owner) {
  const auto* const values = static_cast<const T*>(rows.array->buffers[1]);
  const bool nulls = rows.has_nulls();
  if (std::is_integral_v<T>) rows.need_values();
  if (rows.size == 0) return zeros({0}, dtype_of<T>);
  if (!nulls && reinterpret_cast<std::uintptr_t>(values) % sizeof(T) == 0)
    return borrow(values + rows.first, {rows.size}, owner);
  const Tensor x = author::empty({rows.size}, dtype_of<T>);
  T* const to = author::mutable_data<T>(x);
  for (std::int64_t i = 0; i < rows.size; ++i)
    to[i] =
        rows.is_valid(i) ? rows.number<T>(1, rows.first + i) : std::numeric_limits<T>::quiet_NaN();
  return x;
}

/// f(i) of every row.
template <class T, class F> Tensor arrow_copy(const ArrowRows& rows, F f) {
  rows.need_values();
  const Tensor x = author::empty({rows.size}, dtype_of<T>);
  T* const to = author::mutable_data<T>(x);
  for (std::int64_t i = 0; i < rows.size; ++i) to[i] = f(i);
  return x;
}

template <class From> Tensor arrow_integers(const ArrowRows& rows) {
  return arrow_copy<std::int64_t>(rows, [&](std::int64_t i) {
    const From value = rows.number<From>(1, rows.first + i);
    if constexpr (std::is_same_v<From, std::uint64_t>)
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        rows.refuse(std::to_string(value) + " is larger than the largest int64");
    return static_cast<std::int64_t>(value);
  });
}

/// The column whose row i is `text(i)`.
template <class F> CsvColumn arrow_categories(const ArrowRows& rows, F text) {
  std::vector<std::string_view> sorted;
  sorted.reserve(static_cast<std::size_t>(rows.size));
  rows.need_values();
  for (std::int64_t i = 0; i < rows.size; ++i) sorted.push_back(text(i));
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  CsvColumn column{{}, arrow_copy<std::int64_t>(rows, [&](std::int64_t i) {
                     return std::lower_bound(sorted.begin(), sorted.end(), text(i)) -
                            sorted.begin();
                   })};
  column.categories.assign(sorted.begin(), sorted.end());
  return column;
}

[[noreturn]] inline void refuse_arrow_type(const ArrowRows& rows) {
  rows.refuse("the Arrow type of format '" + std::string(rows.format()) +
              "' is neither float32, float64, an integer, bool nor text (utf8); cast it before");
}

inline Tensor arrow_numbers(const ArrowRows& rows, const ArrowOwnerPtr& owner) {
  const auto format = rows.format();
  if (format == "f") return arrow_values<float>(rows, owner);
  if (format == "g") return arrow_values<double>(rows, owner);
  if (format == "l") return arrow_values<std::int64_t>(rows, owner);
  if (format == "c") return arrow_integers<std::int8_t>(rows);
  if (format == "C") return arrow_integers<std::uint8_t>(rows);
  if (format == "s") return arrow_integers<std::int16_t>(rows);
  if (format == "S") return arrow_integers<std::uint16_t>(rows);
  if (format == "i") return arrow_integers<std::int32_t>(rows);
  if (format == "I") return arrow_integers<std::uint32_t>(rows);
  if (format == "L") return arrow_integers<std::uint64_t>(rows);
  if (format == "b") return arrow_copy<bool>(rows, [&](std::int64_t i) { return rows.bit(1, i); });
  refuse_arrow_type(rows);
}

inline CsvColumn arrow_column(const ArrowRows& rows, const ArrowOwnerPtr& owner) {
  if (rows.array->dictionary) {
    const ArrowArray& texts = *rows.array->dictionary;
    const ArrowRows words{rows.what, &texts, rows.schema->dictionary, texts.offset, texts.length};
    words.need_values();
    const Tensor index = arrow_numbers(rows, owner);
    if (index.dtype() != int64) refuse_arrow_type(rows);
    const auto at = index.data<std::int64_t>();
    for (const auto word : at)
      if (word < 0 || word >= words.size)
        rows.refuse("index " + std::to_string(word) + " is out of range for a dictionary of " +
                    std::to_string(words.size) + " texts");
    const auto row = [&](std::int64_t i) { return at[static_cast<std::size_t>(i)]; };
    if (words.format() == "u")
      return arrow_categories(rows,
                              [&](std::int64_t i) { return words.text<std::int32_t>(row(i)); });
    if (words.format() == "U")
      return arrow_categories(rows,
                              [&](std::int64_t i) { return words.text<std::int64_t>(row(i)); });
    refuse_arrow_type(words);
  }
  if (rows.format() == "u")
    return arrow_categories(rows, [&](std::int64_t i) { return rows.text<std::int32_t>(i); });
  if (rows.format() == "U")
    return arrow_categories(rows, [&](std::int64_t i) { return rows.text<std::int64_t>(i); });
  return {{}, arrow_numbers(rows, owner)};
}

}  // namespace detail

/// A record batch as a table, for Dataset::from_table:
///
///     ArrowArray array;    // filled by the library that has the table,
///     ArrowSchema schema;  // in pyarrow batch._export_to_c(array_address, schema_address)
///     const Dataset train = Dataset::from_table(from_arrow(&array, &schema), {.target = "price"});
///
/// Columns of float32, float64 and int64 share their elements, without a copy, and keep the batch
/// alive until nobody reads them; it is then released once, in the thread where that happens. A
/// column of floats with nulls is copied, with NaN for each. Narrower and unsigned integers become
/// int64, bits bool; texts (utf8, plain or as a dictionary) become the positions of their
/// categories, as load_csv_table has them. `dtype` is that of CsvTable::matrix.
///
/// Takes both over, and marks them as released; where it throws, they stay the caller's. Throws
/// ValueError for what is no record batch, has been released, or has two columns of one name, and
/// with the name of the column for other types, nulls in other columns, integers that int64 does
/// not hold, too few rows, and indices beyond a dictionary; DtypeError unless `dtype` is floating.
[[nodiscard]] inline CsvTable from_arrow(ArrowArray* array, ArrowSchema* schema,
                                         Dtype dtype = float32) {
  constexpr const char* op = "from_arrow";
  if (!array || !schema || !array->release || !schema->release)
    fail<ValueError>(op,
                     "the array or its schema is a null pointer, or was released or taken over "
                     "before");
  if (!is_floating(dtype))
    fail<DtypeError>(
        op, std::string("the dtype of numbers must be float32 or float64, got ") + name(dtype));
  const std::string format = schema->format;
  if (format != "+s")
    fail<ValueError>(
        op, "expected a record batch, a struct array of format '+s', got format '" + format + "'");
  if (array->null_count != 0 && array->n_buffers > 0 && array->buffers[0])
    fail<ValueError>(op, "rows of the record batch itself are null");

  if (array->n_children != schema->n_children)
    fail<ValueError>(op, "the record batch and its schema differ in columns: " +
                             std::to_string(array->n_children) + " and " +
                             std::to_string(schema->n_children));

  const auto owner = std::make_shared<detail::ArrowOwner>();
  CsvTable table{.columns = {}, .dtype = dtype};
  for (std::int64_t i = 0; i < array->n_children; ++i) {
    const ArrowArray& column = *array->children[i];
    const ArrowSchema& about = *schema->children[i];
    const std::string column_name = about.name ? about.name : "";
    const detail::ArrowRows rows{std::string(op) + ": column '" + column_name + "'", &column,
                                 &about, array->offset + column.offset, array->length};
    if (column.length < array->offset + array->length)
      rows.refuse("it has " + std::to_string(column.length) +
                  " rows, and the record batch ends at " +
                  std::to_string(array->offset + array->length));
    for (const auto& other : table.columns)
      if (other.name == column_name)
        fail<ValueError>(op, "there are two columns '" + column_name + "'");
    table.columns.push_back(detail::arrow_column(rows, owner));
    table.columns.back().name = column_name;
  }
  owner->array =
      std::exchange(*array, {});  // only now: where something has thrown, it is the caller's
  schema->release(schema);
  return table;
}

}  // namespace gradtape::nn::data

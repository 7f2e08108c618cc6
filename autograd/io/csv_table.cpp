#include "gradtape/autograd/io/csv_table.hpp"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/csv_rows.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/ops.hpp"

namespace gradtape {
namespace {

using detail::CsvRows;

constexpr auto op = "load_csv_table";

using Names = std::unordered_set<std::string_view>;

Names set_of(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

[[noreturn]] void no_column(const char* where, const std::string& name,
                            const std::vector<std::string>& names) {
  fail<ValueError>(where, fmt::format("there is no column '{}'; the columns are '{}'", name,
                                      fmt::join(names, "', '")));
}

/// A column while its rows are read.
class Builder {
 public:
  Builder(std::string name, bool is_text, bool is_integer, const CsvTableOptions& options)
      : name_(std::move(name)), is_text_(is_text) {
    if (is_text_ || is_integer)
      values_ = std::vector<std::int64_t>();
    else if (options.dtype == float64)
      values_ = std::vector<double>();
    if (!is_text_) return;
    const auto given = options.categories.find(name_);
    if (given == options.categories.end()) return;
    given_ = true;
    for (const auto& category : given->second) number_of(category);
  }

  void read(const CsvRows& rows, std::size_t column) {
    if (is_text_) return read_text(rows, column);
    std::visit([&]<class T>(std::vector<T>& values) { values.push_back(rows.number<T>(column)); },
               values_);
  }

  CsvColumn finish() && {
    if (is_text_ && !given_) sort_categories();
    return {std::move(name_),
            std::visit([](const auto& values) { return tensor(values); }, values_),
            std::move(categories_)};
  }

 private:
  std::int64_t number_of(const std::string& text) {
    const auto next = static_cast<std::int64_t>(categories_.size());
    const auto [at, added] = numbers_.emplace(text, next);
    if (added) categories_.push_back(text);
    return at->second;
  }

  void read_text(const CsvRows& rows, std::size_t column) {
    const auto text = rows.text(column);
    if (text.empty()) rows.refuse("nothing", column, "");
    if (given_ && !numbers_.contains(text))
      rows.refuse(fmt::format("'{}'", text.substr(0, 40)), column,
                  fmt::format(", which is none of the {} categories", categories_.size()));
    std::get<std::vector<std::int64_t>>(values_).push_back(number_of(text));
  }

  /// From the order in which the texts came to that of the alphabet, in which numbers_ has them.
  void sort_categories() {
    std::vector<std::int64_t> sorted(numbers_.size());
    categories_.clear();
    for (const auto& [text, number] : numbers_) {
      sorted[static_cast<std::size_t>(number)] = static_cast<std::int64_t>(categories_.size());
      categories_.push_back(text);
    }
    for (auto& value : std::get<std::vector<std::int64_t>>(values_))
      value = sorted[static_cast<std::size_t>(value)];
  }

  std::string name_;
  bool is_text_, given_ = false;
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>> values_;
  std::map<std::string, std::int64_t> numbers_;
  std::vector<std::string> categories_;
};

void check(const CsvTableOptions& options) {
  detail::check_delimiter(op, options.delimiter);
  if (!is_floating(options.dtype))
    fail<DtypeError>(op,
                     fmt::format("dtype must be float32 or float64, got {}", name(options.dtype)));
  const auto text = set_of(options.text);
  for (const auto& integer : options.integers)
    if (text.contains(integer))
      fail<ValueError>(op, fmt::format("column '{}' cannot hold both text and integers", integer));
  for (const auto& [name, categories] : options.categories)
    if (!text.contains(name))
      fail<ValueError>(
          op, fmt::format("column '{}' has categories but is not among those of text", name));
}

void check_names(const std::vector<std::string>& names, const CsvTableOptions& options,
                 const detail::Origin& origin) {
  Names there;
  for (auto at = names.begin(); at != names.end(); ++at) {
    if (at->empty()) origin.fail(fmt::format("has no name for column {}", at - names.begin() + 1));
    if (at->find('\0') != at->npos)
      origin.fail(fmt::format("has a zero byte in the name of column {}", at - names.begin() + 1));
    if (!there.insert(*at).second) origin.fail(fmt::format("has two columns '{}'", *at));
  }
  for (const auto* list : {&options.text, &options.integers})
    for (const auto& name : *list)
      if (!there.contains(name)) no_column(op, name, names);
}

}  // namespace

CsvTable load_csv_table(const std::string& path, const CsvTableOptions& options) {
  check(options);
  const auto origin = detail::file_origin(op, path);
  const std::string text = read_file(path, op);
  CsvRows rows(text, options.delimiter, origin);
  if (options.names.empty())
    rows.read_names();
  else
    rows.set_names(options.names);
  check_names(rows.names(), options, origin);
  std::vector<Builder> builders;
  builders.reserve(rows.names().size());
  const auto texts = set_of(options.text), integers = set_of(options.integers);
  for (const auto& name : rows.names())
    builders.emplace_back(name, texts.contains(name), integers.contains(name), options);
  while (!rows.at_end()) {
    rows.next();
    for (std::size_t i = 0; i < builders.size(); ++i) builders[i].read(rows, i);
  }
  CsvTable table{.columns = {}, .dtype = options.dtype};
  table.columns.reserve(builders.size());
  for (auto& builder : builders) table.columns.push_back(std::move(builder).finish());
  return table;
}

namespace {

[[noreturn]] void no_column(const std::string& name, const std::vector<CsvColumn>& columns) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const auto& column : columns) names.push_back(column.name);
  no_column("CsvTable", name, names);
}

}  // namespace

const CsvColumn& CsvTable::operator[](const std::string& name) const {
  for (const auto& column : columns)
    if (column.name == name) return column;
  no_column(name, columns);
}

Tensor CsvTable::matrix(const std::vector<std::string>& names) const {
  if (names.empty()) return zeros({size(), 0}, dtype);
  std::unordered_map<std::string_view, const Tensor*> values;
  for (const auto& column : columns) values.emplace(column.name, &column.values);
  std::vector<Tensor> parts;
  for (const auto& name : names) {
    const auto at = values.find(name);
    if (at == values.end()) no_column(name, columns);
    parts.push_back(at->second->to(dtype));
  }
  return stack(parts, 1);
}

}  // namespace gradtape

#include <fmt/format.h>

#include <limits>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/json.hpp"
#include "gradtape/optim/run_log.hpp"
#include "gradtape/optim/training/log_table.hpp"

namespace gradtape::optim {
namespace {

using author::Origin;

constexpr const char* load_log_op = "load_log";

/// The next record of a table with these columns after step, epoch and seconds.
LogRecord table_record(author::CsvRows& rows, const std::vector<std::string>& columns) {
  const auto& fields = rows.next();
  LogRecord record{
      rows.number<std::int64_t>(0), rows.number<std::int64_t>(1), rows.number<double>(2), {}};
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!fields[i + 3].empty()) record.values.emplace_back(columns[i], rows.number<double>(i + 3));
  return record;
}

std::vector<LogRecord> load_table(std::string_view text, const Origin& origin) {
  author::CsvRows rows(text, ',', origin);
  const auto columns = detail::read_columns(rows, origin);
  std::vector<LogRecord> log;
  while (!rows.at_end()) log.push_back(table_record(rows, columns));
  return log;
}

/// Reads {"name": number, ...} as the parser meets it.
class RecordReader : public author::JsonReader {
 public:
  explicit RecordReader(const Origin& origin) : origin_(origin) {}

  LogRecord record() const {
    if (own_ != 3) origin_.fail("lacks step, epoch or seconds");
    return record_;
  }

  void begin_object() override {
    if (++depth_ > 1) unexpected("an object");
  }
  void key(std::string_view name) override {
    if (!names_.emplace(name).second) origin_.fail(fmt::format("has '{}' twice", name));
    name_ = name;
  }
  void integer(std::uint64_t value) override {
    if (value <= INT64_MAX)
      whole(static_cast<std::int64_t>(value));
    else
      put(static_cast<double>(value));
  }
  void negative_integer(std::int64_t value) override { whole(value); }
  void fraction(double value) override { put(value); }
  void null() override { put(std::numeric_limits<double>::quiet_NaN()); }
  void text(std::string_view text) override {
    if (text == "Infinity") return put(std::numeric_limits<double>::infinity());
    if (text == "-Infinity") return put(-std::numeric_limits<double>::infinity());
    unexpected("a text");
  }
  [[noreturn]] void unexpected(const char* what) const override {
    origin_.fail(fmt::format("must be an object of numbers, and has {}", what));
  }
  [[noreturn]] void malformed(std::size_t at, std::string_view) const override {
    origin_.fail(fmt::format("is no JSON at character {}", at));
  }

 private:
  void whole(std::int64_t value) {
    if (depth_ != 1 || (name_ != "step" && name_ != "epoch"))
      return put(static_cast<double>(value));
    (name_ == "step" ? record_.step : record_.epoch) = value;
    ++own_;
  }
  void put(double value) {
    if (depth_ != 1) unexpected("a number");
    if (name_ == "step" || name_ == "epoch")
      origin_.fail(fmt::format("the {} must be an integer", name_));
    if (name_ == "seconds") {
      record_.seconds = value;
      ++own_;
    } else {
      record_.values.emplace_back(name_, value);
    }
  }

  const Origin& origin_;
  LogRecord record_;
  std::string name_;
  std::unordered_set<std::string> names_;
  int depth_ = 0, own_ = 0;
};

LogRecord json_record(std::string_view line, const Origin& origin) {
  RecordReader reader(origin);
  author::parse_json(line, reader);
  return reader.record();
}

}  // namespace

std::vector<std::string> detail::read_columns(author::CsvRows& rows, const Origin& origin) {
  std::vector<std::string> names;
  for (std::size_t i = 0, n = rows.next().size(); i < n; ++i) names.push_back(rows.text(i));
  if (names.size() < 3 || names[0] != "step" || names[1] != "epoch" || names[2] != "seconds")
    origin.fail(fmt::format("is no log of a run: it does not begin with {}", log_columns));
  rows.set_names(names);
  names.erase(names.begin(), names.begin() + 3);
  return names;
}

std::string detail::csv_field(const std::string& name) {
  if (name.find_first_of(",\"") == name.npos && author::CsvRows::trimmed(name) == name) return name;
  std::string field = "\"";
  for (const char c : name) field.append(c == '"' ? 2 : 1, c);
  return field + '"';
}

std::vector<LogRecord> load_log(const std::string& path) {
  const std::string file = read_raw_file(path, load_log_op);
  const auto origin = author::file_origin(load_log_op, path);
  const auto text = std::string_view(file).substr(0, file.rfind('\n') + 1);  // npos + 1 is 0
  if (!text.empty() && file.starts_with(detail::log_columns)) return load_table(text, origin);
  std::vector<LogRecord> log;
  for (std::size_t start = 0, end; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    const Origin inside{load_log_op, fmt::format("{}, line {},", origin.name, log.size() + 1)};
    log.push_back(json_record(text.substr(start, end - start), inside));
  }
  return log;
}

}  // namespace gradtape::optim

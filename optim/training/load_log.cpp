#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/optim/run_log.hpp"
#include "gradtape/optim/training/log_table.hpp"

namespace gradtape::optim {
namespace {

using gradtape::detail::Origin;
using nlohmann::json;

constexpr const char* op = "load_log";

/// Throws unless the whole text is a number.
template <class Number> Number parse(const std::string& text, const Origin& origin) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    origin.fail(fmt::format("'{:.50}' is no number", text));
  return value;
}

LogRecord table_record(const std::vector<std::string>& columns, std::string_view row,
                       const Origin& origin) {
  const auto fields = detail::table_fields(row);
  if (fields.size() != columns.size() + 3)
    origin.fail(fmt::format("has {} fields, the header {}", fields.size(), columns.size() + 3));
  LogRecord record{parse<std::int64_t>(fields[0], origin),
                   parse<std::int64_t>(fields[1], origin),
                   parse<double>(fields[2], origin),
                   {}};
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (const auto& field = fields[i + 3]; !field.empty())
      record.values.emplace_back(columns[i], parse<double>(field, origin));
  return record;
}

/// Reads {"name": number, ...} as the parser meets it.
class RecordReader : public nlohmann::json_sax<json> {
 public:
  explicit RecordReader(const Origin& origin) : origin_(origin) {}

  LogRecord record() const {
    if (own_ != 3) origin_.fail("lacks step, epoch or seconds");
    return record_;
  }

  bool start_object(std::size_t) override { return ++depth_ == 1 || unexpected("an object"); }
  bool end_object() override { return true; }
  bool key(std::string& name) override {
    name_ = name;
    return true;
  }
  bool number_integer(std::int64_t value) override { return integer(value); }
  bool number_unsigned(std::uint64_t value) override {
    return value <= INT64_MAX ? integer(static_cast<std::int64_t>(value))
                              : put(static_cast<double>(value));
  }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool null() override { return put(std::numeric_limits<double>::quiet_NaN()); }
  bool string(std::string& text) override {
    if (text == "Infinity") return put(std::numeric_limits<double>::infinity());
    if (text == "-Infinity") return put(-std::numeric_limits<double>::infinity());
    return unexpected("a text");
  }
  bool boolean(bool) override { return unexpected("a bool"); }
  bool binary(json::binary_t&) override { return unexpected("binary data"); }
  bool start_array(std::size_t) override { return unexpected("an array"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception&) override {
    origin_.fail(fmt::format("is no JSON at character {}", at));
  }

 private:
  bool integer(std::int64_t value) {
    if (depth_ != 1 || (name_ != "step" && name_ != "epoch"))
      return put(static_cast<double>(value));
    (name_ == "step" ? record_.step : record_.epoch) = value;
    ++own_;
    return true;
  }
  bool put(double value) {
    if (depth_ != 1) return unexpected("a number");
    if (name_ == "step" || name_ == "epoch")
      origin_.fail(fmt::format("the {} must be an integer", name_));
    if (name_ == "seconds") {
      record_.seconds = value;
      ++own_;
    } else {
      record_.values.emplace_back(name_, value);
    }
    return true;
  }
  bool unexpected(const char* what) const {
    origin_.fail(fmt::format("must be an object of numbers, and has {}", what));
  }

  const Origin& origin_;
  LogRecord record_;
  std::string name_;
  int depth_ = 0, own_ = 0;
};

LogRecord json_record(std::string_view line, const Origin& origin) {
  RecordReader reader(origin);
  json::sax_parse(line.begin(), line.end(), &reader);
  return reader.record();
}

}  // namespace

std::vector<std::string> detail::table_fields(std::string_view row) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i] == '"' && quoted && i + 1 < row.size() && row[i + 1] == '"')
      fields.back() += row[i++];
    else if (row[i] == '"')
      quoted = !quoted;
    else if (row[i] == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += row[i];
  }
  return fields;
}

std::vector<std::string> detail::table_columns(const Origin& origin, std::string_view header) {
  if (!header.starts_with(log_columns) ||
      (header.size() > log_columns.size() && header[log_columns.size()] != ','))
    origin.fail(fmt::format("is no log of a run: it does not begin with {}", log_columns));
  auto fields = table_fields(header);
  fields.erase(fields.begin(), fields.begin() + 3);
  return fields;
}

std::string detail::table_field(const std::string& name) {
  if (name.find_first_of(",\"") == name.npos) return name;
  std::string field = "\"";
  for (const char c : name) field.append(c == '"' ? 2 : 1, c);
  return field + '"';
}

std::vector<LogRecord> load_log(const std::string& path) {
  const std::string text = read_raw_file(path, op);
  const auto origin = gradtape::detail::file_origin(op, path);
  const bool table = text.starts_with(detail::log_columns);
  std::vector<std::string> columns;
  std::vector<LogRecord> log;
  std::size_t number = 1;
  for (std::size_t start = 0, end; (end = text.find('\n', start)) != text.npos; start = end + 1) {
    const auto line = std::string_view(text).substr(start, end - start);
    const Origin inside{op, fmt::format("{}, line {},", origin.name, number)};
    if (!table)
      log.push_back(json_record(line, inside));
    else if (number == 1)
      columns = detail::table_columns(origin, line);
    else
      log.push_back(table_record(columns, line, inside));
    ++number;
  }
  return log;
}

}  // namespace gradtape::optim

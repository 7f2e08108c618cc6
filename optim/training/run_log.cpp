#include "gradtape/optim/run_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/json.hpp"
#include "gradtape/autograd/system/system.hpp"
#include "gradtape/optim/fields.hpp"
#include "gradtape/optim/training/clock.hpp"
#include "gradtape/optim/training/log_table.hpp"

namespace gradtape::optim {
namespace {

constexpr const char* run_log_op = "RunLog";

std::string in_json(const std::string& text) {
  const auto json = author::json_string(text);
  if (!json) fail<ValueError>(run_log_op, "a name is not UTF-8");
  return *json;
}

std::string in_json(double value) {
  if (std::isnan(value)) return "null";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  return fmt::format("{}", value);
}

std::string json_line(const LogRecord& record) {
  auto line = fmt::format(R"({{"step":{},"epoch":{},"seconds":{:.3f})", record.step, record.epoch,
                          record.seconds);
  for (const auto& [name, value] : record.values)
    line += fmt::format(",{}:{}", in_json(name), in_json(value));
  return line + "}\n";
}

/// The end of the first `count` lines of the text, or of as many whole lines as there are.
std::size_t end_of_lines(std::string_view text, std::int64_t count) {
  std::size_t end = 0;
  for (; count > 0; --count) {
    const auto next = text.find('\n', end);
    if (next == text.npos) break;
    end = next + 1;
  }
  return end;
}

}  // namespace

RunLog::RunLog(std::string path)
    : path_(std::move(path)), json_(path_.ends_with(".jsonl")), start_(detail::clock_seconds()) {
  if (!json_ && !path_.ends_with(".csv"))
    fail<ValueError>(run_log_op, fmt::format("'{}' must end in .csv or .jsonl", path_));
}

RunLog::~RunLog() {
  if (file_ >= 0) os::close(file_);
}

double RunLog::seconds() const { return seconds_before_ + detail::clock_seconds() - start_; }

void RunLog::check(const NamedValues& values) const {
  for (auto at = values.begin(); at != values.end(); ++at) {
    const auto& name = at->first;
    const auto is_name = [&](const auto& other) { return other.first == name; };
    const char* cause = name.empty()                              ? "is empty"
                        : name.find_first_of("\r\n") != name.npos ? "has a line break"
                        : name == "step" || name == "epoch" || name == "seconds"
                            ? "is the record's own"
                        : std::any_of(values.begin(), at, is_name) ? "is there twice"
                                                                   : nullptr;
    if (cause) fail<ValueError>(run_log_op, fmt::format("the name '{}' {}", name, cause));
    in_json(name);  // throws unless it is UTF-8
  }
}

void RunLog::write(std::int64_t step, std::int64_t epoch, const NamedValues& values) {
  check(values);
  if (file_ < 0) open();
  if (!json_) add_columns(values);
  const LogRecord record{step, epoch, seconds(), values};
  append(json_ ? json_line(record) : csv_line(record));
  ++records_;
}

/// Opens the file with the records to keep and nothing else.
void RunLog::open() {
  std::string kept;
  if (std::error_code none; records_ > 0 && std::filesystem::exists(os::path_of(path_), none)) {
    kept = read_raw_file(path_, run_log_op);
    kept.resize(end_of_lines(kept, records_ + !json_));
  }
  if (!json_) {
    if (kept.empty()) kept = std::string(detail::log_columns) + "\n";
    const auto origin = author::file_origin(run_log_op, path_);
    author::CsvRows header(std::string_view(kept).substr(0, kept.find('\n')), ',', origin);
    columns_ = detail::read_columns(header, origin);
  }
  records_ = std::count(kept.begin(), kept.end(), '\n') - !json_;
  replace(kept);
}

void RunLog::replace(const std::string& text) {
  if (file_ >= 0) os::close(file_);
  file_ = -1;
  write_file(path_, text, run_log_op);
  file_ = os::open_to_append(path_);
  if (file_ < 0)
    author::file_origin(run_log_op, path_)
        .fail("cannot be written: " + std::generic_category().message(errno));
}

void RunLog::add_columns(const NamedValues& values) {
  auto columns = columns_;
  for (const auto& [name, value] : values)
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  if (columns.size() == columns_.size()) return;
  const auto old = read_raw_file(path_, run_log_op);
  const std::string more(columns.size() - columns_.size(), ',');
  std::string table(detail::log_columns);
  for (const auto& name : columns) table += "," + detail::csv_field(name);
  table += '\n';
  for (auto start = end_of_lines(old, 1); start < old.size();) {
    const auto end = std::min(old.find('\n', start), old.size());
    table.append(old, start, end - start).append(more) += '\n';
    start = end + 1;
  }
  replace(table);
  columns_ = std::move(columns);
}

std::string RunLog::csv_line(const LogRecord& record) const {
  auto line = fmt::format("{},{},{:.3f}", record.step, record.epoch, record.seconds);
  for (const auto& column : columns_) {
    line += ',';
    for (const auto& [name, value] : record.values)
      if (name == column) line += fmt::format("{}", std::isnan(value) ? std::abs(value) : value);
  }
  return line + '\n';
}

/// Writes the whole line, or removes what was written of it.
void RunLog::append(const std::string& line) {
  os::Status before;
  const bool known = os::status(file_, before);
  for (std::size_t done = 0; done < line.size();) {
    const auto count = os::append(file_, line.data() + done, line.size() - done);
    if (count <= 0) {  // 0: nothing is taken, however often it is asked
      const auto cause = std::generic_category().message(count < 0 ? errno : ENOSPC);
      if (known) os::cut(file_, before.size);
      author::file_origin(run_log_op, path_).fail("cannot be written: " + cause);
    }
    done += static_cast<std::size_t>(count);
  }
}

StateDict RunLog::state_dict() const {
  return {{"records", state_entry(records_)}, {"seconds", state_entry(seconds())}};
}

void RunLog::load_state_dict(const StateDict& state) {
  author::StateReader reader(run_log_op, state);
  const auto records = reader.integer("records");
  const auto seconds = reader.real("seconds");
  reader.finish();
  author::require(run_log_op, "records", records, detail::counter);
  records_ = records;
  seconds_before_ = seconds;
  start_ = detail::clock_seconds();
  if (file_ >= 0) os::close(file_);
  file_ = -1;
}

}  // namespace gradtape::optim

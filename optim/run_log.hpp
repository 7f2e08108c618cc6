/// RunLog: losses and metrics of a training run, record by record, as a CSV or JSON lines file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gradtape/autograd/state.hpp"
#include "gradtape/optim/chart.hpp"
#include "gradtape/optim/training/named_values.hpp"

namespace gradtape::optim {

/// One line of a log.
struct LogRecord {
  std::int64_t step = 0;   ///< Of the optimizer, as given to write().
  std::int64_t epoch = 0;  ///< As given to write().
  double seconds = 0;      ///< Of training, since the run began.
  NamedValues values;      ///< Those that the record has.
};

/// Appends a record a step or an epoch to a table (.csv) or a list of JSON objects (.jsonl):
///
///     optim::RunLog log("run.csv");
///     checkpoint.track("log", log);
///     ...
///     log.write(step, epoch, {{"loss", loss.item<double>()}});
///
/// Each record is handed to the system at once, so that a run that is killed keeps those it has
/// written. The first one replaces a file that was there, unless a checkpoint that tracks the log
/// has been loaded: then it cuts off what the file has beyond the checkpoint, which the resumed run
/// writes again, and goes on.
///
/// In a table, a value that a record lacks is an empty field, and a new name adds a column. Values
/// that are not finite are written nan, inf, -inf; in JSON null, "Infinity", "-Infinity".
class RunLog {
 public:
  /// Throws ValueError unless the path ends in .csv or .jsonl.
  explicit RunLog(std::string path);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// Appends a record. Throws ValueError for a name that is empty, there twice, "step", "epoch" or
  /// "seconds", not UTF-8, or has line breaks; IoError, with the file as it was before.
  void write(std::int64_t step, std::int64_t epoch, const NamedValues& values);
  /// How many records the file has.
  [[nodiscard]] std::int64_t records() const { return records_; }
  const std::string& path() const { return path_; }

  /// How many records there are, and after how many seconds.
  [[nodiscard]] StateDict state_dict() const;
  /// Restores a saved position: the next record goes after that many records of the file, and what
  /// is beyond them is cut off then.
  void load_state_dict(const StateDict& state);

 private:
  [[nodiscard]] double seconds() const;
  void check(const NamedValues& values) const;
  void open();
  void replace(const std::string& text);
  void add_columns(const NamedValues& values);
  void append(const std::string& line);
  [[nodiscard]] std::string csv_line(const LogRecord& record) const;

  std::string path_;
  bool json_;
  int file_ = -1;                     // open from the first record on
  std::int64_t records_ = 0;          // in the file, or to keep of it
  std::vector<std::string> columns_;  // of a table, after step, epoch and seconds
  double seconds_before_ = 0;
  double start_;
};

/// The records of a log, but for a last line without an end, which a killed run may leave. Throws
/// IoError with path, line and cause.
[[nodiscard]] std::vector<LogRecord> load_log(const std::string& path);

/// Options of save_learning_curve.
struct LearningCurveOptions {
  std::string title = {};  ///< Above the charts.
  /// The names that share a chart, for each chart; if empty, those that end in the same word, as
  /// "loss" and "validation loss" do.
  std::vector<std::vector<std::string>> charts = {};
  bool over_epochs = false;  ///< Over epochs in place of steps.
  bool logarithmic = false;  ///< Of the values.
  double smoothing = 0;      ///< In [0, 1): as that of Series; of names reported often enough.
};

/// The charts of a log's values over its steps.
[[nodiscard]] std::vector<Chart> learning_curve(const std::vector<LogRecord>& log,
                                                const LearningCurveOptions& options = {});
/// Draws the learning curve of the log file `log` as the SVG picture `picture`. Throws IoError,
/// ValueError for options out of range.
void save_learning_curve(const std::string& picture, const std::string& log,
                         const LearningCurveOptions& options = {});

}  // namespace gradtape::optim

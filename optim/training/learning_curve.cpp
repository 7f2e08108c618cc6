#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/error.hpp"
#include "gradtape/optim/run_log.hpp"

namespace gradtape::optim {
namespace {

/// Where the last word begins: 11 in "validation loss", 0 in "loss".
std::size_t last_word_at(const std::string& name) {
  const auto space = name.find_last_of(" _-/.");
  return space == name.npos || space + 1 == name.size() ? 0 : space + 1;
}

std::string last_word(const std::string& name) { return name.substr(last_word_at(name)); }

/// The names in the log, those that end in the same word together.
std::vector<std::vector<std::string>> group(const std::vector<LogRecord>& log) {
  std::vector<std::vector<std::string>> groups;
  for (const auto& record : log)
    for (const auto& [name, value] : record.values) {
      const auto kind = last_word(name);
      auto at = std::find_if(groups.begin(), groups.end(),
                             [&](const auto& names) { return last_word(names[0]) == kind; });
      if (at == groups.end()) at = groups.insert(at, std::vector<std::string>());
      if (std::find(at->begin(), at->end(), name) == at->end()) at->push_back(name);
    }
  return groups;
}

}  // namespace

std::vector<Chart> learning_curve(const std::vector<LogRecord>& log,
                                  const LearningCurveOptions& options) {
  if (!(options.smoothing >= 0 && options.smoothing < 1))
    fail<ValueError>("learning_curve",
                     fmt::format("smoothing = {}, but it must be in [0, 1)", options.smoothing));
  const auto groups = options.charts.empty() ? group(log) : options.charts;
  const auto place = [&](const LogRecord& record) {
    return static_cast<double>(options.over_epochs ? record.epoch : record.step);
  };
  std::vector<std::string> qualities;  // "validation" has the same colour in every chart
  const auto colour = [&](const std::string& name) {
    const auto quality = name.substr(0, last_word_at(name));
    const auto at = std::find(qualities.begin(), qualities.end(), quality) - qualities.begin();
    if (at == std::ssize(qualities)) qualities.push_back(quality);
    return series_colour(static_cast<std::size_t>(at));
  };
  std::vector<Chart> charts;
  for (const auto& names : groups) {
    Chart chart;
    chart.options.log_y = options.logarithmic;
    if (!log.empty()) chart.options.x_includes = {place(log.front()), place(log.back())};
    chart.options.height = groups.size() > 1 ? 260 : 0;
    for (const auto& name : names) {
      Series series{.name = name, .colour = options.charts.empty() ? colour(name) : ""};
      for (const auto& record : log)
        for (const auto& [other, value] : record.values) {
          if (other != name) continue;
          series.x.push_back(place(record));
          series.y.push_back(value);
        }
      // What is reported seldom is no noise, and the mean would lag behind it.
      if (static_cast<double>(series.y.size()) * (1 - options.smoothing) >= 10)
        series.smoothing = options.smoothing;
      chart.series.push_back(std::move(series));
    }
    if (!names.empty()) chart.options.y_label = last_word(names[0]);
    charts.push_back(std::move(chart));
  }
  if (charts.empty()) charts.emplace_back();
  charts.front().options.title = options.title;
  charts.back().options.x_label = options.over_epochs ? "epoch" : "step";
  return charts;
}

void save_learning_curve(const std::string& picture, const std::string& log,
                         const LearningCurveOptions& options) {
  save_charts(picture, learning_curve(load_log(log), options));
}

}  // namespace gradtape::optim

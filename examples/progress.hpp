/// The progress bar of the examples: loss, accuracy, samples per second and time left.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

/// Call `advance` after every batch. A terminal gets one line of up to 80 columns that is redrawn
/// ten times a second, anything else one plain line an epoch, or every few when there are many.
class Progress {
 public:
  Progress(std::int64_t epochs, std::int64_t samples_per_epoch)
      : epochs_(epochs), samples_per_epoch_(samples_per_epoch) {}

  /// `samples` more have been seen, with this mean loss and, for a classifier, this share of right
  /// answers.
  void advance(std::int64_t samples, double loss, double accuracy = std::nan("")) {
    const auto n = static_cast<double>(samples);
    seen_ += samples;
    in_epoch_ += samples;
    loss_ += loss * n;
    accuracy_ += accuracy * n;
    const bool epoch_ends = seen_ % samples_per_epoch_ == 0;
    if (terminal_ ? epoch_ends || seconds() - drawn_ > 0.1 : epoch_ends && is_milestone(epoch()))
      draw();
    if (epoch_ends) {
      in_epoch_ = 0;
      loss_ = accuracy_ = 0;
    }
  }

 private:
  std::int64_t epoch() const { return (seen_ + samples_per_epoch_ - 1) / samples_per_epoch_; }

  bool is_milestone(std::int64_t epoch) const {
    const auto every = std::max<std::int64_t>(1, epochs_ / 10);
    return epoch % every == 0 || epoch == epochs_;
  }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  void draw() {
    drawn_ = seconds();
    const auto total = epochs_ * samples_per_epoch_;
    const auto n = static_cast<double>(in_epoch_);
    const double rate = static_cast<double>(seen_) / std::max(drawn_, 1e-9);
    auto line = fmt::format("epoch {:{}}/{}", epoch(), std::to_string(epochs_).size(), epochs_);
    if (terminal_) {
      const auto filled = static_cast<std::size_t>(10 * seen_ / total);
      line += fmt::format("  [{:.<10}]", std::string(filled, '#'));
    }
    line += fmt::format("  loss {:.4f}", loss_ / n);
    if (!std::isnan(accuracy_)) line += fmt::format("  accuracy {:5.1f} %", 100 * accuracy_ / n);
    line += rate < 1e4 ? fmt::format("  {:.0f}/s", rate) : fmt::format("  {:.0f}k/s", rate / 1e3);
    line += seen_ < total
                ? fmt::format("  {} left", duration(static_cast<double>(total - seen_) / rate))
                : fmt::format("  {} in all", duration(drawn_));
    const char* line_end = !terminal_ || seen_ == total ? "\n" : "";
    fmt::print("{}{}{}{}", terminal_ ? "\r" : "", line, terminal_ ? "\x1b[K" : "", line_end);
    std::fflush(stdout);
  }

  static std::string duration(double seconds) {
    if (seconds < 60) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::lround(seconds));
    return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  }

  const bool terminal_ = isatty(STDOUT_FILENO) != 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const std::int64_t epochs_, samples_per_epoch_;
  std::int64_t seen_ = 0, in_epoch_ = 0;
  double loss_ = 0, accuracy_ = 0;  // sums over the samples of this epoch
  double drawn_ = 0;                // when, in seconds from the start
};

#include "gradtape/optim/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "gradtape/autograd/system/system.hpp"
#include "gradtape/optim/training/clock.hpp"

namespace gradtape::optim {
namespace {

std::string_view environment(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the library does not change the environment
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// A terminal that redraws lines. The logs of continuous integration do not, even where they are
/// terminals to the program; all of its services set CI.
bool is_terminal(std::FILE* out) {
  const auto ci = environment("CI");
  return out && os::is_terminal(out) && environment("TERM") != "dumb" &&
         (ci.empty() || ci == "false" || ci == "0");
}

std::size_t columns(std::FILE* out) {
  const auto known = os::terminal_columns(out);
  return known > 0 ? known : 80;
}

std::string number(double value) {
  const double size = std::abs(value);
  return size == 0 || (size >= 1e-3 && size < 1e5) ? fmt::format("{:.4f}", value)
                                                   : fmt::format("{:.3e}", value);
}

std::string rate(double a_second) {
  if (a_second < 10) return fmt::format("{:.2f}/s", a_second);
  if (a_second < 1e4) return fmt::format("{:.0f}/s", a_second);
  return a_second < 1e7 ? fmt::format("{:.0f}k/s", a_second / 1e3)
                        : fmt::format("{:.0f}M/s", a_second / 1e6);
}

std::string duration(double seconds) {
  if (!(seconds < 1e9)) return "ages";
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  if (whole < 48LL * 3600) return fmt::format("{}:{:02} h", whole / 3600, whole % 3600 / 60);
  return fmt::format("{:.1f} days", seconds / 86400);
}

}  // namespace

Progress::Progress(std::int64_t epochs, std::int64_t samples_per_epoch,
                   const ProgressOptions& options) noexcept
    : epochs_(std::max<std::int64_t>(0, epochs)),
      out_(options.out),
      terminal_(options.terminal.value_or(is_terminal(options.out))),
      start_(detail::clock_seconds()),
      samples_per_epoch_(std::max<std::int64_t>(0, samples_per_epoch)),
      epoch_(std::clamp<std::int64_t>(options.first_epoch, 0, std::int64_t{1} << 60)) {}

Progress::~Progress() { finish(); }

void Progress::advance(std::int64_t samples, const NamedValues& means) noexcept try {
  if (epoch_over_) {
    epoch_over_ = false;
    in_epoch_ = 0;
    means_.clear();
  }
  samples = std::max<std::int64_t>(0, samples);
  constexpr auto most = std::int64_t{1} << 60;  // none has seen as many
  seen_ += std::min(samples, most - seen_);
  in_epoch_ += std::min(samples, most - in_epoch_);
  add(means, static_cast<double>(samples));
  const double now = seconds(), pause = terminal_ ? 0.1 : std::max(30.0, now / 10);
  if (now - drawn_ > pause) draw(now);
} catch (...) {  // no memory for a line of text: training matters more
}

void Progress::end_epoch(const NamedValues& values) noexcept try {
  if (epoch_over_) {  // an epoch without a sample
    in_epoch_ = 0;
    means_.clear();
  }
  epoch_over_ = true;
  ++epoch_;
  if (in_epoch_ > 0) samples_per_epoch_ = in_epoch_;
  for (const auto& [name, value] : values) means_.push_back({name, value, 1});
  if (terminal_ || is_milestone()) draw(seconds());
  if (epoch_ == epochs_) finish();
} catch (...) {
}

void Progress::finish() noexcept {
  if (!line_open_ || !out_) return;
  line_open_ = false;
  std::fputc('\n', out_);
  std::fflush(out_);
}

void Progress::add(const NamedValues& values, double weight) {
  for (const auto& [name, value] : values) {
    auto mean = std::find_if(means_.begin(), means_.end(),
                             [&name = name](const Mean& m) { return m.name == name; });
    if (mean == means_.end()) mean = means_.insert(mean, Mean{name});
    mean->sum += value * weight;
    mean->weight += weight;
  }
}

bool Progress::is_milestone() const {
  if (epochs_ == 0) return (epoch_ & (epoch_ - 1)) == 0;  // 1, 2, 4, 8 ...
  return epochs_ <= 20 || epoch_ % (epochs_ / 10) == 0 || epoch_ >= epochs_;
}

double Progress::seconds() const { return detail::clock_seconds() - start_; }

/// The epochs that are done, with the share of the present one.
double Progress::done() const {
  const double share =
      epoch_over_ || samples_per_epoch_ == 0
          ? 0
          : static_cast<double>(in_epoch_) / static_cast<double>(samples_per_epoch_);
  return static_cast<double>(epoch_) + std::min(share, 1.0);
}

std::string Progress::values() const {
  std::string text;
  for (const auto& mean : means_)
    if (mean.weight > 0) text += fmt::format("  {} {}", mean.name, number(mean.sum / mean.weight));
  return text;
}

std::string Progress::pace(double now) const {
  const double speed = static_cast<double>(seen_) / std::max(now, 1e-9);
  auto text = "  " + rate(speed);
  if (epochs_ == 0 || samples_per_epoch_ == 0) return text;
  const double left = static_cast<double>(epochs_) - done();
  if (left <= 0) return text + fmt::format("  {} in all", duration(now));
  return text +
         fmt::format("  {} left", duration(left * static_cast<double>(samples_per_epoch_) / speed));
}

void Progress::draw(double now) {
  if (!out_) return;
  drawn_ = now;
  const auto epoch = epoch_ + (epoch_over_ ? 0 : 1);
  auto line = epochs_ == 0
                  ? fmt::format("epoch {}", epoch)
                  : fmt::format("epoch {:{}}/{}", epoch, std::to_string(epochs_).size(), epochs_);
  const auto rest = values() + pace(now);
  if (!terminal_) {
    line += rest + "\n";
  } else {
    const auto room = columns(out_) - 1, used = line.size() + rest.size() + 4;
    const auto bar = room > used ? std::min<std::size_t>(room - used, 20) : 0;
    if (bar >= 5 && epochs_ > 0) {
      const double share = std::min(done() / static_cast<double>(epochs_), 1.0);
      const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar));
      line += fmt::format("  [{}{}]", std::string(filled, '#'), std::string(bar - filled, '.'));
    }
    line = fmt::format("\r{:.{}}\x1b[K", line + rest, room);
  }
  line_open_ = terminal_;
  std::fwrite(line.data(), 1, line.size(), out_);
  std::fflush(out_);
}

}  // namespace gradtape::optim

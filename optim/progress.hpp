/// Progress: shows how far training has come, its speed and its losses.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "gradtape/optim/training/named_values.hpp"

namespace gradtape::optim {

/// Options of Progress.
struct ProgressOptions {
  std::int64_t first_epoch = 0;       ///< Epochs that a resumed run has behind it.
  std::FILE* out = stdout;            ///< Where it writes.
  std::optional<bool> terminal = {};  ///< Whether `out` is one; asks the system if not given.
};

/// Shows the epoch, the means of losses and metrics over it, samples a second and the time left:
///
///     optim::Progress progress(epochs, train.size());
///     for (...) {
///       for (...) progress.advance(images.size(0), {{"loss", loss.item<double>()}});
///       progress.end_epoch({{"validation loss", validation_loss}});
///     }
///
/// A terminal gets one line with a bar, which is redrawn ten times a second. Anything else (a file,
/// a notebook, a "dumb" terminal, the log of a service that sets the variable CI) gets plain lines:
/// one an epoch, or ten in all for more than 20 epochs, and further ones in long epochs, first
/// after 30 s and then less and less often. It never throws.
class Progress {
 public:
  /// 0 for an unknown number. The number of samples becomes known after the first epoch.
  explicit Progress(std::int64_t epochs, std::int64_t samples_per_epoch = 0,
                    const ProgressOptions& options = {}) noexcept;
  /// Calls finish().
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `samples` more have been seen, with these means over them.
  void advance(std::int64_t samples, const NamedValues& means = {}) noexcept;
  /// The epoch is over; `values`, as of a validation, are shown beside its means.
  void end_epoch(const NamedValues& values = {}) noexcept;
  /// Ends the line, so that something else can be printed; for training that ends before the last
  /// epoch. A later advance() begins a new line.
  void finish() noexcept;

 private:
  struct Mean {
    std::string name;
    double sum = 0, weight = 0;
  };

  void add(const NamedValues& values, double weight);
  [[nodiscard]] bool is_milestone() const;
  [[nodiscard]] double seconds() const;
  [[nodiscard]] std::string values() const;
  [[nodiscard]] std::string pace(double now) const;
  void draw(double now);
  [[nodiscard]] double done() const;

  const std::int64_t epochs_;
  std::FILE* const out_;
  const bool terminal_;
  const double start_;
  std::int64_t samples_per_epoch_, epoch_, seen_ = 0, in_epoch_ = 0;
  std::vector<Mean> means_;
  double drawn_ = 0;         // when, in seconds from the start
  bool line_open_ = false;   // the cursor is at the end of a line that is redrawn
  bool epoch_over_ = false;  // what is drawn is the end of an epoch
};

}  // namespace gradtape::optim

/// EarlyStopping: ends training once it no longer helps, and keeps the best weights.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/state.hpp"

namespace gradtape::optim {

/// Options of EarlyStopping.
struct EarlyStoppingOptions {
  std::int64_t patience = 10;  ///< Steps in a row without improvement after which it stops; >= 1.
  double min_delta = 0;        ///< The least improvement that counts, >= 0.
  bool maximize = false;       ///< Larger is better, as of an accuracy.
  /// model.named_buffers(): running statistics and the like, which are restored with the weights.
  std::vector<std::pair<std::string, Buffer>> buffers = {};
};

/// Stops training once a quantity, such as the validation loss, has not improved for a while, and
/// keeps the weights of its best value:
///
///     optim::EarlyStopping stopping(model.parameters(), {.patience = 5});
///     for (...) { ...; if (stopping.step(validation_loss)) break; }
///     stopping.restore();
///
/// The weights it keeps share memory with the variables until an optimizer changes these. Prechelt
/// 1998, "Early stopping - but when?".
class EarlyStopping {
 public:
  /// Throws ValueError for options out of range, GraphError for an undefined variable.
  explicit EarlyStopping(std::vector<Parameter> parameters,
                         const EarlyStoppingOptions& options = {});

  /// The quantity after another epoch; NaN is no improvement. Returns should_stop().
  bool step(double value);
  /// Whether there were `patience` steps without improvement in a row.
  [[nodiscard]] bool should_stop() const { return bad_steps_ >= options_.patience; }
  /// Whether the last step was the best so far.
  [[nodiscard]] bool improved() const { return steps_ > 0 && bad_steps_ == 0; }
  /// The best value so far; infinite before the first.
  [[nodiscard]] double best() const { return best_; }
  /// The number of the step of the best value, from 1; 0 before it.
  [[nodiscard]] std::int64_t best_step() const { return best_step_; }
  /// Sets the variables to what they were at the best step. Throws ValueError where no value so far
  /// was a number.
  void restore() const;

  /// Best value, steps, and the best weights: "parameters.0", "buffers.0", ...
  [[nodiscard]] StateDict state_dict() const;
  /// Restores a saved state. Throws ValueError for one that does not fit these variables.
  void load_state_dict(const StateDict& state);

 private:
  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  EarlyStoppingOptions options_;
  std::vector<Tensor> best_parameters_, best_buffers_;  // none before the first good value
  double best_;
  std::int64_t steps_ = 0, best_step_ = 0, bad_steps_ = 0;
};

}  // namespace gradtape::optim

/// ConfusionMatrix, and the scores that it gives: precision, recall, F1.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape::nn::metric {

/// How the scores of the classes become one.
enum class Average {
  binary,    ///< That of the positive class, of two.
  macro,     ///< Their mean over the classes that occur, as predicted or true.
  micro,     ///< That of all samples together: the accuracy.
  weighted,  ///< Their mean, weighted by how often the classes are true.
};

/// Options of precision, recall and f1.
struct ScoreOptions {
  Average average = Average::macro;  ///< How those of the classes make one number.
  std::int64_t positive = 1;         ///< The positive class of Average::binary.
  double zero_division = 0;          ///< What 0 / 0 is; a NaN is left out of averages.
};

/// The scores of one class.
struct ClassScores {
  double precision, recall, f1;  ///< Each in [0, 1], or `zero_division`.
  std::int64_t support;          ///< How often the class is true.
};

/// Options of ConfusionMatrix.
struct ConfusionOptions {
  std::int64_t classes = 0;                       ///< 0 for as many as come up.
  std::optional<std::int64_t> ignore_index = {};  ///< Samples of this class do not count.
};

/// Counts how often each class is predicted as which, over many batches.
class ConfusionMatrix {
 public:
  /// Throws ValueError for a negative number of classes.
  explicit ConfusionMatrix(const ConfusionOptions& options = {});

  /// prediction: logits [n, classes, ...] or class indices [n, ...]; target: class indices
  /// [n, ...]. Throws ShapeError, DtypeError, ValueError (a class out of range); nothing is counted
  /// then.
  void update(const Tensor& prediction, const Tensor& target);
  /// int64 [true class, predicted class].
  [[nodiscard]] Tensor compute() const;
  /// Forgets all samples.
  void reset();
  /// The counts in the order of compute(): float64 [classes * classes]. States are added of
  /// matrices that know their number of classes, by the options.
  [[nodiscard]] Tensor state() const;
  /// Throws ShapeError, DtypeError, ValueError for what is no count.
  void set_state(const Tensor& state);

  /// The share of samples on the diagonal.
  [[nodiscard]] double accuracy() const;
  /// Of the samples predicted as a class, the share that are: tp / (tp + fp).
  /// These throw ValueError for Average::binary with more than two classes, and a positive class
  /// that is none of them. As scikit-learn's precision_score, recall_score and f1_score.
  [[nodiscard]] double precision(const ScoreOptions& options = {}) const;
  /// Of the samples of a class, the share predicted as it: tp / (tp + fn).
  [[nodiscard]] double recall(const ScoreOptions& options = {}) const;
  /// The harmonic mean of both: 2 tp / (2 tp + fp + fn).
  [[nodiscard]] double f1(const ScoreOptions& options = {}) const;
  /// The scores of each class; zero_division is what 0 / 0 is.
  [[nodiscard]] std::vector<ClassScores> per_class(double zero_division = 0) const;
  /// A table of the scores of the classes and their averages.
  [[nodiscard]] std::string str() const;

 private:
  struct Counts;
  [[nodiscard]] std::vector<Counts> counts() const;
  [[nodiscard]] double score(double ClassScores::*which, const ScoreOptions& options) const;
  void grow(std::int64_t classes);

  ConfusionOptions options_;
  std::int64_t classes_;
  std::vector<std::int64_t> cells_;  // [true class, predicted class]
};

/// Writes the table.
std::ostream& operator<<(std::ostream& out, const ConfusionMatrix& matrix);

/// The confusion matrix of one batch; takes and throws what ConfusionMatrix does.
[[nodiscard]] Tensor confusion_matrix(const Tensor& prediction, const Tensor& target,
                                      const ConfusionOptions& options = {});
/// The scores of one batch; take and throw what ConfusionMatrix does.
[[nodiscard]] double precision(const Tensor& prediction, const Tensor& target,
                               const ScoreOptions& options = {});
[[nodiscard]] double recall(const Tensor& prediction, const Tensor& target,
                            const ScoreOptions& options = {});
[[nodiscard]] double f1(const Tensor& prediction, const Tensor& target,
                        const ScoreOptions& options = {});

}  // namespace gradtape::nn::metric

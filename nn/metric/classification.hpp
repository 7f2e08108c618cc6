/// Metrics of predicted classes: accuracy, perplexity.
#pragma once

#include <cstdint>
#include <optional>

#include "gradtape/autograd/tensor.hpp"
#include "gradtape/nn/metric/mean.hpp"

namespace gradtape::nn::metric {

/// Options of accuracy.
struct AccuracyOptions {
  std::int64_t top_k = 1;  ///< Right is a class among the k with the largest logits; >= 1.
  std::optional<std::int64_t> ignore_index = {};  ///< Samples of this class do not count.
};

/// The share of samples whose class is predicted right.
/// prediction: logits [n, classes, ...], of equal ones the first wins, or class indices [n, ...]
/// (int64, bool); target: class indices [n, ...]. Throws ShapeError, DtypeError, ValueError (a
/// class or an option out of range).
[[nodiscard]] double accuracy(const Tensor& prediction, const Tensor& target,
                              const AccuracyOptions& options = {});

/// The accuracy over many batches.
class Accuracy {
 public:
  /// Throws ValueError unless top_k >= 1.
  explicit Accuracy(const AccuracyOptions& options = {});
  /// Takes and throws what accuracy does.
  void update(const Tensor& prediction, const Tensor& target);
  [[nodiscard]] double compute() const;
  void reset() { right_ = samples_ = 0; }
  /// float64 [2]: the number of samples that were right, and of all.
  [[nodiscard]] Tensor state() const;
  /// Throws ShapeError, DtypeError.
  void set_state(const Tensor& state);

 private:
  AccuracyOptions options_;
  double right_ = 0, samples_ = 0;  // whole numbers
};

/// Options of perplexity.
struct PerplexityOptions {
  std::optional<std::int64_t> ignore_index = {};  ///< Samples of this class, as padding, are left.
};

/// exp of the mean cross-entropy: among how many equally likely classes the model hesitates.
/// logits: [n, classes, ...], target: class indices [n, ...]. Throws as cross_entropy.
[[nodiscard]] double perplexity(const Tensor& logits, const Tensor& target,
                                const PerplexityOptions& options = {});

/// The perplexity over many batches.
class Perplexity {
 public:
  explicit Perplexity(const PerplexityOptions& options = {}) : options_(options) {}
  /// Takes and throws what perplexity does.
  void update(const Tensor& logits, const Tensor& target);
  [[nodiscard]] double compute() const;
  void reset() { nats_.reset(); }
  /// float64 [2]: the sum of the cross-entropies, the number of samples.
  [[nodiscard]] Tensor state() const { return nats_.state(); }
  /// Throws ShapeError, DtypeError.
  void set_state(const Tensor& state) { nats_.set_state(state); }

 private:
  PerplexityOptions options_;
  Mean nats_;
};

namespace detail {

/// A batch of predicted and true classes.
struct Classes {
  Tensor prediction;         ///< int64, the shape of the target.
  Tensor target;             ///< int64.
  std::int64_t classes = 0;  ///< How many the logits have; 0 where they were indices.
};
/// Of logits the first largest. Throws in the name of `op` for what does not fit, and for targets
/// that the logits have no class for.
[[nodiscard]] Classes classes_of(const char* op, const Tensor& prediction, const Tensor& target,
                                 std::optional<std::int64_t> ignore_index);

}  // namespace detail
}  // namespace gradtape::nn::metric

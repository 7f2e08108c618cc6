/// Embedding and EmbeddingBag: learned vectors by index.
#pragma once

#include <optional>

#include "gradtape/nn/init.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// How EmbeddingBag joins the vectors of a bag.
enum class BagMode { mean, sum, max };

/// Options of Embedding.
struct EmbeddingOptions {
  /// Index of the padding: its row starts as 0 and receives no gradient.
  std::optional<std::int64_t> padding_idx = {};
  /// Looked-up rows with a larger norm are first rescaled to it, in place.
  std::optional<double> max_norm = {};
  double norm_type = 2;             ///< p of the p-norm used for max_norm.
  bool scale_grad_by_freq = false;  ///< Divide a row's gradient by its number of look-ups.
  bool sparse = false;              ///< Leave row gradients (op embedding), as for SparseAdam.
  init::Initializer weight_init = nullptr;  ///< Standard normal if not given.
  Dtype dtype = float32;                    ///< float32 or float64.
  Generator generator = {};                 ///< Random numbers for the initial values.
};

/// Rows of a table, weight: [n, d].  index: int64 [...] -> [..., d].
///
/// With weight_init, the row of padding_idx starts as that draws it. Throws ValueError when made
/// with options out of range; a call throws DtypeError unless index is int64, and ValueError for an
/// index that is negative or no row.
class Embedding : public Layer {
 public:
  Embedding(std::int64_t n, std::int64_t d, const EmbeddingOptions& options = {});
  /// A layer whose table starts as `table`: [n, d], frozen or not. Throws ShapeError, DtypeError.
  static Embedding from_pretrained(const Tensor& table, bool freeze = true,
                                   const EmbeddingOptions& options = {});

  const Parameter weight;

 protected:
  Tensor forward(const Tensor& index) const override;

 private:
  EmbeddingOptions options_;
};

/// Options of EmbeddingBag.
struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;  ///< How the vectors of a bag are joined.
  /// Index of the padding: it is left out of every bag, and its row starts as 0.
  std::optional<std::int64_t> padding_idx = {};
  /// Looked-up rows with a larger norm are first rescaled to it, in place.
  std::optional<double> max_norm = {};
  double norm_type = 2;              ///< p of the p-norm used for max_norm.
  bool scale_grad_by_freq = false;   ///< Divide a row's gradient by its number of look-ups.
  bool sparse = false;               ///< Leave row gradients (op embedding), as for SparseAdam.
  bool include_last_offset = false;  ///< offsets end with where the last bag ends.
  init::Initializer weight_init = nullptr;  ///< Standard normal if not given.
  Dtype dtype = float32;                    ///< float32 or float64.
  Generator generator = {};                 ///< Random numbers for the initial values.
};

/// The mean, sum or maximum of the rows of each bag of indices, weight: [n, d].
///   index: int64 [bags, length] -> [bags, d], or
///   index: int64 [total], offsets: int64 [bags], where each bag starts -> [bags, d];
///   factors: of index's shape, one for each row, in the mode sum only.
/// An empty bag gives 0; of equal maxima the first gets the gradient. Throws ValueError when made
/// with options out of range, for an index out of range, for offsets that do not ascend from 0, and
/// for factors in another mode; ShapeError, DtypeError.
class EmbeddingBag : public Module {
 public:
  EmbeddingBag(std::int64_t n, std::int64_t d, const EmbeddingBagOptions& options = {});
  Tensor operator()(const Tensor& index, const Tensor& offsets = {},
                    const Tensor& factors = {}) const;

  const Parameter weight;

 private:
  struct Bags;
  [[nodiscard]] Bags bags(const Tensor& index, const Tensor& offsets) const;
  [[nodiscard]] Tensor largest(const Bags& bags) const;
  [[nodiscard]] Tensor summed(const Bags& bags, const Tensor& factors) const;
  [[nodiscard]] Tensor rows(const Tensor& index) const;

  EmbeddingBagOptions options_;
};

}  // namespace gradtape::nn

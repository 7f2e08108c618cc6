/// Samples with their targets: from tensors, functions and files, mapped, chosen and joined.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/nn/data/source.hpp"

namespace gradtape {
struct CsvTable;
}

namespace gradtape::nn::data {

/// Options of Dataset::from_table.
struct TableColumns {
  std::string target;                    ///< The column to predict.
  std::vector<std::string> inputs = {};  ///< The columns to predict it from; none: all the others.
};

/// n samples, each an input and its target. A handle: copies are cheap, and no function changes the
/// samples of an existing data set. It holds its samples as tensors, or makes them on demand:
///
///     const Dataset train(images, labels);
///     const Dataset lines = Dataset::from_function(
///         1000, [](std::int64_t i) { return Sample{full({1}, i), 2.0 * full({}, i)}; });
///     const Dataset noisy = train.map_inputs(gaussian_noise({.sigma = 0.1}));
///
/// Functions are called from several threads at once by a Loader with threads. They draw random
/// numbers from the Generator that they are given, which is default_generator() too meanwhile; its
/// stream is fixed by seed, epoch and the number of the sample.
class Dataset {
 public:
  /// No samples.
  Dataset() = default;
  /// inputs: [n, ...], targets: [n, ...]. Throws ShapeError unless both have as many samples along
  /// axis 0.
  Dataset(Tensor inputs, Tensor targets);
  /// Throws ValueError for a null pointer.
  explicit Dataset(std::shared_ptr<const Source> source);

  /// Sample i is f(i), called every time. Throws ValueError for a negative size.
  static Dataset from_function(std::int64_t size, std::function<Sample(std::int64_t)> f);
  static Dataset from_function(std::int64_t size,
                               std::function<Sample(std::int64_t, const Generator&)> f);
  /// Images or other arrays and their labels, from two IDX files: inputs float32, targets int64
  /// [n]. Throws IoError, ShapeError.
  static Dataset from_idx(const std::string& inputs_path, const std::string& targets_path);
  /// Two .npy files. Throws IoError, ShapeError.
  static Dataset from_npy(const std::string& inputs_path, const std::string& targets_path);
  /// Two arrays of a .npz file. Throws IoError, also for a name that is not there; ShapeError.
  static Dataset from_npz(const std::string& path, const std::string& inputs = "inputs",
                          const std::string& targets = "targets");
  /// The rows of a CSV file (`load_csv_table`): inputs [n, columns] of the dtype of its numbers,
  /// where text counts as the number of its category; targets [n]. Throws ValueError for a column
  /// that is not there.
  static Dataset from_table(const CsvTable& table, const TableColumns& columns);

  /// The number of samples n.
  [[nodiscard]] std::int64_t size() const;
  /// Sample i, an integer of any type. Throws ValueError unless i is in [0, n).
  template <std::integral I> [[nodiscard]] Sample operator[](I i) const {
    return at(static_cast<std::int64_t>(i));  // one that only a uint64 holds becomes negative
  }
  /// One sample, each as likely as the others, whichever was drawn before (stochastic gradient
  /// descent). Random maps draw anew each time, also by `generator`. Throws ValueError where there
  /// are no samples.
  [[nodiscard]] Sample sample(const Generator& generator = {}) const;
  /// All samples at once, made now unless they are in memory. Random numbers are those of seed 0,
  /// epoch 0.
  [[nodiscard]] Batch all() const;
  /// The parts of all(): [n, ...].
  [[nodiscard]] Tensor inputs() const { return all().inputs; }
  [[nodiscard]] Tensor targets() const { return all().targets; }
  /// The same samples, made now and kept in memory.
  [[nodiscard]] Dataset cache() const;

  /// The samples at `index` (int64 [m]), in that order; negative indices count from the end.
  /// Throws ValueError for one out of range.
  [[nodiscard]] Dataset select(const Tensor& index) const;

  /// Each sample after f.
  [[nodiscard]] Dataset map(std::function<Sample(Sample)> f) const;
  [[nodiscard]] Dataset map(std::function<Sample(Sample, const Generator&)> f) const;
  /// Each sample with its input after f, as the augmentations of transforms.hpp are applied.
  [[nodiscard]] Dataset map_inputs(std::function<Tensor(const Tensor&, const Generator&)> f) const;
  /// Whole batches after f, which must keep the number and order of their samples; ShapeError
  /// otherwise. It must treat each sample alike in any batch, or the batch size changes the
  /// samples, as it does where f draws: its generator is that of the first sample.
  [[nodiscard]] Dataset map_batches(std::function<Batch(Batch)> f) const;
  [[nodiscard]] Dataset map_batches(std::function<Batch(Batch, const Generator&)> f) const;

  /// Where the samples come from.
  const Source& source() const;

 private:
  [[nodiscard]] Sample at(std::int64_t i) const;

  std::shared_ptr<const Source> source_;
};

/// The samples of all parts, one after the other. Tensors are joined at once: ShapeError,
/// DtypeError where they do not fit.
[[nodiscard]] Dataset concat(const std::vector<Dataset>& parts);

}  // namespace gradtape::nn::data

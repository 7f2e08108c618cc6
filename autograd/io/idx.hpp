/// The IDX file format of MNIST and the data sets modelled on it.
#pragma once

#include <string>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of load_idx.
struct IdxOptions {
  Dtype dtype = float32;  ///< float32, float64 or int64.
};

/// The array of an IDX file, plain or gzip-compressed, in the dtype asked for:
///
///     Tensor images = load_idx("train-images-idx3-ubyte.gz");                     // 0 ... 255
///     Tensor labels = load_idx("train-labels-idx1-ubyte.gz", {.dtype = int64});
///
/// Throws DtypeError for another dtype, or int64 of a file of floats; IoError with path, cause and
/// position, also for an integer that float32 would round. Source: LeCun, Cortes and Burges, "The
/// MNIST database of handwritten digits", section FILE FORMATS.
[[nodiscard]] Tensor load_idx(const std::string& path, IdxOptions options = {});

}  // namespace gradtape

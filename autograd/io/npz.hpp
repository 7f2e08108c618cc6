/// NumPy's archives of named arrays (.npz): zip files of .npy files.
#pragma once

#include <map>
#include <string>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// The arrays of a .npz file by name, as numpy.savez and numpy.savez_compressed write them; dtypes
/// as load_npy has them. Every member is checked against its CRC-32. Throws IoError with path,
/// member, cause and position.
[[nodiscard]] std::map<std::string, Tensor> load_npz(const std::string& path);

/// Options of save_npz.
struct NpzOptions {
  bool compress =
      false;  ///< Deflate the members: trained weights shrink by a tenth, data often more.
};

/// Writes named arrays as a .npz file that numpy.load reads, replacing the file in one step; one
/// that was there stays whole if anything fails. Throws IoError, and ValueError for an undefined
/// tensor or a name that zip files cannot hold.
void save_npz(const std::string& path, const std::map<std::string, Tensor>& arrays,
              NpzOptions options = {});

}  // namespace gradtape

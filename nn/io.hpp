/// Saving and loading the parameters and buffers of a module.
#pragma once

#include <string>

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Writes all parameters and buffers under their paths to an npz file, which NumPy reads too.
/// Throws IoError.
void save_parameters(const Module& module, const std::string& path);

/// Sets all parameters and buffers to the arrays of those names in an npz file; float32 and float64
/// convert to what the module has. Nothing is changed unless the whole file can be read and, if
/// strict, fits exactly. Throws IoError, with what is missing, extra and misshapen.
LoadReport load_parameters(Module& module, const std::string& path,
                           const LoadOptions& options = {});

}  // namespace gradtape::nn

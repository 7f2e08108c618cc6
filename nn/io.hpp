/// Saving and loading the parameters and buffers of a module.
#pragma once

#include <string>

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Writes all parameters and buffers under their paths, in the format that the end of the file's
/// name says: .safetensors and .npz hold names, .npy holds the one array of a module that has no
/// more. NumPy reads the last two, PyTorch's safetensors the first; tied parameters are there under
/// each name. Throws ValueError for another ending and for several arrays in .npy, IoError where
/// the file cannot be written.
void save_parameters(const Module& module, const std::string& path);

/// Sets all parameters and buffers to the arrays of those names in a .safetensors, .npz or .npy
/// file; float32 and float64 convert to what the module has. Names that differ are given by
/// options.rename. Nothing is changed unless the whole file can be read and, if strict, fits
/// exactly. Throws IoError, with what is missing, extra, misshapen, mistyped or untied, ValueError
/// as save_parameters.
LoadReport load_parameters(Module& module, const std::string& path,
                           const LoadOptions& options = {});

}  // namespace gradtape::nn

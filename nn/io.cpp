#include "gradtape/nn/io.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/autograd/io/npz.hpp"
#include "gradtape/autograd/io/safetensors.hpp"
#include "gradtape/autograd/system/system.hpp"

namespace gradtape::nn {
namespace {

enum class Format { npy, npz, safetensors };

Format format_of(const std::string& path, const char* op) {
  const auto ending = os::text_of(os::path_of(path).extension());
  if (ending == ".npy") return Format::npy;
  if (ending == ".npz") return Format::npz;
  if (ending == ".safetensors") return Format::safetensors;
  fail<ValueError>(op,
                   fmt::format("'{}' must end in .safetensors, .npz or .npy{}", path,
                               ending == ".pt" || ending == ".pth" || ending == ".bin"
                                   ? "; in PyTorch, safetensors.torch.save_file writes the first"
                                   : ""));
}

/// The name under which a file without names has its array.
std::string only_name(const Module& module, const std::string& path, const char* op) {
  const auto state = module.state_dict();
  if (state.size() != 1)
    fail<ValueError>(op, fmt::format("'{}' holds one array, and the module has {}; .npz and "
                                     ".safetensors hold any number",
                                     path, state.size()));
  return state.begin()->first;
}

/// The tensors, none of which the module lacks because it cannot be held.
StateDict readable(LoadedTensors tensors, const Module& module) {
  for (const auto& [name, value] : module.state_dict())
    if (tensors.unreadable.contains(name)) (void)tensors.at(name);
  return StateDict(std::move(tensors));
}

}  // namespace

void save_parameters(const Module& module, const std::string& path) {
  constexpr const char* op = "save_parameters";
  const auto format = format_of(path, op);
  const auto state = module.state_dict();
  if (format == Format::npy)
    save_npy(path, state.at(only_name(module, path, op)));
  else if (format == Format::npz)
    save_npz(path, state);
  else  // some readers refuse a file that does not say whose layouts it has
    save_safetensors(path, state, {.metadata = {{"format", "pt"}}});
}

LoadReport load_parameters(Module& module, const std::string& path, const LoadOptions& options) {
  constexpr const char* op = "load_parameters";
  const auto format = format_of(path, op);
  const auto arrays = format == Format::npz ? load_npz(path)
                      : format == Format::safetensors
                          ? readable(load_safetensors(path), module)
                          : StateDict{{only_name(module, path, op), load_npy(path)}};
  try {
    return module.load_state_dict(arrays, options);
  } catch (const ValueError& misfit) {
    fail<IoError>(op, fmt::format("'{}': {}", path, misfit.what()));
  }
}

}  // namespace gradtape::nn

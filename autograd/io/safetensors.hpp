/// The safetensors format of named tensors, in which pretrained weights are published.
#pragma once

#include <map>
#include <string>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Tensors by name, and why others of the same file cannot be held.
class LoadedTensors : public std::map<std::string, Tensor> {
 public:
  /// The tensor of that name. Throws IoError for one that cannot be held, and for none.
  [[nodiscard]] const Tensor& at(const std::string& name) const;

  std::map<std::string, std::string> unreadable;  ///< Messages by name.
};

/// The tensors of a safetensors file by name. F64, F32, I64 and BOOL keep their dtype; I32, I16,
/// I8, U64, U32, U16 and U8 become int64, F16 and BF16 become float32, which hold all their values.
/// Those of other types (F8, C64, ...) and U64 beyond int64 are left out, and `at` says why.
/// Nothing is allocated on the word of a header before it is found to describe the file to the
/// byte. Throws IoError with path, tensor and cause. Source: github.com/huggingface/safetensors,
/// "Format".
[[nodiscard]] LoadedTensors load_safetensors(const std::string& path);

/// The texts that a safetensors file carries under `__metadata__`; none where it has no such entry.
/// Throws IoError as load_safetensors.
[[nodiscard]] std::map<std::string, std::string> load_safetensors_metadata(const std::string& path);

/// Options of save_safetensors.
struct SafetensorsOptions {
  std::map<std::string, std::string> metadata = {};  ///< Texts to keep under `__metadata__`.
};

/// Writes named tensors as a safetensors file, replacing the file in one step; one that was there
/// stays whole if anything fails. Equal contents give equal bytes, and every tensor begins at a
/// multiple of its element's size. Throws IoError, and ValueError for an undefined tensor, or a
/// name that is `__metadata__` or not UTF-8.
void save_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                      const SafetensorsOptions& options = {});

}  // namespace gradtape

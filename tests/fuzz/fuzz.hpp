/// What fuzz targets are made of. A target is a function of any bytes at all: it returns where the
/// library keeps its promises, and throws a BrokenPromise where it does not.
#pragma once

#include <gradtape/autograd/tensor.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gradtape::fuzz {

using Input = std::span<const std::byte>;

/// The targets by name, which is that of their folder in corpus/.
const std::map<std::string, void (*)(Input)>& targets();
/// Runs one, with no block of memory larger than two megabytes to be had.
void run_target(const std::string& name, Input input);

void fuzz_npy(Input);
void fuzz_npz(Input);
void fuzz_zip(Input);
void fuzz_gzip(Input);
void fuzz_safetensors(Input);
void fuzz_csv(Input);
void fuzz_csv_table(Input);
void fuzz_idx(Input);
void fuzz_text(Input);
void fuzz_checkpoint(Input);
void fuzz_run_log(Input);
void fuzz_at(Input);
void fuzz_einsum(Input);
void fuzz_print(Input);
void fuzz_ops(Input);
void fuzz_programs(Input);

struct BrokenPromise : std::logic_error {
  using std::logic_error::logic_error;
};

/// Throws BrokenPromise unless it holds.
void require(bool holds, std::string_view promise);

/// Whether f() returns, where it may throw a gradtape::Error instead, or say that there is no
/// memory for a shape. What else it throws goes on, and is a fault.
bool accepts(const std::function<void()>& f);

/// Reads every element that the shape promises, beyond the buffer too if that is shorter, which a
/// sanitizer sees.
void examine(const Tensor& x);
void examine(const std::vector<Tensor>& tensors);

/// Equal in shape, dtype and every bit.
bool identical(const Tensor& a, const Tensor& b);

/// The bytes as text.
inline std::string_view text(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

}  // namespace gradtape::fuzz

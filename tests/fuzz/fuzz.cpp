#include "fuzz/fuzz.hpp"

#include <gradtape/autograd/io/npy.hpp>

#include <cstdint>
#include <new>

#include "support/faults.hpp"

namespace gradtape::fuzz {

const std::map<std::string, void (*)(Input)>& targets() {
  static const std::map<std::string, void (*)(Input)> all{
      {"at", fuzz_at},           {"checkpoint", fuzz_checkpoint},
      {"csv", fuzz_csv},         {"csv_table", fuzz_csv_table},
      {"einsum", fuzz_einsum},   {"gzip", fuzz_gzip},
      {"idx", fuzz_idx},         {"npy", fuzz_npy},
      {"npz", fuzz_npz},         {"ops", fuzz_ops},
      {"print", fuzz_print},     {"programs", fuzz_programs},
      {"run_log", fuzz_run_log}, {"safetensors", fuzz_safetensors},
      {"text", fuzz_text},       {"zip", fuzz_zip},
  };
  return all;
}

void run_target(const std::string& name, Input input) {
  const testing::MemoryLimit limit(2 << 20);
  targets().at(name)(input);
}

void require(bool holds, std::string_view promise) {
  if (!holds) throw BrokenPromise(std::string(promise));
}

bool accepts(const std::function<void()>& f) {
  try {
    f();
    return true;
  } catch (const Error&) {
  } catch (const std::bad_alloc& error) {  // of a tensor it names op and shape
    require(std::string_view(error.what()) != std::bad_alloc().what(),
            "memory that cannot be had is asked for by an op that says so");
  }
  return false;
}

void examine(const Tensor& x) {
  if (!x.defined()) return;
  std::size_t elements = 1;
  for (const auto extent : x.shape()) {
    require(extent >= 0, "no extent is negative");
    require(!__builtin_mul_overflow(elements, static_cast<std::size_t>(extent), &elements),
            "the number of elements does not overflow");
  }
  require(static_cast<std::size_t>(x.numel()) == elements, "numel is the product of the extents");
  require(author::element_bytes(x).size() == elements * size_of(x.dtype()),
          "the bytes are those of the elements");
  const auto* bytes = static_cast<const volatile unsigned char*>(x.raw());
  for (std::size_t i = 0; i < elements * size_of(x.dtype()); ++i) {
    const unsigned char byte = bytes[i];
    require(x.dtype() != bool_ || byte <= 1, "a bool is 0 or 1");
  }
}

void examine(const std::vector<Tensor>& tensors) {
  for (const auto& x : tensors) examine(x);
}

bool identical(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         author::element_bytes(a) == author::element_bytes(b);
}

}  // namespace gradtape::fuzz

// libFuzzer's entry to the target GRADTAPE_FUZZ_TARGET.
#include <cstddef>
#include <cstdint>

#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gradtape::fuzz::run_target(GRADTAPE_FUZZ_TARGET, std::as_bytes(std::span(data, size)));
  return 0;
}

#include "gradtape/autograd/check/call.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/error.hpp"

namespace gradtape::detail {

void check_argument_count(const char* check, std::size_t got, std::size_t wanted) {
  if (got != wanted)
    fail<ValueError>(check,
                     fmt::format("the function takes {} tensors, the sample has {}", wanted, got));
}

}  // namespace gradtape::detail

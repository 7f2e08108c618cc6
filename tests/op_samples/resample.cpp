#include "rows.hpp"

namespace gradtape::testing {

// clang-format off: a row a line, or as few as it takes

Rows resample_rows() {
  return {};
}

ValueRows resample_values() {
  return {};
}

}  // namespace gradtape::testing

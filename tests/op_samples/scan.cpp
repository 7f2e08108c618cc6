#include "rows.hpp"

namespace gradtape::testing {

// clang-format off: a row a line, or as few as it takes

Rows scan_rows() {
  return {};
}

ValueRows scan_values() {
  return {};
}

}  // namespace gradtape::testing

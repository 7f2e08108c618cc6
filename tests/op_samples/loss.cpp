#include "rows.hpp"

namespace gradtape::testing {

// clang-format off: a row a line, or as few as it takes

Rows loss_rows() {
  return {};
}

ValueRows loss_values() {
  return {};
}

}  // namespace gradtape::testing

#include "../value.hpp"

namespace gradtape::conformance {

Mapping linalg_map() {
  return {};
}

}  // namespace gradtape::conformance

#include "../value.hpp"

namespace gradtape::conformance {

Mapping matmul_map() {
  return {};
}

}  // namespace gradtape::conformance

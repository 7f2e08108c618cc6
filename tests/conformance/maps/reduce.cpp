#include "../value.hpp"

namespace gradtape::conformance {

Mapping reduce_map() {
  return {};
}

}  // namespace gradtape::conformance

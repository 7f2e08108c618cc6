#include "../value.hpp"

namespace gradtape::conformance {

Mapping index_map() {
  return {};
}

}  // namespace gradtape::conformance

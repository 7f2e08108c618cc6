#include "../value.hpp"

namespace gradtape::conformance {

Mapping pooling_map() {
  return {};
}

}  // namespace gradtape::conformance

#include "../value.hpp"

namespace gradtape::conformance {

Mapping elementwise_map() {
  return {};
}

}  // namespace gradtape::conformance

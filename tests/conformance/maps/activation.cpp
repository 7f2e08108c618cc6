#include "../value.hpp"

namespace gradtape::conformance {

Mapping activation_map() {
  return {};
}

}  // namespace gradtape::conformance

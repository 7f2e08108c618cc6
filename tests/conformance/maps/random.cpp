#include "../value.hpp"

namespace gradtape::conformance {

Mapping random_map() {
  return {};
}

}  // namespace gradtape::conformance

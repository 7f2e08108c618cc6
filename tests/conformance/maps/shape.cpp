#include "../value.hpp"

namespace gradtape::conformance {

Mapping shape_map() {
  return {};
}

}  // namespace gradtape::conformance

#include "../value.hpp"

namespace gradtape::conformance {

Mapping scan_map() {
  return {};
}

}  // namespace gradtape::conformance

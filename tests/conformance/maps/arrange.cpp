#include "../value.hpp"

namespace gradtape::conformance {

Mapping arrange_map() {
  return {};
}

}  // namespace gradtape::conformance

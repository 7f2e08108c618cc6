#include "../value.hpp"

namespace gradtape::conformance {

Mapping arithmetic_map() {
  return {};
}

}  // namespace gradtape::conformance

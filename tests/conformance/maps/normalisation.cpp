#include "../value.hpp"

namespace gradtape::conformance {

Mapping normalisation_map() {
  return {};
}

}  // namespace gradtape::conformance

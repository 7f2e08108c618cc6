#include "../value.hpp"

namespace gradtape::conformance {

Mapping convolution_map() {
  return {};
}

}  // namespace gradtape::conformance

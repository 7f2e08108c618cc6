#include "../value.hpp"

namespace gradtape::conformance {

Mapping attention_map() {
  return {};
}

}  // namespace gradtape::conformance

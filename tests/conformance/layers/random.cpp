#include <gradtape/nn/dropout.hpp>

#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

template <class L> MadeLayer dropout(Call& c) {
  c.ignore(1, "inplace");
  return made(L(c.number(0, "p", 0.5)));
}

LayerMap family_layers() {
  return {
      {"AlphaDropout", dropout<nn::AlphaDropout>},
      {"Dropout", dropout<nn::Dropout>},
      {"Dropout1d", dropout<nn::Dropout1d>},
      {"Dropout2d", dropout<nn::Dropout2d>},
      {"Dropout3d", dropout<nn::Dropout3d>},
      {"FeatureAlphaDropout", dropout<nn::FeatureAlphaDropout>},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance

/// NamedValues: what a step or an epoch of training is reported with.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gradtape::optim {

/// Quantities with their names, in order: {{"loss", 0.31}, {"accuracy", 0.92}}.
using NamedValues = std::vector<std::pair<std::string, double>>;

}  // namespace gradtape::optim

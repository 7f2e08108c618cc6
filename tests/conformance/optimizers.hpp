/// PyTorch's optimizers by ours.
#pragma once

#include <gradtape/optim/optimizer.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gradtape::conformance {

/// The optimizer with PyTorch's name and keywords, `kwargs` of `line`; all parameters in one group,
/// or each in its own where there are `param_groups`. Throws Unsupported for one that we have no
/// equivalent of, or a keyword that nobody reads.
std::unique_ptr<optim::Optimizer> make_optimizer(const std::string& name,
                                                 const std::vector<Parameter>& parameters,
                                                 const nlohmann::json& line);

}  // namespace gradtape::conformance

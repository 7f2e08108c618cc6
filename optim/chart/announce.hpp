/// Says where a picture is. For charts only.
#pragma once

#include <string>

namespace gradtape::optim::detail {

/// Prints "wrote PATH" with the absolute path if the output goes to a terminal: where it is
/// compared with what it was on another machine, it says nothing.
void announce(const std::string& path);

}  // namespace gradtape::optim::detail

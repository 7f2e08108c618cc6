#include "gradtape/optim/chart/announce.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "gradtape/autograd/system/system.hpp"

namespace gradtape::optim::detail {

void announce(const std::string& path) {
  if (os::is_terminal(stdout))
    fmt::print("wrote {}\n",
               os::text_of(std::filesystem::absolute(os::path_of(path)).lexically_normal()));
}

}  // namespace gradtape::optim::detail

#include "gradtape/optim/chart/announce.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

namespace gradtape::optim::detail {

void announce(const std::string& path) {
  if (::isatty(::fileno(stdout)))
    fmt::print("wrote {}\n", std::filesystem::absolute(path).lexically_normal().string());
}

}  // namespace gradtape::optim::detail

/// Where a picture goes: a file of SVG, or of PNG.
#pragma once

#include <string>

namespace gradtape::optim::detail {

/// Writes `svg` to a file, which is replaced in one step: as it is, or for a name that ends in .png
/// as rsvg-convert draws it, with two pixels for each of the picture's. Throws IoError in the name
/// of `op`, also where there is no rsvg-convert.
void save_svg(const std::string& path, const std::string& svg, const char* op);

}  // namespace gradtape::optim::detail

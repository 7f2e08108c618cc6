#include "gradtape/optim/chart/save.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/system/system.hpp"

namespace gradtape::optim::detail {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Runs rsvg-convert from one file to another: two pipes could each wait for the other. Returns
/// what is wrong, or a null pointer.
const char* convert(std::FILE* in, std::FILE* out) {
  // On white: else it is transparent, and dark text lies on a dark page.
  constexpr const char* words[] = {"rsvg-convert", "--format=png", "--zoom=2", "--background-color",
                                   "white"};
  const int status = os::run(words, in, out);
  if (status == os::no_program)
    return "a .png is drawn by the program rsvg-convert, which was not found (Debian and Ubuntu: "
           "librsvg2-bin)";
  return status == 0 ? nullptr : "rsvg-convert failed";
}

/// The same for texts.
const char* convert(const std::string& svg, std::string& png) {
  const File in(os::temporary_file()), out(os::temporary_file());
  if (!in || !out || std::fwrite(svg.data(), 1, svg.size(), in.get()) != svg.size() ||
      std::fflush(in.get()) != 0 || std::fseek(in.get(), 0, SEEK_SET) != 0)
    return "there is no room for a temporary file";
  if (const char* const cause = convert(in.get(), out.get())) return cause;
  const auto size = std::fseek(out.get(), 0, SEEK_END) == 0 ? std::ftell(out.get()) : 0;
  if (size > 0) png.resize(static_cast<std::size_t>(size));
  std::rewind(out.get());
  return !png.empty() && std::fread(png.data(), 1, png.size(), out.get()) == png.size()
             ? nullptr
             : "rsvg-convert wrote nothing";
}

}  // namespace

void save_svg(const std::string& path, const std::string& svg, const char* op) {
  if (!path.ends_with(".png")) return write_file(path, svg, op);
  std::string png;
  if (const char* const cause = convert(svg, png))
    fail<IoError>(op, fmt::format("'{}': {}; write a .svg instead", path, cause));
  write_file(path, png, op);
}

}  // namespace gradtape::optim::detail

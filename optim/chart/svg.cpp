#include "gradtape/optim/chart/svg.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gradtape::optim::detail {
namespace {

/// The length of the UTF-8 sequence at the front, 0 where there is none.
std::size_t sequence(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80                   ? 1
                           : lead >= 0xc2 && lead < 0xe0 ? 2
                           : lead >= 0xe0 && lead < 0xf0 ? 3
                           : lead >= 0xf0 && lead < 0xf5 ? 4
                                                         : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((text[i] & 0xc0) != 0x80) return 0;
  return size;
}

}  // namespace

std::string escaped(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count + 1 >= most && text.size() > 1) return out + "…";
    const auto size = sequence(text);
    switch (text[0]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += size == 0 || (text[0] >= 0 && text[0] < ' ') ? "?" : text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

std::string text(double x, double y, const std::string& attributes, const std::string& content) {
  return fmt::format("<text x='{:.1f}' y='{:.1f}' {}>{}</text>\n", x, y, attributes, content);
}

std::string line(Point from, Point to, const char* colour) {
  return fmt::format("<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' stroke='{}'/>\n", from.x, from.y, to.x,
                     to.y, colour);
}

}  // namespace gradtape::optim::detail

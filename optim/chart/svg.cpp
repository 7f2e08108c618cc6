#include "gradtape/optim/chart/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

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

/// Of a font with wide letters, in parts of its size.
double letter_width(std::string_view letter) {
  if (letter.size() > 2 && static_cast<unsigned char>(letter[0]) >= 0xe3) return 1;  // CJK, emoji
  if (letter.size() > 1) return 0.72;
  const char c = letter[0];
  if (std::string_view(" ijlI.,:;'!|").find(c) != std::string_view::npos) return 0.33;
  if (std::string_view("frt()[]/-").find(c) != std::string_view::npos) return 0.42;
  if (std::string_view("mwMW%@").find(c) != std::string_view::npos) return 0.95;
  return c >= 'A' && c <= 'Z' ? 0.72 : 0.62;
}

/// The first letter of a text that is not empty.
std::string_view first_letter(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(sequence(text), 1));
}

/// What the colours of light pictures become in dark ones.
constexpr std::pair<const char*, const char*> in_the_dark[] = {
    {"white", "#12171d"},
    {ink, "#e3e9ef"},
    {quiet, "#a9b5c0"},
    {axis, "#66727e"},
    {grid, "#2b333c"},
    {faint, "#1f262d"},
    {colour::blue, "#5aa7e8"},
    {colour::orange, "#ee9a62"},
    {colour::green, "#3fbfae"},
    {colour::purple, "#bb8fcf"},
    {colour::ochre, "#d6a634"},
    {colour::pink, "#e88bb4"},
    {colour::olive, "#a2c238"},
    {colour::grey, "#9aa7b2"},
    {colour::pale_blue, "#2b5476"},
    {colour::pale_orange, "#7a4a26"},
    {colour::pale_green, "#245c55"},
};

/// Overrules the attributes that have these colours.
std::string dark_style() {
  std::string style = "<style>@media (prefers-color-scheme:dark){\n";
  for (const auto& [light, dark] : in_the_dark)
    for (const char* what : {"fill", "stroke"})
      style += fmt::format("[{0}='{1}']:not(.light,.light *){{{0}:{2}}}\n", what, light, dark);
  return style + "}</style>\n";
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

double text_width(std::string_view text, double size) {
  double width = 0;
  while (!text.empty()) {
    const auto letter = first_letter(text);
    width += letter_width(letter);
    text.remove_prefix(letter.size());
  }
  return width * size;
}

std::string fitted(std::string_view text, double width, double size) {
  if (text_width(text, size) <= width) return std::string(text);
  std::size_t end = 0;
  while (end < text.size()) {
    const auto next = end + first_letter(text.substr(end)).size();
    if (text_width(text.substr(0, next), size) + size > width) break;
    end = next;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::vector<std::string> wrapped(std::string_view text, double width, double size) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string word = fitted(text.substr(0, end), width, size);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!lines.empty() && text_width(lines.back() + ' ' + word, size) <= width)
      lines.back() += ' ' + word;
    else
      lines.push_back(word);
  }
  return lines;
}

std::vector<std::string> title_lines(std::string_view text, double width) {
  return wrapped(text, width, 1.06 * title_size);  // it is bold
}

std::string title(double x, double y, const std::vector<std::string>& lines) {
  std::string svg;
  for (std::size_t i = 0; i < lines.size(); ++i)
    svg += text(x, y + title_height * static_cast<double>(i),
                fmt::format("font-size='{}' font-weight='600'", title_size), escaped(lines[i]));
  return svg;
}

std::string text(double x, double y, const std::string& attributes, const std::string& content) {
  return fmt::format("<text x='{:.1f}' y='{:.1f}' {}>{}</text>\n", x, y, attributes, content);
}

std::string line(Point from, Point to, const char* colour) {
  return fmt::format("<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' stroke='{}'/>\n", from.x, from.y, to.x,
                     to.y, colour);
}

std::string begin_light() { return fmt::format("<g class='light' fill='{}'>\n", ink); }

std::string end_light() { return "</g>\n"; }

std::string page(double width, double height, const std::string& content) {
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0:g} {1:g}' width='{0:g}' "
      "height='{1:g}' font-family='system-ui, \"Helvetica Neue\", Arial, sans-serif' "
      "font-size='{2}' fill='{3}'>\n{4}<rect width='100%' height='100%' fill='white'/>\n{5}"
      "</svg>\n",
      width, height, text_size, ink, dark_style(), content);
}

}  // namespace gradtape::optim::detail

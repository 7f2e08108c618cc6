#include "gradtape/nn/detail/table.hpp"

#include <algorithm>

namespace gradtape::nn::detail {

std::string table(const std::vector<Row>& rows, std::size_t counts) {
  std::vector<std::size_t> width(rows[0].size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto padding = std::string(width[c] - row[c].size(), ' ');
      line += (c == 0 ? "" : "  ") + (c == counts ? padding + row[c] : row[c] + padding);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace gradtape::nn::detail

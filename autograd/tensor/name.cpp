#include "gradtape/autograd/tensor/name.hpp"

#include <string_view>
#include <vector>

namespace gradtape::detail {

/// One after the other: models may be nested deeper than the stack is.
Name::~Name() {
  while (above.use_count() == 1) {
    const auto ended = std::move(above);
    above = std::move(ended->above);
  }
}

std::string Name::str() const {
  std::vector<std::string_view> parts;  // from the last one up
  for (const Name* at = this; at; at = at->above.get())
    if (!at->last.empty()) parts.push_back(at->last);
  std::string text;
  for (std::size_t i = parts.size(); i-- > 0;) {
    text += parts[i];
    if (i > 0) text += '.';
  }
  return text;
}

}  // namespace gradtape::detail

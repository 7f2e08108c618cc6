/// Tables as text. Private to nn/.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gradtape::nn::detail {

using Row = std::vector<std::string>;

/// Left-aligned columns, but for column `counts`, if there is one, which holds counts.
[[nodiscard]] std::string table(const std::vector<Row>& rows, std::size_t counts);

}  // namespace gradtape::nn::detail

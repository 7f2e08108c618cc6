/// The rows of a RunLog's table. For RunLog only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gradtape/autograd/io/bytes.hpp"

namespace gradtape::optim::detail {

/// What every table begins with.
inline constexpr std::string_view log_columns = "step,epoch,seconds";

/// The fields of a row; one in quotes may hold commas and doubled quotes (RFC 4180).
std::vector<std::string> table_fields(std::string_view row);
/// The names after step, epoch and seconds. Throws IoError where the header is another's.
std::vector<std::string> table_columns(const gradtape::detail::Origin& origin,
                                       std::string_view header);
/// A name as a field, in quotes where it needs them.
std::string table_field(const std::string& name);

}  // namespace gradtape::optim::detail

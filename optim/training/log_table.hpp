/// The table of a RunLog. For RunLog and load_log only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/csv_rows.hpp"

namespace gradtape::optim::detail {

/// What every table begins with.
inline constexpr std::string_view log_columns = "step,epoch,seconds";

/// Reads the header, names the columns of the rows by it, and returns the names after step, epoch
/// and seconds. Throws IoError for a header of something else.
[[nodiscard]] std::vector<std::string> read_columns(author::CsvRows& rows,
                                                    const author::Origin& origin);
/// A name as a field that reads back the same: in quotes where it needs them (RFC 4180).
[[nodiscard]] std::string csv_field(const std::string& name);

}  // namespace gradtape::optim::detail

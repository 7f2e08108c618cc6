#include "gradtape/autograd/io/json.hpp"

#include <nlohmann/json.hpp>

namespace gradtape::detail {

using nlohmann::json;

std::optional<std::string> json_string(const std::string& text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

std::string lossy_json_string(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string json_number(double value) { return json(value).dump(); }

}  // namespace gradtape::detail

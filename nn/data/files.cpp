#include <fmt/format.h>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/csv_table.hpp"
#include "gradtape/autograd/io/idx.hpp"
#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/autograd/io/npz.hpp"
#include "gradtape/nn/data/dataset.hpp"

namespace gradtape::nn::data {

using namespace author;

Dataset Dataset::from_idx(const std::string& inputs_path, const std::string& targets_path) {
  return {load_idx(inputs_path), load_idx(targets_path, {.dtype = int64})};
}

Dataset Dataset::from_npy(const std::string& inputs_path, const std::string& targets_path) {
  return {load_npy(inputs_path), load_npy(targets_path)};
}

Dataset Dataset::from_npz(const std::string& path, const std::string& inputs,
                          const std::string& targets) {
  const auto arrays = load_npz(path);
  const auto array = [&](const std::string& name) {
    if (const auto at = arrays.find(name); at != arrays.end()) return at->second;
    std::string names;
    for (const auto& [other, value] : arrays) names += (names.empty() ? "'" : ", '") + other + "'";
    file_origin("Dataset::from_npz", path)
        .fail(fmt::format("has no array '{}'; it has {}", name, names.empty() ? "none" : names));
  };
  return {array(inputs), array(targets)};
}

Dataset Dataset::from_table(const CsvTable& table, const TableColumns& columns) {
  auto inputs = columns.inputs;
  if (inputs.empty())
    for (const auto& column : table.columns)
      if (column.name != columns.target) inputs.push_back(column.name);
  return {table.matrix(inputs), table[columns.target].values};
}

}  // namespace gradtape::nn::data

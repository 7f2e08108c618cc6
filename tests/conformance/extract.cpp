#include "extract.hpp"

#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/safetensors.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>

namespace gradtape::conformance {
namespace {

constexpr std::size_t largest = 15'000;  // bytes

/// Bytes that a case adds to the files.
std::size_t size_of_case(const Case& c, const Arrays& arrays) {
  std::size_t size = c.json.size();
  for (const auto& [name, array] : arrays)
    size += name.size() + 60 +  // its entry in the header
            static_cast<std::size_t>(array.numel()) * size_of(array.dtype());
  return size;
}

}  // namespace

void extract(const std::vector<Case>& cases, const std::string& from, const std::string& to) {
  struct Choice {
    bool empty;
    std::size_t size, position;
    Arrays arrays;
  };
  std::map<std::string, Arrays> groups;
  std::map<std::tuple<std::string, bool>, Choice> smallest;  // by function and convention
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    if (!groups.contains(c.group))
      groups[c.group] = load_safetensors(from + "/" + c.group + ".safetensors");
    Choice choice{c.tags.contains("size0"), 0, i, named_arrays(c.json, groups[c.group])};
    choice.size = size_of_case(c, choice.arrays);
    if (choice.size > largest || c.tags.contains("extended")) continue;
    const auto [found, is_new] = smallest.try_emplace({c.op, c.is_convention()}, choice);
    if (!is_new &&
        std::tie(choice.empty, choice.size) < std::tie(found->second.empty, found->second.size))
      found->second = std::move(choice);
  }
  std::map<std::size_t, const Choice*> in_order;
  for (const auto& [key, choice] : smallest) in_order[choice.position] = &choice;
  std::string lines;
  std::map<std::string, Arrays> kept;
  for (const auto& [position, choice] : in_order) {
    lines += cases[position].json + "\n";
    kept[cases[position].group].insert(choice->arrays.begin(), choice->arrays.end());
  }
  std::filesystem::create_directories(to);
  write_file(to + "/cases.jsonl", lines, "extract");
  for (const auto& [group, arrays] : kept)
    save_safetensors(to + "/" + group + ".safetensors", arrays);
}

}  // namespace gradtape::conformance

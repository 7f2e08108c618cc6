// The fuzz targets without a fuzzer: over their seeds, and over what once broke a promise.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gradtape/autograd/io/file.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/op_table.hpp"
#include "support/op_samples.hpp"

using namespace gradtape;

namespace {

const std::string tests = GRADTAPE_SOURCE_DIR "/tests";

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> paths;
  if (std::filesystem::exists(folder))
    for (const auto& file : std::filesystem::directory_iterator(folder))
      paths.push_back(file.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

TEST_CASE("fuzz targets keep their promises on all seeds and all that was found") {
  std::size_t seeds = 0;
  for (const auto& [name, target] : fuzz::targets())
    for (const auto& folder : {tests + "/fuzz/corpus/" + name, tests + "/files/fuzz/" + name})
      for (const auto& path : files_in(folder)) {
        CAPTURE(path);
        const std::string bytes = read_raw_file(path);
        CHECK_NOTHROW(fuzz::run_target(name, std::as_bytes(std::span(bytes))));
        ++seeds;
      }
  CHECK(seeds >= 100);
}

TEST_CASE("every fuzz target has seeds, and every folder of seeds or findings a target") {
  for (const auto& target : fuzz::targets())
    CHECK_MESSAGE(!files_in(tests + "/fuzz/corpus/" + target.first).empty(), target.first);
  for (const auto* folder : {"/fuzz/corpus", "/files/fuzz"})
    for (const auto& path : files_in(tests + folder))
      CHECK_MESSAGE(fuzz::targets().contains(std::filesystem::path(path).filename()), path);
}

TEST_CASE("every op of the sample table is fuzzed") {
  std::set<std::string> fuzzed;
  for (const auto& op : fuzz::ops()) fuzzed.insert(op.name);
  std::set<std::string> listed;
  for (const auto& sample : testing::op_samples()) listed.insert(sample.function);
  for (const auto& sample : testing::value_samples()) listed.insert(sample.function);
  for (const auto& function : listed)
    if (!function.empty())
      CHECK_MESSAGE(fuzzed.contains(function == "neg" ? "operator-" : function), function);
}

// Checks gradtape against cases computed by PyTorch: values, gradients, Hessian-vector products.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cases.hpp"
#include "check.hpp"
#include "extract.hpp"

using namespace gradtape::conformance;

namespace {

constexpr const char* usage =
    "conformance DIR [--group NAME...] [--op NAME...] [--id ID...]\n"
    "                [--failures N] [--list-unsupported] [--extract FOLDER]\n"
    "\n"
    "Runs the cases of DIR (cases.jsonl and <group>.safetensors) and prints one line a group:\n"
    "passed, failed and unsupported. Cases that follow a convention of PyTorch's (kinks, ties,\n"
    "boundaries) are counted apart.\n"
    "  --group, --op, --id   only the cases of these groups, functions, ids (any part of them)\n"
    "  --failures N          describes the first N failures (default 20)\n"
    "  --list-unsupported    names the unsupported cases by function, with the reason\n"
    "  --extract FOLDER      instead writes a small corpus: the smallest cases of each function\n"
    "Exit status: 0 when nothing failed, 1 when something did, 2 for a wrong command line.\n";

struct Options {
  std::string folder, extract;
  std::vector<std::string> groups, ops, ids;
  std::size_t failures = 20;
  bool list_unsupported = false;
};

struct Count {
  int passed = 0, failed = 0, unsupported = 0;
  void add(const Count& other) {
    passed += other.passed;
    failed += other.failed;
    unsupported += other.unsupported;
  }
};
using Counts = std::map<std::string, Count>;

[[noreturn]] void wrong_usage(const std::string& cause) {
  fmt::print(stderr, "conformance: {}\n\n{}", cause, usage);
  std::exit(2);
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  std::vector<std::string>* names = nullptr;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--help" || word == "-h") {
      fmt::print("{}", usage);
      std::exit(0);
    }
    if (word == "--group" || word == "--op" || word == "--id") {
      names = word == "--group" ? &options.groups : word == "--op" ? &options.ops : &options.ids;
    } else if (word == "--failures") {
      char* end = nullptr;
      if (++i == words.size()) wrong_usage("--failures needs a number");
      options.failures = std::strtoul(words[i].c_str(), &end, 10);
      if (words[i].empty() || *end) wrong_usage("--failures needs a number, got " + words[i]);
      names = nullptr;
    } else if (word == "--extract") {
      if (++i == words.size()) wrong_usage("--extract needs a folder");
      options.extract = words[i];
      names = nullptr;
    } else if (word == "--list-unsupported") {
      options.list_unsupported = true;
      names = nullptr;
    } else if (word.starts_with("-")) {
      wrong_usage("unknown option " + word);
    } else if (options.folder.empty() && !names) {
      options.folder = word;
    } else if (names) {
      names->push_back(word);
    } else {
      wrong_usage("unexpected " + word);
    }
  }
  if (options.folder.empty()) wrong_usage("needs the folder of the cases");
  return options;
}

bool wanted(const std::vector<std::string>& names, const std::string& name, bool part) {
  if (names.empty()) return true;
  for (const auto& n : names)
    if (part ? name.find(n) != name.npos : name == n) return true;
  return false;
}

void print_table(const char* title, const Counts& counts) {
  if (counts.empty()) return;
  fmt::print("{:<24} {:>6} {:>6} {:>11}\n", title, "passed", "failed", "unsupported");
  Count total;
  for (const auto& [group, count] : counts) {
    fmt::print("{:<24} {:>6} {:>6} {:>11}\n", group, count.passed, count.failed, count.unsupported);
    total.add(count);
  }
  fmt::print("{:<24} {:>6} {:>6} {:>11}\n\n", "total", total.passed, total.failed,
             total.unsupported);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse({argv + 1, argv + argc});
  Counts groups, conventions;
  std::vector<std::string> failures;
  std::map<std::string, std::map<std::string, int>> unsupported;  // by op and reason
  try {
    std::vector<Case> cases = read_cases(options.folder);
    std::erase_if(cases, [&](const Case& c) {
      return !wanted(options.groups, c.group, false) || !wanted(options.ops, c.op, false) ||
             !wanted(options.ids, c.id, true);
    });
    if (!options.extract.empty()) {
      std::erase_if(cases, [](const Case& c) { return !can_check(c.kind); });
      extract(cases, options.folder, options.extract);
      return 0;
    }
    for (const auto& c : cases) {
      const Outcome outcome = check(c);
      Count& count =
          (c.is_convention() ? conventions
                             : groups)[c.tags.contains("extended") ? "extended" : c.group];
      if (outcome.verdict == Verdict::passed) {
        ++count.passed;
      } else if (outcome.verdict == Verdict::failed) {
        ++count.failed;
        failures.push_back(fmt::format("{}\n  {}\n  {}\n", c.id, c.call(), outcome.reason));
      } else {
        ++count.unsupported;
        ++unsupported[c.op][outcome.reason];
      }
    }
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
  print_table("group", groups);
  print_table("convention of PyTorch's", conventions);
  for (std::size_t i = 0; i < std::min(options.failures, failures.size()); ++i)
    fmt::print("failed: {}", failures[i]);
  if (failures.size() > options.failures)
    fmt::print("and {} more failures\n", failures.size() - options.failures);
  if (options.list_unsupported)
    for (const auto& [op, reasons] : unsupported)
      for (const auto& [reason, count] : reasons)
        fmt::print("unsupported: {} ({}): {}\n", op, count, reason);
  return failures.empty() ? 0 : 1;
}

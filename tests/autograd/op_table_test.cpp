#include <gradtape/autograd/check/op_properties.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "support/op_calls.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::op_properties;
using namespace gradtape::testing;

namespace {

struct Declaration {
  std::string header, result, function;
};

/// The functions that the headers of ops declare.
std::vector<Declaration> declarations() {
  const std::regex declaration(
      R"(^(?:\[\[nodiscard\]\] )?((?:std::vector<)?[A-Z]\w*>?|bool) (operator[^(]+|\w+)\(.*)");
  std::vector<Declaration> all;
  for (const char* folder : {"/autograd/ops", "/nn/loss"})
    for (const auto& file :
         std::filesystem::directory_iterator(std::string(GRADTAPE_SOURCE_DIR) + folder)) {
      if (file.path().extension() != ".hpp") continue;
      std::ifstream header(file.path());
      bool internal = false;
      for (std::string line; std::getline(header, line);) {
        if (line.ends_with("detail {")) internal = true;
        if (line.starts_with("}") && line.ends_with("detail")) internal = false;
        std::smatch match;
        if (!internal && std::regex_match(line, match, declaration))
          all.push_back({file.path().filename().string(), match[1], match[2]});
      }
    }
  return all;
}

/// The names of the ops that are recorded by any row, to second order.
std::set<std::string> recorded_ops() {
  struct Observer : Watch {
    void recorded(const char* op, const Tensor&, std::span<const Tensor>) override {
      seen.insert(op);
    }
    std::set<std::string> seen;
  };
  Observer observer;
  for_each_call([](const OpSample& sample, Tensors x) {
    for (auto& input : x) input = input.requires_grad();
    const Tensor y = sample.f(x);
    const auto g = grad(y, x, {.create_graph = true, .seed = cotangent(y).requires_grad()});
    for (const auto& first : g) sum(first * first).backward({.retain_graph = true});
  });
  return observer.seen;
}

}  // namespace

TEST_CASE("every function of the ops' headers has a row") {
  std::set<std::string> listed, with_all_results;
  for (const auto& sample : op_samples()) {
    listed.insert(sample.function);
    if (sample.results) with_all_results.insert(sample.function);
  }
  for (const auto& sample : value_samples()) listed.insert(sample.function);

  // Of these results one alone differentiates.
  const std::set<std::string> of_one{"Tensor",  "bool",   "BatchNormResult", "MaxPooled",
                                     "Slogdet", "Unique", "WithIndices"};
  std::set<std::string> functions;
  for (const auto& declaration : declarations()) {
    const std::string& function = declaration.function;
    functions.insert(function);
    CHECK_MESSAGE(listed.contains(function), "no row for ", function);
    if (!of_one.contains(declaration.result))
      CHECK_MESSAGE(with_all_results.contains(function), "no row for all results of ", function);
  }
  CHECK(functions.size() == 286);  // changes with the headers; without them, some were not seen
}

TEST_CASE("docs/ops.md lists every function of the ops' headers, with what it gives") {
  std::set<std::string> listed;
  std::ifstream page(GRADTAPE_SOURCE_DIR "/docs/ops.md");
  const std::regex row(R"(^\| `(?:(\w+)\(|\w* ?([^\w ]+) ?\w).*` .*\| .+ \|$)");
  std::smatch match;
  for (std::string line; std::getline(page, line);)
    if (std::regex_match(line, match, row))
      listed.insert(match[1].matched ? match[1].str() : "operator" + match[2].str());
  for (const auto& declared : declarations())
    CHECK_MESSAGE(listed.contains(declared.function), declared.function);
}

TEST_CASE("ops.hpp and loss.hpp include every header that declares an op") {
  std::stringstream included;
  for (const char* header : {"/autograd/ops.hpp", "/nn/loss.hpp"})
    included << std::ifstream(std::string(GRADTAPE_SOURCE_DIR) + header).rdbuf();
  for (const auto& declared : declarations())
    CHECK_MESSAGE((contains(included.str(), "/" + declared.header + ">") ||
                   contains(included.str(), "/" + declared.header + "\"")),
                  declared.header);
}

TEST_CASE("every op that is ever recorded has a row, and every row records what it names") {
  std::set<std::string> names, value_names;
  for (const auto& sample : op_samples())
    if (*sample.name) names.insert(sample.name);
  for (const auto& sample : value_samples()) value_names.insert(sample.name);
  const auto seen = recorded_ops();
  for (const auto& name : seen)
    CHECK_MESSAGE((names.contains(name) || value_names.contains(name)), "no row for the op ", name);
  for (const auto& name : names)
    CHECK_MESSAGE(seen.contains(name), "the row does not record ", name);
}

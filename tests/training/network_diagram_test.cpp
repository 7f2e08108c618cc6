#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/optim/network_diagram.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using namespace gradtape::optim;

namespace {

std::size_t count(const std::string& svg, const std::string& what) {
  std::size_t n = 0;
  for (auto at = svg.find(what); at != svg.npos; at = svg.find(what, at + 1)) ++n;
  return n;
}

bool has(const std::string& svg, const std::string& what) { return count(svg, what) > 0; }

}  // namespace

TEST_CASE("a network has its weights on its edges, its values in its units, its notes below them") {
  const NetworkDiagram net{
      .columns =
          {{.title = "input", .names = {"x1", "x2"}, .values = {0.05, -0.1}},
           {.title = "output", .values = tensor({0.75}), .notes = {0.138}, .note_name = "δ ="}},
      .weights = {Parameter(tensor({{0.15, -0.25}}))},
      .title = "a < b"};
  const auto svg = network_svg(net);
  CHECK(count(svg, "<circle") == 3);
  for (const char* text : {">input<", ">output<", ">x1<", ">x2<", ">0.05<", ">−0.1<", ">0.75<",
                           ">0.15<", ">−0.25<", ">δ = 0.138<", ">a &lt; b<"})
    CHECK_MESSAGE(has(svg, text), text);
  // the larger weight is 1 + 4 pixels wide, the other in proportion
  CHECK(count(svg, "stroke='" + std::string(colour::blue) + "' stroke-width='5.00'") == 1);
  CHECK(count(svg, "stroke='" + std::string(colour::orange) + "' stroke-width='3.40'") == 1);
  CHECK(has(svg, "@media (prefers-color-scheme:dark)"));
  auto plain = net;
  plain.numbers = false;
  CHECK_FALSE(has(network_svg(plain), ">−0.25<"));
}

TEST_CASE("a network has the edges that its weights say") {
  const auto edges = [](const std::vector<Tensor>& weights) {
    const auto svg = network_svg({.columns = {{.units = 2}, {.units = 3}}, .weights = weights});
    CHECK(count(svg, "<circle") == 5);
    CHECK(count(svg, "<text") == (weights.empty() || weights[0].dtype() == bool_ ? 0 : 5));
    return count(svg, "<path d='M");
  };
  const double none = std::nan("");
  CHECK(edges({}) == 6);
  CHECK(edges({tensor({{1, 0}, {0, 1}, {0, 0}}) > 0}) == 2);
  CHECK(edges({tensor({{1.0, none}, {0.0, 2.0}, {-1.0, 1.0}})}) == 5);
  // as many units as the weights have, and no numbers on very many edges
  const auto large =
      network_svg({.columns = {{}, {}, {}}, .weights = {ones({5, 6}), ones({1, 5})}});
  CHECK(count(large, "<circle") == 12);
  CHECK(count(large, ">1<") == 5);
}

TEST_CASE("a zero of either sign is written without one") {
  const std::string svg = network_svg(
      {.columns = {{.values = {-0.0, 0.0}}, {.values = {1.0}, .notes = {-0.0}, .note_name = "d ="}},
       .weights = {tensor({{-0.0, 1.0}})}});
  CHECK_FALSE(has(svg, "−0"));
  CHECK(count(svg, ">0<") == 3);
  CHECK(has(svg, ">d = 0<"));
}

TEST_CASE("names stand in units that have no value, or beside them") {
  const auto svg = network_svg(
      {.columns = {
           {.names = {"a", "b"}}, {.names = {"family size"}}, {.names = {"price, in dollars"}}}});
  CHECK(has(svg, "text-anchor='middle'>a<"));
  CHECK(has(svg, "text-anchor='middle'>family size<"));
  CHECK(has(svg, "text-anchor='start'>price, in dollars<"));
}

TEST_CASE("a network that cannot be drawn is refused") {
  const auto refused = [](const NetworkDiagram& diagram, const char* error) {
    CHECK_THROWS_WITH_AS(network_svg(diagram), error, ValueError);
  };
  refused({.columns = {{.units = 2}}}, "NetworkDiagram: 1 columns, but there must be 2 at least");
  refused({.columns = {{.units = 2}, {}}},
          "NetworkDiagram: column 1 has 0 units, but it must have 1 to 64");
  refused({.columns = {{.units = 2}, {.names = {"a"}, .values = {1, 2}}}},
          "NetworkDiagram: column 1 has 1 units and 2 values");
  refused({.columns = {{.units = 2}, {.units = 2}}, .width = 10},
          "NetworkDiagram: width = 10, but it must be in [200, 1e5]");
  CHECK_THROWS_WITH_AS(
      network_svg({.columns = {{.units = 2}, {.units = 3}}, .weights = {ones({2, 3})}}),
      "NetworkDiagram: weights 0 have shape [2, 3], but columns 0 and 1 want [3, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(network_svg({.columns = {{.units = 2}, {.units = 3}},
                                    .weights = {ones({3, 2}), ones({3, 3})}}),
                       "NetworkDiagram: 2 weights between 2 columns", ShapeError);
}

TEST_CASE("a network is saved as it is drawn") {
  const TemporaryFolder folder;
  const NetworkDiagram net{.columns = {{.units = 2}, {.units = 1}}};
  save_network(folder.path("net.svg"), net);
  CHECK(read_raw_file(folder.path("net.svg")) == network_svg(net));
}

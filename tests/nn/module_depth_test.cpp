// Models as deep as the memory: making one takes time in proportion to its modules.
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/sequential.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "support/sanitizers.hpp"

using namespace gradtape;

namespace {

/// Puts `inner` into `wrap()`, so many times.
template <class Wrap> nn::Sequential nested(nn::Sequential inner, int times, const Wrap& wrap) {
  auto held = std::make_unique<nn::Sequential>(std::move(inner));
  for (int i = 0; i < times; ++i) held = std::make_unique<nn::Sequential>(wrap(*held));
  return *held;
}

std::string dotted_zeros(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "0.";
  return text;
}

}  // namespace

// What walks over all that is below at each level takes minutes for these.
constexpr int deep = 100'000;

TEST_CASE("models nested 100,000 deep are made at once, have their names, and end") {
  nn::Sequential inner(nn::Linear(1, 1));
  const Parameter weight = inner.parameters()[0];
  const auto outer = nested(std::move(inner), deep, [](const nn::Sequential& below) {
    nn::Sequential above;
    above.add(below);
    return above;
  });
  CHECK(weight.name() == dotted_zeros(deep + 1) + "weight");
  CHECK(outer.size() == 1);
}

TEST_CASE("so are those whose parts are registered before they are filled") {
  struct Block : nn::Sequential {
    nn::Sequential part = child("part", nn::Sequential());
  };
  nn::Sequential inner(nn::Linear(1, 1));
  const Parameter weight = inner.parameters()[0];
  const auto outer = nested(std::move(inner), deep / 2, [](const nn::Sequential& below) {
    Block above;
    above.part.add(below);
    return nn::Sequential(above);
  });
  CHECK(weight.name().starts_with("part.0.part.0."));
  CHECK(weight.name().size() == std::string("part.0.").size() * deep / 2 + 2 + 6);

  nn::Sequential top, last = top;  // from the outside in
  auto held = std::make_unique<nn::Sequential>(top);
  for (int i = 0; i < deep; ++i) {
    const nn::Sequential below;
    held->add(below);
    held = std::make_unique<nn::Sequential>(below);
  }
  nn::Linear end(1, 1);
  held->add(end);
  CHECK(end.weight.name() == dotted_zeros(deep + 1) + "weight");
}

TEST_CASE("names of variables in models nested 5000 deep are their paths, also in a clone") {
  // A copy is made by copy constructors, each inside the one above. The address sanitizer's frames
  // are so large that fewer of them fit into 8 MB of stack.
  const int levels = testing::under_address_sanitizer ? 500 : 5000;
  auto outer = nested(nn::Sequential(nn::Linear(1, 1)), levels, [](const nn::Sequential& below) {
    nn::Sequential above;
    above.add(below);
    return above;
  });
  const auto copied = nn::clone(outer);
  for (const auto& model : {outer, copied})
    for (const auto& [path, variable] : model.named_parameters()) {
      CHECK(path.size() > 2 * static_cast<std::size_t>(levels));
      CHECK(variable.name() == path);
    }
}

TEST_CASE("a module is refused below itself, wherever it stands") {
  nn::Sequential top, middle, bottom;
  middle.add(bottom);
  top.add(middle);
  const auto is_refused = [](nn::Sequential& above, const nn::Sequential& below) {
    CHECK_THROWS_WITH_AS(above.add(below),
                         doctest::Contains("contains the module that it would be a child of"),
                         ValueError);
  };
  is_refused(bottom, bottom);
  is_refused(bottom, middle);
  is_refused(bottom, top);
  nn::Sequential wide(nn::Sequential(nn::Linear(1, 1)), bottom, nn::Sequential(nn::Linear(1, 1)));
  is_refused(bottom, wide);  // its second parent
  const auto copied = nn::clone(top);
  auto inside = std::dynamic_pointer_cast<nn::Sequential>(copied.named_children()[0].second);
  is_refused(*inside, copied);
  inside->add(top);  // the original is not above the copy
}

TEST_CASE("a variable keeps its name when the model that gave it has ended") {
  const auto weight = [] {
    nn::Sequential outer;
    outer.add(nn::Sequential(nn::Linear(1, 1)));
    return outer.parameters()[0];
  }();
  CHECK(weight.name() == "0.0.weight");
}

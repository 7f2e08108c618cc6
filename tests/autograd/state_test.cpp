#include <gradtape/autograd/generator.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/state.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <utility>

using namespace gradtape;

static_assert(Stateful<Generator>);

TEST_CASE("a generator goes on from its saved state, whatever its seed and position") {
  for (const std::uint64_t seed : {std::uint64_t{3}, std::numeric_limits<std::uint64_t>::max()}) {
    Generator first(seed);
    first.set_position(std::numeric_limits<std::uint64_t>::max() - 3);
    first.next();
    Generator second(0);
    second.load_state_dict(first.state_dict());
    for (int i = 0; i < 8; ++i) CHECK(second.next() == first.next());
  }
}

TEST_CASE("a state that does not fit is refused with its owner and entry, and changes nothing") {
  const auto before = Generator(7).state_dict();
  Generator generator(7);
  auto state = before;
  state.erase("position");
  CHECK_THROWS_WITH_AS(generator.load_state_dict(state), "Generator: the state has no 'position'",
                       ValueError);
  state = before;
  state["seed"] = state_entry(1.0);
  CHECK_THROWS_WITH_AS(generator.load_state_dict(state),
                       "Generator: 'seed' must be [] int64, the state has [] float64", ValueError);
  state = before;
  state["sed"] = state_entry(1.0);
  CHECK_THROWS_WITH_AS(generator.load_state_dict(state),
                       "Generator: the state has an unknown entry 'sed'", ValueError);
  CHECK(generator.next() == Generator(7).next());
}

TEST_CASE("parts of a state come back as they went in, next to names that begin alike") {
  StateDict whole;
  add_part(whole, "model", {{"a.b", state_entry(1.5)}, {"c", state_entry(std::int64_t{2})}});
  add_part(whole, "model2", {{"a", state_entry(3.0)}});
  CHECK(whole.size() == 3);
  const auto part = part_of(whole, "model");
  CHECK(part.size() == 2);
  CHECK(part.at("a.b").item<double>() == 1.5);
  CHECK(part.at("c").item<std::int64_t>() == 2);
  CHECK(part_of(whole, "mod").empty());
}

#include <gradtape/autograd/ops/recurrence.hpp>

#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

using author::RecurrentCall;
using author::RecurrentResult;

/// x: input, weight, h, and c of an LSTM, bias.
template <class Run>
OpSample sample(const char* name, std::int64_t gates, const RecurrentCall& options, Run run) {
  const bool cell = gates == 4;
  const auto results = [=](Inputs x) {
    RecurrentCall call = options;
    call.input = x[0], call.weight = x[1], call.initial.h = x[2], call.bias = x.back();
    if (cell) call.initial.c = x[3];
    const RecurrentResult y = run(call);
    return cell ? std::vector<Tensor>{y.h, y.last.h, y.last.c} : std::vector<Tensor>{y.h, y.last.h};
  };
  const auto call = [=](std::int64_t steps, std::int64_t n, std::int64_t hidden) {
    std::vector<Shape> shapes{{steps, n, gates * hidden}, {gates * hidden, hidden}, {n, hidden}};
    if (cell) shapes.push_back({n, hidden});
    shapes.push_back({gates * hidden});
    return shapes;
  };
  OpSample made{name, "",
                [=](Inputs x) { const auto y = results(x); return sum(y[0]) + sum(sin(y.back())); },
                {call(3, 2, 2), call(1, 1, 1)}, {{-1, 1}}};
  if (options.lengths.defined()) made.shapes.pop_back();
  return with_results(std::move(made), results);
}

Rows rows() {
  RecurrentCall forth, back, uneven, uneven_back;
  back.reverse = uneven_back.reverse = true;
  uneven.lengths = indices({1, 3});
  uneven_back.lengths = indices({2, 1});
  Rows all;
  for (const auto& options : {forth, back, uneven, uneven_back}) {
    all.push_back(sample("rnn", 1, options, [](const RecurrentCall& c) { return author::rnn(c, false); }));
    all.push_back(sample("lstm", 4, options, author::lstm));
    all.push_back(sample("gru", 3, options, author::gru));
  }
  const auto projected = [](Inputs x) {  // by public ops
    return author::lstm({.input = x[0], .initial = {x[2], x[3]}, .weight = x[1], .bias = x[4], .projection = x[5],
                         .lengths = {}}).h;
  };
  all.push_back({"lstm", "", projected, {{{3, 2, 8}, {8, 1}, {2, 1}, {2, 2}, {8}, {1, 2}}}, {{-1, 1}}});
  return all;
}

const Family family("recurrence", rows);

}  // namespace
}  // namespace gradtape::testing

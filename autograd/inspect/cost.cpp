#include "gradtape/autograd/cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "gradtape/autograd/inspect/backward_work.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {
namespace {

void add(OpCost& cost, const detail::Work& forward, const detail::Work& backward) {
  ++cost.nodes;
  cost.forward_flops += static_cast<double>(forward.flops);
  cost.forward_bytes += static_cast<double>(forward.bytes);
  cost.backward_flops += static_cast<double>(backward.flops);
  cost.backward_bytes += static_cast<double>(backward.bytes);
}

/// The memory that the result of node i takes: that of all its outputs, of an op with several.
double result_bytes(const Tape& tape, std::size_t i) {
  if (tape.work(i).bytes == 0 && tape.work(i).flops == 0) return 0;  // it shares its elements
  const auto bytes = [&](std::size_t k) {
    const auto elements = static_cast<std::size_t>(tape.shape(k).numel()) * size_of(tape.dtype(k));
    return elements <= detail::inline_bytes
               ? 0.0
               : static_cast<double>(detail::Storage::header + elements);
  };
  double sum = bytes(i);
  for (auto k = i + 1; k < tape.size(); ++k)
    if (tape.name(k) == tape.name(i) && tape.inputs(k).size() == 1 && tape.inputs(k)[0] == i &&
        tape.work(k).bytes == 0)
      sum += bytes(k);
  return sum;
}

/// 1234567 as "1.23 M".
std::string scaled(double x) {
  const char* units[] = {"", " k", " M", " G", " T"};
  std::size_t unit = 0;
  for (; x >= 1000 && unit < 4; ++unit) x /= 1000;
  return unit == 0 ? fmt::format("{:.0f}", x) : fmt::format("{:.3g}{}", x, units[unit]);
}

std::string line(const OpCost& op) {
  return fmt::format("{:<24}{:>8}{:>12}{:>12}{:>12}{:>12}{:>8.2f}\n", op.name, op.nodes,
                     scaled(op.forward_flops), scaled(op.backward_flops), scaled(op.forward_bytes),
                     scaled(op.backward_bytes), op.ratio());
}

}  // namespace

double OpCost::ratio() const {
  if (forward_flops > 0) return backward_flops / forward_flops;
  return forward_bytes > 0 ? backward_bytes / forward_bytes : 0;
}

Cost cost(const Tensor& output, const Tensor& seed) {
  const Tape tape(output);
  detail::BackwardWork counting;
  detail::run_watched_pass(output, seed);
  const auto& backward = counting.finish();
  Cost cost;
  cost.total.name = "total";
  std::map<std::string, OpCost> by_name;
  double held = 0;
  bool first = true;
  for (std::size_t i = 0; i < tape.size(); ++i) {
    if (tape.is_leaf(i)) {
      ++cost.leaves;
      continue;
    }
    add(by_name[tape.name(i)], tape.work(i), backward[i]);
    add(cost.total, tape.work(i), backward[i]);
    // What came and went before the first op was no part of this graph.
    held += first ? result_bytes(tape, i) : static_cast<double>(tape.held(i));
    first = false;
    cost.peak_bytes = std::max(cost.peak_bytes, held);
  }
  for (auto& [name, op] : by_name) {
    op.name = name;
    cost.ops.push_back(op);
  }
  const auto weight = [](const OpCost& op) { return op.forward_flops + op.backward_flops; };
  std::stable_sort(cost.ops.begin(), cost.ops.end(),
                   [&](const OpCost& a, const OpCost& b) { return weight(a) > weight(b); });
  return cost;
}

std::string Cost::str() const {
  std::string text = fmt::format("{:<24}{:>8}{:>12}{:>12}{:>12}{:>12}{:>8}\n", "op", "nodes",
                                 "fwd flops", "bwd flops", "fwd bytes", "bwd bytes", "ratio");
  for (const auto& op : ops) text += line(op);
  return text + line(total) +
         fmt::format("peak bytes held while recording: {}\n", scaled(peak_bytes));
}

std::ostream& operator<<(std::ostream& out, const Cost& cost) { return out << cost.str(); }

}  // namespace gradtape

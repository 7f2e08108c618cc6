#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gradtape/autograd/draw.hpp"
#include "gradtape/autograd/inspect/backward_work.hpp"
#include "gradtape/autograd/inspect/notes.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/json.hpp"

namespace gradtape {

using detail::Clock;
using detail::Statistics;

namespace {

/// trace_page.html, as the build makes it a string literal.
constexpr std::string_view page_template =
#include <gradtape_trace_page.inc>
    ;
/// Where the tape goes in it, as JSON.
constexpr std::string_view tape_place = "/* the tape */ null";

/// A number as the page shows it: JSON knows no NaN.
std::string shown(double v) {
  return std::isnan(v)   ? R"("NaN")"
         : std::isinf(v) ? (v > 0 ? R"("inf")" : R"("-inf")")
                         : detail::json_number(v);
}

/// How many of the first elements the page shows.
constexpr std::size_t shown_elements = 4;

/// Statistics as JSON; null where nothing was noted.
std::string in_json(const Statistics& s) {
  if (!s.known) return "null";
  std::vector<std::string> first;
  for (std::size_t i = 0; i < std::min(shown_elements, s.first.size()); ++i)
    first.push_back(shown(s.first[i]));
  const auto begin = fmt::format(R"({{"first":[{}],"inf":{},)", fmt::join(first, ","), s.infinite);
  const auto counts = fmt::format(R"("n":{},"nan":{})", s.finite + s.nan + s.infinite, s.nan);
  if (s.finite == 0) return fmt::format("{}{}}}", begin, counts);
  const auto n = static_cast<double>(s.finite);
  return fmt::format(R"({}"max":{},"mean":{},"min":{},{},"norm":{},"histogram":[{}]}})", begin,
                     detail::json_number(s.max), detail::json_number(s.sum / n),
                     detail::json_number(s.min), counts, detail::json_number(s.norm),
                     fmt::join(s.histogram, ","));
}

std::string in_json(const detail::Work& work, std::chrono::nanoseconds time, bool bad) {
  return fmt::format(R"({{"bad":{},"bytes":{},"flops":{},"ns":{}}})", bad, work.bytes, work.flops,
                     time.count());
}

/// The statistics of every cotangent of a pass, the work of the vjps, and their time.
class GradientNotes : public detail::BackwardWork {
 public:
  explicit GradientNotes(std::size_t nodes) : gradients(nodes), time(nodes) {}

  void visited(const Tape& tape, std::size_t i, const Tensor& g) override {
    if (!is_pass(tape)) return;
    stop();
    gradients[i] = detail::statistics(g);
    order.push_back(i);
    BackwardWork::visited(tape, i, g);
    start_ = Clock::now();
  }
  /// The time since a node was visited is that of its vjps.
  void stop() {
    if (!order.empty()) time[order.back()] = Clock::now() - start_;
  }

  std::vector<Statistics> gradients;           // by position
  std::vector<std::chrono::nanoseconds> time;  // by position
  std::vector<std::size_t> order;              // of the visits

 private:
  Clock::time_point start_;
};

/// Each leaf before its first user: the order of the page.
std::vector<std::size_t> page_order(const Tape& tape) {
  std::vector<std::size_t> order;
  std::vector<bool> placed(tape.size());
  const auto place = [&](std::size_t i) {
    if (!placed[i]) order.push_back(i);
    placed[i] = true;
  };
  for (std::size_t i = 0; i < tape.size(); ++i) {
    if (tape.is_leaf(i)) continue;
    for (const auto input : tape.inputs(i))
      if (tape.is_leaf(input)) place(input);
    place(i);
  }
  for (std::size_t i = 0; i < tape.size(); ++i) place(i);  // an output that is a leaf itself
  return order;
}

/// The first named leaf among the inputs of node i: "3.weight" of a layer's conv2d.
std::string layer_of(const Tape& tape, std::size_t i) {
  for (const auto input : tape.inputs(i))
    if (auto name = tape.leaf_name(input); !name.empty()) return name;
  return {};
}

/// What NaN and infinities do: nothing to worry about unless they reach a result.
struct Trouble {
  std::vector<bool> bad;        // by position: they are there, and reach a result
  std::string first, harmless;  // where they appear first, of those that do and do not
};

/// `order` is that of the computation of `numbers`; those of node i flow to the nodes `next[i]`,
/// and are a result where there are none. What was not noted is taken to pass them on.
Trouble trouble(const std::vector<Statistics>& numbers, const std::vector<std::size_t>& order,
                const std::vector<std::vector<std::size_t>>& next, const char* what,
                const std::vector<std::string>& titles) {
  std::vector<bool> reaches(numbers.size());
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    const auto& to = next[*i];
    if (!numbers[*i].known || !numbers[*i].all_finite())
      reaches[*i] = to.empty()
                        ? numbers[*i].known
                        : std::any_of(to.begin(), to.end(), [&](auto j) { return reaches[j]; });
  }
  Trouble found;
  found.bad.resize(numbers.size());
  for (const auto i : order) {
    if (!numbers[i].known || numbers[i].all_finite()) continue;
    found.bad[i] = reaches[i];
    auto& text = reaches[i] ? found.first : found.harmless;
    if (text.empty()) text = fmt::format("in the {} of {}", what, titles[i]);
  }
  return found;
}

}  // namespace

Trace::Trace() : notes_(std::make_unique<Notes>()) {}
Trace::~Trace() = default;

void Trace::recorded(const char*, const Tensor& output, std::span<const Tensor> inputs) {
  if (recording_mode().inside_op) return;
  const auto time = Clock::now() - notes_->last;
  for (const auto& input : inputs)
    if (input.is_leaf()) notes_->values[input.node_ref().get()] = {detail::statistics(input), {}};
  if (output.is_tracked())
    notes_->values[output.node_ref().get()] = {detail::statistics(output), time};
  notes_->last = Clock::now();
}

std::string Trace::html(const Tensor& output, const Tensor& seed) const {
  const Tape tape(output);
  GradientNotes notes(tape.size());
  detail::run_watched_pass(output, seed);
  notes.stop();
  const auto& work = notes.finish();
  const auto order = page_order(tape);

  std::vector<std::size_t> place(tape.size());
  std::vector<std::string> titles(tape.size());
  std::vector<Notes::Value> values(tape.size());
  std::vector<std::vector<std::size_t>> inputs(tape.size()), users(tape.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    const auto i = order[k];
    place[i] = k;
    const auto of = tape.is_leaf(i) ? tape.leaf_name(i) : layer_of(tape, i);
    titles[i] = fmt::format("{} {}{}{}", k, tape.name(i), of.empty() ? "" : " ", of);
    if (const auto noted = notes_->values.find(tape.id(i)); noted != notes_->values.end())
      values[i] = noted->second;
    for (const auto j : tape.inputs(i)) {
      inputs[i].push_back(j);
      users[j].push_back(i);
    }
  }

  std::vector<Statistics> of_values;
  of_values.reserve(values.size());
  for (const auto& value : values) of_values.push_back(value.statistics);
  const std::vector<std::size_t> backward(order.rbegin(), order.rend());
  const auto in_values = trouble(of_values, order, users, "value", titles);
  const auto in_gradients = trouble(notes.gradients, backward, inputs, "gradient", titles);

  std::vector<std::string> nodes;
  for (const auto i : order) {
    std::vector<std::size_t> from;
    for (const auto j : inputs[i]) from.push_back(place[j]);
    nodes.push_back(fmt::format(
        R"({{"backward":{},"dtype":"{}","forward":{},"gradient":{},"inputs":[{}],)"
        R"("layer":{},"name":{},"op":{},"shape":"{}","value":{}}})",
        in_json(work[i], notes.time[i], in_gradients.bad[i]), name(tape.dtype(i)),
        in_json(tape.work(i), values[i].time, in_values.bad[i]), in_json(notes.gradients[i]),
        fmt::join(from, ","), detail::lossy_json_string(layer_of(tape, i)),
        detail::lossy_json_string(tape.leaf_name(i)), detail::lossy_json_string(tape.name(i)),
        tape.shape(i).str(), in_json(of_values[i])));
  }
  const auto either = [](const std::string& a, const std::string& b) {
    return detail::lossy_json_string(a.empty() ? b : a);
  };
  auto text = fmt::format(R"({{"harmless":{},"nodes":[{}],"nonFinite":{}}})",
                          either(in_values.harmless, in_gradients.harmless), fmt::join(nodes, ","),
                          either(in_values.first, in_gradients.first));
  // "</" would end the script that the data stands in.
  for (auto at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
    text.insert(at + 1, "\\");
  notes_->last = Clock::now();  // this was no op's time
  std::string page(page_template);
  return page.replace(page.find(tape_place), tape_place.size(), text);
}

void Trace::save_html(const std::string& path, const Tensor& output, const Tensor& seed) const {
  const auto page = html(output, seed);
  write_file(path, page, "save_html");
}

}  // namespace gradtape

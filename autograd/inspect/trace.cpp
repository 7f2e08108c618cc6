#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gradtape/autograd/draw.hpp"
#include "gradtape/autograd/inspect/backward_work.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/json.hpp"

namespace gradtape {
namespace {

/// trace_page.html, as the build makes it a string literal.
constexpr std::string_view page_template =
#include <gradtape_trace_page.inc>
    ;
/// Where the tape goes in it, as JSON.
constexpr std::string_view tape_place = "/* the tape */ null";

struct Statistics {
  double min = INFINITY, max = -INFINITY, sum = 0, squares = 0;
  std::int64_t finite = 0, nan = 0, infinite = 0;
  bool known = false;
};

Statistics statistics(const Tensor& x) {
  Statistics s{.known = true};
  detail::visit_floating(x.dtype(), "trace", [&](auto zero) {
    for (const auto element : x.data<decltype(zero)>()) {
      const auto v = static_cast<double>(element);
      if (!std::isfinite(v)) {
        ++(std::isnan(v) ? s.nan : s.infinite);
        continue;
      }
      ++s.finite;
      s.min = std::min(s.min, v);
      s.max = std::max(s.max, v);
      s.sum += v;
      s.squares += v * v;
    }
  });
  return s;
}

/// Statistics as JSON; null where nothing was noted.
std::string in_json(const Statistics& s) {
  if (!s.known) return "null";
  const auto counts = fmt::format(R"("n":{},"nan":{})", s.finite + s.nan + s.infinite, s.nan);
  if (s.finite == 0) return fmt::format(R"({{"inf":{},{}}})", s.infinite, counts);
  const auto n = static_cast<double>(s.finite);
  return fmt::format(R"({{"inf":{},"max":{},"mean":{},"min":{},{},"norm":{}}})", s.infinite,
                     detail::json_number(s.max), detail::json_number(s.sum / n),
                     detail::json_number(s.min), counts, detail::json_number(std::sqrt(s.squares)));
}

std::string in_json(const detail::Work& work) {
  return fmt::format(R"({{"bytes":{},"flops":{}}})", work.bytes, work.flops);
}

bool all_finite(const Statistics& s) { return s.nan == 0 && s.infinite == 0; }

/// The statistics of every cotangent of a pass, and the work of the vjps.
class GradientNotes : public detail::BackwardWork {
 public:
  explicit GradientNotes(std::size_t nodes) : gradients(nodes) {}

  void visited(const Tape& tape, std::size_t i, const Tensor& g) override {
    gradients[i] = statistics(g);
    if (first_bad.empty() && !all_finite(gradients[i]))
      first_bad = fmt::format("in the gradient of {} {}", i, tape.name(i));
    BackwardWork::visited(tape, i, g);
  }

  std::vector<Statistics> gradients;  // by position
  std::string first_bad;
};

}  // namespace

struct Trace::Notes {
  std::unordered_map<const void*, Statistics> values;  // by node
};

Trace::Trace() : notes_(std::make_unique<Notes>()) {}
Trace::~Trace() = default;

void Trace::recorded(const char*, const Tensor& output, std::span<const Tensor> inputs) {
  if (recording_mode().inside_op) return;
  for (const auto& input : inputs)
    if (input.is_leaf()) notes_->values[input.node_ref().get()] = statistics(input);
  if (output.is_tracked()) notes_->values[output.node_ref().get()] = statistics(output);
}

std::string Trace::html(const Tensor& output, const Tensor& seed) const {
  const Tape tape(output);
  GradientNotes notes(tape.size());
  detail::run_watched_pass(output, seed);
  const auto& work = notes.finish();

  std::vector<std::string> nodes;
  std::string first_bad_value;
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const auto noted = notes_->values.find(tape.id(i));
    const auto value = noted == notes_->values.end() ? Statistics() : noted->second;
    if (first_bad_value.empty() && !all_finite(value))
      first_bad_value = fmt::format("in the value of {} {}", i, tape.name(i));
    nodes.push_back(fmt::format(
        R"({{"backward":{},"dtype":"{}","forward":{},"gradient":{},"inputs":[{}],"name":{},)"
        R"("op":{},"shape":"{}","value":{}}})",
        in_json(work[i]), name(tape.dtype(i)), in_json(tape.work(i)), in_json(notes.gradients[i]),
        fmt::join(tape.inputs(i), ","), detail::lossy_json_string(tape.leaf_name(i)),
        detail::lossy_json_string(tape.name(i)), tape.shape(i).str(), in_json(value)));
  }
  auto text = fmt::format(
      R"({{"nodes":[{}],"nonFinite":{}}})", fmt::join(nodes, ","),
      detail::lossy_json_string(first_bad_value.empty() ? notes.first_bad : first_bad_value));
  // "</" would end the script that the data stands in.
  for (auto at = text.find("</"); at != std::string::npos; at = text.find("</", at + 3))
    text.insert(at + 1, "\\");
  std::string page(page_template);
  return page.replace(page.find(tape_place), tape_place.size(), text);
}

void Trace::save_html(const std::string& path, const Tensor& output, const Tensor& seed) const {
  const auto page = html(output, seed);
  write_file(path, page, "save_html");
}

}  // namespace gradtape

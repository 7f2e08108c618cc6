#include "gradtape/autograd/gradcheck.hpp"

#include <fmt/ranges.h>

#include <optional>
#include <utility>
#include <vector>

#include "gradtape/autograd/check/report.hpp"

namespace gradtape {

using namespace gradient_check;

namespace {

bool moves_every_element(const Tensors& x, const GradcheckOptions& options) {
  using Mode = GradcheckOptions::Mode;
  std::int64_t elements = 0;
  for (const auto& tensor : x) elements += tensor.numel();
  return options.mode == Mode::exact ||
         (options.mode == Mode::automatic && elements <= options.exact_limit);
}

/// All outputs together, or one alone.
GradcheckResult check_outputs(const Function& f, const Tensors& inputs,
                              const GradcheckOptions& options, std::vector<std::size_t>& outputs,
                              std::optional<std::size_t> only = {}) {
  GradcheckResult result;
  try {
    const Problem problem(f, inputs, options, only);
    if (const auto problem_of = problem.captured_input(); !problem_of.empty())
      throw Stop{Verdict::inconclusive, Cause::unnamed_parameter, problem_of};
    outputs = problem.outputs;
    if (const auto leaves = problem.unchecked_leaves(); !leaves.empty()) {
      if (!options.parameters.empty())
        stop(Cause::unnamed_parameter,
             "f uses variables that are neither inputs nor among the parameters: {}; register "
             "them with parameter() or child(), or no optimizer moves them and no file keeps "
             "them; or pass them as inputs",
             fmt::join(leaves, ", "));
      result.notes.push_back(
          fmt::format("not checked: {}; list them as parameters, or pass them as inputs",
                      fmt::join(leaves, ", ")));
    }
    const bool exact = moves_every_element(problem.values, options);
    double size = 0;
    const auto holds = [&](Probe probe) {
      const auto comparison = compare(std::move(probe), exact, options.directions, size);
      size = comparison.size;
      return conclude(comparison, options, result);
    };
    if (holds(first_order(problem)) && options.order == 2) holds(second_order(problem));
  } catch (const Stop& reason) {
    result.verdict = reason.verdict;
    result.cause = reason.cause;
    result.message = fmt::format("gradcheck: {}: {}", name(reason.verdict), reason.message);
  }
  return result;
}

/// Of several outputs that are wrong together, the first that is wrong alone, and which others are.
GradcheckResult blame_output(const Function& f, const Tensors& inputs,
                             const GradcheckOptions& options,
                             const std::vector<std::size_t>& outputs, GradcheckResult together) {
  std::optional<GradcheckResult> wrong;
  std::string others;
  for (const auto k : outputs) {
    std::vector<std::size_t> ignored;
    auto alone = check_outputs(f, inputs, options, ignored, k);
    const bool fails = alone.verdict == Verdict::fail;
    if (fails && !wrong) {
      const std::string head = "gradcheck: fail: ";
      alone.message.insert(head.size(), fmt::format("output {}: ", k));
      alone.output = static_cast<int>(k);
      wrong = std::move(alone);
    } else {
      others += fmt::format("\n  output {} alone: {}{}", k, name(alone.verdict),
                            fails ? fmt::format(": {}", name(alone.cause)) : "");
    }
  }
  if (!wrong) {
    together.message +=
        "\n  every output is right alone: contributions of several are added up wrongly";
    return together;
  }
  wrong->message += others;
  return *wrong;
}

}  // namespace

GradcheckResult detail::run_gradcheck(const Function& f, const Tensors& inputs,
                                      const GradcheckOptions& options) {
  if (options.order != 1 && options.order != 2)
    fail<ValueError>("gradcheck", fmt::format("order must be 1 or 2, got {}", options.order));
  if (options.directions < 1)
    fail<ValueError>("gradcheck",
                     fmt::format("directions must be at least 1, got {}", options.directions));
  std::vector<std::size_t> outputs;
  auto together = check_outputs(f, inputs, options, outputs);
  if (outputs.size() < 2 || together.verdict != Verdict::fail) return together;
  return blame_output(f, inputs, options, outputs, std::move(together));
}

}  // namespace gradtape

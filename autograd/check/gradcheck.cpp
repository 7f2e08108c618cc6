#include "gradtape/autograd/gradcheck.hpp"

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

}  // namespace

GradcheckResult gradcheck(const Function& f, const Tensors& inputs,
                          const GradcheckOptions& options) {
  if (options.order != 1 && options.order != 2)
    fail<ValueError>("gradcheck", fmt::format("order must be 1 or 2, got {}", options.order));
  if (options.directions < 1)
    fail<ValueError>("gradcheck",
                     fmt::format("directions must be at least 1, got {}", options.directions));
  GradcheckResult result;
  try {
    const Problem problem(f, inputs, options);
    if (const auto leaves = problem.unchecked_leaves(); !leaves.empty()) {
      if (!options.parameters.empty())
        stop(Cause::unnamed_parameter,
             "f uses variables that are neither inputs nor among the parameters: {}; register "
             "them with parameter() or child(), or no optimizer moves them and no file keeps them",
             leaves);
      result.notes.push_back(fmt::format("not checked: {}; list them as parameters", leaves));
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

}  // namespace gradtape

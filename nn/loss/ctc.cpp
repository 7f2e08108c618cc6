#include "gradtape/nn/loss/ctc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/loss/check.hpp"

namespace gradtape::nn {

using namespace author;
using namespace detail;

namespace {

constexpr const char* op = "ctc_loss";
constexpr double infinity = std::numeric_limits<double>::infinity();
using Indices = std::vector<std::int64_t>;

Indices lengths(const char* what, const Tensor& given, std::int64_t n, std::int64_t most) {
  if (given.dtype() != int64)
    fail<DtypeError>(op, fmt::format("{} must be int64, got {}", what, name(given.dtype())));
  if (given.numel() != n || given.ndim() > 1)
    fail<ShapeError>(op, fmt::format("{} {} must hold one length for each of {} sequences", what,
                                     describe(given), n));
  const auto data = given.data<std::int64_t>();
  for (const auto length : data)
    if (length < 0 || length > most)
      fail<ValueError>(op, fmt::format("{} holds {}, outside [0, {}]", what, length, most));
  return Indices(data.begin(), data.end());
}

/// The targets with blanks between and around them: what the states of the recursion stand for.
struct States {
  std::int64_t n, count;  ///< [n, count], count = 2 longest + 1
  Indices label;          ///< of every state
  Indices skips;          ///< 1 where the state two before may be its predecessor
};

States states_of(const Tensor& targets, const Indices& target_lengths, std::int64_t blank,
                 std::int64_t classes) {
  const auto n = static_cast<std::int64_t>(target_lengths.size());
  const auto longest = n ? *std::max_element(target_lengths.begin(), target_lengths.end()) : 0;
  const bool joined = targets.ndim() == 1;
  const auto given = targets.data<std::int64_t>();
  States states{n, 2 * longest + 1, {}, {}};
  states.label.assign(static_cast<std::size_t>(n * states.count), blank);
  states.skips.assign(states.label.size(), 0);
  std::int64_t start = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto length = target_lengths[static_cast<std::size_t>(i)];
    const auto offset = joined ? start : i * targets.size(-1);
    for (std::int64_t j = 0; j < length; ++j) {
      const auto label = given[static_cast<std::size_t>(offset + j)];
      if (label < 0 || label >= classes || label == blank)
        fail<ValueError>(op, fmt::format("label {} of target {} is the blank or out of range for "
                                         "{} classes",
                                         label, i, classes));
      const auto state = static_cast<std::size_t>(i * states.count + 2 * j + 1);
      states.label[state] = label;
      states.skips[state] = j > 0 && label != states.label[state - 2];
    }
    start += length;
  }
  return states;
}

/// Every state's value moved `by` states up, with log 0 below.
Tensor moved_up(const Tensor& alpha, std::int64_t by) {
  const auto n = alpha.size(0), count = alpha.size(1);
  if (by >= count) return full(alpha.shape(), -infinity, alpha.dtype());
  return concat({full({n, by}, -infinity, alpha.dtype()), slice(alpha, 1, 0, count - by)}, 1);
}

/// -log p of every target; log_p: [time, n, classes]
Tensor negative_log_likelihood(const Tensor& log_p, const States& states,
                               const Indices& input_lengths, const Indices& target_lengths) {
  const auto time = log_p.size(0), n = states.n, count = states.count;
  const Tensor label = tensor(states.label, {1, n, count});
  const Tensor skips = tensor(states.skips, {n, count}) == 1;
  const Tensor until = tensor(input_lengths, {n, 1});
  const Tensor emitted = gather(log_p, 2, expand(label, {time, n, count}));

  // Before the first step only a virtual state before state 0 is possible; it leads to states 0, 1.
  const Tensor first = arange(count) < 2;
  Tensor alpha = where(arange(count) == 0, Tensor(0.0).to(log_p.dtype()), -infinity);
  alpha = expand(alpha, {n, count});
  for (std::int64_t t = 0; t < time; ++t) {
    const Tensor emission = select(emitted, 0, t);
    const Tensor next =
        t == 0 ? where(first, emission, -infinity)
               : emission + logsumexp(stack({alpha, moved_up(alpha, 1),
                                             where(skips, moved_up(alpha, 2), -infinity)}),
                                      0);
    alpha = where(until > t, next, alpha);
  }

  // A complete target ends in its last label or the blank behind it.
  std::vector<std::int64_t> final_states;
  for (const auto length : target_lengths) {
    final_states.push_back(2 * length);
    final_states.push_back(std::max<std::int64_t>(2 * length - 1, 0));
  }
  const Tensor ends = gather(alpha, 1, tensor(final_states, {n, 2}));
  const Tensor empty_target = tensor(target_lengths, {n, 1}) == 0;
  const Tensor twice = logical_and(empty_target, arange(2) == 1);
  return -logsumexp(where(twice, -infinity, ends), 1);
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probabilities, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, CtcOptions options) {
  const Tensor& x = log_probabilities;
  need_defined(op, x, "log_probabilities");
  need_defined(op, targets, "targets");
  need_defined(op, input_lengths, "input_lengths");
  need_defined(op, target_lengths, "target_lengths");
  if (x.ndim() != 2 && x.ndim() != 3)
    fail<ShapeError>(op, fmt::format("needs log-probabilities [time, n, classes] or "
                                     "[time, classes], got {}",
                                     describe(x)));
  check_log_probabilities(op, x);
  const bool one = x.ndim() == 2;
  const Tensor log_p = one ? unsqueeze(x, 1) : x;
  const auto time = log_p.size(0), n = log_p.size(1), classes = log_p.size(2);
  if (options.blank < 0 || options.blank >= classes)
    fail<ValueError>(
        op, fmt::format("blank {} is out of range for {} classes", options.blank, classes));
  if (targets.dtype() != int64)
    fail<DtypeError>(op, fmt::format("targets must be int64, got {}", name(targets.dtype())));
  if (targets.ndim() != 1 && !(targets.ndim() == 2 && targets.size(0) == n))
    fail<ShapeError>(op, fmt::format("targets {} must be [n, longest] for n = {}, or all joined in "
                                     "one axis",
                                     describe(targets), n));
  const Indices inputs = lengths("input_lengths", input_lengths, n, time);
  const Indices outputs = lengths("target_lengths", target_lengths, n, targets.size(-1));
  if (const auto sum = std::accumulate(outputs.begin(), outputs.end(), std::int64_t{0});
      targets.ndim() == 1 && sum > targets.numel())
    fail<ShapeError>(op, fmt::format("the target_lengths sum to {}, but targets {} holds fewer",
                                     sum, describe(targets)));

  const States states = states_of(targets, outputs, options.blank, classes);
  Tensor losses = negative_log_likelihood(log_p, states, inputs, outputs);
  if (options.zero_infinity) losses = where(losses == infinity, 0, losses);
  if (options.reduction == Reduction::mean) {
    const Tensor divisor = tensor(outputs).to(losses.dtype());
    losses = losses / maximum(divisor, 1);
  }
  if (one) losses = reshape(losses, {});
  return reduce(op, losses, options.reduction);
}

}  // namespace gradtape::nn

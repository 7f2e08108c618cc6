#include "gradtape/optim/lbfgs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/matmul.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/optim/line_search.hpp"
#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

using author::at_least;

namespace {

using detail::LinePoint;

double number(const Tensor& x) { return x.item<double>(); }
double largest(const Tensor& x) { return number(max(abs(x))); }

/// All parameters as one vector of their dtype, float64 where they have several.
class Flat {
 public:
  explicit Flat(const std::vector<Parameter>& parameters) : parameters_(parameters) {
    for (const auto& parameter : parameters)
      if (parameter.dtype() != parameters[0].dtype()) dtype_ = float64;
  }

  Dtype dtype() const { return dtype_; }
  Tensor values() const {
    return join([](const Parameter& p) { return p.tensor(); });
  }
  Tensor gradients() const {
    return join([](const Parameter& p) {
      const Tensor g = p.is_frozen() ? Tensor() : p.grad();
      return g.defined() ? g : zeros(p.shape(), p.dtype());
    });
  }
  void set(const Tensor& values) const {
    std::int64_t begin = 0;
    for (const auto& parameter : parameters_) {
      const auto end = begin + parameter.numel();
      const Tensor part = reshape(slice(values, 0, begin, end), parameter.shape());
      if (!parameter.is_frozen()) parameter.set(part.to(parameter.dtype()));
      begin = end;
    }
  }

 private:
  template <class F> Tensor join(const F& of) const {
    std::vector<Tensor> parts;
    parts.reserve(parameters_.size());
    for (const auto& parameter : parameters_)
      parts.push_back(reshape(of(parameter).detach(), {parameter.numel()}).to(dtype_));
    return concat(parts, 0);
  }

  const std::vector<Parameter>& parameters_;
  Dtype dtype_ = parameters_[0].dtype();
};

/// -H g by the two loops of Algorithm 7.4.
Tensor direction(const LBFGSState& s, const Tensor& gradient) {
  Tensor d = -gradient;
  std::vector<double> alpha(s.history.size());
  for (auto i = s.history.size(); i-- > 0;) {
    const auto& [change, move, rho] = s.history[i];
    alpha[i] = rho * number(dot(move, d));
    d = d - alpha[i] * change;
  }
  d = s.scale * d;
  for (std::size_t i = 0; i < s.history.size(); ++i) {
    const auto& [change, move, rho] = s.history[i];
    d = d + (alpha[i] - rho * number(dot(change, d))) * move;
  }
  return d;
}

/// Adds the last step to the history, unless the curvature along it was not positive, or
/// overflowed.
void remember(LBFGSState& s, const Tensor& gradient, std::int64_t history_size) {
  const Tensor change = gradient - s.gradient;
  const double curvature = number(dot(change, s.move));
  const double size_of_change = number(dot(change, change));
  if (!(curvature > 1e-10) || !std::isfinite(curvature) || !std::isfinite(size_of_change)) return;
  const auto size = static_cast<std::size_t>(history_size);
  if (s.history.size() >= size)
    s.history.erase(s.history.begin(), s.history.end() - static_cast<std::ptrdiff_t>(size) + 1);
  s.history.push_back({change, s.move, 1 / curvature});
  s.scale = curvature / size_of_change;
}

void convert(LBFGSState& s, Dtype dtype) {
  for (auto* x : {&s.move, &s.gradient})
    if (x->defined()) *x = x->to(dtype);
  for (auto& [change, move, rho] : s.history) {
    change = change.to(dtype);
    move = move.to(dtype);
  }
}

/// One call of step: works on a copy of the state.
class Minimization {
 public:
  Minimization(const LBFGSOptions& options, const LBFGSState& state, const Optimizer& optimizer,
               const std::function<Tensor()>& loss)
      : o_(options),
        s_(state),
        optimizer_(optimizer),
        loss_(loss),
        flat_(optimizer.parameters()),
        x_(flat_.values()) {
    for (const auto& parameter : optimizer.parameters())
      start_.push_back(parameter.tensor().detach());
    convert(s_, flat_.dtype());
  }

  double run() try {
    const auto evaluated_before = s_.evaluations;
    LinePoint at = evaluate();
    const double first = at.value;
    if (largest(at.gradient) <= o_.tolerance_grad) return first;
    for (std::int64_t i = 1;; ++i) {
      const double before = at.value;
      if (!iterate(at, i == o_.max_iter)) break;
      if (i == o_.max_iter || is_enough(s_.evaluations - evaluated_before)) break;
      if (largest(at.gradient) <= o_.tolerance_grad) break;
      if (largest(s_.move) <= o_.tolerance_change) break;
      if (std::abs(at.value - before) < o_.tolerance_change) break;
    }
    return first;
  } catch (...) {
    for (std::size_t i = 0; i < start_.size(); ++i) optimizer_.parameters()[i].set(start_[i]);
    throw;
  }

  LBFGSState& state() { return s_; }

 private:
  bool is_enough(std::int64_t evaluations) const {
    return o_.max_eval > 0 ? evaluations >= o_.max_eval
                           : evaluations - o_.max_iter >= o_.max_iter / 4;
  }

  LinePoint evaluate() {
    ++s_.evaluations;
    for (const auto& parameter : optimizer_.parameters()) parameter.zero_grad();
    const Tensor loss = loss_();
    loss.backward();
    return {.value = number(loss.detach()), .gradient = flat_.gradients()};
  }

  /// One step from x_, where value and gradient are those of `at`, and then of x_ again, unless
  /// the call ends here. False where no direction leads down.
  bool iterate(LinePoint& at, bool is_last) {
    const bool first = s_.iterations++ == 0;
    if (first)
      s_.scale = 1;
    else
      remember(s_, at.gradient, o_.history_size);
    const Tensor d = direction(s_, at.gradient);
    const double t = first ? std::min(1.0, 1 / number(sum(abs(at.gradient)))) * o_.lr : o_.lr;
    s_.gradient = at.gradient;
    s_.move = zeros_like(d);
    at.t = 0;
    at.slope = number(dot(at.gradient, d));
    if (at.slope > -o_.tolerance_change) return false;

    const auto along = [&](double length) {
      flat_.set(x_ + length * d);
      LinePoint p = evaluate();
      p.t = length;
      p.slope = number(dot(p.gradient, d));
      return p;
    };
    if (o_.line_search == LineSearch::strong_wolfe)
      at = detail::strong_wolfe(along, at, t, largest(d), o_.tolerance_change);
    else if (!is_last)
      at = along(t);
    else
      at.t = t;  // with noisy losses, to evaluate it here again would be of no use
    s_.move = at.t * d;
    x_ = x_ + s_.move;
    flat_.set(x_);
    return true;
  }

  const LBFGSOptions& o_;
  LBFGSState s_;
  const Optimizer& optimizer_;
  const std::function<Tensor()>& loss_;
  const Flat flat_;
  Tensor x_;
  std::vector<Tensor> start_;  // of each parameter
};

}  // namespace

void LBFGSOptions::fields(detail::Fields& each) {
  each("lr", lr, at_least(0));
  each("max_iter", max_iter, at_least(1));
  each("max_eval", max_eval, at_least(0));
  each("tolerance_grad", tolerance_grad, at_least(0));
  each("tolerance_change", tolerance_change, at_least(0));
  each("history_size", history_size, at_least(1));
  const bool searches = line_search == LineSearch::strong_wolfe;
  bool wolfe = searches;
  each("strong_wolfe", wolfe);
  if (wolfe != searches) line_search = wolfe ? LineSearch::strong_wolfe : LineSearch::none;
}

void LBFGSState::fields(detail::Fields& each) {
  each("iterations", iterations, detail::counter);
  each("evaluations", evaluations, detail::counter);
  each("scale", scale, at_least(0));
  each("move", move);
  each("gradient", gradient);
  each.require(iterations == 0 || (move.defined() && gradient.defined()),
               "the state has no last step");
  auto count = static_cast<std::int64_t>(history.size());
  each("history", count, at_least(0));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (i == history.size()) history.emplace_back();
    Correction& past = history[i];
    const auto name = [i](const char* what) { return fmt::format("history.{}.{}", i, what); };
    each(name("change"), past.change);
    each(name("move"), past.move);
    each(name("rho"), past.rho, at_least(0));
    each.require(past.change.defined() && past.move.defined(), "the state has an empty correction");
  }
  history.resize(static_cast<std::size_t>(count));
}

LBFGS::LBFGS(const std::vector<Parameter>& parameters, const LBFGSOptions& options)
    : options_(options) {
  detail::check(options_);
  add_parameters(LBFGSOptions::rule, parameters);
}

double LBFGS::step(const std::function<Tensor()>& loss) {
  detail::check(options_);
  if (!loss) fail<ValueError>(LBFGSOptions::rule, "got an empty function");
  Minimization minimization(options_, state_, *this, loss);
  const double before = minimization.run();
  state_ = std::move(minimization.state());
  return before;
}

void LBFGS::step() {
  fail<GraphError>(LBFGSOptions::rule,
                   "a step needs the loss as a function of the parameters: "
                   "step([&] { return loss(model(x), y); })");
}

double& LBFGS::lr(std::size_t group) {
  author::require_index(LBFGSOptions::rule, "group", group, 1);
  return options_.lr;
}

void LBFGS::visit(detail::Fields& each) {
  std::int64_t n = 0;
  for (const auto& parameter : parameters_) n += parameter.numel();
  options_.fields(each.group(0));
  state_.fields(each.state(0, {n}));
}

}  // namespace gradtape::optim

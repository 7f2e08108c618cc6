#include "gradtape/optim/early_stopping.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/author.hpp"
#include "gradtape/optim/fields.hpp"

namespace gradtape::optim {
namespace {

constexpr const char* early_stopping_op = "EarlyStopping";

template <class Variable> std::vector<Tensor> values(const std::vector<Variable>& variables) {
  std::vector<Tensor> values;
  values.reserve(variables.size());
  for (const auto& variable : variables) values.push_back(variable.tensor().detach());
  return values;
}

template <class Variable>
void set_all(const std::vector<Variable>& variables, const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < variables.size(); ++i)
    variables[i].set(values[i].to(variables[i].dtype()));
}

std::string key(const char* kind, std::size_t i) { return fmt::format("{}.{}", kind, i); }

void write(StateDict& state, const char* kind, const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) state.emplace(key(kind, i), values[i]);
}

template <class Variable>
std::vector<Tensor> read(author::StateReader& reader, const char* kind,
                         const std::vector<Variable>& variables) {
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < variables.size(); ++i)
    values.push_back(
        reader.tensor(key(kind, i), variables[i].shape(), variables[i].dtype()).detach());
  return values;
}

}  // namespace

EarlyStopping::EarlyStopping(std::vector<Parameter> parameters, const EarlyStoppingOptions& options)
    : parameters_(std::move(parameters)),
      options_(options),
      best_((options.maximize ? -1 : 1) * std::numeric_limits<double>::infinity()) {
  author::require(early_stopping_op, "patience", options.patience, author::at_least(1));
  author::require(early_stopping_op, "min_delta", options.min_delta, author::at_least(0));
  for (const auto& [name, buffer] : options_.buffers) buffers_.push_back(buffer);
  values(parameters_);  // throws for one that is undefined
  values(buffers_);
}

bool EarlyStopping::step(double value) {
  ++steps_;
  const double gain = options_.maximize ? value - best_ : best_ - value;
  const bool first = best_step_ == 0 && !std::isnan(value);
  if (!first && !(gain > options_.min_delta)) {
    ++bad_steps_;
    return should_stop();
  }
  best_ = value;
  best_step_ = steps_;
  bad_steps_ = 0;
  best_parameters_ = values(parameters_);
  best_buffers_ = values(buffers_);
  return should_stop();
}

void EarlyStopping::restore() const {
  if (best_step_ == 0)
    fail<ValueError>(early_stopping_op,
                     fmt::format("no value in {} steps was a number, so there are no best "
                                 "weights to restore",
                                 steps_));
  set_all(parameters_, best_parameters_);
  set_all(buffers_, best_buffers_);
}

StateDict EarlyStopping::state_dict() const {
  StateDict state{{"best", state_entry(best_)},
                  {"steps", state_entry(steps_)},
                  {"best_step", state_entry(best_step_)},
                  {"bad_steps", state_entry(bad_steps_)}};
  write(state, "parameters", best_parameters_);
  write(state, "buffers", best_buffers_);
  return state;
}

void EarlyStopping::load_state_dict(const StateDict& state) {
  author::StateReader reader(early_stopping_op, state);
  const double best = reader.real("best");
  const auto steps = reader.integer("steps"), best_step = reader.integer("best_step"),
             bad_steps = reader.integer("bad_steps");
  std::vector<Tensor> parameters, buffers;
  if (best_step > 0) {
    parameters = read(reader, "parameters", parameters_);
    buffers = read(reader, "buffers", buffers_);
  }
  reader.finish();
  author::require(early_stopping_op, "steps", steps, detail::counter);
  const auto up_to_now = author::closed(0, static_cast<double>(steps));
  author::require(early_stopping_op, "best_step", best_step, up_to_now);
  author::require(early_stopping_op, "bad_steps", bad_steps, up_to_now);
  best_ = best;
  steps_ = steps;
  best_step_ = best_step;
  bad_steps_ = bad_steps;
  best_parameters_ = std::move(parameters);
  best_buffers_ = std::move(buffers);
}

}  // namespace gradtape::optim

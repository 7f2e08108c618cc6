#include "gradtape/optim/optimizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "gradtape/autograd/io/npy.hpp"  // element_bytes
#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

void detail::check_parameters(const char* op, const std::vector<Parameter>& parameters) {
  if (parameters.empty())
    fail<ValueError>(op,
                     "got no parameters; register them with parameter() and child() in the model");
  std::unordered_map<const void*, std::size_t> seen;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].defined()) fail<ValueError>(op, fmt::format("parameter {} is undefined", i));
    const auto [first, is_new] = seen.emplace(parameters[i].id(), i);
    if (!is_new)
      fail<ValueError>(op, fmt::format("parameters {} and {} are the same variable, '{}'; "
                                       "it would be updated twice a step",
                                       first->second, i, parameters[i].name()));
  }
}

void Optimizer::add_parameters(const char* op, const std::vector<Parameter>& parameters) {
  std::vector<Parameter> all = parameters_;
  all.insert(all.end(), parameters.begin(), parameters.end());
  detail::check_parameters(op, parameters.empty() ? parameters : all);
  parameters_ = std::move(all);
  group_.resize(parameters_.size(), num_groups_++);
}

void Optimizer::zero_grad() {
  for (const auto& parameter : parameters_) parameter.zero_grad();
}

namespace {

std::string size_entry(std::size_t group) { return fmt::format("groups.{}.size", group); }

/// Stands for an undefined tensor, so that no entry is ever missing.
Tensor none() { return zeros({0}, int64); }

/// Copies what it visits into a state.
class Save : public detail::Fields {
 public:
  Save(const char* rule, StateDict& to) : Fields(rule, false), to_(to) {}

 private:
  void visit(std::string_view name, double& value) override {
    to_[full(name)] = state_entry(value);
  }
  void visit(std::string_view name, std::int64_t& value) override {
    to_[full(name)] = state_entry(value);
  }
  void visit(std::string_view name, bool& value) override {
    to_[full(name)] = state_entry(std::int64_t{value});
  }
  void visit(std::string_view name, Tensor& value, const Shape&) override {
    to_[full(name)] = value.defined() ? value : none();
  }

  StateDict& to_;
};

/// Replaces what it visits by the entries of a state, with or without checks.
class Load : public detail::Fields {
 public:
  Load(const char* rule, const StateDict& from, bool checks)
      : Fields(rule, checks), from_(rule, from) {}
  author::StateReader& reader() { return from_; }

 private:
  void visit(std::string_view name, double& value) override { value = from_.real(full(name)); }
  void visit(std::string_view name, std::int64_t& value) override {
    value = from_.integer(full(name));
  }
  void visit(std::string_view name, bool& value) override {
    const auto number = from_.integer(full(name));
    if (number != 0 && number != 1)
      fail<ValueError>(rule_,
                       fmt::format("'{}' must be 0 or 1, the state has {}", full(name), number));
    value = number == 1;
  }
  void visit(std::string_view name, Tensor& value, const Shape& shape) override {
    const Tensor saved = from_.tensor(full(name)), nothing = none();
    if (saved.dtype() == nothing.dtype() && saved.shape() == nothing.shape()) {
      value = {};
      return;
    }
    if (saved.shape() != shape || !is_floating(saved.dtype()))
      fail<ValueError>(
          rule_, fmt::format("'{}' must be {} floating, the state has {} {}", full(name),
                             shape.str(), saved.shape().str(), gradtape::name(saved.dtype())));
    value = saved.is_weak() ? saved.to(saved.dtype()) : saved.detach();
  }

  author::StateReader from_;
};

/// Throws ValueError for the state of another rule, whose groups have other options.
void check_options_of_state(const char* rule, const StateDict& own, const StateDict& given) {
  const auto lacking = [](const StateDict& a, const StateDict& b) {
    std::string names;
    for (const auto& [name, value] : part_of(a, "groups.0"))
      if (!b.contains("groups.0." + name)) names += (names.empty() ? "" : ", ") + name;
    return names;
  };
  const auto other = lacking(given, own), missing = lacking(own, given);
  if (!other.empty() && !missing.empty())
    fail<ValueError>(
        rule, fmt::format("the state is another optimizer's: its options are {}, not {}", other,
                          missing));
}

}  // namespace

StateDict Optimizer::state_dict() const {
  StateDict state;
  Save save(rule(), state);
  const_cast<Optimizer&>(*this).visit(save);  // which only reads
  for (std::size_t g = 0; g < num_groups_; ++g)
    state[size_entry(g)] = state_entry(std::int64_t{std::count(group_.begin(), group_.end(), g)});
  return state;
}

void Optimizer::load_state_dict(const StateDict& state) {
  Load load(rule(), state, true);
  for (std::size_t g = 0; g < num_groups_; ++g) {
    const auto want = std::count(group_.begin(), group_.end(), g);
    const auto have = load.reader().integer(size_entry(g));
    if (have != want)
      fail<ValueError>(rule(),
                       fmt::format("group {} has {} parameters, in the state {}", g, want, have));
  }
  const StateDict before = state_dict();
  check_options_of_state(rule(), before, state);
  try {
    visit(load);
    load.reader().finish();
  } catch (...) {
    Load restore(rule(), before, false);
    visit(restore);
    throw;
  }
}

namespace detail {

void refuse_no_gradient(const char* rule) {
  fail<GraphError>(
      rule,
      "not one parameter has a gradient: call backward() on a loss of these parameters "
      "before step(), unfrozen, and zero_grad() after it or before backward()");
}

Fields& Fields::enter(const char* list, std::size_t i, const Shape& shape) {
  prefix_ = fmt::format("{}.{}.", list, i);
  shape_ = shape;
  return *this;
}

void StepMemory::reserve(Tensor& state, const Parameter& parameter) {
  Tensor reserved;
  if (!state.defined()) {
    reserved = zeros(parameter.shape(), parameter.dtype());
  } else if (state.dtype() != parameter.dtype()) {
    reserved = state.to(parameter.dtype());
  } else {
    // `state` is a copy, which goes: then the elements are the rule's alone or must be copied.
    if (!author::is_unique(state, 2)) reserved = copy_of(state);
  }
  reserved_.push_back(std::move(reserved));
}

Tensor copy_of(const Tensor& x) {
  const Tensor copy = author::empty(x.shape(), x.dtype());
  const auto bytes = author::element_bytes(x);
  if (!bytes.empty()) std::memcpy(author::mutable_data<char>(copy), bytes.data(), bytes.size());
  return copy;
}

ParameterSlice slice_of(const Parameter& parameter, bool by_rows) {
  if (parameter.is_frozen()) return ParameterSlice(Tensor());
  const auto rows = by_rows ? parameter.row_gradient() : RowGradient();
  return rows.defined() ? ParameterSlice(rows) : ParameterSlice(parameter.grad());
}

void ParameterSlice::run(void (*part)(const void*, std::int64_t, std::int64_t, std::int64_t),
                         const void* context) const {
  constexpr auto grain = author::elementwise_grain;
  if (!rows_.defined()) {
    author::parallel_for(gradient_.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
      part(context, begin, begin, end - begin);
    });
    return;
  }
  const auto width = gradient_.size(1);
  const auto* const rows = rows_.data<std::int64_t>().data();
  const auto some = [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) part(context, rows[i] * width, i * width, width);
  };
  author::parallel_for(rows_.numel(), grain / std::max<std::int64_t>(width, 1) + 1, some);
}

double bias_correction(double beta, std::int64_t t) {
  return -std::expm1(static_cast<double>(t) * std::log(beta));  // with all digits for beta near 1
}

}  // namespace detail
}  // namespace gradtape::optim

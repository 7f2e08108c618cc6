#include "gradtape/nn/state_dict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <string_view>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/nn/detail/path.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

std::string layout(const Tensor& x) {
  return fmt::format("{} {}", x.shape().str(), name(x.dtype()));
}

/// Floating dtypes convert to each other; others must be the same.
bool converts(Dtype from, Dtype to) { return from == to || (is_floating(from) && is_floating(to)); }

/// The module's name for `name`; "" for a tensor that is left out.
std::string renamed(const std::string& name, const LoadOptions& options) {
  std::string out = name;
  for (const auto& [from, to] : options.rename) {
    const bool whole = name == from;
    if (!whole && !from.empty() && !name.starts_with(from + ".")) continue;
    out = whole ? to : detail::path_below(to, from.empty() ? name : name.substr(from.size() + 1));
    break;
  }
  return options.rename_by && !out.empty() ? options.rename_by(out) : out;
}

StateDict renamed(const StateDict& state, const LoadOptions& options) {
  StateDict out;
  std::map<std::string, std::string> origins;
  for (const auto& [from, value] : state) {
    const auto to = renamed(from, options);
    if (to.empty()) continue;
    if (!value.defined())
      fail<ValueError>("load_state_dict", fmt::format("'{}' is undefined", from));
    if (const auto [origin, fresh] = origins.try_emplace(to, from); !fresh)
      fail<ValueError>("load_state_dict", fmt::format("'{}' and '{}' are both renamed to '{}'",
                                                      origin->second, from, to));
    out.emplace(to, value);
  }
  return out;
}

// The same for all handles to one variable, and for no other.
const void* identity(const Parameter& variable) { return variable.id(); }
const void* identity(const Buffer& variable) { return &variable.tensor(); }

/// Matches named tensors with variables, and notes what does not fit.
class Plan {
 public:
  explicit Plan(StateDict state) : left_(std::move(state)) {}

  template <class Variables> auto match(const Variables& variables) {
    std::vector<std::pair<typename Variables::value_type::second_type, Tensor>> planned;
    std::map<const void*, std::pair<std::string, Tensor>> given;  // by variable
    std::vector<std::pair<const void*, LoadReport::Item>> absent;
    for (const auto& [name, variable] : variables) {
      const Tensor& current = variable.tensor();
      const auto at = left_.find(name);
      if (at == left_.end()) {
        absent.push_back({identity(variable), {name, layout(current), ""}});
        continue;
      }
      const Tensor found = at->second;
      left_.erase(at);
      const LoadReport::Item item{name, layout(current), layout(found)};
      if (found.shape() != current.shape()) {
        report.misshapen.push_back(item);
      } else if (!converts(found.dtype(), current.dtype())) {
        report.mistyped.push_back(item);
      } else {
        const Tensor value = found.to(current.dtype());
        const auto [first, fresh] = given.try_emplace(identity(variable), name, value);
        if (fresh)
          planned.emplace_back(variable, value);
        else if (elements(value) != elements(first->second.second))
          report.untied.push_back(
              {name, fmt::format("tied to '{}'", first->second.first), layout(found)});
      }
    }
    for (const auto& [variable, item] : absent)
      if (!given.contains(variable)) report.missing.push_back(item);
    return planned;
  }

  void note_extra() {
    for (const auto& [name, value] : left_) report.extra.push_back({name, "", layout(value)});
  }

  LoadReport report;

 private:
  /// Bit by bit, so that NaN equals itself.
  static std::string_view elements(const Tensor& x) { return element_bytes(x); }

  StateDict left_;
};

using Items = std::vector<LoadReport::Item>;

/// What stands before the dot in all the longer names, if one of them ends in a shorter one; "".
std::string common_prefix(const Items& longer, const Items& shorter) {
  std::set<std::string_view> ends;
  for (const auto& item : shorter) ends.insert(item.name);
  for (const auto& item : longer)
    for (auto dot = item.name.find('.'); dot != item.name.npos; dot = item.name.find('.', dot + 1))
      if (ends.contains(std::string_view(item.name).substr(dot + 1))) {
        const bool all = std::all_of(longer.begin(), longer.end(), [&](const auto& other) {
          return other.name.starts_with(item.name.substr(0, dot + 1));
        });
        return all ? item.name.substr(0, dot) : "";
      }
  return "";
}

/// Suggests a renaming where the names differ by one prefix only.
std::string advice(const LoadReport& report) {
  const auto given = common_prefix(report.extra, report.missing);
  const auto wanted = common_prefix(report.missing, report.extra);
  if (given.empty() && wanted.empty()) return "";
  const auto to = given.empty() ? wanted : "";
  return fmt::format(", {{.rename = {{{{\"{}\", \"{}\"}}}}}} would make names fit", given, to);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const LoadReport& report) {
  return out << (report.complete() ? "complete\n" : report.str());
}

std::string LoadReport::str() const {
  std::string text;
  for (const auto& item : missing)
    text += fmt::format("  missing: '{}' {}\n", item.name, item.expected);
  for (const auto& item : extra) text += fmt::format("  extra: '{}' {}\n", item.name, item.found);
  const auto differ = [&](const std::vector<Item>& items, const char* how) {
    for (const auto& item : items)
      text += fmt::format("  {}: '{}' is {} in the module, given {}\n", how, item.name,
                          item.expected, item.found);
  };
  differ(misshapen, "misshapen");
  differ(mistyped, "mistyped");
  for (const auto& item : untied)
    text += fmt::format("  untied: '{}' {} is {} in the module, given with other values\n",
                        item.name, item.found, item.expected);
  return text;
}

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& [name, variable] : named_parameters())
    state.emplace(name, variable.tensor().detach());
  for (const auto& [name, variable] : named_buffers()) state.emplace(name, variable.tensor());
  return state;
}

LoadReport Module::load_state_dict(const StateDict& state, const LoadOptions& options) {
  Plan plan(renamed(state, options));
  const auto parameters = plan.match(named_parameters());
  const auto buffers = plan.match(named_buffers());
  plan.note_extra();
  if (options.strict && !plan.report.complete()) {
    std::string misfits = plan.report.str();
    misfits.pop_back();  // the last line's end
    fail<ValueError>("load_state_dict",
                     fmt::format("the state does not fit the module, and nothing was loaded; "
                                 "{{.strict = false}} would load what fits{}\n{}",
                                 advice(plan.report), misfits));
  }
  for (const auto& [variable, value] : parameters) variable.set(value);
  for (const auto& [variable, value] : buffers) variable.set(value);
  return plan.report;
}

}  // namespace gradtape::nn

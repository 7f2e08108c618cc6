#include "gradtape/nn/layer_norms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <unordered_set>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/detail/path.hpp"
#include "gradtape/nn/detail/table.hpp"

namespace gradtape::nn {
namespace {

double root_mean_square(const Tensor& x) {
  const NoGrad no_grad;
  const auto n = static_cast<double>(std::max<std::int64_t>(x.numel(), 1));
  return norm(flatten(x.to(float64))).item<double>() / std::sqrt(n);
}

/// Keeps the outputs of the leaf layers of a model while it lives.
class Outputs {
 public:
  explicit Outputs(Module& model) { listen(model, ""); }
  ~Outputs() {
    for (auto& hook : hooks_) hook.remove();
  }
  Outputs(const Outputs&) = delete;
  Outputs& operator=(const Outputs&) = delete;

  struct Call {
    std::string path, kind;
    Tensor output;
  };
  std::vector<Call> calls;

 private:
  void listen(Module& module, const std::string& path) {
    if (!seen_.insert(&detail::ModuleAccess::state(module)).second) return;  // below two parents
    const auto children = module.named_children();
    for (const auto& [name, child] : children) listen(*child, detail::path_below(path, name));
    if (!children.empty()) return;
    hooks_.push_back(module.register_forward_hook(
        [this, path](const Module& layer, const Tensor&, const Tensor& output) {
          calls.push_back({path, layer.kind(), output});
          return Tensor();
        }));
  }

  std::unordered_set<const void*> seen_;
  std::vector<Module::HookHandle> hooks_;
};

}  // namespace

std::vector<OutputNorms> layer_norms(Module& model, const std::function<Tensor()>& loss) {
  if (!loss) fail<ValueError>("layer_norms", "got an empty function");
  std::vector<Outputs::Call> calls;
  Tensor value;
  {
    Outputs outputs(model);
    value = loss();
    calls = std::move(outputs.calls);
  }
  std::vector<Tensor> tracked;
  for (const auto& call : calls)
    if (call.output.is_tracked()) tracked.push_back(call.output);
  const auto gradients = grad(value, tracked, {.retain_graph = true, .allow_unused = true});
  std::vector<OutputNorms> norms;
  auto gradient = gradients.begin();
  for (const auto& call : calls) {
    auto& entry = norms.emplace_back(
        OutputNorms{call.path, call.kind, call.output.shape(), root_mean_square(call.output), {}});
    if (!call.output.is_tracked()) continue;
    entry.gradient = gradient->defined() ? root_mean_square(*gradient) : 0;
    ++gradient;
  }
  return norms;
}

std::string str(const std::vector<OutputNorms>& norms) {
  std::vector<detail::Row> rows{{"layer", "kind", "output", "activation", "gradient"}};
  for (const auto& entry : norms)
    rows.push_back({entry.path, entry.kind, entry.shape.str(),
                    fmt::format("{:.4g}", entry.activation),
                    entry.gradient ? fmt::format("{:.4g}", *entry.gradient) : "-"});
  return detail::table(rows, rows[0].size());
}

std::ostream& operator<<(std::ostream& out, const std::vector<OutputNorms>& norms) {
  return out << str(norms);
}

}  // namespace gradtape::nn

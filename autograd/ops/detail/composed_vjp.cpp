#include "gradtape/autograd/ops/detail/composed_vjp.hpp"

#include <utility>

#include "gradtape/autograd/tape.hpp"

namespace gradtape::detail {
namespace {

Tensor own(const Tensor& x, bool recorded) {
  if (!recorded || !x.is_tracked()) return x.detach().requires_grad();
  return record("reshape", alias(x, x.shape()), {x}, {[](const Tensor& g) { return g; }});
}

}  // namespace

std::vector<Tensor> composed_vjp(
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
    const std::vector<Tensor>& inputs, std::span<const Tensor> g, const std::vector<bool>& needed) {
  const bool recorded = recording();
  auto mode = recording_mode();
  mode.recording = mode.inside_op = true;
  const RecordingScope scope(mode);
  std::vector<Tensor> x, targets, outputs, seeds;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    x.push_back(needed[i] ? own(inputs[i], recorded) : recorded ? inputs[i] : inputs[i].detach());
    if (needed[i]) targets.push_back(x.back());
  }
  const std::vector<Tensor> all = f(x);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (g[i].defined() && all[i].is_tracked()) {
      outputs.push_back(all[i]);
      seeds.push_back(g[i]);
    }
  std::vector<Tensor> gradients(inputs.size());
  if (outputs.empty() || targets.empty()) return gradients;
  auto found = grad(outputs, seeds, targets, {.create_graph = recorded, .allow_unused = true});
  for (std::size_t i = 0, next = 0; i < inputs.size(); ++i)
    if (needed[i]) gradients[i] = std::move(found[next++]);
  return gradients;
}

}  // namespace gradtape::detail

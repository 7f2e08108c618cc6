#include "gradtape/autograd/tape/leaf_follower.hpp"

#include <algorithm>

#include "gradtape/autograd/tape/thread_state.hpp"

namespace gradtape {
namespace {

template <class F> void for_each_watch(const F& f) {
  detail::thread_state.leaf_watches.for_each([&](LeafWatch* watch) { f(*watch); });
}

}  // namespace

double LeafFollower::start(const Tape& tape) {
  active_ = detail::thread_state.leaf_watches.newest != nullptr;
  double scale = 1;
  if (!active_) return scale;
  for_each_watch([&](LeafWatch& watch) {
    const double wanted = watch.started(tape);
    if (wanted == 1) return;
    if (scale != 1 && scale != wanted)
      fail<GraphError>("backward", "two that follow this pass scale its seed differently");
    scale = wanted;
  });
  const auto uses = tape.leaf_uses();
  for (std::size_t i = 0; i < uses.size(); ++i) incomplete_.emplace_back(uses[i].first_user, i);
  std::sort(incomplete_.begin(), incomplete_.end());
  return scale;
}

void LeafFollower::tell(const Tape& tape, std::size_t leaf, const Tensor& g,
                        std::vector<RowGradient>* rows) {
  if (rows) detail::join(*rows, tape.shape(leaf));
  const RowGradient sum = rows ? (*rows)[0] : RowGradient();
  for_each_watch([&](LeafWatch& watch) { watch.completed(tape, leaf, g, sum); });
}

void detail::join(std::vector<RowGradient>& rows, const Shape& table) {
  rows.assign(1, joined(rows, table));
}

}  // namespace gradtape

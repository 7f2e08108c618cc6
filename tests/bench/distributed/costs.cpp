#include "costs.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <istream>
#include <numeric>
#include <ostream>

namespace bench {

double Profile::backward() const {
  return std::accumulate(leaves.begin(), leaves.end(), rest,
                         [](double sum, const Leaf& leaf) { return sum + leaf.seconds; });
}

double Profile::bytes() const {
  return std::accumulate(leaves.begin(), leaves.end(), 0.0,
                         [](double sum, const Leaf& leaf) { return sum + leaf.bytes; });
}

std::ostream& operator<<(std::ostream& out, const Profile& p) {
  out << std::setprecision(9) << p.name << ' ' << p.flops << ' ' << p.forward << ' ' << p.rest
      << ' ' << p.update << ' ' << p.leaves.size() << '\n';
  for (const auto& leaf : p.leaves) out << leaf.seconds << ' ' << leaf.bytes << '\n';
  return out;
}

std::istream& operator>>(std::istream& in, Profile& p) {
  std::size_t count = 0;
  in >> p.name >> p.flops >> p.forward >> p.rest >> p.update >> count;
  p.leaves.resize(count);
  for (auto& leaf : p.leaves) in >> leaf.seconds >> leaf.bytes;
  return in;
}

std::vector<Group> groups(const Profile& profile, const Machine& machine, const Rules& rules) {
  std::vector<Group> all;
  double now = 0;
  for (const auto& leaf : profile.leaves) {
    now += leaf.seconds + leaf.bytes / machine.copy;
    const double limit = all.size() <= 1 ? rules.first_bucket : rules.bucket;
    if (all.empty() || all.back().bytes + leaf.bytes > limit) all.emplace_back();
    all.back().ready = now;
    all.back().bytes += leaf.bytes;
  }
  return all;
}

double start_seconds(const Profile& profile, const Machine& machine, int ranks) {
  const double bytes = 8 * static_cast<double>(profile.leaves.size() + 1);
  return std::ceil(std::log2(ranks)) * (machine.latency + bytes / machine.bandwidth);
}

double predicted_step(const Profile& profile, const Machine& machine, const Rules& rules,
                      int ranks) {
  if (ranks == 1) return profile.step();
  const double others = ranks - 1, n = profile.bytes();
  const auto buckets = groups(profile, machine, rules);
  // What a bucket takes from full to summed, and what of that its rank's core does.
  const auto exchange = [&](double bytes) {
    return 2 * others * (machine.latency + bytes / ranks / machine.bandwidth) +
           bytes / machine.sum + rules.poll;
  };
  const auto work = [&](double bytes) {
    const double moved = machine.by_core ? 2 * others / ranks * bytes / machine.bandwidth : 0;
    return moved + bytes / machine.sum;
  };
  // Buckets go one after another: the last ends when its own exchange does, or that of the ones
  // before from any of them on.
  double left = 0, worked = 0, latest = 0;
  for (const auto& bucket : buckets) left += exchange(bucket.bytes);
  for (const auto& bucket : buckets) {
    latest = std::max(latest, bucket.ready + worked + left);
    left -= exchange(bucket.bytes);
    worked += work(bucket.bytes);
  }
  const double backward = profile.backward() + n / machine.copy + worked -
                          work(buckets.back().bytes);  // the last one's comes after backward
  return profile.forward + start_seconds(profile, machine, ranks) + std::max(backward, latest) +
         n / machine.copy + profile.update;
}

}  // namespace bench

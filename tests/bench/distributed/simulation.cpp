// Every rank, every message: what happens next is taken from a queue of events in order of time.
#include <algorithm>
#include <cmath>
#include <queue>

#include "costs.hpp"

namespace bench {
namespace {

enum class Phase { parts, sums };  // of the exchange: to the owner of a slice, and from it

/// What happens at a time to a rank.
struct Event {
  enum Kind { leaf, link_free, arrived, summed };
  double time;
  Kind kind;
  int rank;
  std::size_t item = 0;  // the leaf, or the bucket
  Phase phase = Phase::parts;
  bool operator>(const Event& other) const { return time > other.time; }
};

/// The messages of one phase of a bucket, on their way out: the next one goes `step` ranks on.
struct Burst {
  std::size_t bucket;
  Phase phase;
  int step = 1;
};

struct Rank {
  std::size_t next_bucket = 0;
  double filled = 0;     // bytes of it
  double stolen = 0;     // of its core, since the last event of backward
  double core_free = 0;  // from sums after backward
  double backward_end = -1, complete = 0;
  double in_free = 0;  // its link, for messages that come
  bool sending = false;
  std::queue<Burst> out;
  std::vector<int> handed[2];  // by phase: messages of a bucket sent and received so far
  std::vector<double> latest[2];
};

class Simulation {
 public:
  Simulation(const Profile& profile, const Machine& machine, const Rules& rules, int ranks)
      : profile_(profile),
        machine_(machine),
        rules_(rules),
        ranks_(static_cast<std::size_t>(ranks)) {
    for (const auto& group : groups(profile, machine, rules)) bytes_.push_back(group.bytes);
    for (auto& rank : ranks_)
      for (int phase = 0; phase < 2; ++phase) {
        rank.handed[phase].resize(bytes_.size());
        rank.latest[phase].resize(bytes_.size());
      }
  }

  double run() {
    const double start =
        profile_.forward + start_seconds(profile_, machine_, static_cast<int>(ranks_.size()));
    for (int r = 0; r < size(); ++r) events_.push({start + leaf_seconds(0), Event::leaf, r});
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      switch (event.kind) {
        case Event::leaf:
          finish_leaf(event);
          break;
        case Event::link_free:
          send_next(event.rank, event.time);
          break;
        case Event::arrived:
          look(event);
          break;
        case Event::summed:
          send(event.rank, event.item, Phase::sums, event.time);
          break;
      }
    }
    double last = 0;
    for (const auto& rank : ranks_) last = std::max({last, rank.backward_end, rank.complete});
    return last + profile_.bytes() / machine_.copy + profile_.update;
  }

 private:
  int size() const { return static_cast<int>(ranks_.size()); }
  Rank& at(int rank) { return ranks_[static_cast<std::size_t>(rank)]; }
  /// The last one is what backward does after all leaves.
  double leaf_seconds(std::size_t i) const {
    if (i == profile_.leaves.size()) return profile_.rest;
    return profile_.leaves[i].seconds + profile_.leaves[i].bytes / machine_.copy;
  }

  void finish_leaf(const Event& event) {
    Rank& rank = at(event.rank);
    if (rank.stolen > 0) {  // it is late by what its core has done in between
      events_.push({event.time + rank.stolen, Event::leaf, event.rank, event.item});
      rank.stolen = 0;
      return;
    }
    if (event.item == profile_.leaves.size()) {
      rank.backward_end = event.time;
      return;
    }
    fill(rank, event);
    events_.push(
        {event.time + leaf_seconds(event.item + 1), Event::leaf, event.rank, event.item + 1});
  }

  /// A gradient is in its bucket, which is sent once it is full.
  void fill(Rank& rank, const Event& event) {
    rank.filled += profile_.leaves[event.item].bytes;
    if (rank.filled < bytes_[rank.next_bucket]) return;
    rank.filled = 0;
    send(event.rank, rank.next_bucket++, Phase::parts, event.time);
  }

  void send(int from, std::size_t bucket, Phase phase, double now) {
    at(from).out.push({bucket, phase});
    if (!at(from).sending) send_next(from, now);
  }

  void send_next(int from, double now) {
    Rank& sender = at(from);
    sender.sending = !sender.out.empty();
    if (!sender.sending) return;
    auto& [bucket, phase, step] = sender.out.front();
    const int to = (from + step) % size();
    Rank& receiver = at(to);
    const double moving = bytes_[bucket] / size() / machine_.bandwidth;
    const double sent = now + machine_.latency + moving;
    receiver.in_free = std::max(now, receiver.in_free) + machine_.latency + moving;
    if (machine_.by_core) take_core(receiver, moving, now);
    hand_over(to, bucket, phase, receiver.in_free);
    hand_over(from, bucket, phase, sent);
    if (++step == size()) sender.out.pop();
    events_.push({sent, Event::link_free, from});
  }

  /// A message has come or gone; all of a phase are twice as many as there are other ranks.
  void hand_over(int r, std::size_t bucket, Phase phase, double time) {
    Rank& rank = at(r);
    const auto p = static_cast<std::size_t>(phase);
    rank.latest[p][bucket] = std::max(rank.latest[p][bucket], time);
    if (++rank.handed[p][bucket] == 2 * (size() - 1))
      events_.push({rank.latest[p][bucket], Event::arrived, r, bucket, phase});
  }

  /// Of what has come while backward runs, a rank learns when its thread looks next: every `poll`
  /// seconds, not all ranks at once.
  void look(const Event& event) {
    Rank& rank = at(event.rank);
    double now = event.time;
    if (rank.backward_end < 0) {
      const double offset = rules_.poll * std::fmod(0.618 * event.rank, 1.0);
      now = std::ceil((now - offset) / rules_.poll) * rules_.poll + offset;
    }
    if (event.phase == Phase::sums) {
      rank.complete = std::max(rank.complete, now);
      return;
    }
    const double adding = bytes_[event.item] / machine_.sum;
    events_.push({take_core(rank, adding, now), Event::summed, event.rank, event.item});
  }

  /// When the core has done it, at the cost of backward where that still runs.
  double take_core(Rank& rank, double seconds, double now) {
    rank.core_free = std::max(now, rank.core_free) + seconds;
    if (rank.backward_end < 0) rank.stolen += seconds;
    return rank.core_free;
  }

  const Profile& profile_;
  Machine machine_;
  Rules rules_;
  std::vector<double> bytes_;  // of buckets
  std::vector<Rank> ranks_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

}  // namespace

double simulated_step(const Profile& profile, const Machine& machine, const Rules& rules,
                      int ranks) {
  if (ranks == 1) return profile.step();
  return Simulation(profile, machine, rules, ranks).run();
}

}  // namespace bench

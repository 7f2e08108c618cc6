/// What a step of data-parallel training takes on many ranks: by formulas, and by a simulation of
/// every message. docs/distributed_costs.md has the assumptions. Seconds and bytes everywhere.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace bench {

/// A gradient, in the order in which backward() completes them.
struct Leaf {
  double seconds;  ///< Of backward, since the one before.
  double bytes;
};

/// One step of one process, as it was recorded.
struct Profile {
  std::string name;
  double flops = 0, forward = 0, rest = 0, update = 0;  // rest: of backward after the last leaf
  std::vector<Leaf> leaves;

  double backward() const;
  double bytes() const;
  /// Without any communication.
  double step() const { return forward + backward() + update; }
};

std::ostream& operator<<(std::ostream& out, const Profile& profile);
std::istream& operator>>(std::istream& in, Profile& profile);

/// What the ranks run on.
struct Machine {
  double latency = 0;    ///< Of a message.
  double bandwidth = 0;  ///< Bytes a second of a rank's link, each way.
  bool by_core = false;  ///< Whether the rank's core itself moves the bytes, as in shared memory.
  double copy = 0, sum = 0;  ///< Bytes of gradients that a core copies, or adds, in a second.
};

/// The rules of DataParallel: how much goes together, and how often its thread looks for messages.
struct Rules {
  double first_bucket = 1 << 20, bucket = 25 << 20, poll = 1e-4;
};

/// Gradients that are summed together.
struct Group {
  double ready = 0;  ///< Seconds of backward, copies into buckets among them, until it is full.
  double bytes = 0;
};

/// As DataParallel lays them out.
std::vector<Group> groups(const Profile& profile, const Machine& machine, const Rules& rules);

/// Until all ranks have told each other what they will send.
double start_seconds(const Profile& profile, const Machine& machine, int ranks);

/// A step by the formulas.
double predicted_step(const Profile& profile, const Machine& machine, const Rules& rules,
                      int ranks);

/// A step by playing it: every rank computes as recorded and sends every message.
double simulated_step(const Profile& profile, const Machine& machine, const Rules& rules,
                      int ranks);

}  // namespace bench

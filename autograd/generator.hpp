/// Random numbers: a counter-based generator, and tensors drawn from it.
#pragma once

#include <array>
#include <cstdint>

#include "gradtape/autograd/state.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Number i of
/// the stream is a function of (seed, i) alone, so the stream is the same on every machine and for
/// every thread count.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}

  std::uint64_t seed() const { return seed_; }
  /// Blocks of four 32-bit numbers drawn so far; saving seed and position saves the generator.
  std::uint64_t position() const { return position_; }
  void set_position(std::uint64_t position) { position_ = position; }
  /// Reserves `blocks` blocks and returns the position of the first.
  std::uint64_t advance(std::uint64_t blocks) {
    const auto first = position_;
    position_ += blocks;
    return first;
  }
  /// The next 64 random bits.
  std::uint64_t next();
  /// A uniform integer in [0, bound), without bias. Throws ValueError for bound 0.
  std::uint64_t below(std::uint64_t bound);
  /// A generator with a stream of its own, derived from this one's seed and `stream`.
  Generator split(std::uint64_t stream) const;

  /// "seed" and "position".
  StateDict state_dict() const;
  /// Goes on where another generator was. Throws ValueError for entries that are missing or extra.
  void load_state_dict(const StateDict& state);

 private:
  std::uint64_t seed_;
  std::uint64_t position_ = 0;
};

/// This thread's generator, which the functions below use unless given another. Starts with seed 0.
Generator& default_generator();
/// Restarts this thread's default generator.
void seed(std::uint64_t seed);

/// Uniform in [0, 1).
Tensor rand(const Shape& shape, Dtype dtype = float32, Generator& generator = default_generator());
/// Standard normal (Box-Muller).
Tensor randn(const Shape& shape, Dtype dtype = float32, Generator& generator = default_generator());
/// Uniform int64 in [low, high). Throws ValueError unless low < high.
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               Generator& generator = default_generator());
/// A random permutation of 0 ... n-1; int64 [n]. Throws ValueError for a negative n.
Tensor randperm(std::int64_t n, Generator& generator = default_generator());
/// 1 with probability p, else 0. Throws ValueError unless p is in [0, 1].
Tensor bernoulli(double p, const Shape& shape, Dtype dtype = float32,
                 Generator& generator = default_generator());

namespace detail {

/// The bijection behind the generator: ten rounds that scramble a counter under a key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

}  // namespace detail
}  // namespace gradtape

/// Random numbers: a counter-based generator, and tensors drawn from it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "gradtape/autograd/state.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

namespace detail {
template <class T> struct ScopeEntry;
}

/// A stream of random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy
/// as 1, 2, 3"). Number i of the stream is a function of (seed, i) alone, so the stream is the same
/// on every machine and for every thread count.
///
/// A generator is a handle: what is drawn through one copy is not drawn again through another.
/// clone() makes an independent one. A default-constructed generator stands for the default stream
/// of whichever thread draws; options and functions that take a generator start with it.
class Generator {
 public:
  Generator() = default;
  // Moving copies: what was moved from would otherwise be the default stream.
  Generator(const Generator&) = default;
  Generator& operator=(const Generator&) = default;
  /// A new stream, from its beginning.
  explicit Generator(std::uint64_t seed);

  [[nodiscard]] std::uint64_t seed() const { return stream().seed; }
  /// Blocks of four 32-bit numbers drawn so far; saving seed and position saves the generator.
  [[nodiscard]] std::uint64_t position() const { return stream().position; }
  void set_position(std::uint64_t position) const { stream().position = position; }
  /// Reserves `blocks` blocks and returns the position of the first.
  [[nodiscard]] std::uint64_t advance(std::uint64_t blocks) const;
  /// The next 64 random bits.
  std::uint64_t next() const;
  /// A uniform integer in [0, bound), without bias. Throws ValueError for bound 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) const;
  /// A generator with a stream of its own, derived from this one's seed and `stream`.
  [[nodiscard]] Generator split(std::uint64_t stream) const;
  /// A generator of its own that draws what this one would draw next.
  [[nodiscard]] Generator clone() const;

  /// "seed" and "position".
  [[nodiscard]] StateDict state_dict() const;
  /// Goes on where another generator was. Throws ValueError for entries that are missing or extra.
  void load_state_dict(const StateDict& state) const;

 private:
  friend class GeneratorScope;
  friend void seed(std::uint64_t seed);
  struct Stream {
    std::uint64_t seed, position;
  };
  Stream& stream() const { return stream_ ? *stream_ : default_stream(); }
  static Stream& default_stream();
  struct Replacement;

  std::shared_ptr<Stream> stream_;  // none: the default stream
};

/// Stands for the default stream of the thread that draws: seed 0 in the main thread; the n-th of
/// the other threads to draw starts with Generator(the main thread's seed).split(n).
const Generator& default_generator();
/// Restarts this thread's default stream at `seed`, any number; in the main thread, also those that
/// start later.
void seed(std::uint64_t seed);

/// In this scope and thread, default_generator() draws from `generator`.
class GeneratorScope {
 public:
  explicit GeneratorScope(Generator generator);
  ~GeneratorScope();
  GeneratorScope(const GeneratorScope&) = delete;
  GeneratorScope& operator=(const GeneratorScope&) = delete;

 private:
  detail::ScopeEntry<Generator::Replacement>* entry_;
};

/// Uniform in [0, 1).
[[nodiscard]] Tensor rand(const Shape& shape, Dtype dtype = float32,
                          const Generator& generator = {});
/// Standard normal (Box-Muller).
[[nodiscard]] Tensor randn(const Shape& shape, Dtype dtype = float32,
                           const Generator& generator = {});
/// Uniform int64 in [low, high). Throws ValueError unless low < high.
[[nodiscard]] Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
                             const Generator& generator = {});
/// A random permutation of 0 ... n-1; int64 [n]. Throws ValueError for a negative n.
[[nodiscard]] Tensor randperm(std::int64_t n, const Generator& generator = {});
/// 1 with probability p, else 0. Throws ValueError unless p is in [0, 1].
[[nodiscard]] Tensor bernoulli(double p, const Shape& shape, Dtype dtype = float32,
                               const Generator& generator = {});

namespace detail {

/// The bijection behind the generator: ten rounds that scramble a counter under a key.
[[nodiscard]] std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                      std::array<std::uint32_t, 2> key);

}  // namespace detail
}  // namespace gradtape

#include "gradtape/autograd/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <numbers>
#include <thread>
#include <utility>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/scopes.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// N blocks, word w of block i at [w][i], so that the compiler can compute them side by side.
template <std::size_t N> using Blocks = std::array<std::array<std::uint32_t, N>, 4>;

constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
constexpr std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}

template <std::size_t N> void scramble(Blocks<N>& x, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < N; ++i) {
      const std::uint64_t p = std::uint64_t{0xD2511F53} * x[0][i];
      const std::uint64_t q = std::uint64_t{0xCD9E8D57} * x[2][i];
      x[0][i] = high(q) ^ x[1][i] ^ key[0];
      x[1][i] = low(q);
      x[2][i] = high(p) ^ x[3][i] ^ key[1];
      x[3][i] = low(p);
    }
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
}

/// Blocks position ... position + N - 1 of the stream of `seed`.
template <std::size_t N> Blocks<N> blocks_at(std::uint64_t seed, std::uint64_t position) {
  Blocks<N> x{};
  for (std::size_t i = 0; i < N; ++i) {
    x[0][i] = low(position + i);
    x[1][i] = high(position + i);
  }
  scramble(x, {low(seed), high(seed)});
  return x;
}

/// Uniform in [0, 1) with all the bits that the type holds: 24 of each word, or 53 of each pair.
template <class T, std::size_t N> std::array<T, N * 16 / sizeof(T)> uniforms(const Blocks<N>& x) {
  std::array<T, N * 16 / sizeof(T)> u;
  for (std::size_t i = 0; i < N; ++i) {
    if constexpr (sizeof(T) == 4) {
      for (std::size_t w = 0; w < 4; ++w)
        u[4 * i + w] = static_cast<float>(x[w][i] >> 8) * 0x1p-24f;
    } else {
      u[2 * i] = static_cast<double>(join(x[0][i], x[1][i]) >> 11) * 0x1p-53;
      u[2 * i + 1] = static_cast<double>(join(x[2][i], x[3][i]) >> 11) * 0x1p-53;
    }
  }
  return u;
}

/// Fills a tensor with make(uniforms): element i comes from block first + i / (elements of a
/// block), however many threads share the work.
template <class T, class F> void fill(const Tensor& x, const Generator& generator, F make) {
  constexpr std::int64_t batch = 16, per_block = 16 / sizeof(T), per_batch = batch * per_block;
  const auto n = x.numel();
  const auto seed = generator.seed();
  const auto first = generator.advance(static_cast<std::uint64_t>((n + per_block - 1) / per_block));
  auto* const out = mutable_data<T>(x);
  const auto batches = (n + per_batch - 1) / per_batch, grain = elementwise_grain / (4 * per_batch);
  parallel_for(batches, grain, [=](std::int64_t begin, std::int64_t end) {
    for (auto b = begin; b < end; ++b) {
      const auto blocks = blocks_at<batch>(seed, first + static_cast<std::uint64_t>(b * batch));
      const auto values = make(uniforms<T>(blocks));
      std::copy_n(values.begin(), std::min(per_batch, n - b * per_batch), out + b * per_batch);
    }
  });
}

/// Pairs of uniforms to pairs of normals (Box and Muller 1958).
template <class T, std::size_t N> std::array<T, N> normals(std::array<T, N> u) {
  for (std::size_t k = 0; k < N; k += 2) {
    const T radius = std::sqrt(T(-2) * std::log(T(1) - u[k]));
    const T angle = 2 * std::numbers::pi_v<T> * u[k + 1];
    u[k] = radius * std::cos(angle);
    u[k + 1] = radius * std::sin(angle);
  }
  return u;
}

}  // namespace

std::array<std::uint32_t, 4> detail::philox4x32(std::array<std::uint32_t, 4> counter,
                                                std::array<std::uint32_t, 2> key) {
  Blocks<1> x{{{counter[0]}, {counter[1]}, {counter[2]}, {counter[3]}}};
  scramble(x, key);
  return {x[0][0], x[1][0], x[2][0], x[3][0]};
}

Generator::Generator(std::uint64_t seed) : stream_(std::make_shared<Stream>(Stream{seed, 0})) {}

/// What stands for the default stream, and the generator that owns it.
struct Generator::Replacement {
  Generator generator;
  Stream* stream;
  static inline constinit thread_local ScopeStack<Replacement> stack{};
};

namespace {

const std::thread::id main_thread = std::this_thread::get_id();
bool in_main_thread() {
  return std::this_thread::get_id() == main_thread ||
         main_thread == std::thread::id();  // while static variables are still being made
}

/// The seed of the main thread, and how many others have started to draw since it was set.
std::atomic<std::uint64_t> main_seed{0}, other_threads{0};

}  // namespace

Generator::Stream& Generator::default_stream() {
  static constinit thread_local Stream own{0, 0};
  static constinit thread_local bool started = false;
  auto& replaced = Replacement::stack;
  replaced.drop_ended();
  if (replaced.newest) return *replaced.newest->value.stream;
  if (!started) {
    started = true;
    if (!in_main_thread()) own = {Generator(main_seed).split(++other_threads).seed(), 0};
  }
  return own;
}

std::uint64_t Generator::advance(std::uint64_t blocks) const {
  auto& position = stream().position;
  return std::exchange(position, position + blocks);
}

std::uint64_t Generator::next() const {
  const auto block = blocks_at<1>(seed(), advance(1));
  return join(block[0][0], block[1][0]);
}

std::uint64_t Generator::below(std::uint64_t bound) const {
  if (bound == 0) fail<ValueError>("Generator::below", "bound must be at least 1");
  // The numbers below 2^64 mod bound are drawn again: without them every remainder is as frequent.
  const std::uint64_t excess = (0 - bound) % bound;
  std::uint64_t bits = next();
  while (bits < excess) bits = next();
  return bits % bound;
}

Generator Generator::split(std::uint64_t stream) const {
  // A counter that no position reaches: the child's seed is no number of the parent's stream.
  const auto block = philox4x32({low(stream), high(stream), 1, 0}, {low(seed()), high(seed())});
  return Generator(join(block[0], block[1]));
}

Generator Generator::clone() const {
  const Generator copy(seed());
  copy.set_position(position());
  return copy;
}

// The bits of an unsigned number, in the integer type that tensors have.
StateDict Generator::state_dict() const {
  return {{"seed", state_entry(static_cast<std::int64_t>(seed()))},
          {"position", state_entry(static_cast<std::int64_t>(position()))}};
}

void Generator::load_state_dict(const StateDict& state) const {
  detail::StateReader reader("Generator", state);
  const auto seed = static_cast<std::uint64_t>(reader.integer("seed"));
  const auto position = static_cast<std::uint64_t>(reader.integer("position"));
  reader.finish();
  stream() = {seed, position};
}

const Generator& default_generator() {
  static const Generator generator;
  return generator;
}

void seed(std::uint64_t seed) {
  Generator::default_stream() = {seed, 0};
  if (!in_main_thread() || Generator::Replacement::stack.newest) return;
  main_seed = seed;
  other_threads = 0;
}

GeneratorScope::GeneratorScope(Generator generator) {
  auto* const stream = &generator.stream();
  entry_ = Generator::Replacement::stack.begin({std::move(generator), stream});
}

GeneratorScope::~GeneratorScope() { Generator::Replacement::stack.end(entry_); }

namespace {
void need_floating(const char* op, Dtype dtype) {
  if (!is_floating(dtype))
    fail<DtypeError>(
        op,
        fmt::format("draws float32 or float64, got {}; whole numbers are randint's", name(dtype)));
}
}  // namespace

Tensor rand(const Shape& shape, Dtype dtype, const Generator& generator) {
  need_floating("rand", dtype);
  const Tensor x = empty(shape, dtype, "rand");
  visit_floating(dtype, "rand",
                 [&](auto zero) { fill<decltype(zero)>(x, generator, [](auto u) { return u; }); });
  return x;
}

Tensor randn(const Shape& shape, Dtype dtype, const Generator& generator) {
  need_floating("randn", dtype);
  const Tensor x = empty(shape, dtype, "randn");
  visit_floating(dtype, "randn", [&](auto zero) {
    fill<decltype(zero)>(x, generator, [](auto u) { return normals(u); });
  });
  return x;
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               const Generator& generator) {
  if (low >= high)
    fail<ValueError>("randint", fmt::format("low {} must be below high {}", low, high));
  const Tensor x = empty(shape, int64, "randint");
  const auto base = static_cast<std::uint64_t>(low);
  const auto range = static_cast<std::uint64_t>(high) - base;
  auto* const out = mutable_data<std::int64_t>(x);
  std::generate_n(out, x.numel(),
                  [&] { return static_cast<std::int64_t>(base + generator.below(range)); });
  return x;
}

Tensor randperm(std::int64_t n, const Generator& generator) {
  if (n < 0) fail<ValueError>("randperm", fmt::format("n must not be negative, got {}", n));
  const Tensor x = arange(n);
  auto* const order = mutable_data<std::int64_t>(x);
  for (std::int64_t i = n - 1; i > 0; --i)  // Fisher and Yates
    std::swap(order[i], order[generator.below(static_cast<std::uint64_t>(i) + 1)]);
  return x;
}

Tensor bernoulli(double p, const Shape& shape, Dtype dtype, const Generator& generator) {
  if (!(p >= 0 && p <= 1))
    fail<ValueError>("bernoulli", fmt::format("p must be in [0, 1], got {}", p));
  const Tensor x = empty(shape, dtype, "bernoulli");
  visit_floating(dtype, "bernoulli", [&](auto zero) {
    using T = decltype(zero);
    fill<T>(x, generator, [p](auto u) {
      for (auto& value : u) value = static_cast<T>(static_cast<double>(value) < p);
      return u;
    });
  });
  return x;
}

}  // namespace gradtape

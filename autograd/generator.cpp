#include "gradtape/autograd/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "gradtape/autograd/parallel.hpp"

namespace gradtape {

using namespace detail;

namespace {

using Block = std::array<std::uint32_t, 4>;

constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
constexpr std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}

inline Block scramble(Block x, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = std::uint64_t{0xD2511F53} * x[0], q = std::uint64_t{0xCD9E8D57} * x[2];
    x = {high(q) ^ x[1] ^ key[0], low(q), high(p) ^ x[3] ^ key[1], low(p)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return x;
}

/// Block number `position` of the stream of `seed`.
inline Block block_at(std::uint64_t seed, std::uint64_t position) {
  return scramble({low(position), high(position), 0, 0}, {low(seed), high(seed)});
}

/// Uniform in [0, 1) with all the bits that the type holds: 24 from each number, or 53 from each pair.
template <class T>
std::array<T, 16 / sizeof(T)> uniforms(const Block& b) {
  if constexpr (sizeof(T) == 4) {
    constexpr float unit = 0x1p-24f;
    return {static_cast<float>(b[0] >> 8) * unit, static_cast<float>(b[1] >> 8) * unit,
            static_cast<float>(b[2] >> 8) * unit, static_cast<float>(b[3] >> 8) * unit};
  } else {
    constexpr double unit = 0x1p-53;
    return {static_cast<double>(join(b[0], b[1]) >> 11) * unit,
            static_cast<double>(join(b[2], b[3]) >> 11) * unit};
  }
}

/// Fills a tensor block by block with make(uniforms): element i comes from block first + i / per_block, however
/// many threads share the work.
template <class T, class F>
void fill_blocks(const Tensor& x, Generator& generator, F make) {
  constexpr std::int64_t per_block = 16 / sizeof(T);
  const auto n = x.numel(), blocks = (n + per_block - 1) / per_block;
  const auto seed = generator.seed(), first = generator.advance(static_cast<std::uint64_t>(blocks));
  auto* const out = mutable_data<T>(x);
  parallel_for(blocks, elementwise_grain / 16, [=](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      const auto values = make(uniforms<T>(block_at(seed, first + static_cast<std::uint64_t>(i))));
      std::copy_n(values.begin(), std::min(per_block, n - i * per_block), out + i * per_block);
    }
  });
}

/// Pairs of uniforms to pairs of normals (Box and Muller 1958).
template <class T, std::size_t N>
std::array<T, N> normals(std::array<T, N> u) {
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
  return scramble(counter, key);
}

std::uint64_t Generator::next() {
  const auto block = block_at(seed_, advance(1));
  return join(block[0], block[1]);
}

std::uint64_t Generator::below(std::uint64_t bound) {
  if (bound == 0) fail<ValueError>("Generator::below", "bound must be at least 1");
  const std::uint64_t excess = (0 - bound) % bound;  // 2^64 mod bound: what the last, incomplete run holds
  std::uint64_t bits = next();
  while (bits < excess) bits = next();
  return bits % bound;
}

Generator Generator::split(std::uint64_t stream) const {
  // A counter that no position reaches: the child's seed is no number of the parent's stream.
  const auto block = scramble({low(stream), high(stream), 1, 0}, {low(seed_), high(seed_)});
  return Generator(join(block[0], block[1]));
}

Generator& default_generator() {
  thread_local Generator generator;
  return generator;
}

void seed(std::uint64_t seed) { default_generator() = Generator(seed); }

Tensor rand(const Shape& shape, Dtype dtype, Generator& generator) {
  const Tensor x = empty(shape, dtype);
  visit_floating(dtype, "rand", [&](auto zero) {
    fill_blocks<decltype(zero)>(x, generator, [](auto u) { return u; });
  });
  return x;
}

Tensor randn(const Shape& shape, Dtype dtype, Generator& generator) {
  const Tensor x = empty(shape, dtype);
  visit_floating(dtype, "randn", [&](auto zero) {
    fill_blocks<decltype(zero)>(x, generator, [](auto u) { return normals(u); });
  });
  return x;
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, Generator& generator) {
  if (low >= high) fail<ValueError>("randint", fmt::format("low {} must be below high {}", low, high));
  const Tensor x = empty(shape, int64);
  const auto base = static_cast<std::uint64_t>(low), range = static_cast<std::uint64_t>(high) - base;
  auto* const out = mutable_data<std::int64_t>(x);
  std::generate_n(out, x.numel(),
                  [&] { return static_cast<std::int64_t>(base + generator.below(range)); });
  return x;
}

Tensor randperm(std::int64_t n, Generator& generator) {
  if (n < 0) fail<ValueError>("randperm", fmt::format("n must not be negative, got {}", n));
  const Tensor x = arange(n);
  auto* const order = mutable_data<std::int64_t>(x);
  for (std::int64_t i = n - 1; i > 0; --i)  // Fisher and Yates
    std::swap(order[i], order[generator.below(static_cast<std::uint64_t>(i) + 1)]);
  return x;
}

Tensor bernoulli(double p, const Shape& shape, Dtype dtype, Generator& generator) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>("bernoulli", fmt::format("p must be in [0, 1], got {}", p));
  const Tensor x = empty(shape, dtype);
  visit_floating(dtype, "bernoulli", [&](auto zero) {
    using T = decltype(zero);
    fill_blocks<T>(x, generator, [p](auto u) {
      for (auto& value : u) value = static_cast<double>(value) < p ? T(1) : T(0);
      return u;
    });
  });
  return x;
}

}  // namespace gradtape

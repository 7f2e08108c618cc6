// Our program's account of itself, of the work it does and of the machine's limits.
#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>

#include <gradtape/autograd/build_info.hpp>
#include <gradtape/autograd/parallel.hpp>
#include <gradtape/autograd/runtime/work.hpp>

#include "workloads.hpp"

namespace bench {

namespace {

/// Bytes of an array that few caches hold.
constexpr std::size_t large = std::size_t{1} << 29;

/// The most of `amount` a second over some runs.
template <class F> double best_rate(double amount, int runs, const F& f) {
  double best = 0;
  for (int i = 0; i < runs; ++i) {
    const auto start = Clock::now();
    f();
    best = std::max(best, amount / microseconds_since(start) / 1e3);
  }
  return best;
}

double product_peak(gradtape::Dtype dtype) {
  double best = 0;
  for (const std::int64_t n : {256, 512, 1024, 2048}) {
    const Tensor a = gradtape::randn({n, n}, dtype), b = gradtape::randn({n, n}, dtype);
    const double flops = 2.0 * static_cast<double>(n) * static_cast<double>(n * n);
    best = std::max(best, best_rate(flops, n < 2048 ? 50 : 10, [&] { (void)matmul(a, b); }));
  }
  return best;
}

constexpr std::int64_t large_count = large / sizeof(float);

float sum_of(const float* x, std::int64_t n) {
  float sum[64] = {};
  for (std::int64_t i = 0; i + 64 <= n; i += 64)
    for (int k = 0; k < 64; ++k) sum[k] += x[i + k];
  return std::accumulate(sum, sum + 64, 0.0F);
}

/// Each thread takes a part of the array.
template <class F> void over_parts(const F& f) {
  gradtape::detail::parallel_for(large_count, 1 << 20, f);
}

}  // namespace

void prepare(int threads) {
  gradtape::set_num_threads(threads);
  gradtape::seed(1);
}

std::string about() { return gradtape::build_info().str(); }

void print_cost(const std::string& name, const Case& workload) {
  workload.step();
  const gradtape::detail::Work before = gradtape::detail::work;
  workload.step();
  const auto work = gradtape::detail::work.since(before);
  const bool wide = workload.check && side::is_wide(workload.check().front().second);
  std::printf("%s\t%lld\t%lld\t%s\n", name.c_str(), static_cast<long long>(work.flops),
              static_cast<long long>(work.bytes), wide ? "float64" : "float32");
  std::fflush(stdout);
}

void print_limits() {
  const gradtape::NoGrad guard;
  std::printf("product_float32\tGFLOP/s\t%.1f\n", product_peak(gradtape::float32));
  std::printf("product_float64\tGFLOP/s\t%.1f\n", product_peak(gradtape::float64));
  const std::unique_ptr<float[]> from(new float[large_count]), to(new float[large_count]);
  over_parts([&](std::int64_t begin, std::int64_t end) {
    std::fill(from.get() + begin, from.get() + end, 1.0F);
    std::fill(to.get() + begin, to.get() + end, 1.0F);
  });
  std::atomic<float> total = 0;  // so that the sums are wanted
  const double read = best_rate(large, 8, [&] {
    over_parts([&](std::int64_t begin, std::int64_t end) {
      total = sum_of(from.get() + begin, end - begin);
    });
  });
  const double copy = best_rate(2.0 * large, 8, [&] {
    over_parts([&](std::int64_t begin, std::int64_t end) {
      std::copy(from.get() + begin, from.get() + end, to.get() + begin);
    });
  });
  std::printf("read\tGB/s\t%.1f\ncopy\tGB/s\t%.1f\n", read, copy);
}

}  // namespace bench

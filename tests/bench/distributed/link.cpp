#include "link.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

namespace bench {
namespace {

/// The least seconds that f takes.
template <class F> double least_seconds(int runs, const F& f) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    least = std::min(least, taken.count());
  }
  return least;
}

/// Seconds in which both ranks have a message of the other.
double exchange_seconds(int other, std::size_t bytes, int runs) {
  std::vector<char> out(bytes, 1), in(bytes);
  const int count = static_cast<int>(bytes);
  return least_seconds(runs, [&] {
    MPI_Request requests[2];
    MPI_Irecv(in.data(), count, MPI_CHAR, other, 1, MPI_COMM_WORLD, &requests[0]);
    MPI_Isend(out.data(), count, MPI_CHAR, other, 1, MPI_COMM_WORLD, &requests[1]);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
  });
}

}  // namespace

Machine measured_link(const gradtape::distributed::World& world) {
  constexpr std::size_t large = std::size_t{4} << 20;
  Machine machine;
  char byte = 0;
  const int other = 1 - world.rank();
  machine.latency = 0.5 * least_seconds(20000, [&] {
                      if (world.is_root()) MPI_Send(&byte, 1, MPI_CHAR, other, 0, MPI_COMM_WORLD);
                      MPI_Recv(&byte, 1, MPI_CHAR, other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                      if (!world.is_root()) MPI_Send(&byte, 1, MPI_CHAR, other, 0, MPI_COMM_WORLD);
                    });
  machine.bandwidth = static_cast<double>(large) / exchange_seconds(other, large, 400);
  machine.by_core = true;
  return machine;
}

void measure_core(Machine& machine) {
  constexpr std::size_t n = std::size_t{1} << 22, block = 2048;
  std::vector<float> a(n, 1), b(n, 2), sum(block);
  machine.copy =
      n * sizeof(float) / least_seconds(50, [&] { std::copy(a.begin(), a.end(), b.begin()); });
  // Two parts of n elements each are added into one, as the owner of a slice does it.
  machine.sum = 2 * n * sizeof(float) / least_seconds(50, [&] {
                  for (std::size_t at = 0; at < n; at += block) {
                    std::copy_n(a.data() + at, block, sum.data());
                    for (std::size_t i = 0; i < block; ++i) sum[i] += b[at + i];
                    std::copy_n(sum.data(), block, b.data() + at);
                  }
                });
}

}  // namespace bench

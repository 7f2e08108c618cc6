/// MPI for the sources of this folder; no public header includes it.
#pragma once

#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/optim/distributed/world.hpp"

namespace gradtape::distributed::detail {

/// Throws DistributedError with MPI's own words where a call has failed.
void check_mpi(int code, const char* call);

template <class T> MPI_Datatype mpi_type();
template <> inline MPI_Datatype mpi_type<float>() { return MPI_FLOAT; }
template <> inline MPI_Datatype mpi_type<double>() { return MPI_DOUBLE; }
template <> inline MPI_Datatype mpi_type<std::int64_t>() { return MPI_INT64_T; }

inline MPI_Datatype mpi_type(Dtype floating) {
  return floating == float32 ? MPI_FLOAT : MPI_DOUBLE;
}

/// A number of elements as MPI counts them. Throws ValueError above 2^31 - 1.
inline int mpi_count(std::int64_t n) {
  if (n > std::numeric_limits<int>::max())
    fail<ValueError>("distributed", "more than 2^31 - 1 elements in one message; use more ranks");
  return static_cast<int>(n);
}

/// How many elements of a whole each rank has, and where these begin.
struct Parts {
  std::vector<int> lengths, starts;

  Parts() = default;
  /// `counts`: of each rank, in groups of `items` elements.
  explicit Parts(const std::vector<std::int64_t>& counts, std::int64_t items = 1) {
    for (const auto count : counts) {
      starts.push_back(mpi_count(whole));
      lengths.push_back(mpi_count(count * items));
      whole += count * items;
    }
  }
  std::int64_t whole = 0;
};

}  // namespace gradtape::distributed::detail

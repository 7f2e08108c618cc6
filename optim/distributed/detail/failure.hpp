/// What becomes of all ranks where one fails.
#pragma once

#include <string>

namespace gradtape::distributed::detail {

/// From here on an exception that nobody catches is printed with its rank and ends all ranks.
void end_all_on_uncaught(int rank, int size);
/// An exception destroys the World: all ranks are ended when this process exits, and in any case
/// two seconds from now, when what was caught is printed.
void end_all_soon();
/// Throws DistributedError where this process is one of several that an mpirun of another MPI has
/// started, so that the one that it is linked with sees it alone.
void refuse_other_launcher(int size);
/// "Open MPI 4.1.4", "MPICH 4.0.2".
std::string mpi_library();

}  // namespace gradtape::distributed::detail

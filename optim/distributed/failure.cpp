#include "gradtape/optim/distributed/detail/failure.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

#include "gradtape/optim/distributed/detail/mpi.hpp"

namespace gradtape::distributed::detail {
namespace {

int own_rank = 0, all_ranks = 1;
std::atomic<bool> failed{false};

[[noreturn]] void end_all() {
  std::fflush(nullptr);
  // mpirun reads what was printed before it hears of the end.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  int finalised = 1;
  MPI_Finalized(&finalised);
  if (!finalised) MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  std::_Exit(EXIT_FAILURE);
}

[[noreturn]] void print_and_end_all() {
  std::string what = "an error";
  if (const auto error = std::current_exception()) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& caught) {
      what = caught.what();
    } catch (...) {
      what = "an exception that is no std::exception";
    }
  }
  fmt::print(stderr, "rank {} of {} ends all: {}\n", own_rank, all_ranks, what);
  end_all();
}

/// How many processes a launcher says it has started; 0 where it says nothing.
int started_by(const char* variable) {
  const char* const value = std::getenv(variable);
  return value ? std::atoi(value) : 0;
}

}  // namespace

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail<DistributedError>(call, std::string(text, static_cast<std::size_t>(length)));
}

void end_all_on_uncaught(int rank, int size) {
  own_rank = rank;
  all_ranks = size;
  if (size > 1) std::set_terminate(print_and_end_all);
}

void end_all_soon() {
  if (failed.exchange(true)) return;
  std::atexit([] { end_all(); });
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    fmt::print(stderr, "rank {} of {} ends all: an exception has ended its World\n", own_rank,
               all_ranks);
    end_all();
  }).detach();
}

std::string mpi_library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string whole(text, static_cast<std::size_t>(length));
  const auto number = whole.find_first_of("0123456789");
  if (number == whole.npos) return whole.substr(0, whole.find('\n'));
  const auto version =
      whole.substr(number, whole.find_first_not_of("0123456789.", number) - number);
  for (const char* name : {"Open MPI", "MPICH", "Intel"})
    if (whole.starts_with(name)) return fmt::format("{} {}", name, version);
  return whole.substr(0, whole.find('\n'));
}

void refuse_other_launcher(int size) {
  if (size > 1) return;
  struct Launcher {
    const char *variable, *name;
  };
  for (const auto& [variable, name] :
       {Launcher{"OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun"},
        Launcher{"PMI_SIZE", "MPICH's mpirun"}, Launcher{"SLURM_STEP_NUM_TASKS", "srun"}})
    if (const int started = started_by(variable); started > 1)
      fail<DistributedError>(
          "World", fmt::format("this process is one of {} that {} has started, but {}, which the "
                               "program is linked with, sees it alone; start it with the mpirun of "
                               "that MPI, or build gradtape with the other: "
                               "cmake -DMPI_CXX_COMPILER=<its mpicxx>",
                               started, name, mpi_library()));
}

}  // namespace gradtape::distributed::detail

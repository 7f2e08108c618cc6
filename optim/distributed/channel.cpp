#include "gradtape/optim/distributed/detail/channel.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <exception>
#include <thread>

#include "gradtape/autograd/io/gzip.hpp"
#include "gradtape/optim/distributed/detail/failure.hpp"

namespace gradtape::distributed::detail {
namespace {

constexpr int roll_tag = 32000;  // MPI promises tags up to 32767
constexpr std::chrono::milliseconds hearing_interval{50}, grace{1000};

/// "rank 2", "ranks 0, 1 and 3".
std::string ranks(const std::vector<int>& list) {
  if (list.size() == 1) return fmt::format("rank {}", list[0]);
  return fmt::format("ranks {} and {}", fmt::join(list.begin(), list.end() - 1, ", "), list.back());
}

/// Waits a little longer the longer it has waited, so that ranks that share a core get on.
void pause(int turn) {
  constexpr int spins = 1000, yields = 3000;
  if (turn < spins) return;
  if (turn < yields)
    std::this_thread::yield();
  else
    std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace

Channel::Channel(const WorldOptions& options)
    : exceptions_(std::uncaught_exceptions()), timeout_(options.timeout) {
  author::require("World", "timeout", options.timeout, author::above(0).or_infinity());
  int initialised = 0, finalised = 0, level = 0;
  check_mpi(MPI_Finalized(&finalised), "MPI_Finalized");
  if (finalised)
    fail<DistributedError>("World", "MPI was finalised; keep one World to the end of the program");
  check_mpi(MPI_Initialized(&initialised), "MPI_Initialized");
  if (initialised)
    check_mpi(MPI_Query_thread(&level), "MPI_Query_thread");
  else
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level), "MPI_Init_thread");
  initialised_here_ = !initialised;
  threads_ = level == MPI_THREAD_MULTIPLE;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_dup(comm_, &stream_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  refuse_other_launcher(size_);
  end_all_on_uncaught(rank_, size_);
}

Channel::~Channel() {
  if (size_ > 1 && std::uncaught_exceptions() > exceptions_) {
    end_all_soon();
    return;
  }
  int finalised = 0;
  MPI_Finalized(&finalised);
  if (finalised) return;
  MPI_Comm_free(&stream_);
  MPI_Comm_free(&comm_);
  if (initialised_here_) MPI_Finalize();
}

std::string Channel::str() const {
  return fmt::format("rank {} of {}, {}, {}", rank_, size_, mpi_library(),
                     threads_ ? "MPI_THREAD_MULTIPLE" : "one thread calls MPI at a time");
}

void Channel::wait(const std::string& what, const std::function<bool()>& done) {
  const auto start = Clock::now();
  auto heard = start;
  for (int turn = 0; !done(); ++turn) {
    pause(turn);
    if (turn % 64 != 0) continue;
    const auto now = Clock::now();
    if (now - heard < hearing_interval) continue;
    heard = now;
    hear(what);
    if (std::chrono::duration<double>(now - start).count() > timeout_)
      fail<DistributedError>("distributed", fmt::format("rank {} has waited {:g} s for {}: {}",
                                                        rank_, timeout_, what, roll_call(what)));
  }
}

void Channel::wait(const std::string& what, std::span<MPI_Request> requests) {
  wait(what, [&] {
    int done = 0;
    check_mpi(
        MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
        "MPI_Testall");
    return done != 0;
  });
}

void Channel::tell(int rank, char kind, const std::string& what) {
  told_.push_back(std::make_unique<std::string>(kind + what));
  MPI_Request request;
  check_mpi(MPI_Isend(told_.back()->data(), static_cast<int>(told_.back()->size()), MPI_CHAR, rank,
                      roll_tag, comm_, &request),
            "MPI_Isend");
  check_mpi(MPI_Request_free(&request), "MPI_Request_free");
}

void Channel::hear(const std::string& what) {
  for (;;) {
    int there = 0;
    MPI_Status status;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, roll_tag, comm_, &there, &status), "MPI_Iprobe");
    if (!there) return;
    int count = 0;
    check_mpi(MPI_Get_count(&status, MPI_CHAR, &count), "MPI_Get_count");
    std::string message(static_cast<std::size_t>(count), ' ');
    check_mpi(MPI_Recv(message.data(), count, MPI_CHAR, status.MPI_SOURCE, roll_tag, comm_,
                       MPI_STATUS_IGNORE),
              "MPI_Recv");
    waiting_[status.MPI_SOURCE] = message.substr(1);
    if (message[0] == '?') tell(status.MPI_SOURCE, '!', what);
  }
}

std::string Channel::roll_call(const std::string& what) {
  waiting_.clear();
  for (int other = 0; other < size_; ++other)
    if (other != rank_) tell(other, '?', what);
  for (const auto start = Clock::now(); Clock::now() - start < grace;
       std::this_thread::sleep_for(std::chrono::milliseconds(5)))
    hear(what);
  std::vector<int> here, absent;
  std::map<std::string, std::vector<int>> elsewhere;
  for (int other = 0; other < size_; ++other) {
    if (other == rank_) continue;
    const auto said = waiting_.find(other);
    if (said == waiting_.end())
      absent.push_back(other);
    else
      (said->second == what ? here : elsewhere[said->second]).push_back(other);
  }
  const auto waits = [](const std::vector<int>& list) { return list.size() == 1 ? "s" : ""; };
  std::vector<std::string> clauses;
  if (!here.empty())
    clauses.push_back(fmt::format("{} wait{} for it too", ranks(here), waits(here)));
  for (const auto& [other, list] : elsewhere)
    clauses.push_back(fmt::format("{} wait{} for {}", ranks(list), waits(list), other));
  if (!absent.empty()) clauses.push_back(fmt::format("{} did not come", ranks(absent)));
  return fmt::format("{}", fmt::join(clauses, ", "));
}

void Channel::barrier(const std::string& what) {
  MPI_Request request;
  check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
  wait(what, {&request, 1});
}

void Channel::broadcast(const std::string& what, void* bytes, std::int64_t count, int root) {
  constexpr std::int64_t most = 1 << 30;
  for (std::int64_t at = 0; at < count; at += most) {
    MPI_Request request;
    check_mpi(MPI_Ibcast(static_cast<char*>(bytes) + at, mpi_count(std::min(most, count - at)),
                         MPI_CHAR, root, comm_, &request),
              "MPI_Ibcast");
    wait(what, {&request, 1});
  }
}

std::string Channel::broadcast(const std::string& what, std::string bytes) {
  auto count = static_cast<std::int64_t>(bytes.size());
  broadcast(what, &count, sizeof(count));
  bytes.resize(static_cast<std::size_t>(count));
  broadcast(what, bytes.data(), count);
  return bytes;
}

Tensor Channel::broadcast(const std::string& what, const Tensor& x, int root) {
  // Dtype, number of axes, extents.
  std::array<std::int64_t, 2> layout{};
  if (rank_ == root) layout = {static_cast<std::int64_t>(x.dtype()), x.ndim()};
  broadcast(what, layout.data(), sizeof(layout), root);
  std::vector<std::int64_t> extents(static_cast<std::size_t>(layout[1]));
  if (rank_ == root) {
    const Shape shape = x.shape();
    std::copy(shape.begin(), shape.end(), extents.begin());
  }
  broadcast(what, extents.data(), static_cast<std::int64_t>(extents.size() * sizeof(extents[0])),
            root);
  const Tensor y =
      rank_ == root ? x.detach() : author::empty(extents, static_cast<Dtype>(layout[0]));
  broadcast(what, rank_ == root ? const_cast<void*>(y.raw()) : author::mutable_data<void>(y),
            y.numel() * static_cast<std::int64_t>(size_of(y.dtype())), root);
  return y;
}

std::vector<std::string> Channel::all_gather(const std::string& what, const std::string& bytes) {
  const auto counts = all_gather(what, std::vector{static_cast<std::int64_t>(bytes.size())});
  const Parts layout(counts);
  std::string all(static_cast<std::size_t>(layout.whole), ' ');
  MPI_Request request;
  check_mpi(MPI_Iallgatherv(bytes.data(), mpi_count(static_cast<std::int64_t>(bytes.size())),
                            MPI_CHAR, all.data(), layout.lengths.data(), layout.starts.data(),
                            MPI_CHAR, comm_, &request),
            "MPI_Iallgatherv");
  wait(what, {&request, 1});
  std::vector<std::string> parts;
  for (std::size_t r = 0; r < counts.size(); ++r)
    parts.push_back(all.substr(static_cast<std::size_t>(layout.starts[r]),
                               static_cast<std::size_t>(layout.lengths[r])));
  return parts;
}

void Channel::sum(const std::string& what, std::vector<std::int64_t>& values) {
  // Whether all are at the same call: MPI does not look.
  const auto call = static_cast<std::int64_t>(author::crc32(what));
  values.push_back(call);
  MPI_Request request;
  check_mpi(MPI_Iallreduce(MPI_IN_PLACE, values.data(),
                           mpi_count(static_cast<std::int64_t>(values.size())), MPI_INT64_T,
                           MPI_SUM, comm_, &request),
            "MPI_Iallreduce");
  wait(what, {&request, 1});
  if (values.back() != call * size_)
    fail<DistributedError>(
        "distributed",
        fmt::format("rank {} is at {}, but ranks came to different calls", rank_, what));
  values.pop_back();
}

void Channel::require_same(const std::string& what, const std::string& said) {
  // One number is enough while all is well.
  const auto text = fmt::format("{} in {}", said, what);
  const auto hashes = all_gather(what, std::vector{static_cast<std::int64_t>(author::crc32(text))});
  if (std::all_of(hashes.begin(), hashes.end(), [&](auto other) { return other == hashes[0]; }))
    return;
  const auto all = all_gather(what, text);
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      fail<DistributedError>(
          what,
          fmt::format("rank 0 has {}, rank {} has {}; all must have the same", all[0], r, all[r]));
}

void Channel::agree(const char* op, const std::string& complaint) {
  const auto all = all_gather(std::string("the checks of ") + op, complaint);
  for (const auto& one : all)
    if (!one.empty()) fail<DistributedError>(op, one);
}

}  // namespace gradtape::distributed::detail

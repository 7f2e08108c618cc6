/// DataParallel: replicas of a model on all ranks, trained on the shards of each batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "gradtape/autograd/parameter.hpp"
#include "gradtape/optim/distributed/world.hpp"

namespace gradtape::distributed {

/// How gradients are summed over ranks.
enum Reduction {
  rank_order,    ///< In the order of ranks: the same bits in every run, and those of one process.
  mpi_allreduce  ///< By MPI_Iallreduce, in the order that MPI finds fastest.
};

/// Options of DataParallel.
struct DataParallelOptions {
  double bucket_mb = 25;  ///< MiB of gradients that are sent together, > 0.
  /// MiB of those that backward() has first, > 0: few, so that sending begins early.
  double first_bucket_mb = 1;
  Reduction reduction = rank_order;
  /// Whether a thread keeps messages going while backward() computes, where MPI lets it
  /// (MPI_THREAD_MULTIPLE); else they go on whenever a gradient is complete.
  bool progress_thread = true;
  /// Compare the parameters of all ranks after every so many calls of synchronize(); 0: never.
  std::int64_t verify_every = 0;
};

/// What the last synchronize() has cost this rank.
struct Communication {
  std::int64_t bytes_sent = 0;     ///< Of gradients.
  std::int64_t bytes_reduced = 0;  ///< The size of these gradients.
  std::size_t buckets = 0;         ///< Into how many buckets the gradients were put.
  double seconds = 0;              ///< From the first message until all was there.
  double seconds_waited = 0;       ///< Of these, in synchronize(): what backward() did not hide.
};

namespace detail {
class Replicas;
}

/// Sums gradients over ranks, while backward() still runs.
///
///     distributed::World world;
///     nn::data::Loader loader(train, {.size = 256, .shuffle = true}, {.shard = world.shard()});
///     Classifier model;
///     distributed::DataParallel parallel(world, model.parameters());
///     for (auto [images, labels] : loader) {
///       adam.zero_grad();
///       cross_entropy(model(images), labels).backward();
///       parallel.synchronize();
///       adam.step();
///     }
///
/// A rank's loss is the mean over its own samples; the gradients become those of the mean over all
/// ranks' samples: every rank's pass is seeded with its share (1 / ranks unless set_samples says
/// otherwise) and the gradients are added. By default this gives the bits of one process that runs
/// backward() on the shards' losses, each times its share, in the order of ranks.
///
/// A parameter that no rank has used keeps no gradient. One that only some have used gets the sum
/// of theirs: nothing waits for the others. Row gradients of sparse lookups stay rows where that is
/// less to send.
///
/// Until it is destroyed it follows those passes of the thread that has made it that lead to one of
/// its parameters. With one rank it does nothing.
class DataParallel {
 public:
  /// All ranks. Gives every rank the values of rank 0. Throws DistributedError, on all ranks, where
  /// they differ in the number, names, shapes or dtypes of parameters, and where one does not hold
  /// the values of rank 0 afterwards; ValueError for options out of range, and for parameters as
  /// an optimizer refuses them.
  DataParallel(const World& world, const std::vector<Parameter>& parameters,
               const DataParallelOptions& options = {});
  ~DataParallel();
  DataParallel(DataParallel&&) noexcept;
  DataParallel& operator=(DataParallel&&) noexcept;

  /// Says of how many samples this rank's losses are means, and of how many all ranks' together
  /// (the sum over ranks where it is not given, which they tell each other). Holds for the passes
  /// that follow. Throws ValueError unless 0 <= samples <= total, total >= 1.
  void set_samples(std::int64_t samples, std::optional<std::int64_t> total = {});

  /// While it lives, passes add to gradients and send nothing: for all micro-batches but the last.
  /// Their losses add up, so divide each by their number, or give set_samples the total over all.
  class NoSync {
   public:
    ~NoSync();
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    friend class DataParallel;
    explicit NoSync(detail::Replicas& replicas);
    detail::Replicas& replicas_;
  };
  [[nodiscard]] NoSync no_sync();

  /// All ranks, between backward() and step(). Waits until all gradients are sums over ranks, also
  /// where this rank has run no pass. Throws DistributedError after World's timeout, and where
  /// verify_every finds that parameters differ; GraphError where the pass before has thrown.
  void synchronize();

  /// All ranks. Throws DistributedError, on all, that names the first parameter of which some rank
  /// has other bits than rank 0.
  void verify() const;

  /// What the last synchronize() has cost; all 0 on one rank.
  [[nodiscard]] const Communication& last() const;

 private:
  std::unique_ptr<detail::Replicas> replicas_;
};

}  // namespace gradtape::distributed

/// World: the processes of one mpirun, and what they tell each other.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/shard.hpp"
#include "gradtape/autograd/tensor.hpp"

/// Data-parallel training over several processes, by MPI. Where a rank throws, or does not come,
/// the others end with an error and do not hang.
namespace gradtape::distributed {

/// Other ranks that did not come, differ, or have failed; and what MPI reports.
struct DistributedError : Error {
  using Error::Error;
};

namespace detail {
class Channel;
}

/// Options of World.
struct WorldOptions {
  /// Seconds that a rank waits for the others wherever they meet, > 0; infinity: for ever.
  double timeout = 300;
};

/// The processes that one mpirun has started, numbered by their rank. Without mpirun it is one
/// process, and everything below returns what it was given.
///
/// The first World initialises MPI where nobody has, and the last handle to it finalises it then.
/// It asks for MPI_THREAD_MULTIPLE and does with less. Copies are handles to the same. All ranks
/// must call the functions that say "all ranks" in the same order. An exception that leaves the
/// program, or a World, ends the other ranks too.
class World {
 public:
  /// All ranks. Throws DistributedError where the process was started by an mpirun of another MPI
  /// than the program is linked with; ValueError for options out of range.
  explicit World(const WorldOptions& options = {});

  /// The number of this process, from 0, and how many there are.
  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;
  /// Whether this is rank 0, which prints, logs and saves.
  [[nodiscard]] bool is_root() const { return rank() == 0; }
  /// Which part of every batch is this rank's; for nn::data::LoaderOptions.
  [[nodiscard]] Shard shard() const { return {rank(), size()}; }
  /// "rank 1 of 4, Open MPI 4.1.4, MPI_THREAD_MULTIPLE".
  [[nodiscard]] std::string str() const;

  // What follows is for all ranks, and throws DistributedError after the timeout.

  /// Returns once every rank has come.
  void barrier() const;
  /// The sum of all ranks' values or counts, added in the order of ranks: the same bits on each.
  [[nodiscard]] double sum(double value) const;
  [[nodiscard]] std::int64_t sum(std::int64_t count) const;
  /// sum of value * weight / sum of weight: the mean of a metric over batches of different sizes.
  /// Throws ValueError for a weight below 0, and where all are 0.
  [[nodiscard]] double mean(double value, double weight = 1) const;
  /// The sum of tensors of equal shape and dtype, such as metric::Accuracy's state; no op.
  [[nodiscard]] Tensor sum(const Tensor& x) const;

  /// What f returns on rank 0, where alone it is called: a number, bool, string or tensor. What it
  /// throws is thrown on all ranks.
  ///
  ///     if (world.from_root([&] { return stopping.update(loss); })) break;
  template <class F> [[nodiscard]] auto from_root(const F& f) const {
    using T = std::invoke_result_t<const F&>;
    T value{};
    if constexpr (std::is_arithmetic_v<T>) {
      const auto bytes = bytes_from_root([&] {
        value = f();
        return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
      });
      std::char_traits<char>::copy(reinterpret_cast<char*>(&value), bytes.data(), sizeof(T));
    } else if constexpr (std::is_same_v<T, Tensor>) {
      value = tensor_from_root(f);
    } else {
      value = bytes_from_root([&] { return std::string(f()); });
    }
    return value;
  }
  /// The same for a function that returns nothing, such as one that saves a file: no rank goes on
  /// before it is done.
  void on_root(const std::function<void()>& f) const;

 private:
  friend class detail::Channel;
  std::string bytes_from_root(const std::function<std::string()>& f) const;
  Tensor tensor_from_root(const std::function<Tensor()>& f) const;

  std::shared_ptr<detail::Channel> channel_;
};

}  // namespace gradtape::distributed

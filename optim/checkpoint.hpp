/// Checkpoint: the whole state of a training run in one file.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/state.hpp"

namespace gradtape::optim {

/// How a checkpoint fits what is tracked.
struct CheckpointReport {
  std::vector<std::string> missing;  ///< Tracked, but not in the checkpoint.
  std::vector<std::string> extra;    ///< In the checkpoint, but not tracked.

  /// Whether the parts are the same.
  [[nodiscard]] bool complete() const { return missing.empty() && extra.empty(); }
  /// "lacks 'adam'; has 'sgd', which is not tracked".
  [[nodiscard]] std::string str() const;
};

/// Options of Checkpoint::load.
struct CheckpointOptions {
  bool strict = true;  ///< Refuse one with other parts; else load those that are in both.
};

/// Saves and restores the parts of a training run together, so that a run that was stopped at any
/// moment continues as if it had not stopped:
///
///     optim::Checkpoint checkpoint("run.safetensors");
///     checkpoint.track("model", model);
///     checkpoint.track("adam", adam);
///     checkpoint.track("generator", default_generator());
///     checkpoint.track("epoch", epoch);
///     if (checkpoint.exists()) checkpoint.load();
///     for (; epoch < epochs; checkpoint.save()) { ...; ++epoch; }
///
/// A part is anything Stateful, or a number. Parts are tracked by reference: they must outlive the
/// checkpoint, or at least its last load and save.
///
/// The file is a safetensors file, written beside the old one, flushed to the disk and put in its
/// place in one step: a process that dies, or a disk that is full, leaves the old one. It holds the
/// entry "weight" of the part "model" under "model.weight", and the number "epoch" under
/// "epoch.value".
class Checkpoint {
 public:
  explicit Checkpoint(std::string path) : path_(std::move(path)) {}
  virtual ~Checkpoint() = default;

  /// Adds a part. Throws ValueError for a name that is empty, dotted, taken or "checkpoint".
  // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved
  template <Stateful Part> void track(std::string name, Part& part) {
    add(
        std::move(name), [&part] { return StateDict(part.state_dict()); },
        [&part](const StateDict& state) { part.load_state_dict(state); });
  }
  /// Adds a number, such as the epoch. Throws as for a part.
  template <class Number>
    requires(std::is_arithmetic_v<Number> && !std::is_const_v<Number>)
  // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved
  void track(std::string name, Number& number) {
    using Stored = std::conditional_t<std::is_integral_v<Number>, std::int64_t, double>;
    add(
        std::move(name),
        [&number] {
          return StateDict{{"value", state_entry(static_cast<Stored>(number))}};
        },
        [&number](const StateDict& state) {
          Stored stored;
          read_number(state, stored);
          number = static_cast<Number>(stored);
          if (static_cast<Stored>(number) != stored && stored == stored) out_of_range(state);
        });
  }

  /// The file that it was made with.
  const std::string& path() const { return path_; }
  /// Whether there is a file to load.
  [[nodiscard]] virtual bool exists() const;
  /// Writes the present state of all parts. Throws IoError, ValueError where nothing is tracked.
  virtual void save();
  /// Restores all parts, or, where anything is wrong with the file or does not fit a part, none.
  /// Throws IoError with path, part and cause: unreadable, truncated, damaged (each part has a
  /// checksum), not a checkpoint, other parts than those tracked, or a part that refuses its state.
  virtual CheckpointReport load(CheckpointOptions options = {});

  /// The content of the file that save() would write. Throws ValueError where nothing is tracked.
  [[nodiscard]] StateDict state_dict() const;
  /// Does what load() does with the content of a file, such as one that another process has read.
  /// Throws ValueError where load() throws IoError.
  CheckpointReport load_state_dict(const StateDict& content, CheckpointOptions options = {});

 protected:
  /// Writes the file, and removes unfinished ones of runs that died.
  void write(const StateDict& content);
  /// load_state_dict of what was read from the file: throws what load() does, with the path.
  CheckpointReport restore(const StateDict& content, CheckpointOptions options, bool from_file);

 private:
  struct Part {
    std::string name;
    std::function<StateDict()> save;
    std::function<void(const StateDict&)> load;
    void put_back(const StateDict& before) const noexcept;
  };

  void add(std::string name, std::function<StateDict()> save,
           std::function<void(const StateDict&)> load);
  [[nodiscard]] bool has(const std::string& name) const;
  [[noreturn]] void refuse(bool from_file, const std::string& cause) const;
  /// The parts of the content by name, each checked against its checksum.
  [[nodiscard]] std::map<std::string, StateDict> parts_of(const StateDict& content,
                                                          bool from_file) const;
  [[nodiscard]] CheckpointReport compare(const std::map<std::string, StateDict>& saved) const;

  static void read_number(const StateDict& state, std::int64_t& value);
  static void read_number(const StateDict& state, double& value);
  [[noreturn]] static void out_of_range(const StateDict& state);

  std::string path_;
  std::vector<Part> parts_;
  bool cleaned_ = false;  // unfinished files of runs that died are removed
};

}  // namespace gradtape::optim

#include "gradtape/optim/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/io/bytes.hpp"
#include "gradtape/autograd/io/file.hpp"
#include "gradtape/autograd/io/gzip.hpp"
#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/autograd/io/safetensors.hpp"
#include "gradtape/autograd/system/system.hpp"

namespace gradtape::optim {
namespace {

constexpr const char* checkpoint_op = "Checkpoint";
/// "checkpoint.model" holds the checksum of the part "model". A part without entries has one too,
/// which tells it from a part that is missing.
const std::string own_part = "checkpoint";

std::int64_t checksum(const StateDict& state) {
  std::uint32_t sum = 0;
  std::string storage;
  for (const auto& [name, value] : state) {
    if (!value.defined()) continue;  // save_safetensors says so
    sum = author::crc32(
        fmt::format("{} {} {} ", name, value.shape().str(), gradtape::name(value.dtype())), sum);
    sum = author::crc32(author::little_endian_bytes(value, storage), sum);
  }
  return sum;
}

std::string quoted(const std::vector<std::string>& names) {
  return fmt::format("'{}'", fmt::join(names, "', '"));
}

}  // namespace

std::string CheckpointReport::str() const {
  std::vector<std::string> clauses;
  if (!missing.empty()) clauses.push_back("lacks " + quoted(missing));
  if (!extra.empty())
    clauses.push_back(fmt::format("has {}, which {} not tracked", quoted(extra),
                                  extra.size() == 1 ? "is" : "are"));
  return fmt::format("{}", fmt::join(clauses, "; "));
}

void Checkpoint::add(std::string name, std::function<StateDict()> save,
                     std::function<void(const StateDict&)> load) {
  const char* cause = name.empty() || name.find('.') != name.npos ? "must be a word without dots"
                      : name == own_part                          ? "is the checkpoint's own"
                      : has(name)                                 ? "is there already"
                                                                  : nullptr;
  if (cause) fail<ValueError>(checkpoint_op, fmt::format("the part's name '{}' {}", name, cause));
  parts_.push_back({std::move(name), std::move(save), std::move(load)});
}

bool Checkpoint::has(const std::string& name) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& part) { return part.name == name; });
}

bool Checkpoint::exists() const {
  std::error_code error;
  return std::filesystem::exists(os::path_of(path_), error);
}

void Checkpoint::save() { write(state_dict()); }

void Checkpoint::write(const StateDict& content) {
  save_safetensors(path_, content);
  if (!std::exchange(cleaned_, true)) remove_unfinished(path_);
}

StateDict Checkpoint::state_dict() const {
  if (parts_.empty())
    fail<ValueError>(checkpoint_op, "nothing is tracked, so there is nothing to save");
  StateDict whole;
  for (const auto& part : parts_) {
    const StateDict state = part.save();
    add_part(whole, part.name, state);
    whole.emplace(own_part + "." + part.name, state_entry(checksum(state)));
  }
  return whole;
}

CheckpointReport Checkpoint::load(CheckpointOptions options) {
  return restore(load_safetensors(path_), options, true);
}

CheckpointReport Checkpoint::load_state_dict(const StateDict& content, CheckpointOptions options) {
  return restore(content, options, false);
}

void Checkpoint::refuse(bool from_file, const std::string& cause) const {
  if (from_file) author::file_origin(checkpoint_op, path_).fail(cause);
  fail<ValueError>(checkpoint_op, "the content " + cause);
}

CheckpointReport Checkpoint::restore(const StateDict& content, CheckpointOptions options,
                                     bool from_file) {
  const auto saved = parts_of(content, from_file);
  const auto report = compare(saved);
  if (options.strict && !report.complete()) refuse(from_file, report.str());
  // Each part loads whole or not at all; this makes all parts together do so. Parts may share what
  // they restore, such as an optimizer and its schedule the learning rate, so that the states of
  // all are taken before the first is loaded.
  std::vector<StateDict> before;
  before.reserve(parts_.size());
  for (const auto& part : parts_) before.push_back(part.save());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& part = parts_[i];
    if (!saved.contains(part.name)) continue;
    try {
      part.load(saved.at(part.name));
    } catch (const std::exception& error) {
      for (std::size_t k = 0; k <= i; ++k) parts_[k].put_back(before[k]);
      refuse(from_file, fmt::format("does not fit part '{}': {}", part.name, error.what()));
    }
  }
  return report;
}

/// Restores the state from before the load. A part that refuses even that keeps no other part from
/// being restored, and the error of the load is what is reported.
void Checkpoint::Part::put_back(const StateDict& before) const noexcept try {
  load(before);
} catch (...) {
}

std::map<std::string, StateDict> Checkpoint::parts_of(const StateDict& content,
                                                      bool from_file) const {
  const StateDict sums = part_of(content, own_part);
  if (sums.empty()) refuse(from_file, "holds tensors, but is not a checkpoint");
  std::map<std::string, StateDict> parts;
  auto entries = sums.size();
  for (const auto& [name, sum] : sums) {
    const auto& state = parts[name] = part_of(content, name);
    entries += state.size();
    if (!sum.defined() || sum.ndim() || sum.dtype() != int64 ||
        sum.item<std::int64_t>() != checksum(state))
      refuse(from_file, fmt::format("is damaged: part '{}' is not what was saved", name));
  }
  if (entries != content.size())
    refuse(from_file, "is damaged: it has entries that belong to no part");
  return parts;
}

CheckpointReport Checkpoint::compare(const std::map<std::string, StateDict>& saved) const {
  CheckpointReport report;
  for (const auto& part : parts_)
    if (!saved.contains(part.name)) report.missing.push_back(part.name);
  for (const auto& [name, state] : saved)
    if (!has(name)) report.extra.push_back(name);
  return report;
}

void Checkpoint::read_number(const StateDict& state, std::int64_t& value) {
  author::StateReader reader("number", state);
  value = reader.integer("value");
  reader.finish();
}

void Checkpoint::read_number(const StateDict& state, double& value) {
  author::StateReader reader("number", state);
  value = reader.real("value");
  reader.finish();
}

void Checkpoint::out_of_range(const StateDict& state) {
  fail<ValueError>("number", state.at("value").str() + " is out of the range of its type");
}

}  // namespace gradtape::optim

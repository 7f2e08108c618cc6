#include "gradtape/optim/distributed/data_parallel.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/io/gzip.hpp"
#include "gradtape/optim/distributed/detail/replicas.hpp"
#include "gradtape/optim/optimizer.hpp"

namespace gradtape::distributed {

using namespace detail;

namespace {

constexpr const char* op = "DataParallel";

/// "'fc1.weight' [3, 4] float32".
std::string description(const Parameter& parameter) {
  return fmt::format("'{}' {} {}", parameter.name(), parameter.shape().str(),
                     gradtape::name(parameter.dtype()));
}

const std::vector<Parameter>& checked(const std::vector<Parameter>& parameters) {
  optim::detail::check_parameters(op, parameters);
  return parameters;
}

/// What is wrong with a rank's parameters beside those of rank 0; empty if nothing.
std::string difference(int rank, const std::vector<std::string>& own,
                       const std::vector<std::string>& root) {
  for (std::size_t p = 0; p < std::min(own.size(), root.size()); ++p)
    if (own[p] != root[p])
      return fmt::format("rank {} has {} where rank 0 has {}", rank, own[p], root[p]);
  if (own.size() == root.size()) return {};
  const auto& longer = own.size() > root.size() ? own : root;
  return fmt::format("rank {} has {} parameters and rank 0 has {}: the first without a twin is {}",
                     rank, own.size(), root.size(), longer[std::min(own.size(), root.size())]);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

void Replicas::give_values_of_root() {
  std::string text;
  std::vector<std::string> own;
  for (const auto& parameter : parameters_) {
    own.push_back(description(parameter));
    text += own.back() + '\n';
  }
  const auto root = lines_of(channel_->broadcast("the parameters of rank 0", text));
  channel_->agree(op, difference(channel_->rank(), own, root));
  for (const auto& parameter : parameters_)
    channel_->broadcast(fmt::format("the values of '{}'", parameter.name()),
                        channel_->rank() == 0 ? const_cast<void*>(parameter.tensor().raw())
                                              : parameter.mutable_raw(),
                        parameter.numel() * static_cast<std::int64_t>(size_of(parameter.dtype())));
}

void Replicas::verify() const {
  if (channel_->size() == 1) return;
  std::vector<std::int64_t> hashes;
  for (const auto& parameter : parameters_) {
    const std::string_view bytes(
        static_cast<const char*>(parameter.tensor().raw()),
        static_cast<std::size_t>(parameter.numel()) * size_of(parameter.dtype()));
    hashes.push_back(author::crc32(bytes));
  }
  auto root = hashes;
  channel_->broadcast("the check of parameters", root.data(),
                      static_cast<std::int64_t>(root.size() * sizeof(root[0])));
  std::string complaint;
  for (std::size_t p = 0; p < root.size() && complaint.empty(); ++p)
    if (hashes[p] != root[p])
      complaint = fmt::format("rank {} holds other values of '{}' than rank 0", channel_->rank(),
                              parameters_[p].name());
  channel_->agree(op, complaint);
}

DataParallel::DataParallel(const World& world, const std::vector<Parameter>& parameters,
                           const DataParallelOptions& options)
    : replicas_(std::make_unique<Replicas>(Channel::shared(world), checked(parameters), options)) {}
DataParallel::~DataParallel() = default;
DataParallel::DataParallel(DataParallel&&) noexcept = default;
DataParallel& DataParallel::operator=(DataParallel&&) noexcept = default;

void DataParallel::set_samples(std::int64_t samples, std::optional<std::int64_t> total) {
  replicas_->set_samples(samples, total);
}
DataParallel::NoSync::NoSync(Replicas& replicas) : replicas_(replicas) { replicas_.hold(true); }
DataParallel::NoSync::~NoSync() { replicas_.hold(false); }
DataParallel::NoSync DataParallel::no_sync() { return NoSync(*replicas_); }
void DataParallel::synchronize() { replicas_->synchronize(); }
void DataParallel::verify() const { replicas_->verify(); }
const Communication& DataParallel::last() const { return replicas_->last(); }

}  // namespace gradtape::distributed

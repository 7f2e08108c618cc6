#include "gradtape/optim/distributed/world.hpp"

#include <exception>

#include "gradtape/optim/distributed/detail/channel.hpp"
#include "gradtape/optim/distributed/detail/reduction.hpp"

namespace gradtape::distributed {

using namespace detail;

World::World(const WorldOptions& options) : channel_(std::make_shared<Channel>(options)) {}

int World::rank() const { return channel_->rank(); }
int World::size() const { return channel_->size(); }
std::string World::str() const { return channel_->str(); }
void World::barrier() const {
  if (size() > 1) channel_->barrier("a barrier");
}

double World::sum(double value) const {
  if (size() == 1) return value;
  double total = 0;
  for (const auto one : channel_->all_gather("a sum", std::vector{value})) total += one;
  return total;
}

std::int64_t World::sum(std::int64_t count) const {
  if (size() == 1) return count;
  std::vector total{count};
  channel_->sum("a sum", total);
  return total[0];
}

double World::mean(double value, double weight) const {
  author::require("World::mean", "weight", weight, author::at_least(0));
  // What has no weight is no number where it comes of nothing.
  const double part = sum(weight > 0 ? value * weight : 0.0), whole = sum(weight);
  author::require("World::mean", "the sum of weights", whole, author::above(0));
  return size() == 1 ? value : part / whole;
}

Tensor World::sum(const Tensor& x) const { return reduced(*channel_, "a sum of tensors", x); }

std::string World::bytes_from_root(const std::function<std::string()>& f) const {
  if (size() == 1) return f();
  // '+' and the value, or '-' and what was thrown.
  std::string message;
  std::exception_ptr thrown;
  if (is_root()) {
    try {
      message = '+' + f();
    } catch (const std::exception& error) {
      thrown = std::current_exception();
      message = '-' + std::string(error.what());
    } catch (...) {
      thrown = std::current_exception();
      message = "-an exception that is no std::exception";
    }
  }
  message = channel_->broadcast("what rank 0 tells", std::move(message));
  if (thrown) std::rethrow_exception(thrown);
  if (message[0] == '-') fail<DistributedError>("rank 0", message.substr(1));
  return message.substr(1);
}

void World::on_root(const std::function<void()>& f) const {
  (void)bytes_from_root([&] {
    f();
    return std::string();
  });
}

Tensor World::tensor_from_root(const std::function<Tensor()>& f) const {
  Tensor x;
  on_root([&] {
    x = f();
    author::need_defined("World::from_root", x, "the tensor");
  });
  return size() == 1 ? x.detach() : channel_->broadcast("a tensor of rank 0", x, 0);
}

}  // namespace gradtape::distributed

// Derivatives of functions, and what else users wait for.
#include <filesystem>

#include "workloads.hpp"

namespace bench {

namespace nn = side::nn;

namespace {

#ifdef BENCH_LIBTORCH
// LibTorch's C++ interface has no transforms of functions: these are what its users write.

Tensor jacobian(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  const Tensor y = f(x);
  Tensors rows;
  for (std::int64_t i = 0; i < y.numel(); ++i)
    rows.push_back(torch::autograd::grad({y[i]}, {x}, {}, i + 1 < y.numel())[0]);
  return torch::stack(rows);
}

Tensors hessian_vector_product(const std::function<Tensor()>& loss,
                               const std::vector<side::Variable>& p, const Tensors& v) {
  const Tensors slopes = torch::autograd::grad({loss()}, p, {}, true, true);
  return torch::autograd::grad(slopes, p, v);
}

Tensors per_sample(const std::function<Tensor(const Tensor&, const Tensor&)>& loss,
                   const std::vector<side::Variable>& p, const Tensor& x, const Tensor& y) {
  std::vector<Tensors> found(p.size());
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const auto slopes = torch::autograd::grad({loss(x.narrow(0, i, 1), y.narrow(0, i, 1))}, p);
    for (std::size_t k = 0; k < p.size(); ++k) found[k].push_back(slopes[k]);
  }
  Tensors all;
  for (const auto& of_one : found) all.push_back(torch::stack(of_one));
  return all;
}

#else

using gradtape::jacobian;

Tensors hessian_vector_product(const std::function<Tensor()>& loss,
                               const std::vector<side::Variable>& p, const Tensors& v) {
  return gradtape::hvp(loss, p, v);
}

Tensors per_sample(const std::function<Tensor(const Tensor&, const Tensor&)>& loss,
                   const std::vector<side::Variable>& p, const Tensor& x, const Tensor& y) {
  return gradtape::per_sample_grad(
      [&](const Tensors& sample) { return loss(sample[0], sample[1]); }, p, {x, y});
}

#endif

Case jacobian_of_mlp() {
  const side::Model net =
      model(nn::Sequential(nn::Linear(784, 128), nn::Tanh(), nn::Linear(128, 64)));
  initialise(net.variables);
  const Tensor x = input(normal({784}), "x");
  return results(
      [=] { return Tensors{jacobian([&](const Tensor& at) { return net.forward(at); }, x)}; });
}

Case hvp_of_mlp() {
  const side::Model net = model(nn::Sequential(
      nn::Linear(784, 512), nn::ReLU(), nn::Linear(512, 256), nn::ReLU(), nn::Linear(256, 10)));
  initialise(net.variables);
  const Tensor x = input(constant({128, 784}), "x"), y = input(indices({128}, 10), "y");
  const auto p = list(net.variables);
  Tensors v;
  for (const auto& [name, variable] : net.variables)
    v.push_back(input(constant(side::extents(variable)), name + " direction"));
  return results([=] {
    return hessian_vector_product([&] { return side::cross_entropy(net.forward(x), y); }, p, v);
  });
}

Case per_sample_of_mlp() {
  const side::Model net =
      model(nn::Sequential(nn::Linear(784, 128), nn::ReLU(), nn::Linear(128, 10)));
  initialise(net.variables);
  const Tensor x = input(constant({32, 784}), "x"), y = input(indices({32}, 10), "y");
  return results([=] {
    return per_sample(
        [&](const Tensor& a, const Tensor& b) { return side::cross_entropy(net.forward(a), b); },
        list(net.variables), x, y);
  });
}

/// A neural ODE: 200 steps of Runge and Kutta's method through a small net, 32 trajectories.
Case neural_ode() {
  const side::Model net = model(nn::Sequential(nn::Linear(2, 32), nn::Tanh(), nn::Linear(32, 2)));
  const Tensor start = input(constant({32, 2}), "start"), end = input(constant({32, 2}), "end");
  return training(net.variables, side::sgd(list(net.variables), 0.01), [=] {
    constexpr double h = 0.01;
    Tensor y = start;
    for (int i = 0; i < 200; ++i) {
      const Tensor k1 = net.forward(y), k2 = net.forward(y + h / 2 * k1),
                   k3 = net.forward(y + h / 2 * k2), k4 = net.forward(y + h * k3);
      y = y + h / 6 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
    }
    return side::mse_loss(y, end);
  });
}

#ifndef BENCH_LIBTORCH
/// All derivatives of LeNet by its parameters against finite differences, along random directions.
Case gradcheck_lenet() {
  const auto net = std::make_shared<nn::Sequential>(
      side::conv_layer(1, 6, 5, 2), nn::ReLU(), nn::MaxPool2d(2), side::conv_layer(6, 16, 5),
      nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(), nn::Linear(400, 120), nn::ReLU(),
      nn::Linear(120, 84), nn::ReLU(), nn::Linear(84, 10));
  net->to(gradtape::float64);
  const Tensor x = input(wide(constant({4, 1, 28, 28})), "x"), y = input(indices({4}, 10), "y");
  const auto step = [=] {
    const auto found =
        gradtape::gradcheck([&](const Tensor& at) { return side::cross_entropy((*net)(at), y); }, x,
                            {.parameters = net->parameters()});
    if (!found) std::fprintf(stderr, "gradcheck_lenet: %s\n", gradtape::name(found.verdict));
  };
  return {.step = step, .check = {}};
}
#endif

/// A file of this process, which is gone once nobody holds its path.
std::shared_ptr<const std::string> temporary_path() {
  const auto path = std::filesystem::temp_directory_path() /
                    numbered("bench_", static_cast<std::size_t>(getpid()));
  return {new std::string(path.string()), [](const std::string* made) {
            std::filesystem::remove(*made);
            delete made;
          }};
}

#ifndef BENCH_LIBTORCH
/// A file that is nearly all header, of the most bytes that the format allows: 1.09 million tensors
/// of one element.
Case load_header_100_mb() {
  const auto path = temporary_path();
  std::map<std::string, Tensor> all;
  const Tensor one = input(constant({1, 1}), "one");
  for (std::size_t i = 0; i < 1'090'000; ++i) all[numbered("model.layers.", i) + ".weight"] = one;
  gradtape::save_safetensors(*path, all);
  return {.step = [path] { (void)gradtape::load_safetensors(*path); }, .check = {}};
}
#endif

/// 400 MB in 100 tensors, from a file that the system has in memory: safetensors here, LibTorch's
/// own format there.
Case load_400_mb() {
  const auto path = temporary_path();
  const auto name = [](std::size_t i) { return numbered("t", i); };
  const Tensor values = input(constant({1000, 1000}), "values");
#ifdef BENCH_LIBTORCH
  torch::serialize::OutputArchive archive;
  for (std::size_t i = 0; i < 100; ++i) archive.write(name(i), values.clone());
  archive.save_to(*path);
  const auto load = [=] {
    torch::serialize::InputArchive from;
    from.load_from(*path);
    Tensors all(100);
    for (std::size_t i = 0; i < 100; ++i) from.read(name(i), all[i]);
    return all;
  };
#else
  std::map<std::string, Tensor> all;
  for (std::size_t i = 0; i < 100; ++i) all[name(i)] = values;
  gradtape::save_safetensors(*path, all);
  const auto load = [=] {
    const auto loaded = gradtape::load_safetensors(*path);
    Tensors found;
    for (std::size_t i = 0; i < 100; ++i) found.push_back(loaded.at(name(i)));
    return found;
  };
#endif
  Case made = results([=] { return Tensors{load()[99]}; });
  made.step = [load] { (void)load(); };
  return made;
}

}  // namespace

Table derivative_workloads() {
  return {{"jacobian_64x784", jacobian_of_mlp},      {"hvp_W4", hvp_of_mlp},
          {"per_sample_grad_32", per_sample_of_mlp},
#ifndef BENCH_LIBTORCH
          {"gradcheck_lenet", gradcheck_lenet},      {"load_header_100_MB", load_header_100_mb},
#endif
          {"neural_ode_200_steps", neural_ode},      {"load_400_MB", load_400_mb}};
}

}  // namespace bench

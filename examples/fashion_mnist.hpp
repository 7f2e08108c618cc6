/// Fashion-MNIST: 70,000 grey pictures of clothes in ten classes (Xiao, Rasul and Vollgraf 2017).
#pragma once

#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/data/data.hpp>

#include <optional>
#include <string>

#include "arguments.hpp"

/// 60,000 images to train on and 10,000 to test with (3,000 and 1,000 of them with --quick);
/// nothing, and why, where they are not installed.  images: [n, 1, 28, 28] of 0 ... 1, labels: [n]
inline std::optional<gradtape::nn::data::Split> fashion_mnist(const Arguments& given) {
  using gradtape::nn::data::Dataset;
  const auto folder = given.path.empty() ? "/usr/share/datasets/fashion-mnist" : given.path;
  const auto load = [&](const std::string& part, std::int64_t few) {
    auto images = gradtape::load_idx(folder + "/" + part + "-images-idx3-ubyte.gz");
    auto labels = gradtape::load_idx(folder + "/" + part + "-labels-idx1-ubyte.gz",
                                     {.dtype = gradtape::int64});
    if (given.quick) images = slice(images, 0, 0, few), labels = slice(labels, 0, 0, few);
    return Dataset(unsqueeze(images, 1) / 255.0, labels);
  };
  try {
    return {{load("train", 3000), load("t10k", 1000)}};
  } catch (const gradtape::Error& error) {
    fmt::print(stderr,
               "{}\nThe data come with Debian's and Ubuntu's package: sudo apt-get install "
               "dataset-fashion-mnist\nElsewhere give the folder with the four .gz files of "
               "github.com/zalandoresearch/fashion-mnist: ./examples/run NAME FOLDER\n",
               error.what());
    return {};
  }
}

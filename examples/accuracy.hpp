/// The accuracy of a classifier over a data set.
#pragma once

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/data/data.hpp>
#include <gradtape/nn/metric.hpp>

/// The share of samples that the model gives the right class, in evaluation mode and unrecorded.
template <class Model> double accuracy(Model& model, const gradtape::nn::data::Dataset& data) {
  const gradtape::NoGrad no_grad;
  gradtape::nn::metric::Accuracy accuracy;
  model.eval();
  for (const auto& [inputs, labels] : gradtape::nn::data::batches(data, {.size = 500}))
    accuracy.update(model(inputs), labels);
  model.train();
  return accuracy.compute();
}

/// Metrics: how good predictions are, of one batch (a function) or over many (an object).
///
///     nn::metric::Accuracy accuracy;
///     for (const auto& [images, labels] : ...) accuracy.update(model(images), labels);
///     std::cout << accuracy.compute() << "\n";
///
/// An object's `update` takes in a batch, `compute` gives the value over all since the last
/// `reset`. Every sample counts the same, whatever the sizes of the batches. A metric of nothing is
/// NaN. None is differentiable, and none records.
///
/// The sums that an object keeps are its `state`, and `set_state` puts others in their place. The
/// state of two objects' batches together is the sum of their states: so one value is computed of
/// what several processes have seen. R2 alone has none.
#pragma once

#include "gradtape/nn/metric/classification.hpp"
#include "gradtape/nn/metric/confusion_matrix.hpp"
#include "gradtape/nn/metric/mean.hpp"
#include "gradtape/nn/metric/regression.hpp"

// A shared library that check.py loads: tensors and tables of other libraries of the process go in,
// and come back, by C functions.
#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/dlpack.hpp>
#include <gradtape/nn/data/arrow.hpp>
#include <gradtape/nn/data/dataset.hpp>

#include <cstdint>
#include <exception>
#include <sstream>
#include <string>

using namespace gradtape;

namespace {

std::string message;  // of the last error, or the last text
Tensor kept;
CsvTable table;

template <class F> auto guarded(F f) -> decltype(f()) try {
  message.clear();
  return f();
} catch (const std::exception& error) {
  message = error.what();
  return {};
}

/// The gradient of sum(x^3), which is 3 x^2.
Tensor slope(const Tensor& value) {
  const Tensor x = value.requires_grad();
  return grad(sum(x * x * x), {x})[0];
}

}  // namespace

extern "C" {

const char* said() { return message.c_str(); }

DLManagedTensor* slope_of(DLManagedTensor* x) {
  return guarded([&] { return to_dlpack(slope(from_dlpack(x))); });
}
/// Keeps x and returns its address.
std::uintptr_t keep(DLManagedTensor* x) {
  return guarded([&] {
    kept = from_dlpack(x);
    return reinterpret_cast<std::uintptr_t>(kept.raw());
  });
}
DLManagedTensor* give_kept() {
  return guarded([&] { return to_dlpack(kept); });
}
void drop() {
  kept = {};
  table = {};
}

#if defined(DLPACK_MAJOR_VERSION) && DLPACK_MAJOR_VERSION >= 1
DLManagedTensorVersioned* slope_of_versioned(DLManagedTensorVersioned* x) {
  return guarded([&] { return to_dlpack_versioned(slope(from_dlpack(x))); });
}
#endif

/// Keeps the table, and describes it: a line a column.
const char* keep_table(ArrowArray* array, ArrowSchema* schema) {
  guarded([&] {
    table = nn::data::from_arrow(array, schema, float64);
    std::ostringstream out;
    for (const auto& column : table.columns) {
      out << column.name << " " << column.values.dtype() << " " << column.values;
      for (const auto& category : column.categories) out << " " << category;
      out << "\n";
    }
    message = out.str();
    return 0;
  });
  return message.c_str();
}
std::uintptr_t column_address(const char* name) {
  return guarded([&] { return reinterpret_cast<std::uintptr_t>(table[name].values.raw()); });
}
/// The mean over the samples of a data set, made of the table, of the target times the first input.
double moment(const char* target) {
  return guarded([&] {
    const auto data = nn::data::Dataset::from_table(table, {.target = target});
    return mean(data.inputs() * unsqueeze(data.targets().to(float64), 1)).item();
  });
}

}  // extern "C"

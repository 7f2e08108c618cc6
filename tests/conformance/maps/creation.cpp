#include "../value.hpp"

#include <cmath>

namespace gradtape::conformance {
namespace {

// PyTorch's default dtype when the corpus was computed.
constexpr Dtype default_dtype = float64;

Dtype dtype_or(Call& c, Dtype fallback) {
  const Value& dtype = c.at(99, "dtype");
  for (const char* ignored : {"device", "layout", "requires_grad", "pin_memory", "memory_format"})
    c.ignore(99, ignored);
  return dtype.is<Dtype>() ? dtype.get<Dtype>() : fallback;
}

Dtype dtype_of_number(const Value& value) {
  if (value.is<bool>()) return bool_;
  if (value.is<std::int64_t>()) return int64;
  return default_dtype;
}

/// The tensor that nested lists of numbers and tensors spell out.
Tensor from_lists(const Value& value) {
  if (value.is<Tensor>()) return value.get<Tensor>();
  if (!value.is<List>()) return value.tensor("tensor").to(dtype_of_number(value));
  const List& items = value.get<List>();
  if (items.empty()) return zeros({0}, default_dtype);
  std::vector<Tensor> parts;
  Dtype widest = bool_;
  for (const auto& item : items) {
    parts.push_back(from_lists(item));
    const Dtype dtype = parts.back().dtype();
    if (widest == bool_ || (is_floating(dtype) && !is_floating(widest)) || dtype == float64)
      widest = dtype == bool_ ? widest : dtype;
  }
  for (auto& part : parts) part = part.to(widest);
  return stack(parts, 0);
}

Value tensor_of(Call& c) {
  const Tensor x = from_lists(c.at(0, "data"));
  return x.detach().to(dtype_or(c, x.dtype()));
}

Function filled(double value) {
  return [value](Call& c) -> Value {
    return full(Shape(c.rest(0, "size")), value, dtype_or(c, default_dtype));
  };
}

Function filled_like(double value) {
  return [value](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    return full(x.shape(), value, dtype_or(c, x.dtype()));
  };
}

Function new_filled(double value) {
  return [value](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    return full(Shape(c.rest(1, "size")), value, dtype_or(c, x.dtype()));
  };
}

Value arange_of(Call& c) {
  const bool one = !c.has(1, "end") || c.args.size() == 1;
  const Value& first = c.at(0, one && c.args.empty() ? "end" : "start");
  const double start = one ? 0 : first.number("arange: start");
  const double stop = one ? first.number("arange: end") : c.number(1, "end");
  const Value& step = c.at(2, "step");
  bool integral = first.is<std::int64_t>();
  if (!one) integral = integral && c.at(1, "end").is<std::int64_t>();
  if (!step.is_none()) integral = integral && step.is<std::int64_t>();
  return arange(start, stop, step.is_none() ? 1 : step.number("arange: step"),
                dtype_or(c, integral ? int64 : default_dtype));
}

Value eye_of(Call& c) {
  const auto n = c.integer(0, "n");
  return eye(n, c.integer(1, "m", n), dtype_or(c, default_dtype));
}

/// x.to(dtype), x.to(other)
Value converted(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Value& to = c.at(1, "dtype");
  for (const char* ignored : {"non_blocking", "copy", "memory_format"}) c.ignore(99, ignored);
  if (to.is<Tensor>()) return x.to(to.get<Tensor>().dtype());
  return to.is<Dtype>() ? x.to(to.get<Dtype>()) : x;
}

Function to_dtype(Dtype dtype) {
  return [dtype](Call& c) -> Value { return c.tensor(0, "input").to(dtype); };
}

Value same(Call& c) {
  c.ignore(99, "memory_format");
  return c.tensor(0, "input");
}

Mapping functions() {
  return {
      {"tensor", tensor_of},
      {"as_tensor", tensor_of},
      {"scalar_tensor",
       [](Call& c) -> Value {
         const double value = c.number(0, "s");
         return full({}, value, dtype_or(c, default_dtype));
       }},
      {"zeros", filled(0)},
      {"ones", filled(1)},
      {"full",
       [](Call& c) -> Value {
         const Shape shape(c.integers(0, "size"));
         const Value& value = c.at(1, "fill_value");
         return full(shape, value.number("full: fill_value"), dtype_or(c, dtype_of_number(value)));
       }},
      {"zeros_like", filled_like(0)},
      {"ones_like", filled_like(1)},
      {"full_like",
       [](Call& c) -> Value {
         const Tensor x = c.tensor(0, "input");
         const double value = c.number(1, "fill_value");
         return full(x.shape(), value, dtype_or(c, x.dtype()));
       }},
      {"new_zeros", new_filled(0)},
      {"new_ones", new_filled(1)},
      {"new_full",
       [](Call& c) -> Value {
         const Tensor x = c.tensor(0, "input");
         const Shape shape(c.integers(1, "size"));
         const double value = c.number(2, "fill_value");
         return full(shape, value, dtype_or(c, x.dtype()));
       }},
      {"new_tensor",
       [](Call& c) -> Value {
         const Tensor x = c.tensor(0, "input");
         const Tensor data = from_lists(c.at(1, "data"));
         return data.detach().to(dtype_or(c, x.dtype()));
       }},
      {"arange", arange_of},
      {"linspace",
       [](Call& c) -> Value {
         const double start = c.number(0, "start"), stop = c.number(1, "end");
         const auto count = c.integer(2, "steps");
         return linspace(start, stop, count, dtype_or(c, default_dtype));
       }},
      {"eye", eye_of},
      {"to", converted},
      {"type", converted},
      {"type_as",
       [](Call& c) -> Value { return c.tensor(0, "input").to(c.tensor(1, "other").dtype()); }},
      {"double", to_dtype(float64)},
      {"float", to_dtype(float32)},
      {"long", to_dtype(int64)},
      {"int", to_dtype(int64)},
      {"bool", to_dtype(bool_)},
      {"clone", same},
      {"contiguous", same},
      {"detach", [](Call& c) -> Value { return c.tensor(0, "input").detach(); }},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance

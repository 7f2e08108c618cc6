// What is written in little languages, against a few lines that do the same element by element:
// indices and slices, einsum's equations, and numbers as texts.
#include <gradtape/autograd/io/csv.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/bytes.hpp"
#include "fuzz/fuzz.hpp"
#include "support/files.hpp"

namespace gradtape::fuzz {
namespace {

/// arange in this shape: each element is its own position.
Tensor positions(const Shape& shape) { return reshape(arange(shape.numel()), shape); }

/// Calls f with every index into `shape`, row-major.
template <class F> void each_index(const Shape& shape, F f) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.ndim()));
  for (std::int64_t left = shape.numel(); left > 0; --left) {
    f(index);
    for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
      if (++index[static_cast<std::size_t>(axis)] < shape[axis]) break;
      index[static_cast<std::size_t>(axis)] = 0;
    }
  }
}

/// What Python's slice(start, stop, step).indices(n) begins with, and how many there are.
struct Slice {
  std::int64_t first, count, step;
};
Slice slice_of(const Range& range, std::int64_t n) {
  const auto bound = [n](std::int64_t i) {
    return i < 0 ? std::max<std::int64_t>(i + n, 0) : std::min(i, n);
  };
  const auto start = bound(range.start), stop = bound(range.stop);
  return {start, stop > start ? (stop - start - 1) / range.step + 1 : 0, range.step};
}

/// The positions that x[indices] holds, by Python's rules, of integers, slices, newaxis and an
/// ellipsis; nothing where there is a tensor among them.
std::optional<std::vector<std::int64_t>> basic_index(const Shape& shape,
                                                     const std::vector<Index>& indices) {
  std::vector<Slice> slices;  // one an axis
  const auto taken =
      static_cast<std::size_t>(std::count_if(indices.begin(), indices.end(), [](const Index& i) {
        return i.get_if<std::int64_t>() || i.get_if<Range>();
      }));
  const auto fill = [&](std::size_t count) {
    for (; count > 0; --count) slices.push_back({0, shape[static_cast<int>(slices.size())], 1});
  };
  for (const auto& index : indices) {
    if (index.get_if<Tensor>()) return {};
    const auto axis = static_cast<int>(slices.size());
    if (const auto* i = index.get_if<std::int64_t>())
      slices.push_back({*i < 0 ? *i + shape[axis] : *i, 1, 1});
    else if (const auto* r = index.get_if<Range>())
      slices.push_back(slice_of(*r, shape[axis]));
    else if (index.get_if<Ellipsis>())
      fill(static_cast<std::size_t>(shape.ndim()) - taken);
  }
  fill(static_cast<std::size_t>(shape.ndim()) - slices.size());
  Shape result;
  for (const auto& slice : slices) result.push_back(slice.count);
  std::vector<std::int64_t> found;
  each_index(result, [&](const std::vector<std::int64_t>& at) {
    std::int64_t position = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis)
      position = position * shape[static_cast<int>(axis)] + slices[axis].first +
                 at[axis] * slices[axis].step;
    found.push_back(position);
  });
  return found;
}

}  // namespace

void fuzz_at(Input input) {
  Bytes bytes(input);
  const Shape shape = bytes.extents();
  const auto indices = bytes.indices();
  const Tensor x = positions(shape);
  Tensor y;
  if (!accepts([&] { y = at(x, indices); })) return;
  examine(y);
  for (const auto i : y.values<std::int64_t>())
    require(i >= 0 && i < shape.numel(), "what is indexed is an element");
  const auto expected = basic_index(shape, indices);
  if (expected) require(y.values<std::int64_t>() == *expected, "x[...] is Python's");

  // What is put there is there, and nothing else has changed.
  Tensor put, found;
  if (!accepts([&] { put = index_put(x, indices, -1 - y); })) return;
  examine(put);
  require(array_equal(at(put, indices), -1 - y), "what was put in a place is found there");
  std::vector<std::int64_t> rest = x.values<std::int64_t>();
  for (const auto i : y.values<std::int64_t>()) rest[static_cast<std::size_t>(i)] = -1 - i;
  require(put.values<std::int64_t>() == rest, "index_put changes the places it names only");
}

namespace {

/// The einsum of operands with explicit letters, by its definition; nothing for other equations.
std::optional<Tensor> einsum_by_loops(std::string_view equation, const std::vector<Tensor>& x) {
  const auto arrow = equation.find("->");
  if (arrow == equation.npos) return {};
  std::vector<std::string> terms(1);
  for (const char c : equation.substr(0, arrow)) {
    if (c == ',')
      terms.emplace_back();
    else if (std::isalpha(static_cast<unsigned char>(c)))
      terms.back() += c;
    else if (c != ' ')
      return {};
  }
  std::string result;
  for (const char c : equation.substr(arrow + 2))
    if (c != ' ') result += c;
  if (result.find_first_of(".") != result.npos) return {};

  std::string letters = result;  // of the result first, so that sums run through the last ones
  std::map<char, std::int64_t> extents;
  for (std::size_t i = 0; i < terms.size(); ++i)
    for (std::size_t axis = 0; axis < terms[i].size(); ++axis) {
      const char c = terms[i][axis];
      if (letters.find(c) == letters.npos) letters += c;
      auto& extent = extents.try_emplace(c, 1).first->second;
      extent = extent == 1 ? x[i].size(static_cast<std::int64_t>(axis)) : extent;
    }
  std::vector<std::int64_t> all, kept;
  for (const char c : letters) all.push_back(extents[c]);
  for (const char c : result) kept.push_back(extents[c]);
  if (all.size() > max_ndim || Shape(all).numel() > 100'000) return {};

  std::vector<std::vector<double>> elements;
  for (const auto& operand : x) elements.push_back(operand.values<double>());
  std::vector<double> sums(static_cast<std::size_t>(Shape(kept).numel()));
  each_index(Shape(all), [&](const std::vector<std::int64_t>& at) {
    const auto position = [&](const std::string& term, const Shape& shape) {
      std::int64_t p = 0;
      for (std::size_t axis = 0; axis < term.size(); ++axis) {
        const auto extent = shape[static_cast<int>(axis)];
        p = p * extent + (extent == 1 ? 0 : at[letters.find(term[axis])]);
      }
      return static_cast<std::size_t>(p);
    };
    double product = 1;
    for (std::size_t i = 0; i < x.size(); ++i)
      product *= elements[i][position(terms[i], x[i].shape())];
    sums[position(result, Shape(kept))] += product;
  });
  return tensor(sums, Shape(kept));
}

}  // namespace

void fuzz_einsum(Input input) {
  Bytes bytes(input);
  std::vector<Tensor> operands(bytes.below(4));
  for (auto& x : operands) {
    const Shape shape = bytes.extents();
    x = remainder(positions(shape) * 5 + 3, 7).to(float64) - 3.0;  // sums are exact
  }
  std::string equation;
  constexpr std::string_view signs = "abcabcijk,,..->  A.";
  for (auto n = bytes.below(24); n > 0; --n) {
    const auto c = bytes.byte();
    equation += c < 250 ? signs[c % signs.size()] : static_cast<char>(bytes.byte());
  }
  Tensor y;
  if (!accepts([&] { y = einsum(equation, operands); })) return;
  examine(y);
  if (const auto expected = einsum_by_loops(equation, operands))
    require(y.shape() == expected->shape() && array_equal(y, *expected),
            fmt::format("einsum(\"{}\") is the sum of products", equation));
  std::vector<Tensor> leaves;
  for (const auto& x : operands) leaves.push_back(x.requires_grad());
  examine(grad(sum(einsum(equation, leaves)), leaves));
}

namespace {

/// The numbers in what a tensor prints as; "true" and "false" are 1 and 0.
std::vector<double> printed_numbers(std::string text) {
  for (char& c : text)
    if (c == '[' || c == ']' || c == ',' || c == '\n') c = ' ';
  std::vector<double> numbers;
  for (std::size_t i = 0; (i = text.find_first_not_of(' ', i)) != text.npos;) {
    const auto end = std::min(text.find(' ', i), text.size());
    const std::string word = text.substr(i, end - i);
    double value = word == "true" ? 1 : 0;
    if (word != "true" && word != "false") {
      const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      require(error == std::errc() && stop == word.data() + word.size(),
              fmt::format("'{}' in a printed tensor is a number", word));
    }
    numbers.push_back(value);
    i = end;
  }
  return numbers;
}

}  // namespace

void fuzz_print(Input input) {
  Bytes bytes(input);
  const auto dtype = bytes.draw<Dtype>();
  Tensor x;
  if (bytes.below(2)) {
    x = bytes.tensor(bytes.extents(), dtype);
  } else {  // any bits
    std::vector<double> elements(bytes.below(20));
    for (auto& element : elements) {
      std::uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = bits << 8 | bytes.byte();
      element = std::bit_cast<double>(bits);
    }
    const bool fits = is_floating(dtype);
    x = tensor(elements).to(fits ? dtype : float64);
  }
  const PrintOptions options{.threshold = bytes.integer(),
                             .precision = static_cast<int>(bytes.integer())};
  (void)x.str(options);
  require(x.repr(options).find(name(dtype)) != std::string::npos || x.dtype() != dtype,
          "repr names the dtype");

  if (x.numel() == 0) return;
  // With all digits the text reads back as the same numbers, but for what lies beyond 17 places.
  const auto numbers = printed_numbers(x.str({.threshold = x.numel(), .precision = 17}));
  const auto values = x.to(float64).values<double>();
  require(numbers.size() == values.size(), "as many numbers are printed as there are elements");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double read = x.dtype() == float32 ? static_cast<float>(numbers[i]) : numbers[i];
    require(std::abs(read - values[i]) < 1e-17 || read == values[i] ||
                (std::isnan(read) && std::isnan(values[i])),
            fmt::format("{} is printed as {}", values[i], numbers[i]));
  }

  // A table of what fmt prints is the same table.
  if (x.ndim() != 1 || x.dtype() == bool_) return;
  static const testing::TemporaryFolder folder;
  std::string row;
  for (std::size_t i = 0; i < values.size(); ++i)
    row += (i ? "," : "") + (x.dtype() == int64 ? std::to_string(x.values<std::int64_t>()[i])
                                                : fmt::format("{}", values[i]));
  const Tensor table = load_csv(folder.file("x.csv", row + "\n"), {.dtype = x.dtype()});
  require(array_equal(nan_to_num(table.to(float64)), nan_to_num(reshape(x.to(float64), {1, -1}))),
          "a table of printed numbers is read as these numbers");
}

}  // namespace gradtape::fuzz

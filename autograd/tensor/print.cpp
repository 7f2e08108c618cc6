#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <ostream>
#include <utility>

#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {
namespace {

constexpr std::int64_t edge_items = 3;  // shown at each end of an axis of a summarised tensor
constexpr std::size_t line_width = 75;
constexpr int most_digits = 17;  // no double needs more

/// A floating number in two parts: "-1.25" and "e-05", the second empty in positional notation.
struct Number {
  std::string mantissa, exponent;
  std::size_t decimals() const { return mantissa.size() - mantissa.find('.') - 1; }
};

template <class T, class... Precision>
Number split_number(T value, std::chars_format format, Precision... precision) {
  char buffer[64];  // fixed notation is used below 1e8 only
  const auto end = std::to_chars(buffer, std::end(buffer), value, format, precision...).ptr;
  const std::string text(buffer, end);
  const auto mantissa_end = std::min(text.find('e'), text.size());
  Number number{text.substr(0, mantissa_end), text.substr(mantissa_end)};
  if (number.mantissa.find('.') == std::string::npos) number.mantissa += '.';
  return number;
}

/// The shortest digits that read back as `value`, but at most `precision` behind the point.
template <class T> Number to_number(T value, std::chars_format format, int precision) {
  Number number = split_number(value, format);
  if (number.decimals() <= static_cast<std::size_t>(precision)) return number;
  number = split_number(value, format, precision);
  number.mantissa.resize(number.mantissa.find_last_not_of('0') + 1);
  return number;
}

/// NumPy's rule: a large, a small or a wide range of magnitudes is written in scientific notation.
template <class T> std::chars_format choose_format(const std::vector<T>& values) {
  T largest = 0, smallest = std::numeric_limits<T>::infinity();
  for (const T value : values) {
    if (!std::isfinite(value) || value == 0) continue;
    largest = std::max(largest, std::abs(value));
    smallest = std::min(smallest, std::abs(value));
  }
  const bool scientific =
      largest >= T(1e8) || static_cast<double>(smallest) < 1e-4 || largest / smallest > 1000;
  return scientific ? std::chars_format::scientific : std::chars_format::fixed;
}

/// Numbers whose points align: by equally many digits in scientific notation, else by blanks.
template <class T> std::vector<std::string> to_texts(const std::vector<T>& values, int precision) {
  const auto format = choose_format(values);
  std::size_t decimals = 0, exponent_size = 0;
  std::vector<Number> numbers;
  for (const T value : values) {
    numbers.push_back(std::isfinite(value) ? to_number(value, format, precision) : Number{});
    if (!std::isfinite(value)) continue;
    decimals = std::max(decimals, numbers.back().decimals());
    exponent_size = std::max(exponent_size, numbers.back().exponent.size());
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T value = values[i];
    if (!std::isfinite(value)) {
      texts.push_back(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    } else if (format == std::chars_format::fixed) {
      texts.push_back(numbers[i].mantissa + std::string(decimals - numbers[i].decimals(), ' '));
    } else {
      // With zeros behind it: rounded anew to more digits it might not read back.
      auto [mantissa, exponent] = numbers[i];
      mantissa.append(decimals - numbers[i].decimals(), '0');
      exponent.insert(2, exponent_size - exponent.size(), '0');  // e-05 to e-005
      texts.push_back(mantissa + exponent);
    }
  }
  return texts;
}

std::vector<std::string> to_texts(const std::vector<std::int64_t>& values, int) {
  std::vector<std::string> texts;
  for (const auto value : values) texts.push_back(std::to_string(value));
  return texts;
}

std::vector<std::string> to_texts(const std::vector<bool>& values, int) {
  std::vector<std::string> texts;
  for (const bool value : values) texts.push_back(value ? "true" : "false");
  return texts;
}

/// Writes the elements of a tensor in nested brackets, padded to one width, as NumPy does.
class Printer {
 public:
  Printer(const Tensor& x, const PrintOptions& options)
      : shape_(x.shape()), summarise_(x.numel() > options.threshold) {
    const int precision = std::clamp(options.precision, 0, most_digits);
    detail::visit_dtype(x.dtype(), [&](auto zero) {
      std::vector<decltype(zero)> shown;
      collect(x.data<decltype(zero)>(), 0, 0, shown);
      texts_ = to_texts(shown, precision);
    });
    for (const auto& text : texts_) width_ = std::max(width_, text.size());
  }

  std::string text() {
    if (shape_.ndim() == 0) return texts_[0];
    write(0);
    return out_;
  }

 private:
  /// Calls f(i) for the indices shown along an axis, and f(-1) in place of those left out.
  template <class F> void each_shown(int axis, F f) const {
    const auto n = shape_[axis];
    const bool cut = summarise_ && n > 2 * edge_items;
    for (std::int64_t i = 0; i < n; ++i) {
      if (cut && i == edge_items) {
        f(std::int64_t{-1});
        i = n - edge_items;
      }
      f(i);
    }
  }

  template <class T>
  void collect(std::span<const T> data, int axis, std::int64_t offset,
               std::vector<T>& shown) const {
    if (axis == shape_.ndim()) return shown.push_back(data[static_cast<std::size_t>(offset)]);
    each_shown(axis, [&](std::int64_t i) {
      if (i >= 0) collect(data, axis + 1, offset * shape_[axis] + i, shown);
    });
  }

  void write(int axis) {
    out_ += '[';
    if (axis + 1 == shape_.ndim()) {
      write_row(axis);
    } else {
      const std::string indent(static_cast<std::size_t>(axis) + 1, ' ');
      const std::string breaks(static_cast<std::size_t>(shape_.ndim() - axis - 1), '\n');
      bool first = true;
      each_shown(axis, [&](std::int64_t i) {
        if (!std::exchange(first, false)) out_ += "," + breaks + indent;
        if (i < 0)
          out_ += "...";
        else
          write(axis + 1);
      });
    }
    out_ += ']';
  }

  /// The innermost axis, broken into lines where it is too long for one.
  void write_row(int axis) {
    const std::size_t indent = static_cast<std::size_t>(axis) + 1, width = line_width - indent;
    std::size_t column = indent;
    each_shown(axis, [&](std::int64_t i) {
      const std::string word = i < 0 ? "..." : padded(texts_[next_text_++]);
      if (column > indent) {
        out_ += ',';
        if (column + word.size() > width) {
          out_ += '\n' + std::string(indent, ' ');
          column = indent;
        } else {
          out_ += ' ';
        }
      }
      out_ += word;
      column += word.size() + 2;
    });
  }

  std::string padded(const std::string& text) const {
    return std::string(width_ - text.size(), ' ') + text;
  }

  const Shape shape_;
  const bool summarise_;
  std::vector<std::string> texts_;  // of the elements shown, in order
  std::size_t width_ = 0, next_text_ = 0;
  std::string out_;
};

}  // namespace

// Not inlined: it is half of this file.
[[gnu::noinline]] std::string detail::elements_text(const Tensor& x, const PrintOptions& options) {
  return Printer(x, options).text();
}

std::string Tensor::str(const PrintOptions& options) const {
  if (!defined()) return "undefined";
  if (numel() == 0) return ndim() == 1 ? "[]" : "[] of shape " + shape().str();
  std::string text = detail::elements_text(*this, options);
  if (text.find("...") == text.npos) return text;
  return fmt::format("{} of shape {}, {}", text, shape().str(), name(dtype()));
}

std::ostream& operator<<(std::ostream& out, Dtype dtype) { return out << name(dtype); }

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) { return out << tensor.str(); }

}  // namespace gradtape

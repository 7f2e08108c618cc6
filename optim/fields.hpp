/// Fields: options and state of update rules by name, so that they are checked, saved and loaded.
/// For rules only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gradtape/autograd/require.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape::optim::detail {

/// What counters of a run can have come to: beyond it they could not be counted on.
inline constexpr author::Interval counter = author::closed(0, 0x1p53);

/// A visitor of everything that makes up an update rule. A rule lists each option and each piece of
/// state once, with name, place and range:
///
///     void SGDOptions::fields(detail::Fields& each) {
///       each("lr", lr, at_least(0));
///       ...
///
/// Construction, step(), state_dict() and load_state_dict() visit this one list, so that nothing is
/// saved without being checked, or checked without being saved.
class Fields {
 public:
  virtual ~Fields() = default;

  /// The values after this are options of a group, or state of parameter i.
  Fields& group(std::size_t i) { return enter("groups", i, {}); }
  Fields& state(std::size_t i, const Shape& shape) { return enter("state", i, shape); }
  /// Of the parameter whose state is visited.
  const Shape& shape() const { return shape_; }

  /// A number in a range.
  void operator()(std::string_view name, double& value, const author::Interval& range) {
    number(name, value, range);
  }
  /// An integer in a range.
  void operator()(std::string_view name, std::int64_t& value, const author::Interval& range) {
    number(name, value, range);
  }
  void operator()(std::string_view name, bool& value) { visit(name, value); }
  /// A floating tensor of this shape, or none.
  void operator()(std::string_view name, Tensor& value, const Shape& shape) {
    visit(name, value, shape);
  }
  /// A floating tensor of the parameter's shape, or none.
  void operator()(std::string_view name, Tensor& value) { visit(name, value, shape_); }

  /// Throws ValueError unless `ok`, for what several values must satisfy together:
  /// "SGD: momentum = 0, but it must be positive with nesterov".
  void require(bool ok, std::string_view name, double value, std::string_view expected) {
    if (checks_ && !ok) author::refuse(rule_, full(name), value, expected);
  }
  /// Throws ValueError with this cause unless `ok`.
  void require(bool ok, std::string_view cause) {
    if (checks_ && !ok) fail<ValueError>(rule_, cause);
  }

 protected:
  /// In the name of `rule`; with or without the checks.
  Fields(const char* rule, bool checks) : rule_(rule), checks_(checks) {}

  /// The name with its place: "groups.0.lr".
  std::string full(std::string_view name) const { return prefix_ + std::string(name); }

  const char* const rule_;

 private:
  template <class Number>
  void number(std::string_view name, Number& value, const author::Interval& range) {
    visit(name, value);
    if (checks_ && !range.contains(static_cast<double>(value)))  // a step checks, and is short
      author::require(rule_, full(name), value, range);
  }
  virtual void visit(std::string_view name, double& value) = 0;
  virtual void visit(std::string_view name, std::int64_t& value) = 0;
  virtual void visit(std::string_view name, bool& value) = 0;
  virtual void visit(std::string_view name, Tensor& value, const Shape& shape) = 0;

  Fields& enter(const char* list, std::size_t i, const Shape& shape);

  std::string prefix_;
  Shape shape_;
  bool checks_;
};

/// Only checks: throws ValueError for the first value out of its range.
class Check : public Fields {
 public:
  explicit Check(const char* rule) : Fields(rule, true) {}

 private:
  void visit(std::string_view, double&) override {}
  void visit(std::string_view, std::int64_t&) override {}
  void visit(std::string_view, bool&) override {}
  void visit(std::string_view, Tensor&, const Shape&) override {}
};

/// Throws ValueError for an option out of its range. Takes a copy, because fields() is not const.
template <class Options> void check(Options options) {
  Check each(Options::rule);
  options.fields(each);
}

}  // namespace gradtape::optim::detail

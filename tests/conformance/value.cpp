#include "value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace gradtape::conformance {
namespace {

[[noreturn]] void wrong_kind(const std::string& what, const char* wanted, const Value& got) {
  throw Unsupported(fmt::format("{}: needs {}, got {}", what, wanted, got.kind()));
}

/// The other spellings under which PyTorch takes a keyword.
std::vector<std::string> spellings(const std::string& name) {
  if (name == "dim") return {"dim", "axis"};
  if (name == "dims") return {"dims", "dim", "axis"};
  if (name == "keepdim") return {"keepdim", "keepdims"};
  if (name == "input") return {"input", "self", "x", "x1"};
  if (name == "other") return {"other", "x2"};
  return {name};
}

const Value absent;

}  // namespace

Value::Value(Object x) : v_(std::make_shared<const Object>(std::move(x))) {}

std::string Value::kind() const {
  static constexpr const char* names[] = {"None",     "bool",   "int",      "float",
                                          "str",      "Tensor", "tuple",    "slice",
                                          "Ellipsis", "dtype",  "function", "object"};
  return names[v_.index()];
}

Tensor Value::tensor(const std::string& what) const {
  if (is<Tensor>()) return get<Tensor>();
  if (is<bool>()) return get<bool>();
  if (is<std::int64_t>()) return get<std::int64_t>();
  if (is<double>()) return get<double>();
  wrong_kind(what, "a tensor", *this);
}

double Value::number(const std::string& what) const {
  if (is<bool>()) return get<bool>();
  if (is<std::int64_t>()) return static_cast<double>(get<std::int64_t>());
  if (is<double>()) return get<double>();
  if (is<Tensor>() && get<Tensor>().numel() == 1) return get<Tensor>().item<double>();
  wrong_kind(what, "a number", *this);
}

std::int64_t Value::integer(const std::string& what) const {
  if (is<bool>()) return get<bool>();
  if (is<std::int64_t>()) return get<std::int64_t>();
  if (is<double>() && std::abs(get<double>()) < 0x1p53 &&
      get<double>() == std::floor(get<double>()))
    return static_cast<std::int64_t>(get<double>());
  if (is<Tensor>() && get<Tensor>().numel() == 1 && !is_floating(get<Tensor>().dtype()))
    return get<Tensor>().item<std::int64_t>();
  wrong_kind(what, "an integer", *this);
}

bool Value::flag(const std::string& what) const {
  if (is<bool>()) return get<bool>();
  if (is<std::int64_t>()) return get<std::int64_t>() != 0;
  wrong_kind(what, "a bool", *this);
}

std::string Value::text(const std::string& what) const {
  if (is<std::string>()) return get<std::string>();
  wrong_kind(what, "a string", *this);
}

std::vector<std::int64_t> Value::integers(const std::string& what) const {
  if (!is<List>()) return {integer(what)};
  std::vector<std::int64_t> out;
  for (const auto& item : get<List>()) out.push_back(item.integer(what));
  return out;
}

std::vector<Tensor> Value::tensors(const std::string& what) const {
  if (is<Tensor>()) return {get<Tensor>()};
  if (!is<List>()) wrong_kind(what, "a list of tensors", *this);
  std::vector<Tensor> out;
  for (const auto& item : get<List>()) out.push_back(item.tensor(what));
  return out;
}

void Value::update(Tensor x) const {
  if (!is<Tensor>()) wrong_kind("an argument to write into", "a tensor", *this);
  *std::get<Held<Tensor>>(v_) = std::move(x);
}

const Value& Call::at(std::size_t i, const std::string& name) {
  if (i < args.size()) {
    read_.insert(fmt::format("#{}", i));
    return args[i];
  }
  for (const auto& spelling : spellings(name)) {
    if (const auto found = kwargs.find(spelling); found != kwargs.end()) {
      read_.insert(spelling);
      return found->second;
    }
  }
  return absent;
}

bool Call::has(std::size_t i, const std::string& name) { return !at(i, name).is_none(); }

namespace {

std::string place(const Call& call, const std::string& name) { return call.function + ": " + name; }

/// The argument, or the fallback where it is absent; Unsupported where neither is there.
template <class T, class Read>
T read_or(Call& call, std::size_t i, const std::string& name, const std::optional<T>& fallback,
          Read read) {
  const Value& value = call.at(i, name);
  if (!value.is_none()) return read(value);
  if (fallback) return *fallback;
  throw Unsupported(place(call, name) + " is not given");
}

}  // namespace

Tensor Call::tensor(std::size_t i, const std::string& name) {
  return read_or<Tensor>(*this, i, name, {},
                         [&](const Value& v) { return v.tensor(place(*this, name)); });
}

Tensor Call::tensor_or_none(std::size_t i, const std::string& name) {
  const Value& value = at(i, name);
  return value.is_none() ? Tensor() : value.tensor(place(*this, name));
}

double Call::number(std::size_t i, const std::string& name, std::optional<double> fallback) {
  return read_or(*this, i, name, fallback,
                 [&](const Value& v) { return v.number(place(*this, name)); });
}

std::int64_t Call::integer(std::size_t i, const std::string& name,
                           std::optional<std::int64_t> fallback) {
  return read_or(*this, i, name, fallback,
                 [&](const Value& v) { return v.integer(place(*this, name)); });
}

bool Call::flag(std::size_t i, const std::string& name, std::optional<bool> fallback) {
  return read_or(*this, i, name, fallback,
                 [&](const Value& v) { return v.flag(place(*this, name)); });
}

std::string Call::text(std::size_t i, const std::string& name,
                       std::optional<std::string> fallback) {
  return read_or(*this, i, name, fallback,
                 [&](const Value& v) { return v.text(place(*this, name)); });
}

std::vector<std::int64_t> Call::integers(std::size_t i, const std::string& name,
                                         std::optional<std::vector<std::int64_t>> fallback) {
  return read_or(*this, i, name, fallback,
                 [&](const Value& v) { return v.integers(place(*this, name)); });
}

std::vector<Tensor> Call::tensors(std::size_t i, const std::string& name) {
  return read_or<std::vector<Tensor>>(
      *this, i, name, {}, [&](const Value& v) { return v.tensors(place(*this, name)); });
}

Axes Call::axes(std::size_t i, const std::string& name) {
  const Value& value = at(i, name);
  return value.is_none() ? Axes() : Axes(value.integers(place(*this, name)));
}

std::vector<std::int64_t> Call::rest(std::size_t i, const std::string& name) {
  if (i >= args.size() || args[i].is<List>()) return integers(i, name);
  std::vector<std::int64_t> out;
  for (; i < args.size(); ++i) out.push_back(at(i, name).integer(place(*this, name)));
  return out;
}

void Call::ignore(std::size_t i, const std::string& name) { at(i, name); }

void Call::check_all_read() const {
  for (std::size_t i = 0; i < args.size(); ++i)
    if (!read_.contains(fmt::format("#{}", i)))
      throw Unsupported(fmt::format("{}: argument {} is not read", function, i));
  for (const auto& [name, value] : kwargs)
    if (!read_.contains(name))
      throw Unsupported(fmt::format("{}: the keyword {} is not read", function, name));
}

}  // namespace gradtape::conformance

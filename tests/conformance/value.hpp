/// The Python values of the corpus's calls and expressions, and the table that gives PyTorch's
/// functions by ours.
#pragma once

#include <gradtape/autograd/ops.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace gradtape::conformance {

/// What we have no equivalent of: the case counts as unsupported, not as failed.
struct Unsupported : std::runtime_error {
  using runtime_error::runtime_error;
};

class Value;
class Call;
struct Object;
using List = std::vector<Value>;
using Function = std::function<Value(Call&)>;

struct None {};
struct Ellipsis {};
struct Slice {
  std::optional<std::int64_t> start, stop, step;
};

/// A Python value. Tuples are lists; those that PyTorch returns with names for their items may
/// carry them, so that an expression can say `.values`.
class Value {
 public:
  Value() = default;
  Value(bool x) : v_(x) {}
  Value(int x) : v_(std::int64_t{x}) {}
  Value(std::int64_t x) : v_(x) {}
  Value(double x) : v_(x) {}
  Value(const char* x) : v_(std::string(x)) {}
  Value(std::string x) : v_(std::move(x)) {}
  Value(Tensor x) : v_(std::make_shared<Tensor>(std::move(x))) {}
  Value(List x) : v_(std::move(x)) {}
  Value(List x, std::vector<std::string> fields) : v_(std::move(x)), fields_(std::move(fields)) {}
  Value(const std::vector<Tensor>& x) : v_(List(x.begin(), x.end())) {}
  Value(Slice x) : v_(x) {}
  Value(Ellipsis x) : v_(x) {}
  Value(Dtype x) : v_(x) {}
  Value(Function x) : v_(std::move(x)) {}
  Value(Object x);

  bool is_none() const { return is<None>(); }
  template <class T> bool is() const { return std::holds_alternative<Held<T>>(v_); }
  template <class T> const T& get() const {
    if constexpr (std::is_same_v<T, Tensor> || std::is_same_v<T, Object>)
      return *std::get<Held<T>>(v_);
    else
      return std::get<T>(v_);
  }
  bool is_number() const { return is<bool>() || is<std::int64_t>() || is<double>(); }

  // Each throws Unsupported, naming `what`, for a value of another kind.
  Tensor tensor(const std::string& what) const;  ///< Numbers become literals.
  double number(const std::string& what) const;
  std::int64_t integer(const std::string& what) const;
  bool flag(const std::string& what) const;
  std::string text(const std::string& what) const;
  std::vector<std::int64_t> integers(
      const std::string& what) const;  ///< A number is a list of one.
  std::vector<Tensor> tensors(const std::string& what) const;

  /// Replaces the tensor under every name that has it, as functions do that write into an argument:
  /// the running statistics of batch_norm. Throws Unsupported unless this is a tensor.
  void update(Tensor x) const;
  const std::vector<std::string>& fields() const { return fields_; }
  std::string kind() const;  ///< "int", "Tensor", ..., for messages.

 private:
  template <class T>
  using Held = std::conditional_t<
      std::is_same_v<T, Tensor>, std::shared_ptr<Tensor>,
      std::conditional_t<std::is_same_v<T, Object>, std::shared_ptr<const Object>, T>>;

  std::variant<None, bool, std::int64_t, double, std::string, std::shared_ptr<Tensor>, List, Slice,
               Ellipsis, Dtype, Function, std::shared_ptr<const Object>>
      v_;
  std::vector<std::string> fields_;
};

/// What a constructor such as nn.BatchNorm1d(3) gives: to be called, and to be asked for its state.
struct Object {
  Function call;
  /// Nothing for a name that it does not have.
  std::function<std::optional<Value>(const std::string&)> attribute;
};

/// The arguments of one call. Each accessor takes the position `i` and the keyword `name` under
/// which PyTorch accepts the argument, and notes that it was read: one that nobody read makes the
/// case unsupported, so that no option is silently dropped.
class Call {
 public:
  Call(std::string function, List args, std::map<std::string, Value> kwargs)
      : function(std::move(function)), args(std::move(args)), kwargs(std::move(kwargs)) {}

  std::string function;  ///< As looked up in the table.
  List args;
  std::map<std::string, Value> kwargs;

  const Value& at(std::size_t i, const std::string& name);        ///< None where not given.
  bool has(std::size_t i, const std::string& name);               ///< Given and not None.
  Tensor tensor(std::size_t i, const std::string& name);          ///< Numbers become literals.
  Tensor tensor_or_none(std::size_t i, const std::string& name);  ///< Undefined where not given.
  // Without a fallback the argument must be given.
  double number(std::size_t i, const std::string& name, std::optional<double> fallback = {});
  std::int64_t integer(std::size_t i, const std::string& name,
                       std::optional<std::int64_t> fallback = {});
  bool flag(std::size_t i, const std::string& name, std::optional<bool> fallback = {});
  std::string text(std::size_t i, const std::string& name,
                   std::optional<std::string> fallback = {});
  std::vector<std::int64_t> integers(std::size_t i, const std::string& name,
                                     std::optional<std::vector<std::int64_t>> fallback = {});
  std::vector<Tensor> tensors(std::size_t i, const std::string& name);
  Axes axes(std::size_t i, const std::string& name);  ///< All of them where not given or None.
  /// The integers from position i on, as in x.view(2, 3), or the one list there, as in
  /// x.view((2, 3)), or the keyword's.
  std::vector<std::int64_t> rest(std::size_t i, const std::string& name);
  /// Reads and ignores an argument that changes nothing here.
  void ignore(std::size_t i, const std::string& name);
  /// Throws Unsupported when an argument was not read.
  void check_all_read() const;

 private:
  std::set<std::string> read_;
};

/// PyTorch's name -> ours. `torch.` is left out: "add", "linalg.inv", "nn.functional.conv2d",
/// "__getitem__". Methods have the tensor as argument 0. A name that is missing is looked up again
/// without "nn.functional.", so "softmax" serves both.
using Mapping = std::map<std::string, Function>;

/// A family of functions, which joins mapping() when the program starts. One file
/// maps/<family>.cpp each; a new file needs to be named nowhere.
struct FunctionFamily {
  explicit FunctionFamily(Mapping (*functions)());
};

/// All of them. Throws std::logic_error for a name given twice.
const Mapping& mapping();
/// The function under a name, which checks that every argument was read; nullptr where there is
/// none.
Function find_function(const std::string& name);
/// Calls it. Throws Unsupported where there is none.
Value call_function(const std::string& name, List args, std::map<std::string, Value> kwargs = {});

}  // namespace gradtape::conformance

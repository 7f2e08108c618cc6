/// The exceptions of gradtape, and the one helper that throws them.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace gradtape {

/// Base of everything that gradtape throws. `what()` reads `op: cause`.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Shapes, axes or extents that do not fit the op.
struct ShapeError : Error {
  using Error::Error;
};

/// A dtype that the op does not take, or two dtypes that do not mix.
struct DtypeError : Error {
  using Error::Error;
};

/// A graph that cannot be differentiated as asked: released, unreachable, not tracked.
struct GraphError : Error {
  using Error::Error;
};

/// A file that is missing, truncated, or not of the expected format.
struct IoError : Error {
  using Error::Error;
};

/// An argument out of its range (an index, a probability, an option).
struct ValueError : Error {
  using Error::Error;
};

/// Throws `E` with the message `op: cause`.
template <class E> [[noreturn]] void fail(std::string_view op, std::string_view cause) {
  std::string message(op);
  message += ": ";
  message += cause;
  throw E(message);
}

}  // namespace gradtape

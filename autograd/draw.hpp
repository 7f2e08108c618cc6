/// Seeing the tape: as text, as a Graphviz graph, and as a page that steps through it.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "gradtape/autograd/tape.hpp"

namespace gradtape {

/// One line a node, in recording order: its position, op, shape, dtype, and the positions of its
/// tracked inputs.
///
///     0  leaf 'w'      [3]     float32
///     1  mul           [3]     float32  0, 0
///     2  sum           []      float32  1
[[nodiscard]] std::string str(const Tape& tape);
/// Writes str(tape).
std::ostream& operator<<(std::ostream& out, const Tape& tape);
/// Writes str(tape) to the standard output.
void print(const Tape& tape);

class Trace;

/// What else than the graph a table of the tape shows.
struct TapeColumns {
  const Trace* values = nullptr;  ///< The value of every node, as this noted it.
  bool gradients = false;         ///< The gradient of the results with respect to every node.
};

/// As str(tape), with a head and columns of numbers:
///
///     Trace trace;
///     const Tensor u1 = w * x, u3 = u1 * exp(u1 / 10.0);
///     std::cout << str(Tape(u3), {.values = &trace, .gradients = true});
///
/// Up to 8 elements are shown whole, of more the 2-norm, least and largest. A tape keeps no values,
/// so a Trace must have lived while it was recorded; "-" stands for a value that it has not seen.
/// Gradients take a backward pass, which releases nothing and leaves every leaf's grad() alone:
/// they are those of the sum of all elements of the results, which are the nodes that no other one
/// uses;
/// "-" stands where none arrived. Throws GraphError for a released graph.
[[nodiscard]] std::string str(const Tape& tape, const TapeColumns& columns);
/// Writes str(tape, columns) to the standard output.
void print(const Tape& tape, const TapeColumns& columns);

/// The graph in Graphviz's language: `dot -Tsvg tape.dot -o tape.svg` draws it.
[[nodiscard]] std::string dot(const Tape& tape);

/// Notes what the ops of this thread compute while it lives, and writes it as one self-contained
/// page that steps through the forward and the backward pass, op by op: shapes, histograms and
/// statistics of values and gradients, cost, time, and where the first NaN or infinity appeared of
/// those that reach the result. The time of an op is what passed since the one before it.
///
///     Trace trace;
///     const Tensor loss = model(x);
///     trace.save_html("tape.html", loss);
///
/// Noting costs two more passes over every result; graphs of up to some thousand nodes make a page
/// that is pleasant to use.
class Trace : public Watch {
 public:
  Trace();
  ~Trace() override;
  void recorded(const char* op, const Tensor& output, std::span<const Tensor> inputs) override;

  /// The page of the graph behind `output`; runs one backward pass from it (nothing is released, no
  /// leaf's grad() changes). seed: as for backward. Ops recorded before the trace began have no
  /// statistics of values. Throws GraphError for an untracked output or a released graph.
  [[nodiscard]] std::string html(const Tensor& output, const Tensor& seed = {}) const;
  /// Writes html(output, seed); a failed write leaves an old file whole. Throws IoError.
  void save_html(const std::string& path, const Tensor& output, const Tensor& seed = {}) const;

 private:
  friend std::string str(const Tape& tape, const TapeColumns& columns);
  struct Notes;
  std::unique_ptr<Notes> notes_;
};

}  // namespace gradtape

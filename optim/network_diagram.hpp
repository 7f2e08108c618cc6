/// Diagrams of small networks as SVG pictures: units in columns, weights on the edges between them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"
#include "gradtape/optim/chart.hpp"

namespace gradtape::optim {

/// A layer of a network, or its inputs: units below each other. How many is told by `units`, else
/// by the first of names, values and notes that is not empty, else by the weights beside the
/// column.
struct UnitColumn {
  std::string title = {};  ///< Above the column.
  /// [units]: in the units if they fit and there are no values, else beside those of the first and
  /// the last column and above the others.
  std::vector<std::string> names = {};
  /// [units]: written in the units, which are bluer the further below 0 they are, and more orange
  /// the further above it; NaN for none.
  Numbers values = {};
  Numbers notes = {};  ///< [units]: written below the units, say their deltas; NaN for none.
  std::string note_name = {};  ///< Before each note: "δ =".
  std::size_t units = 0;
};

/// A network, and how it is drawn.
struct NetworkDiagram {
  std::vector<UnitColumn> columns = {};  ///< From left to right, two at least.
  /// Between each column and the next, [units of the next, units of this], as those of nn::Linear:
  /// the larger a weight, the wider its edge, blue below 0 and orange above. No edge where a weight
  /// is NaN. A bool tensor says which edges there are, without numbers; an undefined one, and no
  /// tensors at all, that there are all.
  std::vector<Tensor> weights = {};
  std::string title = {};
  bool numbers = true;  ///< Weights are written on edges, where no more than 24 are side by side.
  double width = 560;   ///< In pixels, >= 200.
  double height = 0;    ///< In pixels, >= 120; 0 for what the largest column needs.
};

/// The diagram as an SVG document, as chart_svg() makes them. Throws ValueError for less than two
/// columns, for a column whose names, values and notes differ in number or that has none or more
/// than 64 units, and for sizes out of range; ShapeError for weights of another number or shape.
[[nodiscard]] std::string network_svg(const NetworkDiagram& diagram);

/// Writes network_svg() to a file, SVG or PNG as save_charts() does, and on a terminal says where.
/// Throws as network_svg, and IoError.
void save_network(const std::string& path, const NetworkDiagram& diagram);

}  // namespace gradtape::optim

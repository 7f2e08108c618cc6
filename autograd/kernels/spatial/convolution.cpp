#include "gradtape/autograd/kernels/spatial/convolution.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "gradtape/autograd/kernels/finite.hpp"
#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_direct.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

// Where convolution_direct.hpp is not faster, a convolution is a matrix product: weight
// [out_channels, channels x kernel] times the matrix of columns [channels x kernel, outputs], each
// column being what the kernel sees at one output. That matrix is never whole in memory. The
// outputs of all images are numbered in a row, n pixels_out + o, and worked through in blocks that
// keep their columns in cache: small images share a block, a large one takes several.

namespace gradtape::kernels {
namespace {

using detail::parallel_for;

std::atomic<ConvolutionPath> chosen_path{ConvolutionPath::automatic};

/// How to compute what `result` names.
template <class T> direct::Way way_of(const ConvShape& s, direct::Result result) {
  using direct::Way;
  if (!direct::possible(s)) return Way::columns;
  switch (chosen_path.load(std::memory_order_relaxed)) {
    case ConvolutionPath::columns:
      return Way::columns;
    case ConvolutionPath::along:
      return Way::along;
    case ConvolutionPath::across:
      return Way::across;
    case ConvolutionPath::winograd:
      return Way::winograd;
    default:
      return direct::fastest<T>(s, result);
  }
}

/// Outputs whose columns make about 256 KiB of floats, and enough of them for a fast product.
std::int64_t block_size(const ConvShape& s) {
  constexpr std::int64_t elements = 1 << 16, least = 256;
  return std::max(least, elements / std::max<std::int64_t>(1, s.column_rows()));
}

/// f(begin, end) on the pieces of begin ... end that hold at most `size`.
template <class F> void in_blocks(std::int64_t begin, std::int64_t end, std::int64_t size, F f) {
  for (auto at = begin; at < end; at += size) f(at, std::min(end, at + size));
}

/// Neighbouring outputs of one image and one line of it.
struct Run {
  std::int64_t image, depth, row, first, count;
};

std::vector<Run> runs(const ConvShape& s, std::int64_t begin, std::int64_t end) {
  std::vector<Run> all;
  const auto pixels = s.pixels_out(), width = s.out[2];
  for (auto at = begin; at < end;) {
    const auto line = at % pixels / width, first = at % width;
    const auto count = std::min(width - first, end - at);
    all.push_back({at / pixels, line / s.out[1], line % s.out[1], first, count});
    at += count;
  }
  return all;
}

/// Outputs of a line whose kernel element `k` of the last axis lies inside x: begin <= o < end.
struct Inside {
  std::int64_t begin, end;
};

Inside inside(const ConvShape& s, std::int64_t k) {
  const auto shift = s.padding[2] - k * s.dilation[2];
  const auto from = [&](std::int64_t position) {
    return std::max<std::int64_t>(0, ceil_div(position, s.stride[2]));
  };
  return {from(shift), from(s.in[2] + shift)};
}

/// Walks the columns of the outputs begin ... end, a row of the matrix and a run of outputs at a
/// time. visit(before, count, after, x): of the next outputs in the row, `before` and `after` read
/// padding, and the `count` between read x[x], x[x + stride], ...
template <class Visit>
void walk_columns(const ConvShape& s, std::int64_t begin, std::int64_t end, Visit visit) {
  const auto all = runs(s, begin, end);
  const auto pixels = s.pixels_in();
  const auto outside = [](std::int64_t at, std::int64_t extent) { return at < 0 || at >= extent; };
  for (std::int64_t c = 0; c < s.in_channels; ++c)
    for (std::int64_t kd = 0; kd < s.kernel[0]; ++kd)
      for (std::int64_t kh = 0; kh < s.kernel[1]; ++kh)
        for (std::int64_t kw = 0; kw < s.kernel[2]; ++kw) {
          const auto valid = inside(s, kw);
          const auto shift = kw * s.dilation[2] - s.padding[2];
          for (const auto& run : all) {
            const auto d = run.depth * s.stride[0] - s.padding[0] + kd * s.dilation[0];
            const auto h = run.row * s.stride[1] - s.padding[1] + kh * s.dilation[1];
            const auto last = run.first + run.count;
            const auto from = std::clamp(valid.begin, run.first, last);
            const auto to = std::clamp(valid.end, from, last);
            if (outside(d, s.in[0]) || outside(h, s.in[1]) || from == to) {
              visit(run.count, 0, 0, 0);
              continue;
            }
            const auto line =
                (run.image * s.in_channels + c) * pixels + (d * s.in[1] + h) * s.in[2];
            visit(from - run.first, to - from, last - to, line + from * s.stride[2] + shift);
          }
        }
}

/// columns: [column_rows, end - begin]
template <class T>
void read_columns(const T* x, T* columns, const ConvShape& s, std::int64_t begin,
                  std::int64_t end) {
  walk_columns(s, begin, end,
               [=, step = s.stride[2]](auto before, auto count, auto after, auto at) mutable {
                 columns = std::fill_n(columns, before, T(0));
                 if (step == 1)
                   std::copy_n(x + at, count, columns);
                 else
                   for (std::int64_t i = 0; i < count; ++i) columns[i] = x[at + i * step];
                 columns = std::fill_n(columns + count, after, T(0));
               });
}

template <class T>
void add_columns(const T* columns, T* x, const ConvShape& s, std::int64_t begin, std::int64_t end) {
  walk_columns(s, begin, end,
               [=, step = s.stride[2]](auto before, auto count, auto after, auto at) mutable {
                 columns += before;
                 if (step == 1)
                   for (std::int64_t i = 0; i < count; ++i) x[at + i] += columns[i];
                 else
                   for (std::int64_t i = 0; i < count; ++i) x[at + i * step] += columns[i];
                 columns += count + after;
               });
}

/// The outputs begin ... end of y [batch, out_channels, pixels_out] by images: visit(position in y
/// of channel c, position in a block [out_channels, end - begin], count, c).
template <class Visit>
void walk_outputs(const ConvShape& s, std::int64_t begin, std::int64_t end, Visit visit) {
  const auto pixels = s.pixels_out();
  for (auto at = begin; at < end;) {
    const auto image = at / pixels, count = std::min((image + 1) * pixels, end) - at;
    for (std::int64_t c = 0; c < s.out_channels; ++c)
      visit((image * s.out_channels + c) * pixels + at % pixels, c * (end - begin) + at - begin,
            count, c);
    at += count;
  }
}

template <class T>
void read_outputs(const T* y, T* block, const ConvShape& s, std::int64_t begin, std::int64_t end) {
  walk_outputs(s, begin, end, [=](auto in_y, auto in_block, auto count, auto) {
    std::copy_n(y + in_y, count, block + in_block);
  });
}

/// What of x, weight and y belongs to one group.
struct Group {
  explicit Group(const ConvShape& s)
      : out(s.out_channels / s.groups), rows(s.column_rows() / s.groups) {}
  std::int64_t out, rows;  // the group's share of weight is the matrix [out, rows]
};

std::int64_t weight_size(const ConvShape& s) {
  return s.out_channels * (s.column_rows() / s.groups);
}

/// Whether the columns are x itself, and large enough to be multiplied image by image.
bool is_pointwise(const ConvShape& s) {
  constexpr ConvShape::Spatial one{1, 1, 1}, zero{0, 0, 0};
  constexpr std::int64_t enough = 64;
  return s.kernel == one && s.stride == one && s.padding == zero && s.in == s.out &&
         s.pixels_out() >= enough;
}

/// Every channel of an image [channels, pixels] starts as its bias, or as 0.
template <class T> void fill_bias(const T* bias, T* y, std::int64_t channels, std::int64_t pixels) {
  for (std::int64_t c = 0; c < channels; ++c) y = std::fill_n(y, pixels, bias ? bias[c] : T(0));
}

/// Counts a convolution's work as one kernel's, and not what the products inside count too.
class CountConvolution {
 public:
  CountConvolution(const ConvShape& s, std::size_t element_bytes)
      : flops_(2 * s.batch * s.out_channels * (s.column_rows() / s.groups) * s.pixels_out()),
        bytes_(static_cast<std::int64_t>(element_bytes) *
               (s.batch * s.in_channels * s.pixels_in() +
                s.batch * s.out_channels * s.pixels_out() +
                s.out_channels * (s.column_rows() / s.groups))) {}
  ~CountConvolution() {
    detail::work = before_;
    detail::count_work(flops_, bytes_);
  }
  CountConvolution(const CountConvolution&) = delete;
  CountConvolution& operator=(const CountConvolution&) = delete;

 private:
  detail::Work before_ = detail::work;
  std::int64_t flops_, bytes_;
};

}  // namespace

void set_convolution_path(ConvolutionPath path) {
  chosen_path.store(path, std::memory_order_relaxed);
}

template <class T>
void convolve(const T* x, const T* weight, const T* bias, T* y, const ConvShape& s) {
  const CountConvolution count(s, sizeof(T));
  if (const auto way = way_of<T>(s, direct::Result::y); way != direct::Way::columns)
    return direct::convolve(x, weight, bias, y, s, way);
  const Group group(s);
  const auto pixels = s.pixels_out();
  if (is_pointwise(s))
    return parallel_for(s.batch, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto n = begin; n < end; ++n) {
        T* const image = y + n * s.out_channels * pixels;
        fill_bias(bias, image, s.out_channels, pixels);
        for (std::int64_t g = 0; g < s.groups; ++g)
          gemm<T>({weight + g * group.out * group.rows, group.out, group.rows},
                  {x + (n * s.in_channels + g * group.rows) * pixels, group.rows, pixels},
                  image + g * group.out * pixels, true);
      }
    });
  const auto total = s.batch * pixels, size = std::min(block_size(s), total);
  const auto blocks = size ? (total + size - 1) / size : 0;
  parallel_for(blocks, 1, [&](std::int64_t first, std::int64_t last) {
    const Scratch<T> columns(s.column_rows() * size), block(s.out_channels * size);
    in_blocks(first * size, std::min(last * size, total), size, [&](auto begin, auto end) {
      const auto n = end - begin;
      read_columns<T>(x, columns, s, begin, end);
      for (std::int64_t g = 0; g < s.groups; ++g)
        gemm<T>({weight + g * group.out * group.rows, group.out, group.rows},
                {columns + g * group.rows * n, group.rows, n}, block + g * group.out * n);
      walk_outputs(s, begin, end, [&](auto in_y, auto in_block, auto count, auto c) {
        const T b = bias ? bias[c] : T(0);
        for (std::int64_t i = 0; i < count; ++i) y[in_y + i] = block[in_block + i] + b;
      });
    });
  });
}

template <class T>
void convolve_transposed(const T* g, const T* weight, const T* bias, T* dx, const ConvShape& s) {
  const CountConvolution count(s, sizeof(T));
  const auto way = way_of<T>(s, direct::Result::dx);
  if (way != direct::Way::columns && all_finite(weight, weight_size(s)))
    return direct::convolve_transposed(g, weight, bias, dx, s, way);
  const Group group(s);
  const auto pixels = s.pixels_out(), image_size = s.in_channels * s.pixels_in();
  const auto product = [&](std::int64_t i, const T* cotangent, std::int64_t n, T* to, bool add) {
    gemm<T>({weight + i * group.out * group.rows, group.rows, group.out, true},
            {cotangent, group.out, n}, to, add);
  };
  if (is_pointwise(s))
    return parallel_for(s.batch, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto n = begin; n < end; ++n) {
        fill_bias(bias, dx + n * image_size, s.in_channels, pixels);
        for (std::int64_t i = 0; i < s.groups; ++i)
          product(i, g + (n * s.out_channels + i * group.out) * pixels, pixels,
                  dx + n * image_size + i * group.rows * pixels, true);
      }
    });
  // The columns of one image overlap in dx, so that an image belongs to one thread.
  const auto size = std::min(block_size(s), s.batch * pixels);
  const auto images = std::max<std::int64_t>(1, pixels ? size / pixels : s.batch);
  parallel_for((s.batch + images - 1) / images, 1, [&](std::int64_t first, std::int64_t last) {
    const Scratch<T> columns(s.column_rows() * size), block(s.out_channels * size);
    in_blocks(first * images, std::min(last * images, s.batch), images, [&](auto from, auto to) {
      for (auto n = from; n < to; ++n)
        fill_bias(bias, dx + n * image_size, s.in_channels, s.pixels_in());
      in_blocks(from * pixels, to * pixels, size, [&](auto begin, auto end) {
        const auto n = end - begin;
        read_outputs<T>(g, block, s, begin, end);
        for (std::int64_t i = 0; i < s.groups; ++i)
          product(i, block + i * group.out * n, n, columns + i * group.rows * n, false);
        add_columns<T>(columns, dx, s, begin, end);
      });
    });
  });
}

template <class T>
void convolve_weight_gradient(const T* g, const T* x, T* dw, const ConvShape& s) {
  const CountConvolution count(s, sizeof(T));
  const Group group(s);
  const auto pixels = s.pixels_out(), total = s.batch * pixels;
  const auto weights = weight_size(s);
  const auto way = way_of<T>(s, direct::Result::dw);
  if (way != direct::Way::columns) {
    direct::convolve_weight_gradient(g, x, dw, s, way);
    if (all_finite(dw, weights)) return;
  }
  const auto add_product = [&](const T* cotangent, const T* columns, std::int64_t n, T* to) {
    for (std::int64_t i = 0; i < s.groups; ++i)
      gemm<T>({cotangent + i * group.out * n, group.out, n},
              {columns + i * group.rows * n, n, group.rows, true}, to + i * group.out * group.rows,
              true);
  };
  std::fill_n(dw, weights, T(0));
  if (is_pointwise(s)) {
    for (std::int64_t n = 0; n < s.batch; ++n)
      add_product(g + n * s.out_channels * pixels, x + n * s.in_channels * pixels, pixels, dw);
    return;
  }
  // Threads sum into arrays of their own; how many there are must not depend on the threads.
  constexpr std::int64_t most = 8, largest = 1 << 18;
  const auto size = std::min(block_size(s), total);
  const auto blocks = size ? (total + size - 1) / size : 0;
  const auto slices =
      weights <= largest ? std::min(blocks, most) : std::min<std::int64_t>(blocks, 1);
  const Scratch<T> partial(std::max<std::int64_t>(0, slices - 1) * weights);
  parallel_for(slices, 1, [&](std::int64_t first, std::int64_t last) {
    const Scratch<T> columns(s.column_rows() * size), block(s.out_channels * size);
    for (auto slice = first; slice < last; ++slice) {
      T* const to = slice ? partial + (slice - 1) * weights : dw;
      if (slice) std::fill_n(to, weights, T(0));
      const auto edge = [&](std::int64_t i) { return std::min(i * blocks / slices * size, total); };
      in_blocks(edge(slice), edge(slice + 1), size, [&](auto begin, auto end) {
        read_columns<T>(x, columns, s, begin, end);
        read_outputs<T>(g, block, s, begin, end);
        add_product(block, columns, end - begin, to);
      });
    }
  });
  for (std::int64_t slice = 1; slice < slices; ++slice)
    for (std::int64_t i = 0; i < weights; ++i) dw[i] += partial[(slice - 1) * weights + i];
}

template <class T> void im2col(const T* x, T* columns, const ConvShape& s) {
  const auto pixels = s.pixels_out(), size = s.column_rows() * pixels;
  detail::count_work(0, sizeof(T) * static_cast<std::size_t>(2 * s.batch * size));
  parallel_for(s.batch, detail::elementwise_grain / (size + 1) + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (auto n = begin; n < end; ++n)
                   read_columns<T>(x, columns + n * size, s, n * pixels, (n + 1) * pixels);
               });
}

template <class T> void col2im(const T* columns, T* x, const ConvShape& s) {
  const auto pixels = s.pixels_out(), size = s.column_rows() * pixels;
  const auto image_size = s.in_channels * s.pixels_in();
  detail::count_work(s.batch * size, sizeof(T) * static_cast<std::size_t>(2 * s.batch * size));
  parallel_for(s.batch, detail::elementwise_grain / (size + 1) + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 std::fill_n(x + begin * image_size, (end - begin) * image_size, T(0));
                 for (auto n = begin; n < end; ++n)
                   add_columns<T>(columns + n * size, x, s, n * pixels, (n + 1) * pixels);
               });
}

template void convolve(const float*, const float*, const float*, float*, const ConvShape&);
template void convolve(const double*, const double*, const double*, double*, const ConvShape&);
template void convolve_transposed(const float*, const float*, const float*, float*,
                                  const ConvShape&);
template void convolve_transposed(const double*, const double*, const double*, double*,
                                  const ConvShape&);
template void convolve_weight_gradient(const float*, const float*, float*, const ConvShape&);
template void convolve_weight_gradient(const double*, const double*, double*, const ConvShape&);
template void im2col(const float*, float*, const ConvShape&);
template void im2col(const double*, double*, const ConvShape&);
template void col2im(const float*, float*, const ConvShape&);
template void col2im(const double*, double*, const ConvShape&);

}  // namespace gradtape::kernels

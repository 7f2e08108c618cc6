"""What random_cases.py draws: a call of an op of PyTorch's a time, by family."""
import math
import random

import torch

draw = random.Random(0)


def extents(least=0, most=4, smallest=1, largest=5):
    sizes = [draw.randint(smallest, largest) for _ in range(draw.randint(least, most))]
    if sizes and draw.random() < 0.04:
        sizes[draw.randrange(len(sizes))] = 0
    return sizes


def values(shape, low=-2.0, high=2.0, dtype=None):
    """A leaf with a gradient, sometimes a view with other strides."""
    dtype = dtype or torch.float64
    if len(shape) > 1 and draw.random() < 0.25:
        order = list(range(len(shape)))
        draw.shuffle(order)
        inverse = [order.index(i) for i in range(len(shape))]
        x = torch.empty([shape[i] for i in order], dtype=dtype).uniform_(low, high).permute(inverse)
    else:
        x = torch.empty(shape, dtype=dtype).uniform_(low, high)
    return x.detach().requires_grad_()


def integers(shape, low, high):
    return torch.randint(low, max(high, low + 1), shape)


def booleans(shape):
    return torch.rand(shape) < 0.5


def axis(n):
    return draw.randint(-n, n - 1) if n else draw.choice([0, -1])


def axes(n):
    """An axis, several, or all."""
    kind = draw.random()
    if kind < 0.4 or n == 0:
        return axis(n)
    chosen = draw.sample(range(n), draw.randint(1, n))
    return [a - n if draw.random() < 0.4 else a for a in chosen]


def broadcast_pair(low=-2.0, high=2.0):
    shape = extents()

    def part():
        cut = shape[draw.randint(0, len(shape)):] if draw.random() < 0.3 else shape
        return [1 if draw.random() < 0.2 else n for n in cut]
    return values(part(), low, high), values(part(), low, high)


def maybe(p=0.5):
    return draw.random() < p


def options(**choices):
    """Each option with a probability of a half, one of its choices."""
    return {name: draw.choice(of) for name, of in choices.items() if maybe()}


# ---- calls: (op, args, kwargs) by family ----

R, P, U = (-3, 3), (0.05, 4), (-0.95, 0.95)
UNARY = {
    **{name: R for name in """abs sin cos tan sinh cosh tanh exp exp2 expm1 erf erfc sigmoid square neg sinc atan asinh
       floor ceil round trunc frac sign deg2rad rad2deg positive nn.functional.silu nn.functional.mish
       nn.functional.softsign nn.functional.tanhshrink nn.functional.hardswish nn.functional.hardsigmoid
       nn.functional.relu6 selu nn.functional.logsigmoid special.ndtr special.log_ndtr special.erfcx""".split()},
    **{name: P for name in "log log2 log10 sqrt rsqrt reciprocal log1p lgamma digamma special.entr".split()},
    **{name: U for name in "asin acos atanh erfinv".split()},
    "acosh": (1.05, 5), "logit": (0.05, 0.95), "special.ndtri": (0.05, 0.95),
}


def unary():
    name = draw.choice(list(UNARY))
    return name, [values(extents(), *UNARY[name])], {}


def activation():
    x = values(extents(1))
    return draw.choice([
        ("nn.functional.elu", [x], options(alpha=[0.5, 1.0, 2.0])),
        ("nn.functional.leaky_relu", [x], options(negative_slope=[0.0, 0.1, 0.5])),
        ("nn.functional.hardtanh", [x], options(min_val=[-1.5, -0.2], max_val=[0.3, 1.2])),
        ("nn.functional.softplus", [x], options(beta=[0.5, 2.0, 5.0], threshold=[1.0, 20.0])),
        ("nn.functional.gelu", [x], options(approximate=["none", "tanh"])),
        ("nn.functional.softshrink", [x], options(lambd=[0.1, 0.5, 1.0])),
        ("hardshrink", [x], options(lambd=[0.1, 0.5, 1.0])),
        ("threshold", [x, draw.choice([-0.5, 0.1]), draw.choice([-1.0, 3.0])], {}),
        ("celu", [x], options(alpha=[0.5, 2.0])),
        ("clamp", [x], draw.choice([{"min": -0.5}, {"max": 0.7}, {"min": -0.5, "max": 0.7}, {"min": 1.0, "max": -1.0}])),
        ("nan_to_num", [x], options(nan=[1.0], posinf=[2.0])),
        ("polygamma", [draw.randint(0, 3), values(list(x.shape), *P)], {}),
        ("mvlgamma", [values(list(x.shape), 3, 6), draw.randint(1, 4)], {}),
        ("pow", [values(list(x.shape), *P), draw.choice([-2, -1, -0.5, 0, 0.5, 1, 2, 3, 2.5])], {}),
        ("pow", [x, draw.choice([0, 1, 2, 3, 4])], {}),
        ("pow", [draw.choice([0.5, 2, 3]), x], {}),
        ("prelu", [values([draw.randint(1, 3), c := draw.randint(1, 4), 3]), values([draw.choice([1, c])])], {}),
    ])


def binary():
    name = draw.choice("""add sub mul div maximum minimum fmax fmin hypot atan2 pow xlogy special.xlog1py logaddexp
        logaddexp2 copysign fmod remainder floor_divide ldexp lerp eq lt ge where addcmul addcdiv float_power""".split())
    a, b = broadcast_pair(*(P if name in ("pow", "xlogy", "special.xlog1py", "float_power") else (-3, 3)))
    if name == "lerp":
        return name, [a, b, draw.choice([0.3, values([])])], {}
    if name == "where":
        return name, [booleans(torch.broadcast_shapes(a.shape, b.shape)), a, b], {}
    if name in ("addcmul", "addcdiv"):
        return name, [values(extents(0, 1)), a, values(list(b.shape), 0.5, 2)], options(value=[0.5, -2])
    if name in ("div",):
        return name, [a, values(list(b.shape), 0.3, 2)], options(rounding_mode=["floor", "trunc"])
    if name in ("add", "sub"):
        return name, [a, b], options(alpha=[2, -0.5])
    if maybe(0.15) and name not in ("ldexp", "special.xlog1py", "hypot", "fmax", "fmin", "logaddexp", "logaddexp2",
                                    "maximum", "minimum", "atan2"):
        return name, [a, draw.choice([0.7, 2, 3])], {}
    return name, [a, b], {}


def reduction():
    x = values(extents())
    n = x.dim()
    keep = options(keepdim=[True, False])
    positive = values(list(x.shape), *P)
    along = {**keep, **({"dim": axes(n)} if maybe(0.8) else {})}
    one = {**keep, "dim": axis(n)}
    if "dim" not in along:
        along = {}
    return draw.choice([
        ("sum", [x], along), ("mean", [x], along), ("nansum", [x], along), ("amax", [x], along), ("amin", [x], along),
        ("prod", [x], one if maybe() else {}), ("logsumexp", [x], {"dim": axes(n), **keep}),
        ("var", [x], {**along, **({"correction": draw.choice([0, 1, 2])} if along else {})}),
        ("std", [x], {**along, **({"correction": draw.choice([0, 1])} if along else {})}),
        ("var_mean", [x], along), ("std_mean", [x], along),
        ("max", [x], one if maybe() else {}), ("min", [x], one if maybe() else {}),
        ("argmax", [x], one if maybe() else {}), ("argmin", [x], one if maybe() else {}),
        ("median", [x], one if maybe() else {}), ("nanmedian", [x], one), ("mode", [x], one),
        ("all", [booleans(list(x.shape))], one), ("any", [booleans(list(x.shape))], one),
        ("count_nonzero", [booleans(list(x.shape))], {}),
        ("norm", [x], {"p": draw.choice([1, 2, 3, 0.5, "fro", math.inf, -math.inf]), **one}),
        ("linalg.vector_norm", [x], {"ord": draw.choice([0, 1, 2, 3, 0.5, math.inf, -math.inf, -1]), **along}),
        ("cumsum", [x, axis(n)], {}), ("cumprod", [x, axis(n)], {}), ("logcumsumexp", [x, axis(n)], {}),
        ("cummax", [x, axis(n)], {}), ("cummin", [x, axis(n)], {}),
        ("diff", [x], options(n=[1, 2], dim=[axis(n)])),
        ("sort", [x], options(dim=[axis(n)], descending=[True, False])),
        ("argsort", [x], options(dim=[axis(n)], descending=[True])),
        ("topk", [x, draw.randint(min(n, 1) ^ 1, 3)], options(dim=[axis(n)], largest=[False])),
        ("kthvalue", [x, draw.randint(1, 3)], one),
        ("quantile", [x, draw.choice([0.0, 0.3, 1.0])], {**one, **options(interpolation=["linear", "lower", "higher", "midpoint", "nearest"])}),
        ("softmax", [x, axis(n)], {}), ("log_softmax", [x, axis(n)], {}), ("nn.functional.softmin", [x], {"dim": axis(n)}),
        ("renorm", [values(extents(2)), draw.choice([1, 2, 3]), 0, 1.0], {}),
        ("nn.functional.normalize", [x], options(p=[1, 2, 3], dim=[axis(n)])),
        ("trapezoid", [x], options(dx=[0.5], dim=[axis(n)])), ("cumulative_trapezoid", [x], options(dim=[axis(n)])),
        ("nn.functional.glu", [values([2 * k if maybe(0.9) else k for k in extents(1, 3)])], {}),
        ("logsumexp", [positive], {"dim": axis(n)}),
    ])


def shape():
    x = values(extents(1))
    n = x.dim()
    a = axis(n)
    size = x.shape[a]
    return draw.choice([
        ("transpose", [x, a, axis(n)], {}), ("permute", [x, draw.sample(range(n), n)], {}),
        ("flip", [x, sorted(draw.sample(range(n), draw.randint(1, n)))], {}),
        ("roll", [x, draw.randint(-3, 3)], options(dims=[a])),
        ("unsqueeze", [x, draw.randint(-n - 1, n)], {}), ("squeeze", [x], {}), ("squeeze", [x, a], {}),
        ("flatten", [x], {}), ("reshape", [x, [-1, max(size, 1)]], {}),
        ("narrow", [x, a, s := draw.randint(0, size), draw.randint(0, size - s)], {}),
        ("select", [x, a, draw.randint(-size, size - 1) if size else 0], {}),
        ("tile", [x, [draw.randint(1, 3) for _ in range(draw.randint(1, 4))]], {}),
        ("repeat_interleave", [x, draw.randint(0, 3)], {"dim": a}),
        ("movedim", [x, a, axis(n)], {}), ("rot90", [values(extents(2)), draw.randint(-3, 5), [0, 1]], {}),
        ("tril", [values(extents(2))], options(diagonal=[-2, -1, 1, 3])),
        ("triu", [values(extents(2))], options(diagonal=[-2, -1, 1, 3])),
        ("diagonal", [values(extents(2))], options(offset=[-1, 1, 2])),
        ("diag", [values(extents(1, 2))], options(diagonal=[-1, 2])),
        ("diag_embed", [x], options(offset=[-1, 1, 2])),
        ("trace", [values(extents(2, 2))], {}),
        ("stack", [[x, values(list(x.shape)), values(list(x.shape))]], {"dim": draw.randint(-n - 1, n)}),
        ("cat", [[x, values([draw.randint(0, 4) if i == a % n else k for i, k in enumerate(x.shape)])]], {"dim": a}),
        ("split", [x, draw.randint(1, 3)], {"dim": a}), ("chunk", [x, draw.randint(1, 4)], {"dim": a}),
        ("tensor_split", [x, draw.randint(1, 4)], {"dim": a}), ("unbind", [x], {"dim": a}),
        ("nn.functional.pad", [x, [draw.randint(-1, 3) for _ in range(2 * draw.randint(1, n))]], options(value=[0.5])),
        ("nn.functional.pad", [values([1, 2, draw.randint(3, 6)]), [draw.randint(0, 2), draw.randint(0, 2)]], {"mode": draw.choice(["reflect", "replicate", "circular"])}),
        ("nn.functional.pad", [values([1, 2, 4, draw.randint(3, 6)]), [draw.randint(0, 2) for _ in range(4)]], {"mode": draw.choice(["reflect", "replicate", "circular"])}),
        ("broadcast_to", [x, [draw.randint(1, 3), *[k if k != 1 else draw.randint(1, 3) for k in x.shape]]], {}),
        ("pixel_shuffle", [values([draw.randint(1, 2), 4 * draw.randint(1, 2), 2, 3]), 2], {}),
        ("pixel_unshuffle", [values([draw.randint(1, 2), 2, 4, 6]), 2], {}),
        ("nn.functional.unfold", [values([2, 2, 5, draw.randint(4, 6)]), draw.choice([2, [1, 3], [3, 2]])], options(stride=[1, 2, [2, 1]], padding=[0, 1, [1, 0]], dilation=[1, [1, 2]])),
        ("unflatten", [values([2, 6, 3]), 1, draw.choice([[2, 3], [-1, 2], [6, 1]])], {}),
    ])


def index():
    x = values(extents(1, 3))
    n = x.dim()
    a = axis(n)
    size = x.shape[a]
    rows = integers([draw.randint(0, 4)], 0, size)
    like = integers([draw.randint(0, k) if i != a % n else draw.randint(0, 4) for i, k in enumerate(x.shape)], 0, size)
    source = values([len(rows) if i == a % n else k for i, k in enumerate(x.shape)])
    mask = booleans(list(x.shape))
    return draw.choice([
        ("index_select", [x, a, rows], {}), ("gather", [x, a, like], {}),
        ("take", [x, integers(extents(0, 2), 0, x.numel())], {}),
        ("take_along_dim", [x, integers([size if i == a % n else k for i, k in enumerate(x.shape)], 0, size), a], {}),
        ("masked_select", [x, mask], {}), ("masked_fill", [x, mask, draw.choice([0.5, -3.0])], {}),
        ("index_add", [x, a, rows, source], options(alpha=[2.0])),
        ("index_copy", [x, a, torch.randperm(size)[:min(size, 2)], values([min(size, 2) if i == a % n else k for i, k in enumerate(x.shape)])], {}),
        ("index_fill", [x, a, rows, 0.5], {}),
        ("scatter", [x, a, torch.zeros([1 if i == a % n else k for i, k in enumerate(x.shape)], dtype=torch.int64), values([1 if i == a % n else k for i, k in enumerate(x.shape)])], {}),
        ("scatter_add", [x, a, like, values(list(like.shape))], {}),
        ("scatter_reduce", [x, a, like, values(list(like.shape), 0.3, 2)], {"reduce": draw.choice(["sum", "prod", "mean", "amax", "amin"]), **options(include_self=[True, False])}),
        ("nn.functional.embedding", [integers(extents(0, 2), 0, 4), values([4, 3])], options(padding_idx=[1, -1])),
        ("select_scatter", [x, values([k for i, k in enumerate(x.shape) if i != a % n]), a, 0], {}),
        ("bucketize", [x.detach(), torch.tensor([-1.0, 0.0, 0.5], dtype=torch.float64)], options(right=[True])),
        ("searchsorted", [torch.tensor([-1.0, 0.0, 0.5], dtype=torch.float64), x.detach()], options(right=[True])),
        ("nn.functional.one_hot", [integers(extents(0, 2), 0, 4)], {"num_classes": 5}),
    ])


def product():
    m, k, n, b = (draw.randint(1, 6) for _ in range(4))
    batch = extents(0, 2)
    left = draw.choice([[k], [m, k], [*batch, m, k]])
    right = draw.choice([[k], [k, n], [*[1 if maybe(0.3) else s for s in batch], k, n]])
    sub, shapes = draw.choice([
        ("ij,jk->ik", [[m, k], [k, n]]), ("bij,bjk->bik", [[b, m, k], [b, k, n]]), ("ij->ji", [[m, k]]),
        ("ii->i", [[m, m]]), ("ij,ij->", [[m, k], [m, k]]), ("i,j->ij", [[m], [n]]), ("...ij,jk->...ik", [[b, m, k], [k, n]]),
        ("ijk,kl,lm->im", [[m, 2, k], [k, n], [n, 3]]), ("ii", [[m, m]]), ("ij,kj", [[m, k], [n, k]]),
        ("bi,bj,bk->ijk", [[b, m], [b, k], [b, n]]), ("ij,j->i", [[m, k], [k]])])
    return draw.choice([
        ("matmul", [values(left), values(right)], {}), ("mm", [values([m, k]), values([k, n])], {}),
        ("bmm", [values([b, m, k]), values([b, k, n])], {}), ("mv", [values([m, k]), values([k])], {}),
        ("dot", [values([k]), values([k])], {}), ("outer", [values([m]), values([n])], {}),
        ("addmm", [values([draw.choice([1, n])]), values([m, k]), values([k, n])], options(beta=[0.5], alpha=[2.0])),
        ("baddbmm", [values([b, m, n]), values([b, m, k]), values([b, k, n])], options(beta=[0.5], alpha=[2.0])),
        ("einsum", [sub, *[values(s) for s in shapes]], {}),
        ("tensordot", [values([m, k, n]), values([k, n, b])], {"dims": draw.choice([2, [[1, 2], [0, 1]]])}),
        ("kron", [values(extents(1, 3, 1, 3)), values(extents(1, 3, 1, 3))], {}),
        ("inner", [values([m, k]), values([n, k])], {}),
        ("nn.functional.linear", [values([*batch, k]), values([n, k])] + ([values([n])] if maybe() else []), {}),
        ("nn.functional.bilinear", [values([b, m]), values([b, k]), values([n, m, k])] + ([values([n])] if maybe() else []), {}),
        ("cdist", [values([*batch, m, k]), values([*batch, n, k])], options(p=[1.0, 2.0, 3.0, math.inf])),
        ("pdist", [values([m + 1, k])], options(p=[1.0, 2.0, 3.0])),
        ("nn.functional.pairwise_distance", [values([b, k]), values([b, k])], options(p=[1.0, 2.0, 3.0], keepdim=[True])),
        ("cosine_similarity", [values([b, m, k]), values([b, m, k])], options(dim=[0, 1, -1])),
        ("nn.functional.scaled_dot_product_attention", [values([b, 2, m, k]), values([b, 2, n, k]), values([b, 2, n, k])], draw.choice([{}, {"is_causal": True}])),
        ("cross", [values([m, 3]), values([m, 3])], {"dim": -1}),
    ])


def linear_algebra():
    n, m = draw.randint(1, 5), draw.randint(1, 5)
    batch = extents(0, 1, 1, 3)

    def regular():
        with torch.no_grad():
            x = torch.randn(*batch, n, n, dtype=torch.float64) + 2 * n ** 0.5 * torch.eye(n, dtype=torch.float64)
        return x.requires_grad_()

    def symmetric(x):
        with torch.no_grad():
            x = x @ x.mT + torch.eye(n, dtype=torch.float64)
        return x.requires_grad_()
    a = regular()
    return draw.choice([
        ("linalg.det", [a], {}), ("linalg.slogdet", [a], {}), ("logdet", [symmetric(a)], {}), ("linalg.inv", [a], {}),
        ("linalg.solve", [a, values([*batch, n, m])], {}),
        ("linalg.solve_triangular", [a, values([*batch, n, m])], {"upper": maybe(), **options(unitriangular=[True])}),
        ("linalg.matrix_exp", [values([*batch, n, n], -1, 1)], {}),
        ("linalg.matrix_power", [a, draw.randint(-3, 4)], {}),
        ("linalg.pinv", [values([*batch, n, m])], {}),
        ("linalg.svdvals", [values([*batch, n, m])], {}), ("linalg.eigvalsh", [symmetric(a)], {}),
        ("linalg.matrix_norm", [values([*batch, n, m])], {"ord": draw.choice(["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])}),
        ("linalg.multi_dot", [[values([n, m]), values([m, 3]), values([3, 2])]], {}),
        ("linalg.vander", [values([n])], options(N=[2, 4])),
        ("cov", [values([n, m + 1])], options(correction=[0, 1])), ("corrcoef", [values([n, m + 2])], {}),
        ("linalg.vecdot", [values([*batch, n]), values([*batch, n])], {}),
    ])


def convolution():
    d = draw.choice([1, 1, 2, 2, 2, 3])
    groups = draw.choice([1, 1, 1, 2, 3])
    cin, cout = groups * draw.randint(1, 3), groups * draw.randint(1, 3)
    kernel = [draw.randint(1, 3) for _ in range(d)]
    image = [draw.randint(3, 7) for _ in range(d)]
    batch = [draw.randint(1, 3)]

    def one(low, high):
        return draw.randint(low, high) if maybe() else [draw.randint(low, high) for _ in range(d)]
    kwargs = {"stride": one(1, 3), "padding": one(0, 2), "dilation": one(1, 2)}
    kwargs = {k: v for k, v in kwargs.items() if maybe(0.7)}
    x = values([*batch, cin, *image])
    if maybe(0.6):
        if maybe(0.1):
            kwargs = {"padding": draw.choice(["same", "valid"])}
        return f"conv{d}d", [x, values([cout, cin // groups, *kernel])], {**kwargs, "groups": groups, **({"bias": values([cout])} if maybe() else {})}
    stride = kwargs.get("stride", 1)
    if maybe(0.4):
        kwargs["output_padding"] = 1 if (stride if isinstance(stride, int) else min(stride)) > 1 else 0
    return f"conv_transpose{d}d", [x, values([cin, cout // groups, *kernel])], {**kwargs, "groups": groups, **({"bias": values([cout])} if maybe() else {})}


def pooling():
    d = draw.choice([1, 2, 2, 3])
    x = values([draw.randint(1, 2), draw.randint(1, 3), *[draw.randint(4, 7) for _ in range(d)]])
    kernel = draw.randint(2, 3) if maybe() else [draw.randint(2, 3) for _ in range(d)]
    scale = draw.choice([{"scale_factor": draw.choice([2.0, 0.5, 1.7])}, {"size": [draw.randint(1, 9) for _ in range(d)]}])
    smooth = ["linear", "bilinear", "trilinear"][d - 1]
    mode = draw.choice(["nearest", smooth, "area"] + (["bicubic"] if d == 2 else []) + (["nearest-exact"] if maybe(0.2) else []))
    aligned = options(align_corners=[True, False]) if mode in (smooth, "bicubic") else {}
    return draw.choice([
        (f"max_pool{d}d", [x, kernel], options(stride=[1, 2, 3], padding=[0, 1], dilation=[1, 2], ceil_mode=[True])),
        (f"avg_pool{d}d", [x, kernel], options(stride=[1, 2, 3], padding=[0, 1], ceil_mode=[True], count_include_pad=[False])),
        (f"adaptive_avg_pool{d}d", [x, draw.randint(1, 5)], {}),
        ("nn.functional.interpolate", [x], {**scale, "mode": mode, **aligned}),
    ])


def normalisation():
    n, c = draw.randint(2, 4), draw.choice([2, 4, 6])
    x = values([n, c, *extents(0, 2, 2, 4)])
    tail = list(x.shape[draw.randint(1, x.dim() - 1):])
    weight = maybe()
    return draw.choice([
        ("nn.functional.layer_norm", [x, tail] + ([values(tail), values(tail)] if weight else []), options(eps=[1e-3])),
        ("nn.functional.group_norm", [x, draw.choice([1, 2])] + ([values([c]), values([c])] if weight else []), options(eps=[1e-3])),
        ("nn.functional.batch_norm", [x, values([c]).detach(), values([c], 0.5, 2).detach()] + ([values([c]), values([c])] if weight else []), {"training": False}),
        ("nn.functional.instance_norm", [values([n, c, 3, 4])], {}),
        ("nn.functional.local_response_norm", [values([n, c, 5]), draw.randint(2, 4)], options(alpha=[0.1], k=[2.0])),
    ])


def loss():
    shape = extents(1, 3)
    x, y = values(shape), values(shape)
    p, q = values(shape, 0.05, 0.95), values(shape, 0.05, 0.95)
    signs = torch.where(booleans(shape), 1.0, -1.0).to(torch.float64)
    n, c = draw.randint(1, 5), draw.randint(2, 5)
    area = extents(0, 2, 1, 3)
    logits, target = values([n, c, *area]), integers([n, *area], 0, c)
    r = options(reduction=["none", "mean", "sum"])
    classes = {**r, **options(ignore_index=[0, 1]), **({"weight": values([c], 0.2, 2).detach()} if maybe(0.3) else {})}
    return draw.choice([
        ("nn.functional.mse_loss", [x, y], r), ("nn.functional.l1_loss", [x, y], r),
        ("nn.functional.smooth_l1_loss", [x, y], {**r, **options(beta=[0.3, 2.0])}),
        ("nn.functional.huber_loss", [x, y], {**r, **options(delta=[0.3, 2.0])}),
        ("nn.functional.binary_cross_entropy", [p, q.detach()], r),
        ("nn.functional.binary_cross_entropy_with_logits", [x, q.detach()], {**r, **({"pos_weight": values([shape[-1]], 0.5, 2).detach()} if maybe(0.3) else {})}),
        ("nn.functional.kl_div", [values(shape, -3, -0.1), q.detach()], {**options(reduction=["none", "mean", "sum", "batchmean"]), **options(log_target=[True])}),
        ("nn.functional.poisson_nll_loss", [x, q.detach()], {**r, **options(full=[True])}),
        ("nn.functional.gaussian_nll_loss", [x, y, values(shape, 0.3, 2)], {**r, **options(full=[True])}),
        ("nn.functional.hinge_embedding_loss", [x, signs], {**r, **options(margin=[0.5])}),
        ("nn.functional.soft_margin_loss", [x, signs], r),
        ("nn.functional.cross_entropy", [logits, target], {**classes, **options(label_smoothing=[0.1])}),
        ("nn.functional.cross_entropy", [values([n, c]), values([n, c], 0, 1).detach()], {**r, **options(label_smoothing=[0.1])}),
        ("nn.functional.nll_loss", [values([n, c, *area], -3, -0.1), target], classes),
        ("nn.functional.margin_ranking_loss", [values([n]), values([n]), torch.sign(torch.randn(n, dtype=torch.float64))], {**r, **options(margin=[0.3])}),
        ("nn.functional.cosine_embedding_loss", [values([n, c]), values([n, c]), torch.sign(torch.randn(n, dtype=torch.float64))], {**r, **options(margin=[0.3])}),
        ("nn.functional.triplet_margin_loss", [values([n, c]), values([n, c]), values([n, c])], {**r, **options(margin=[0.3], p=[1.0, 2.0, 3.0], swap=[True])}),
        ("nn.functional.multi_margin_loss", [values([n, c]), integers([n], 0, c)], {**r, **options(p=[2], margin=[0.5])}),
        ("nn.functional.multilabel_soft_margin_loss", [values([n, c]), booleans([n, c]).to(torch.float64)], r),
    ])


FAMILIES = [unary, activation, binary, reduction, reduction, shape, index, product, linear_algebra, convolution,
            pooling, normalisation, loss]

#!/usr/bin/env python3
"""Random cases computed by the PyTorch that is installed, in the format of this folder's README.

    random_cases.py OUT [--seed N] [--count N] [--op NAME]

Ops, shapes, dtypes, strides and options are drawn; values, gradients and Hessian-vector products are
PyTorch's. What PyTorch itself refuses is drawn again. `differ` runs it and compares."""
import argparse
import json
import math
import pathlib
import struct
import warnings

import numpy
import torch

from random_draws import FAMILIES, draw

warnings.simplefilter("ignore")


# ---- what PyTorch computes ----

def resolve(op):
    at = torch
    for part in op.split("."):
        at = getattr(at, part, None) or getattr(torch.nn.functional, part)
    return at


def tensors_in(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


class Case:
    def __init__(self, number, family, op, args, kwargs):
        self.op, self.arrays = op, {}
        key = f"r{number:05d}"
        inputs = [*tensors_in(args), *tensors_in(list(kwargs.values()))]
        names = {id(x): f"x{i}" for i, x in enumerate(inputs)}
        self.line = {"id": f"random_{family}/{number:05d}/{op}", "group": f"random_{family}", "kind": "op", "op": op,
                     "source": f"torch {torch.__version__}",
                     "args": [self.plain(a, names) for a in args],
                     "kwargs": {k: self.plain(v, names) for k, v in kwargs.items()},
                     "inputs": [], "outputs": [], "grads": {}, "fd_checked": False}
        for x in inputs:
            name = f"{key}.in.{names[id(x)]}"
            entry = {"name": names[id(x)], "array": self.save(name, x), "dtype": self.dtype(x), "shape": list(x.shape),
                     "grad": x.requires_grad}
            if not x.is_contiguous():
                entry["strides"] = list(x.stride())
            self.line["inputs"].append(entry)
        result = resolve(op)(*args, **kwargs)
        outputs = list(tensors_in(result if isinstance(result, torch.Tensor) else list(result)))
        if not outputs:
            raise ValueError("no output")
        total = 0
        for i, y in enumerate(outputs):
            cotangent = None
            if y.requires_grad:
                c = torch.randn(y.shape, dtype=y.dtype)
                total = total + (y * c).sum()
                cotangent = self.save(f"{key}.ct{i}", c)
            self.line["outputs"].append({"array": self.save(f"{key}.out{i}", y), "dtype": self.dtype(y),
                                         "shape": list(y.shape), "cotangent": cotangent})
        largest = max([1.0] + [self.largest(y) for y in outputs])
        wanted = [x for x in inputs if x.requires_grad]
        if isinstance(total, torch.Tensor) and wanted:
            grads = torch.autograd.grad(total, wanted, create_graph=True, allow_unused=True)
            for x, g in zip(wanted, grads):
                name = names[id(x)]
                self.line["grads"][name] = None if g is None else self.save(f"{key}.grad.{name}", g)
                if g is not None:
                    largest = max(largest, self.largest(g))
            self.second_order(key, names, wanted, grads)
        self.line["tol"] = {"rtol": 1e-8, "atol": 1e-9 * largest}

    def second_order(self, key, names, wanted, grads):
        pairs = [(x, g, torch.randn(g.shape, dtype=g.dtype)) for x, g in zip(wanted, grads)
                 if g is not None and g.requires_grad]
        if not pairs:
            return
        try:
            out = torch.autograd.grad(sum((g * v).sum() for _, g, v in pairs), wanted, allow_unused=True)
        except (RuntimeError, NotImplementedError):  # PyTorch has no second derivative of it
            return
        self.line["hvp"] = {
            "v": {names[id(x)]: self.save(f"{key}.v.{names[id(x)]}", v) for x, _, v in pairs},
            "out": {names[id(x)]: None if h is None else self.save(f"{key}.hvp.{names[id(x)]}", h)
                    for x, h in zip(wanted, out)}}

    @staticmethod
    def largest(x):
        """What is undefined, such as the variance of nothing, is refused here, as docs/contract.md says."""
        if not x.dtype.is_floating_point or not x.numel():
            return 0.0
        if not x.isfinite().all():
            raise ValueError("not finite")
        return x.abs().max().item()

    def save(self, name, x):
        self.arrays[name] = x.detach().contiguous().numpy()
        return name

    @staticmethod
    def dtype(x):
        return str(x.dtype).removeprefix("torch.")

    @staticmethod
    def plain(value, names):
        if isinstance(value, torch.Tensor):
            return {"$": names[id(value)]}
        if isinstance(value, (list, tuple)):
            return [Case.plain(v, names) for v in value]
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": "inf" if value > 0 else "-inf"}
        return value


CODES = {"float64": "F64", "float32": "F32", "int64": "I64", "bool": "BOOL"}


def write_safetensors(path, arrays):
    header, at = {}, 0
    for name, a in arrays.items():
        header[name] = {"dtype": CODES[str(a.dtype)], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for a in arrays.values():
            file.write(numpy.ascontiguousarray(a).tobytes())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--op", help="only this one")
    chosen = parser.parse_args()
    draw.seed(chosen.seed)
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(1)
    chosen.out.mkdir(parents=True, exist_ok=True)
    arrays, number, refused = {}, 0, 0
    with open(chosen.out / "cases.jsonl", "w") as lines:
        while number < chosen.count:
            family = draw.choice(FAMILIES)
            try:
                op, args, kwargs = family()
                if chosen.op and op != chosen.op:
                    continue
                case = Case(number, family.__name__, op, args, kwargs)
            except (RuntimeError, ValueError, IndexError, TypeError, AttributeError):
                refused += 1
                continue
            lines.write(json.dumps(case.line) + "\n")
            arrays.setdefault(case.line["group"], {}).update(case.arrays)
            number += 1
    for group, of_group in arrays.items():
        write_safetensors(chosen.out / f"{group}.safetensors", of_group)
    print(f"{number} cases by torch {torch.__version__}, seed {chosen.seed}; {refused} draws that PyTorch refuses")


if __name__ == "__main__":
    main()

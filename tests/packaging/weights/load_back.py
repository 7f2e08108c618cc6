"""Loads what gradtape wrote in NumPy and, where it is installed, in PyTorch: one line a check.

load_back.py DATA WRITTEN: the files pytorch_*.safetensors that PyTorch wrote, and the same weights
as gradtape has written them.
"""

import json
import struct
import sys

import numpy as np

data, written = sys.argv[1:]
sys.path.insert(0, data)

MODELS = ["lenet", "gpt", "lstm"]
DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "BOOL": "?"}


def read_safetensors(path):
    """By the specification, with its rules for the layout checked."""
    with open(path, "rb") as file:
        raw = file.read()
    (size,) = struct.unpack("<Q", raw[:8])
    header, body = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    header.pop("__metadata__", None)
    assert raw[8:9] == b"{"
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert begin == end, f"{name} begins at {begin}, not at {end}"
        end = stop
        tensors[name] = np.frombuffer(body[begin:stop], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    assert end == len(body)
    return tensors


def read_npz(path):
    with np.load(path) as file:  # allow_pickle is off
        return dict(file)


READERS = {"npz": read_npz, "safetensors": read_safetensors}


def expected(model):
    """What PyTorch wrote, under the model's own names and with every tied one."""
    tensors = read_safetensors(f"{data}/pytorch_{model}.safetensors")
    tensors = {name.removeprefix("module."): x for name, x in tensors.items()}
    if model == "gpt":
        tensors["head.weight"] = tensors["tokens.weight"]
    return tensors


def same(got, want):
    assert set(got) == set(want), f"names {set(got) ^ set(want)}"
    for name in want:
        assert got[name].dtype == want[name].dtype, name
        assert got[name].shape == want[name].shape, name
        assert got[name].tobytes() == want[name].tobytes(), name


def check(what, test):
    try:
        test()
        print(f"pass: {what}")
    except Exception as error:
        print(f"fail: {what}: {type(error).__name__} {error}")


def check_numpy():
    for ending, read in READERS.items():
        for model in MODELS:
            same(read(f"{written}/{model}.{ending}"), expected(model))
        same(
            read(f"{written}/dtypes.{ending}"),
            {
                "double": np.array([[0.1, -0.0], [1e300, np.inf]]),
                "integers": np.array([-1, 2**62]),
                "flags": np.array([True, False, True]),
                "number": np.array(7),
                "empty": np.zeros((0, 3), np.float32),
                "maské": np.ones((1, 1, 2), np.float32),
            },
        )
    same({"": np.load(f"{written}/head.npy")}, {"": expected("lstm")["head.weight"]})


def check_torch(torch, models, model, ending):
    tensors = READERS[ending](f"{written}/{model}.{ending}")
    network = {"lenet": models.LeNet, "gpt": models.GPT, "lstm": models.Tagger}[model]().eval()
    network.load_state_dict({name: torch.tensor(x) for name, x in tensors.items()})
    io = read_safetensors(f"{data}/pytorch_outputs.safetensors")
    with torch.no_grad():
        y = network(torch.tensor(io[f"{model}.x"]))
    if isinstance(y, tuple):
        y = y[0]
    assert np.abs(y.numpy() - io[f"{model}.y"]).max() < 1e-5, "outputs differ"


check("NumPy loads what gradtape writes: npz, npy, and safetensors by the specification", check_numpy)
try:
    import torch
    import make_pytorch_weights as models
except ImportError:
    print("skip: weights loaded back in PyTorch: there is no PyTorch here")
    sys.exit()
for ending in READERS:
    for model in MODELS:
        check(
            f"PyTorch loads {model}.{ending} and computes what it did with its own weights",
            lambda: check_torch(torch, models, model, ending),
        )
try:
    import safetensors.torch
except ImportError:
    print("skip: weights loaded back in safetensors.torch: it is not installed here")
    sys.exit()
check(
    "safetensors.torch loads what gradtape writes",
    lambda: [safetensors.torch.load_file(f"{written}/{model}.safetensors") for model in MODELS],
)

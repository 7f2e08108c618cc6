"""check.py BRIDGE: DLPack to and from NumPy and PyTorch, tables of pyarrow, in one process."""

import ctypes
import gc
import sys

bridge = ctypes.CDLL(sys.argv[1])
pointer = ctypes.c_void_p
for name, result, arguments in (
    ("said", ctypes.c_char_p, []),
    ("slope_of", pointer, [pointer]),
    ("slope_of_versioned", pointer, [pointer]),
    ("keep", ctypes.c_size_t, [pointer]),
    ("give_kept", pointer, []),
    ("drop", None, []),
    ("keep_table", ctypes.c_char_p, [pointer, pointer]),
    ("column_address", ctypes.c_size_t, [ctypes.c_char_p]),
    ("moment", ctypes.c_double, [ctypes.c_char_p]),
):
    if hasattr(bridge, name):
        function = getattr(bridge, name)
        function.restype, function.argtypes = result, arguments

capsule_get = ctypes.pythonapi.PyCapsule_GetPointer
capsule_get.restype, capsule_get.argtypes = pointer, [ctypes.py_object, ctypes.c_char_p]
capsule_rename = ctypes.pythonapi.PyCapsule_SetName
capsule_rename.restype, capsule_rename.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
capsule_new = ctypes.pythonapi.PyCapsule_New
capsule_new.restype, capsule_new.argtypes = ctypes.py_object, [pointer, ctypes.c_char_p, pointer]

# The names of capsules, kept here: a capsule only points to its own.
OLD, OLD_USED = b"dltensor", b"used_dltensor"
NEW, NEW_USED = b"dltensor_versioned", b"used_dltensor_versioned"


class Export:
    """What from_dlpack of NumPy and PyTorch takes."""

    def __init__(self, managed, name):
        self.managed, self.name = managed, name

    def __dlpack__(self, **_):
        return capsule_new(self.managed, self.name, None)

    def __dlpack_device__(self):
        return (1, 0)  # the CPU


def take(function, array, name=OLD, used=OLD_USED, **options):
    """function(the managed tensor of array), which the capsule gives up where nothing was thrown."""
    capsule = array.__dlpack__(**options)
    result = function(capsule_get(capsule, name))
    if bridge.said():
        raise ValueError(bridge.said().decode())
    capsule_rename(capsule, used)
    return result


def check(what, passed):
    print("pass:" if passed else "fail:", what)


def refused(what, array, expected):
    try:
        take(bridge.keep, array)
        check(f"{what} is refused", False)
    except ValueError as error:
        check(f"{what} is refused: {error}", expected in str(error))


def with_numpy():
    import numpy

    x = numpy.arange(12.0).reshape(3, 4)
    before = sys.getrefcount(x)
    same = take(bridge.keep, x) == x.__array_interface__["data"][0]
    held = sys.getrefcount(x) > before
    bridge.drop()
    gc.collect()
    check("DLPack: a NumPy array comes in without a copy, is held and let go",
          same and held and sys.getrefcount(x) == before)
    slope = numpy.from_dlpack(Export(take(bridge.slope_of, x), OLD))
    check("DLPack: a gradient goes out to NumPy", (slope == 3 * x**2).all())
    slope = numpy.from_dlpack(Export(take(bridge.slope_of, x.T), OLD))
    check("DLPack: a transposed NumPy array", (slope == 3 * x.T**2).all())
    slope = numpy.from_dlpack(Export(take(bridge.slope_of, x[:, ::2]), OLD))
    check("DLPack: a strided NumPy array", (slope == 3 * x[:, ::2] ** 2).all())
    for kind in ("float32", "int64", "bool"):
        y = numpy.array([0, 1, 1]).astype(kind)
        take(bridge.keep, y)
        back = numpy.from_dlpack(Export(bridge.give_kept(), OLD))
        check(f"DLPack: {kind} of NumPy and back", back.dtype == y.dtype and (back == y).all())
        del back
        bridge.drop()
    refused("DLPack: uint8 of NumPy", numpy.zeros(3, "uint8"), "the elements are uint8")
    if hasattr(bridge, "slope_of_versioned") and int(numpy.__version__.split(".")[0]) >= 2:
        out = take(bridge.slope_of_versioned, x, NEW, NEW_USED, max_version=(1, 0))
        slope = numpy.from_dlpack(Export(out, NEW))
        check("DLPack 1: a NumPy array and back, read-only",
              (slope == 3 * x**2).all() and not slope.flags.writeable)


def with_torch():
    import torch

    x = torch.arange(12.0).reshape(3, 4)
    check("DLPack: a PyTorch tensor comes in without a copy", take(bridge.keep, x) == x.data_ptr())
    bridge.drop()
    slope = torch.from_dlpack(capsule_new(take(bridge.slope_of, x), OLD, None))
    y = x.clone().requires_grad_()
    (y**3).sum().backward()
    check("DLPack: a gradient goes out to PyTorch, and is PyTorch's", torch.equal(slope, y.grad))
    slope = torch.from_dlpack(capsule_new(take(bridge.slope_of, x.T), OLD, None))
    check("DLPack: a transposed PyTorch tensor", torch.equal(slope, 3 * x.T**2))
    refused("DLPack: bfloat16 of PyTorch", torch.zeros(3, dtype=torch.bfloat16), "bfloat16")


def with_pyarrow():
    import pyarrow

    array = ctypes.create_string_buffer(256)
    schema = ctypes.create_string_buffer(256)

    def table_of(batch):
        batch._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
        return bridge.keep_table(ctypes.addressof(array), ctypes.addressof(schema)).decode()

    batch = pyarrow.record_batch({
        "x": pyarrow.array([0.5, 1.5, 2.5], pyarrow.float64()),
        "f": pyarrow.array([1, None, 3], pyarrow.float32()),
        "n": pyarrow.array([1, 2, 3], pyarrow.int64()),
        "small": pyarrow.array([7, 8, 255], pyarrow.uint8()),
        "flag": pyarrow.array([True, False, True]),
        "word": pyarrow.array(["b", "a", "b"]),
        "long": pyarrow.array(["b", "", "b"], pyarrow.large_string()),
        "code": pyarrow.array(["z", "y", "z"]).dictionary_encode(),
    })
    expected = ("x float64 [0.5, 1.5, 2.5]\nf float32 [ 1., nan,  3.]\nn int64 [1, 2, 3]\n"
                "small int64 [  7,   8, 255]\nflag bool [ true, false,  true]\n"
                "word int64 [1, 0, 1] a b\nlong int64 [1, 0, 1]  b\ncode int64 [1, 0, 1] y z\n")
    got = table_of(batch)
    check("Arrow: a record batch of pyarrow" + ("" if got == expected else f": {got!r}"), got == expected)
    address = batch.column("x").buffers()[1].address
    check("Arrow: its floats are not copied", bridge.column_address(b"x") == address)
    bridge.drop()
    got = table_of(batch.slice(1, 2))
    check("Arrow: a slice of it", got.startswith("x float64 [1.5, 2.5]\nf float32 [nan,  3.]\nn int64 [2, 3]\n")
          and "flag bool [false,  true]\nword int64 [0, 1] a b\n" in got)
    check("Arrow: a slice is not copied either", bridge.column_address(b"x") == address + 8)

    bridge.drop()
    gc.collect()
    before = pyarrow.total_allocated_bytes()
    large = pyarrow.record_batch({"x": pyarrow.array([1.0, 2.0] * 50000),
                                  "y": pyarrow.array([3, 4] * 50000)})
    table_of(large)
    del large
    gc.collect()
    held = pyarrow.total_allocated_bytes() - before
    check("Arrow: a data set of it", bridge.moment(b"y") == 5.5)
    bridge.drop()
    gc.collect()
    check("Arrow: the batch lives as long as the table, and no longer",
          held >= 1600000 and pyarrow.total_allocated_bytes() <= before)

    for what, column, said in (
        ("a date", pyarrow.array([1, 2], pyarrow.date32()), "column 'c': the Arrow type of format 'tdD'"),
        ("an integer that is null", pyarrow.array([1, None]), "column 'c': rows are null"),
        ("a text that is null", pyarrow.array(["a", None]), "column 'c': rows are null"),
        ("2^63", pyarrow.array([2**63], pyarrow.uint64()), "9223372036854775808 is larger"),
    ):
        batch = pyarrow.record_batch({"c": column})
        got = table_of(batch)
        back = pyarrow.RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))
        check(f"Arrow: {what} is refused, and stays the caller's: {got}", said in got and back.equals(batch))


for module, run in (("numpy", with_numpy), ("torch", with_torch), ("pyarrow", with_pyarrow)):
    try:
        __import__(module)
    except ImportError:
        print(f"skip: data to and from {module}: this Python has no {module} (pip install {module})")
        continue
    try:
        run()
    except Exception as error:  # one library's fault is no other's
        print(f"fail: data to and from {module}: {type(error).__name__}: {error}")

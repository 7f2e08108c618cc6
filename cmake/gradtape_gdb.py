"""gdb shows tensors by shape, dtype and first elements, and shapes by their extents:

    (gdb) source share/gdb/gradtape.py        (or put the line into ~/.gdbinit)
    (gdb) print loss
    $1 = [2, 3] float32 {1, 2, 3, 4, 5, 6}
"""
import gdb
import gdb.printing

ELEMENTS = (("float32", "float"), ("float64", "double"), ("int64", "long"), ("bool", "bool"))
SHOWN = 8


def text_of(extents):
    return "[" + ", ".join(str(n) for n in extents) + "]"


class TensorPrinter:
    def __init__(self, tensor):
        self.held = tensor["value_"]["p_"]

    def to_string(self):
        if int(self.held) == 0:
            return "undefined"
        value = self.held.dereference()
        behind = (self.held + 1).cast(gdb.lookup_type("long").pointer())
        shape = text_of(int(behind[i]) for i in range(int(value["ndim"])))
        dtype, element = ELEMENTS[int(value["dtype"])]
        pointer = gdb.lookup_type(element).pointer()
        data = value["data"].address.cast(pointer.pointer()).dereference()  # of a std::atomic
        count = int(value["numel"])
        if count > 0 and int(data) == 0:
            return f"{shape} {dtype} (transposed, not yet computed)"
        shown = [str(data[i]) for i in range(min(count, SHOWN))] + ["..."] * (count > SHOWN)
        return f"{shape} {dtype} {{{', '.join(shown)}}}"


class ShapePrinter:
    def __init__(self, shape):
        self.shape = shape

    def to_string(self):
        extents = self.shape["extents_"].address.cast(gdb.lookup_type("long").pointer())
        return text_of(int(extents[i]) for i in range(int(self.shape["ndim_"])))


printers = gdb.printing.RegexpCollectionPrettyPrinter("gradtape")
printers.add_printer("Tensor", "^gradtape::Tensor$", TensorPrinter)
printers.add_printer("Shape", "^gradtape::Shape$", ShapePrinter)
gdb.printing.register_pretty_printer(gdb.current_objfile(), printers, replace=True)

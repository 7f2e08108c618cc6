"""gdb shows tensors by shape, dtype, first elements and what made them; parameters with their names and
gradients; modules with all that is below them; shapes by their extents:

    (gdb) source share/gdb/gradtape.py        (or put the line into ~/.gdbinit)
    (gdb) print loss
    $1 = [] float32 {0.25} by mse_loss
    (gdb) print model.hidden
    $2 = Linear, training = {weight = 'hidden.weight' [2, 2] float32 {1, 0, 0, 1}, bias = ...}

It reads memory and calls nothing, so that it works on core dumps too. What the library keeps to itself,
Parameter::Cell, Leaf and ModuleState, is read by position, since a library without debugging information
does not describe it: tests/packaging/gdb fails where they have changed.
"""
import gdb
import gdb.printing
import gdb.types

ELEMENTS = (("float32", "float"), ("float64", "double"), ("int64", "long"), ("bool", "bool"))
SHOWN = 8
LEAF = 1  # of NodeKind
POINTER = gdb.lookup_type("long").sizeof


def text_of(extents):
    return "[" + ", ".join(str(n) for n in extents) + "]"


def at(address, name):
    """The object of that type at an address."""
    return gdb.Value(address).cast(gdb.lookup_type(name).pointer()).dereference()


def pointer_at(address):
    return int(at(address, "unsigned long"))


def string_at(address):
    """Of a std::string, whose first two members are the characters and their number."""
    characters = gdb.Value(pointer_at(address)).cast(gdb.lookup_type("char").pointer())
    return characters.string(length=pointer_at(address + POINTER))


def size_of(name):
    return gdb.lookup_type(name).sizeof


STRING = size_of("long") * 4  # libstdc++'s std::string
VECTOR = POINTER * 3
SHARED = POINTER * 2  # a std::shared_ptr


def addresses(vector, size):
    """Of a std::vector's elements, which have that size."""
    return range(pointer_at(vector), pointer_at(vector + POINTER), size)


def name_at(part):
    """Of a Name: its last part, and a pointer to what it stands below."""
    parts = []
    while part:
        parts.insert(0, string_at(part))
        part = pointer_at(part + STRING)
    return ".".join(p for p in parts if p)


class Leaf:
    """What lies behind a node that is a leaf: a vtable, hooks, the name, the gradient."""

    def __init__(self, node):
        self.name_at = int(node["extension"]) + POINTER + VECTOR
        self.gradient_at = self.name_at + STRING + SHARED

    def name(self):
        return name_at(self.name_at)


class TensorPrinter:
    def __init__(self, tensor):
        self.held = tensor["value_"]["p_"]
        self.node = tensor["node_"]["p_"]

    def elements(self):
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

    def to_string(self):
        if int(self.node) == 0:
            return self.elements()
        node = self.node.dereference()
        if int(node["kind"]) != LEAF:
            return f"{self.elements()} by {node['name'].string()}"
        name = Leaf(node).name()
        return f"'{name}' {self.elements()}" if name else f"leaf {self.elements()}"


class ParameterPrinter:
    """Its cell has the value, a Tensor, and the leaf's node, which a frozen one has too."""

    def __init__(self, parameter):
        self.cell = pointer_at(int(parameter["cell_"].address))

    def to_string(self):
        if self.cell == 0:
            return "undefined"
        value = TensorPrinter(at(self.cell, "gradtape::Tensor"))
        leaf = Leaf(at(pointer_at(self.cell + size_of("gradtape::Tensor")), "gradtape::detail::Node"))
        text = f"'{leaf.name()}' {value.elements()}"
        if int(value.node) == 0:
            text += ", frozen"
        gradient = TensorPrinter(at(leaf.gradient_at, "gradtape::Tensor"))
        return text if int(gradient.held) == 0 else f"{text}, gradient {gradient.elements()}"


class BufferPrinter:
    """Its cell has the value and the name."""

    def __init__(self, buffer):
        self.cell = pointer_at(int(buffer["cell_"].address))

    def to_string(self):
        if self.cell == 0:
            return "undefined"
        value = TensorPrinter(at(self.cell, "gradtape::Tensor")).elements()
        return f"'{name_at(self.cell + size_of('gradtape::Tensor'))}' {value}"


def class_of(address):
    """The full name of the most derived class of an object with a vtable, which the program's symbols name."""
    said = gdb.execute(f"info symbol {pointer_at(address)}", to_string=True)
    return said[len("vtable for "):].split(" + ")[0] if said.startswith("vtable for ") else ""


def is_module(address):
    """By the chain of type_info, each with a vtable, a name and, where it derives from one class, that
    class's: what debugging information of a program has of the library's classes are their names."""
    try:
        info = pointer_at(pointer_at(address) - POINTER)
        while True:
            name = gdb.Value(pointer_at(info + POINTER)).cast(gdb.lookup_type("char").pointer()).string()
            if name.lstrip("*") == "N8gradtape2nn6ModuleE":
                return True
            if not class_of(info).endswith("::__si_class_type_info"):
                return False
            info = pointer_at(info + 2 * POINTER)
    except (gdb.error, UnicodeDecodeError):
        return False


def may_be_module(kind):
    """Whether an object of this type may have a vtable."""
    bases = [field for field in kind.fields() if field.is_base_class]
    if bases:
        return may_be_module(gdb.types.get_basic_type(bases[0].type))
    return (kind.name or "").startswith("gradtape::nn::") or any(f.artificial for f in kind.fields())


class ModulePrinter:
    """Its state has parameters, buffers and children, two sorts of hooks with their number, and its mode."""

    def __init__(self, address):
        self.address = address
        self.state = pointer_at(address + POINTER)

    def to_string(self):
        training = at(self.state + 5 * VECTOR + 8, "bool")
        kind = class_of(self.address).split("<")[0].split("::")[-1]
        return f"{kind}, {'training' if training else 'evaluation'}"

    def children(self):
        for vector, name in ((0, "gradtape::Parameter"), (VECTOR, "gradtape::Buffer")):
            for pair in addresses(self.state + vector, STRING + size_of(name)):
                yield string_at(pair), at(pair + STRING, name)
        for child in addresses(self.state + 2 * VECTOR, STRING + SHARED + POINTER):
            module = pointer_at(child + STRING)
            try:
                yield string_at(child), at(module, class_of(module))
            except gdb.error:  # the debugging information lacks that class
                yield string_at(child), ModulePrinter(module).text()

    def text(self):
        parts = ", ".join(f"{name} = {value}" for name, value in self.children())
        return f"{self.to_string()} = {{{parts}}}"


class ShapePrinter:
    def __init__(self, shape):
        self.shape = shape

    def to_string(self):
        array = self.shape["extents_"]
        extents = array[array.type.fields()[0]]
        return text_of(int(extents[i]) for i in range(int(self.shape["ndim_"])))


class Printers(gdb.printing.PrettyPrinter):
    """By the name of the type; a module is everything that derives from nn::Module."""

    KINDS = {"Tensor": TensorPrinter, "Parameter": ParameterPrinter, "Buffer": BufferPrinter,
             "Shape": ShapePrinter}

    def __init__(self):
        super().__init__("gradtape", [gdb.printing.SubPrettyPrinter(name) for name in (*self.KINDS, "Module")])
        self.on = {printer.name: printer for printer in self.subprinters}

    def __call__(self, value):
        kind = gdb.types.get_basic_type(value.type)
        if kind.code != gdb.TYPE_CODE_STRUCT:
            return None
        name = (kind.name or "").removeprefix("gradtape::")
        if name in self.KINDS:
            return self.KINDS[name](value) if self.on[name].enabled else None
        if not self.on["Module"].enabled or value.address is None or not may_be_module(kind):
            return None
        address = int(value.address)
        return ModulePrinter(address) if is_module(address) else None


gdb.printing.register_pretty_printer(gdb.current_objfile(), Printers(), replace=True)

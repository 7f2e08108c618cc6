"""The public symbols of the headers, read by libclang: what is declared, where, and what its comment says.

libclang rather than regular expressions, because it knows overloads, templates, bases and the members of
options; rather than Doxygen, because the executed blocks of the documentation are read by the same tool,
which tells exactly which overload a line calls.
"""
import dataclasses
import pathlib
import pickle
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append("/usr/lib/python3/dist-packages")  # Debian's package, where another python3 comes first
HEAVY = ["gradtape/autograd/formula.hpp", "gradtape/autograd/fmt.hpp", "gradtape/autograd/xtensor.hpp"]
PRELUDE = "".join(f'#include "{header}"\n' for header in ["gradtape/gradtape.hpp", *HEAVY]) + (
    '#define GRADTAPE_DISTRIBUTED\n#include "gradtape/optim/distributed.hpp"\n')
# Namespaces whose names are no promise: parts of ops and of the library's own loops.
PRIVATE = {"detail", "math", "primitive"}
# What formulas are computed with; their functions are those of tensors, and documented there.
PRIVATE_HEADERS = ("autograd/elementwise/",)
FUNCTIONS = {"FUNCTION_DECL", "FUNCTION_TEMPLATE", "CXX_METHOD", "CONSTRUCTOR", "CONVERSION_FUNCTION"}
CLASSES = {"CLASS_DECL", "STRUCT_DECL", "CLASS_TEMPLATE"}
OTHERS = {"ENUM_DECL", "ENUM_CONSTANT_DECL", "FIELD_DECL", "VAR_DECL", "TYPE_ALIAS_DECL",
          "TYPE_ALIAS_TEMPLATE_DECL", "USING_DECLARATION", "CONCEPT_DECL"}
CONCEPT = 604  # a kind that the Python side of libclang 16 has no name for


class Unavailable(Exception):
    """There is no libclang for Python here."""


def libclang():
    try:
        from clang import cindex
    except ImportError:
        raise Unavailable("there is no libclang for Python here "
                          "(Debian 12: python3-clang-16, Debian 13: python3-clang)") from None
    known = cindex.CursorKind.from_id

    def from_id(number):
        try:
            return known(number)
        except ValueError:
            return cindex.CursorKind(number)

    cindex.CursorKind.from_id = staticmethod(from_id)
    return cindex


def kind_of(cursor):
    try:
        return "CONCEPT_DECL" if cursor._kind_id == CONCEPT else cursor.kind.name
    except KeyError:
        return "?"


@dataclasses.dataclass
class Symbol:
    """name: without `gradtape::`; owner: the class of a member, else ""; text: the lines of its comment;
    own_text: whether the comment is its own or that of the declaration right before it."""

    name: str
    kind: str
    header: str
    line: int
    end: int
    code: str
    text: list
    own_text: bool
    owner: str = ""
    parameters: list = dataclasses.field(default_factory=list)  # of (name, type, default)
    bases: list = dataclasses.field(default_factory=list)
    deleted: bool = False
    usr: str = ""
    value_type: str = ""
    default: str = ""

    @property
    def short(self):
        return re.split(r"::(?=[^:]+$)", self.name)[-1]

    @property
    def is_function(self):
        return self.kind in FUNCTIONS


def make_include_folder(folder):
    """What programs see as `gradtape/`, without a build."""
    inside = folder / "gradtape"
    inside.mkdir(parents=True, exist_ok=True)
    for name, target in (("autograd", "autograd"), ("nn", "nn"), ("optim", "optim"),
                         ("gradtape.hpp", "cmake/gradtape.hpp")):
        link = inside / name
        if not link.exists():
            link.symlink_to(ROOT / target)
    return folder


def parse(include, text, name="all.cpp", bodies=False, folders=()):
    cindex = libclang()
    skip = cindex.TranslationUnit.PARSE_SKIP_FUNCTION_BODIES
    unit = cindex.Index.create().parse(
        name, args=["-std=c++20", f"-I{include}", "-w", *(f"-I{f}" for f in folders)], unsaved_files=[(name, text)], options=0 if bodies else skip)
    return unit, [str(d) for d in unit.diagnostics if d.severity >= 3]


class Reader:
    def __init__(self, include):
        self.include, self.lines, self.symbols, self.heads = include, {}, [], {}
        unit, errors = parse(include, PRELUDE)
        if errors:
            raise Unavailable(f"the headers do not compile by themselves here: {errors[0]}")
        self.unit = unit
        self.scope(unit.cursor, [], "")

    def header_of(self, cursor):
        file = cursor.location.file
        found = file and re.search(r"gradtape/((?:autograd|nn|optim)/.*)", file.name)
        return found and found[1]

    def file_lines(self, header):
        if header not in self.lines:
            self.lines[header] = (ROOT / header).read_text().splitlines()
        return self.lines[header]

    def scope(self, cursor, spaces, owner):
        for child in cursor.get_children():
            header = self.header_of(child)
            if not header or header.startswith(PRIVATE_HEADERS):
                continue
            kind = kind_of(child)
            if kind == "NAMESPACE":
                if child.spelling not in PRIVATE and child.spelling:
                    self.scope(child, [*spaces, child.spelling], "")
            elif kind == "FRIEND_DECL" and owner:
                if not owner.endswith("Iterator"):
                    self.scope(child, spaces, "")
            elif spaces and spaces[0] == "gradtape" and kind in FUNCTIONS | CLASSES | OTHERS:
                self.add(child, kind, header, spaces[1:], owner)

    def add(self, cursor, kind, header, spaces, owner):
        access = cursor.access_specifier.name
        if owner and access in ("PRIVATE", "PROTECTED"):
            return
        first, last = self.extent(cursor, header)
        if kind in CLASSES and not cursor.is_definition():
            return
        text, own = self.comment(header, first, last, kind in CLASSES or kind == "ENUM_DECL" and first != last)
        name = cursor.spelling or "?"
        symbol = Symbol("::".join([*spaces, name]), kind, header, first,
                        last, self.code(cursor, header, first, last), text, own, owner, usr=cursor.get_usr())
        if owner:
            symbol.name = f"{owner}::{name}"
        if kind in FUNCTIONS:
            symbol.parameters = self.parameters(cursor)
            symbol.deleted = bool(re.search(r"= delete;", symbol.code))
            special = (cursor.is_copy_constructor() or cursor.is_move_constructor() or
                       name in ("operator=", "begin", "end", "operator bool", "operator*", "operator++", "operator->"))
            inner = re.search(r"detail::(Ref|Value|Node|Fields)\b", symbol.code)
            if (special or inner) and not text or name.startswith("~") or "fields(detail" in symbol.code:
                return
        if kind == "USING_DECLARATION" and owner or owner and name == "rule":
            return  # constructors of the base, and the name of an update rule in messages
        if owner.endswith("Iterator") and (kind == "TYPE_ALIAS_DECL" or "default_sentinel" in symbol.code):
            return  # what the standard library asks of every iterator
        if kind in ("FIELD_DECL", "VAR_DECL"):
            symbol.value_type = cursor.type.spelling
            symbol.default = self.default(cursor)
        self.symbols.append(symbol)
        if kind in CLASSES:
            symbol.bases = [c.type.spelling or c.spelling for c in cursor.get_children()
                            if kind_of(c) == "CXX_BASE_SPECIFIER"]
            self.scope(cursor, ["gradtape", *spaces], symbol.name)
        elif kind == "ENUM_DECL":
            self.scope(cursor, ["gradtape", *spaces], symbol.name)

    def extent(self, cursor, header):
        first, last = cursor.extent.start.line, cursor.extent.end.line
        lines = self.file_lines(header)
        while first > 1 and re.match(r"\s*(template <.*>|\[\[nodiscard.*\]\])\s*$", lines[first - 2]):
            first -= 1
        if kind_of(cursor) in FUNCTIONS:  # libclang has skipped the body
            depth = 0
            for last in range(first, len(lines) + 1):
                line = re.sub(r"//.*", "", lines[last - 1])
                depth += line.count("{") + line.count("(") - line.count("}") - line.count(")")
                if depth == 0 and re.search(r"[;}]\s*$", line):
                    break
        return first, last

    def comment(self, header, first, last, whole):
        """Its own comment, before it or behind it; else that of the declaration whose line ends right before."""
        lines = self.file_lines(header)
        for line in lines[first - 1:last] if not whole else []:
            if found := re.search(r"///< ?(.*)", line):
                text, at = [found[1]], lines.index(line, first - 1) + 1
                while at < len(lines) and (more := re.match(r"\s*///<? {2,}(\S.*)", lines[at])):
                    text.append(more[1])
                    at += 1
                return text, True
        text, at = [], first - 2
        while at >= 0 and re.match(r"\s*///(?!<)", lines[at]):
            text.insert(0, re.sub(r"^\s*/// ?", "", lines[at]))
            at -= 1
        if text:
            return text, True
        for before in reversed(self.symbols):
            if before.header == header and before.end == first - 1 and "///<" not in lines[before.end - 1]:
                return before.text, False
            if before.header != header or before.end < first - 12:
                break
        return [], False

    def code(self, cursor, header, first, last):
        """The declaration as it stands in the header, without the body of a function or class."""
        lines = list(self.file_lines(header)[first - 1:last])
        text = "\n".join(re.sub(r"\s*//.*", "", line) for line in lines)
        kind = kind_of(cursor)
        if kind in CLASSES:
            text = text[:text.index("{")].rstrip() + ";" if "{" in text else text
        elif kind in FUNCTIONS:
            text = without_body(text)
        text = re.sub(r"\n\s*\n", "\n", text).strip("\n")
        indent = min((len(l) - len(l.lstrip()) for l in text.splitlines() if l.strip()), default=0)
        return "\n".join(l[indent:] for l in text.splitlines()).strip()

    @staticmethod
    def tokens(cursor):
        return [t.spelling for t in cursor.get_tokens()]

    def default(self, cursor):
        tokens = self.tokens(cursor)
        at = next((i for i, t in enumerate(tokens) if t in ("=", "{")), None)
        if at is None:
            return ""
        return join(tokens[at + (tokens[at] == "="):])

    def parameters(self, cursor):
        found = []
        for child in cursor.get_children():
            if kind_of(child) == "PARM_DECL":
                found.append((child.spelling, child.type.spelling, self.default(child)))
        return found


def without_body(text):
    """Up to the brace of the body, or the colon of what a constructor initialises."""
    depth, arguments, at = 0, False, 0
    while at < len(text):
        c = text[at]
        if c in "({" and not (c == "{" and depth == 0):
            depth += 1
        elif c in ")}":
            depth -= 1
            arguments = arguments or (depth == 0 and c == ")")
        elif depth == 0 and arguments and c == "{":
            return text[:at].rstrip() + ";"
        elif depth == 0 and arguments and c == ":" and text[at + 1] != ":" and text[at - 1] != ":":
            return text[:at].rstrip() + ";"
        at += 1
    return text


def join(tokens):
    text = " ".join(tokens)
    text = re.sub(r" ?(::|\.|\(|\)|<|>|\{|\}|,|;) ?", r"\1", text).replace(",", ", ").strip(" ;")
    return text.replace("- ", "-")


def inherit_text(symbols):
    """Text for what repeats something that has text: overloads, overrides, members that their class names."""
    by_name = {}
    for s in symbols:
        by_name.setdefault(s.name, []).append(s)

    def base_text(owner, short, seen=()):
        for cls in by_name.get(owner, []):
            for base in cls.bases:
                plain = re.sub(r"<.*|^gradtape::|^class |^struct ", "", base)
                spaces = owner.split("::")[:-1]
                for depth in range(len(spaces), -1, -1):
                    name = "::".join([*spaces[:depth], plain])
                    if name in by_name and name not in seen:
                        found = next((m.text for m in by_name.get(f"{name}::{short}", []) if m.text), None)
                        return found or base_text(name, short, (*seen, name))
        return None

    for s in symbols:
        if s.text:
            continue
        twin = next((t for t in by_name[s.name] if t.text and t.header == s.header), None)
        if twin and s.is_function:
            s.text = twin.text
        elif s.owner:
            short, cls = s.short, next(c for c in by_name[s.owner])
            if s.kind == "CONSTRUCTOR" or short == s.owner.split("::")[-1] or short == "operator()":
                s.text = cls.text
            elif re.search(rf"\b{re.escape(short)}s?\b", " ".join(cls.text), re.I):
                s.text = cls.text
            else:
                s.text = base_text(s.owner, short) or []


def newest(paths):
    return max(path.stat().st_mtime_ns for path in paths)


def cached(store, sources, make):
    """What `make` gives, kept in the file `store` until one of the sources is newer."""
    if store.exists() and store.stat().st_mtime_ns > newest([*sources, *pathlib.Path(__file__).parent.glob("*.py")]):
        return pickle.loads(store.read_bytes())
    made = make()
    store.parent.mkdir(parents=True, exist_ok=True)
    store.write_bytes(pickle.dumps(made))
    return made


def every_header():
    return [path for module in ("autograd", "nn", "optim") for path in sorted((ROOT / module).rglob("*.hpp"))]


def read(build):
    """Every public symbol, in the order of the headers."""
    def make():
        symbols = Reader(make_include_folder(build / "site_include")).symbols
        inherit_text(symbols)
        return symbols
    return cached(build / "site_cache" / "symbols", every_header(), make)

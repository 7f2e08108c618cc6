#!/usr/bin/env python3
"""Writes docs/ops.md, the list of all ops, from the comments of their headers.

usage: docs/make_ops.py [--check]   --check: fails unless the page is what would be written
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "ops.md"
INTRODUCTION = """# Ops

Every function of tensors, by family: how it is called, what it gives, its shapes and errors. Options
stand in braces with their defaults, and are given by name in that order: `sum(x, 0, {.keepdim =
true})`. Elementwise ops broadcast as NumPy does; axes may be negative, -1 being the last. Values at
0, infinities, NaN and ties are in [contract.md](contract.md). Creation, indexing and printing of
tensors are in [from_pytorch.md](from_pytorch.md) and the headers `tensor.hpp` and `generator.hpp`;
ops as layers are in [layers.md](layers.md).

This page is made from the headers' comments by `docs/make_ops.py`.
"""

# A declaration in one line, as tests/autograd/op_table_test.cpp reads it too.
FUNCTION = re.compile(
    r"(?:inline |constexpr |\[\[[^\]]*\]\] ?)*((?:std::vector<)?[A-Z]\w*>?|bool) (operator[^(\s]+|\w+)\((.*)\)"
)
STRUCT = re.compile(r"struct (\w+) \{(.*)\}", re.DOTALL)


def split_top(text, separator=","):
    """The parts of a list, not split inside of brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "({[<") - (c in ")}]>")
        if c == separator and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [part for part in parts + [text[start:].strip()] if part]


def fields(body):
    """[(name, default)] of the members of a struct."""
    found = []
    for statement in split_top(re.sub(r"//.*", "", body), ";"):
        if "(" in statement.split("=")[0]:
            continue
        for i, part in enumerate(split_top(" ".join(statement.split()))):
            name, _, default = part.partition("=")
            found.append((name.split()[-1], default.strip()))
    return found


def without_namespaces(text):
    return re.sub(r"\b(?:std::)?(?:numeric_limits<double>::infinity\(\))", "inf", text).replace("Reduction::", "")


def call(name, parameters, structs):
    """How the function is called: `sum(x, axes = {}, {.keepdim = false})`."""
    operator = name.removeprefix("operator")
    names = []
    for parameter in split_top(parameters):
        declared, _, default = parameter.partition("=")
        *kind, own = declared.split()
        kind = " ".join(kind).replace("const ", "").strip("& ")
        if kind in structs and own == "options":
            given = dict(fields(default.strip()[1:-1].replace(".", "") + ";")) if default.strip("{} ") else {}
            members = [f".{n} = {given.get(n, d)}" if d else f".{n}" for n, d in structs[kind]]
            names.append("{" + ", ".join(members) + "}")
        else:
            names.append(own + (f" = {default.strip()}" if default else ""))
    if name != operator:
        return f"{operator}{names[0]}" if len(names) == 1 else f" {operator} ".join(names)
    return without_namespaces(f"{name}({', '.join(names)})")


class Header:
    """The comment at the head of a header, and its entries in order: ops and remarks on those that follow."""

    def __init__(self, path, structs):
        self.title = path.stem.replace("_", " ").capitalize()
        self.head, self.entries = [], []
        self.structs = structs
        comment, remark, pending, depth, internal = [], [], "", 0, None
        for line in path.read_text().splitlines():
            text = line.strip()
            if internal is not None:  # in a namespace of details, or a class
                depth += line.count("{") - line.count("}")
                if depth <= internal:
                    internal = None
                continue
            if not pending:
                if text.startswith("///") and not line.startswith(" "):
                    comment.append(text[3:].removeprefix(" "))
                    continue
                if text.startswith("#pragma once"):
                    self.head, comment = comment, []
                    continue
                if text.startswith("// "):
                    remark.append(text[3:])
                    continue
                if not text:
                    if remark:
                        self.entries.append(("remark", self.paragraph(remark)))
                    comment, remark = [], []
                    continue
                if re.match(r"namespace gradtape(::nn)? \{|#|}", text):
                    comment, remark = [], []
                    continue
            trailing = re.search(r"///< ?(.*)", text)
            if trailing:
                comment, text = [trailing.group(1)], text[: trailing.start()].strip()
            pending = f"{pending} {text}".strip()
            if re.match(r"namespace", pending) or (
                re.match(r"(template|class|struct|enum|inline constexpr struct|using)\b", pending)
            ):
                if pending.count("{") > pending.count("}"):
                    internal = 0
                    depth = pending.count("{") - pending.count("}")
                    pending = ""
                elif pending.endswith((";", "}")):
                    pending = ""
                if not pending:
                    comment = []
                continue
            if not (pending.endswith(";") or pending.endswith("}") or pending.endswith("{")):
                continue
            if match := FUNCTION.match(pending):
                self.add(match, comment)
            if pending.endswith("{") and pending.count("{") > pending.count("}"):
                internal, depth = 0, pending.count("{") - pending.count("}")
            comment, remark, pending = [], [], ""

    def add(self, match, comment):
        result, name, parameters = match.groups()
        if not comment and not (self.entries and self.entries[-1][0] == "op"):
            sys.exit(f"{self.title}: {name} has no comment")
        gives = ""
        if result in self.structs:
            gives = " -> " + ", ".join(f"`{n}`" for n, _ in self.structs[result])
        elif result != "Tensor":
            gives = " -> " + ("bool" if result == "bool" else "several tensors")
        entry = f"`{call(name, parameters, self.structs)}`{gives}"
        if comment:
            self.entries.append(("op", entry, self.paragraph(comment)))
        else:  # an overload that shares the comment of the one before
            _, first, text = self.entries[-1]
            self.entries[-1] = ("op", f"{first}<br>{entry}", text)

    @staticmethod
    def paragraph(lines):
        """Comment lines as one line of Markdown, without examples."""
        text = " ".join(line for line in lines if not line.startswith("    ")).replace("  ", " ")
        parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
        special = r"([*<|]|(?<!\w)_|_(?!\w)|\](?=\())"
        return "".join(p if p.startswith("`") else re.sub(special, r"\\\1", p) for p in parts)

    def markdown(self):
        text, table = f"\n## {self.title}\n\n{self.paragraph(self.head)}\n", False
        for kind, *entry in self.entries:
            if kind == "remark":
                text, table = text + f"\n{entry[0]}\n", False
                continue
            if not table:
                text += "\n| op | gives |\n| --- | --- |\n"
            table = True
            text += "| " + " | ".join([entry[0].replace("|", "\\|"), entry[1]]) + " |\n"
        return text


def main():
    headers = [p for folder in ("autograd/ops", "nn/loss") for p in sorted((ROOT / folder).glob("*.hpp"))]
    structs = {}
    for path in headers:
        for match in re.finditer(r"^struct (\w+) \{(.*?)^\};", path.read_text(), re.MULTILINE | re.DOTALL):
            structs[match.group(1)] = fields(match.group(2))
    page = INTRODUCTION
    for path in headers:
        header = Header(path, structs)
        if any(entry[0] == "op" for entry in header.entries):
            page += header.markdown()
    if "--check" not in sys.argv:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        sys.exit("docs/ops.md is not what the headers say: run docs/make_ops.py")


if __name__ == "__main__":
    main()

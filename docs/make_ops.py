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
tensors are in [tensors.md](tensors.md); ops as layers are in
[layers.md](layers.md).

This page is made from the headers' comments by `docs/make_ops.py`.
"""

# The start of a declaration that tests/autograd/op_table_test.cpp counts as a function too.
FUNCTION = re.compile(r"((?:std::vector<)?[A-Z]\w*>?&?|bool) (operator[^(\s]+|\w+)\(")


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


def statements(text):
    """(comment, kind of the comment, code) of each statement in namespace gradtape, code in one line.

    The comment is what stands right before it, or behind it after ///<; a comment by itself has no code.
    """
    comment, kind, code, depth = [], "", "", 0
    for line in text.splitlines():
        bare = line.strip()
        if not code and bare.startswith("//"):
            kind = "///" if bare.startswith("///") else "//"
            comment.append(bare.lstrip("/").removeprefix(" "))
            continue
        if not code and not bare:
            if comment:
                yield comment, kind, ""
            comment = []
            continue
        if not code and re.match(r"#|}|namespace (?!(\w+::)*(detail|author)\b)", bare):
            comment = []
            continue
        behind = re.search(r"///< ?(.*)", bare)
        if behind and depth == 0:
            comment, kind = [behind.group(1)], "///"
        bare = re.sub(r"//.*", "", bare).strip()
        code = f"{code} {bare}".strip()
        depth += bare.count("{") - bare.count("}")
        if depth == 0 and re.search(r"(;|})$", code) and code.count("(") == code.count(")"):
            yield comment, kind, code
            comment, code = [], ""


class Header:
    """The comment at the head of a header, and its entries in order: ops and remarks on those that follow."""

    def __init__(self, path, structs):
        self.title = path.stem.replace("_", " ").capitalize()
        self.entries, self.structs = [], structs
        text = path.read_text()
        head, body = text.split("#pragma once", 1)
        self.head = [line.lstrip("/").removeprefix(" ") for line in head.strip().splitlines()]
        for comment, kind, code in statements(body):
            if not code:
                if kind == "//":
                    self.entries.append(("remark", self.paragraph(comment)))
                continue
            code = re.sub(r"^template <[^<>]*> |\[\[.*?\]\] ?|\b(inline|constexpr) ", "", code)
            if "static_assert" in code or code.endswith("= delete;"):
                continue  # what is refused
            if match := FUNCTION.match(code):
                self.add(*match.groups(), self.parameters(code[match.end() :]), comment)

    @staticmethod
    def parameters(text):
        depth = 1
        for i, c in enumerate(text):
            depth += (c == "(") - (c == ")")
            if depth == 0:
                return text[:i]
        raise ValueError(text)

    def add(self, result, name, parameters, comment):
        if not comment and not (self.entries and self.entries[-1][0] == "op"):
            sys.exit(f"{self.title}: {name} has no comment")
        gives = ""
        if result in self.structs and result != "Range":
            gives = " -> " + ", ".join(f"`{n}`" for n, _ in self.structs[result])
        elif not result.startswith("Tensor"):
            gives = " -> " + ("bool" if result == "bool" else "several tensors")
        entry = f"`{call(name, parameters, self.structs)}`{gives}"
        if comment:
            self.entries.append(("op", entry, self.paragraph(comment)))
        elif self.entries[-1][1].split("`")[1] != entry.split("`")[1]:  # of an overload with other types
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

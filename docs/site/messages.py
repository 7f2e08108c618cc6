"""Writes docs/messages.md: each public function called wrongly once, and what it then says.

usage: docs/site/messages.py make PROGRAM.cpp    writes a program that makes the calls
       docs/site/messages.py page OUTPUT         writes docs/messages.md from what that program printed
       docs/site/messages.py remake PROGRAM.cpp  writes a smaller program, of the calls that docs/messages.md shows
       docs/site/messages.py renew OUTPUT        puts what the smaller program printed on docs/messages.md
       docs/site/messages.py check OUTPUT        fails unless it printed what the page says, and every public
                                               function is on the page

Wrong calls are made from the types of the parameters: shapes that do not fit, an axis that is not there, a wrong
dtype, a number out of range. Each is tried, and the first that is refused is shown; CALLS has those that need more.
"""
import os
import pathlib
import re
import sys

import headers

PAGE = headers.ROOT / "docs" / "messages.md"
INTRODUCTION = """# What wrong calls say

What the library says when it is used wrongly: each public function that refuses something is called wrongly
once, and its message stands below the call. A message reads `op: what is wrong`, with the shapes as they are, and ends with what to do
where that is known. All exceptions derive from `Error`:

| exception | thrown for |
| --- | --- |
| `ShapeError` | shapes, axes or extents that do not fit |
| `DtypeError` | a dtype that the op does not take, or two that do not mix |
| `ValueError` | an argument or option out of its range |
| `GraphError` | a graph that cannot be differentiated as asked, an undefined tensor |
| `IoError` | a file that is missing, truncated or of another format |
| `NonFiniteError` | a NaN or an infinity while a `CheckFinite` lives |

```cpp
try {
  const Tensor y = matmul(ones({2, 3}), ones({4, 5}));
} catch (const Error& error) {
  std::cout << error.what() << "\\n";
}
```

```text
matmul: inner dimensions differ: a is [2, 3], b [4, 5]
```

Debuggers stop where it is thrown by `catch throw`. The messages are the same in Release builds. This page is
made by `docs/site/messages.py` from calls that `tests/packaging/site/run` makes.
"""
TENSORS = ["ones({2, 3})", "ones({4, 5})", "ones({7})", "ones({6, 1, 2})", "ones({3, 8})"]
# Calls that say more than those made from types; by the name of the function.
CALLS = {
    "grad": "grad(sum(ones({2})), {ones({2})})",
    "nn::cross_entropy": "nn::cross_entropy(ones({2, 3}), tensor({0, 5}))",
    "nn::nll_loss": "nn::nll_loss(ones({2, 3}), tensor({0, 5}))",
    "einsum": 'einsum("ij,jk->ik", {ones({2, 3}), ones({4, 5})})',
    "concat": "concat({ones({2, 3}), ones({4, 5})})",
    "stack": "stack({ones({2, 3}), ones({4, 5})})",
    "reshape": "reshape(ones({2, 3}), {4, 2})",
    "load_npy": 'load_npy("missing.npy")', "load_npz": 'load_npz("missing.npz")',
    "load_csv": 'load_csv("missing.csv")', "load_csv_table": 'load_csv_table("missing.csv")',
    "load_idx": 'load_idx("missing.idx")', "load_safetensors": 'load_safetensors("missing.safetensors")',
    "read_file": 'read_file("missing.txt")', "seed": "", "set_inflate_limit": "", "set_num_threads": "set_num_threads(0)",
    "jacobian": "jacobian([](const std::vector<Tensor>& x) { return x[0]; }, {arange(3)})",
    "hessian": "hessian([](const std::vector<Tensor>& x) { return x[0]; }, {ones({3})})",
    "tensor": "tensor({{1, 2}, {3}})",
    "optim::clip_grad_norm": "optim::clip_grad_norm({nn::Linear(2, 1).weight}, -1)",
    "embedding": "embedding(tensor({0, 9}), ones({4, 2}))",
}
NUMBERS = ("std::int64_t", "int", "double", "float", "std::size_t", "std::uint64_t", "unsigned long", "long")


def plain(kind):
    return re.sub(r"\bconst\b|&|gradtape::|std::__cxx11::", "", kind).strip()


def argument(kind, name, at, wrong):
    """The text of one argument in a call that is wrong in the way `wrong`; None where it has no such text."""
    kind = plain(kind)
    if kind == "Tensor":
        if wrong == "undefined":
            return "Tensor()"
        if wrong == "bool":
            return "tensor({true, false})"
        if wrong == "int64":
            return "arange(3)"
        if wrong == "dtype":
            return "ones({2, 2})" if at == 0 else "ones({2, 2}, float64)"
        if wrong in ("axis", "number", "zero"):
            return "ones({2, 3})"
        if wrong == "image":
            return ["ones({1, 3, 8, 8})", "ones({4, 5, 3, 3})"][at] if at < 2 else "ones({9})"
        return TENSORS[at] if at < len(TENSORS) else None
    if kind in ("Axes", "IntegerList"):
        return "{5}" if wrong == "axis" else "{0}"
    if kind in NUMBERS:
        if wrong == "axis" and "axis" in name:
            return "5"
        if "axis" in name and wrong != "number":
            return "0"
        return {"number": "-1", "zero": "0"}.get(wrong, "1")
    if kind == "Shape":
        return "{-3, 2}" if wrong in ("number", "axis") else "{3, 5}"
    if kind in ("SpatialSize", "Padding"):
        return "-1" if wrong == "number" else "0" if wrong == "zero" else "9"
    if kind == "Dtype":
        return "int64"
    if kind == "std::vector<Tensor>":
        return "{}" if wrong == "number" else "{ones({2, 3}), ones({4, 5})}"
    if kind in ("std::vector<Parameter>",):
        return "{Parameter()}"
    if kind in ("std::string", "std::string_view"):
        return '"no/such/file"'
    return None


WRONG = ["shape", "axis", "dtype", "bool", "number", "zero", "image", "int64", "undefined"]


def calls_of(symbol):
    """Texts of wrong calls of a function or constructor, the most telling first."""
    name = symbol.owner if symbol.owner else symbol.name
    if name in CALLS and not symbol.owner:
        return [CALLS[name]] if CALLS[name] else []
    made = []
    for wrong in WRONG:
        for with_defaults in (False, True):
            arguments, tensors = [], 0
            for own, kind, default in symbol.parameters:
                if default and not (with_defaults and (plain(kind) in ("Axes",) or "axis" in own)):
                    break
                text = argument(kind, own, tensors, wrong)
                tensors += plain(kind) == "Tensor"
                arguments.append(text)
            if None not in arguments and arguments:
                made.append(f"{name}({', '.join(arguments)})")
    if symbol.owner:  # a layer that is made, and called with what does not fit
        sizes = [argument(k, n, 0, "layer") for n, k, d in symbol.parameters if not d]
        if None not in sizes:
            made += [f"{name}({', '.join('3' if s == '1' else s for s in sizes)})({x})"
                     for x in ("ones({2, 7})", "ones({2, 7, 5, 5})", "tensor({true, false})", "Tensor()")]
    return list(dict.fromkeys(made))


def functions(build):
    """[(title of the part, name, calls)]"""
    symbols = headers.read(build)
    classes = {s.name: s for s in symbols if s.kind in headers.CLASSES}
    found = {}
    for s in symbols:
        if s.deleted or s.name.startswith("author::") or s.name.startswith("distributed::") or s.header.endswith("xtensor.hpp"):
            continue
        free = s.is_function and not s.owner and not s.short.startswith("operator")
        made = s.kind == "CONSTRUCTOR" and s.owner in classes and s.owner.startswith(("nn::", "optim::"))
        if free or made:
            found.setdefault((s.header, s.owner or s.name), []).extend(calls_of(s))
    return [(header, name, list(dict.fromkeys(calls))) for (header, name), calls in found.items() if calls]


HEAD = ["#include <gradtape/gradtape.hpp>", "#include <iostream>", "#include <string>", "using namespace gradtape;",
        "template <class F> bool refused(int number, const F& f) {",
        "  try { f(); } catch (const Error& e) {",
        "    const char* kind = dynamic_cast<const ShapeError*>(&e) ? \"ShapeError\" : dynamic_cast<const DtypeError*>(&e) ? \"DtypeError\"",
        "      : dynamic_cast<const GraphError*>(&e) ? \"GraphError\" : dynamic_cast<const IoError*>(&e) ? \"IoError\"",
        "      : dynamic_cast<const ValueError*>(&e) ? \"ValueError\" : \"Error\";",
        "    std::cout << \"\\x1e\" << number << \" \" << kind << \"\\n\" << e.what(); return true;",
        "  } catch (...) { std::cout << \"\\x1e\" << number << \" ?\\nnot an Error of gradtape\"; return true; }",
        "  return false;", "}"]
SHOWN = re.compile(r"^`([^\n]+)` throws (\w+)\n\n```\n(.*?)\n```$", re.M | re.S)


def program(build, target):
    """The program of all calls: each that compiles, by libclang's word."""
    listed = functions(build)
    lines, owner, number = list(HEAD), {}, 0
    for part, (_, name, calls) in enumerate(listed):
        lines.append(f"void part{part}() {{")
        for call in calls:
            owner[len(lines) + 1] = number
            lines.append(f"  if (refused({number}, [] {{ (void)({call}); }})) return;")
            number += 1
        lines.append("}")
    lines += ["int main() {", *(f"  part{i}();" for i in range(len(listed))), "}"]
    text = "\n".join(lines)
    cindex = headers.libclang()
    unit = cindex.Index.create().parse("errors.cpp", args=["-std=c++20", f"-I{build / 'site_include'}", "-w", "-ferror-limit=0"],
                                       unsaved_files=[("errors.cpp", text)])
    wrong = {d.location.line for d in unit.diagnostics if d.severity >= 3 and d.location.file and d.location.file.name == "errors.cpp"}
    for d in unit.diagnostics:  # errors inside of headers are said where they were asked for
        if d.severity >= 3:
            wrong |= {c.location.line for c in d.children if c.location.file and c.location.file.name == "errors.cpp"}
    target.write_text("\n".join("" if n in wrong and n in owner else line for n, line in enumerate(lines, 1)) + "\n")


def page(build, output):
    listed, text, number = functions(build), INTRODUCTION, 0
    said = parts(output)
    last, quiet = None, []
    for header, name, calls in listed:
        mine = [(call, said[number + i]) for i, call in enumerate(calls) if number + i in said]
        number += len(calls)
        if not mine:
            quiet.append(name)
            continue
        if header != last:
            text += f"\n## {header.removesuffix('.hpp')}\n"
            last = header
        call, message = mine[0]
        kind, _, words = message.partition("\n")
        text += f"\n`{call}` throws {kind}\n\n```\n{words.rstrip()}\n```\n"
    text += ("\n## Not here\n\nThese refuse none of the wrong calls that were tried, or take what they are given: " +
             ", ".join(f"`{name}`" for name in quiet) + ".\n")
    return text, len(listed) - len(quiet), quiet


def remake(target):
    lines = list(HEAD) + ["int main() {"]
    for number, (call, _, _) in enumerate(SHOWN.findall(PAGE.read_text())):
        lines.append(f"  refused({number}, [] {{ (void)({call}); }});")
    target.write_text("\n".join([*lines, "}"]) + "\n")


def parts(output):
    """What a program printed, by the number of the call."""
    return {int(part.split(" ", 1)[0]): part.split(" ", 1)[1] for part in output.split("\x1e")[1:]}


def renewed(output):
    said, number = parts(output), iter(range(len(output)))

    def again(shown):
        kind, _, words = said[next(number)].partition("\n")
        return f"`{shown[1]}` throws {kind}\n\n```\n{words.rstrip()}\n```"
    return SHOWN.sub(again, PAGE.read_text())


def check(build, output):
    """The lines of what is not as the page says."""
    said = parts(output)
    shown = SHOWN.findall(PAGE.read_text())
    for number, (call, kind, words) in enumerate(shown):
        got = said.get(number, "\nnothing")
        if got.rstrip() != f"{kind}\n{words}".rstrip():
            yield f"{call}: the page says {kind}, '{words}', the call {got.rstrip()}"
    left = PAGE.read_text().split("## Not here")[-1]
    for _, name, _ in functions(build):
        if not any(call.startswith(f"{name}(") for call, _, _ in shown) and f"`{name}`" not in left:
            yield f"{name} is not on docs/messages.md"


def main(build):
    what, path = sys.argv[1], pathlib.Path(sys.argv[2])
    if what == "make":
        return program(build, path)
    if what == "remake":
        return remake(path)
    if what == "renew":
        PAGE.write_text(renewed(path.read_text()))
        return None
    if what == "check":
        wrong = list(check(build, path.read_text()))
        return sys.exit("\n".join(wrong)) if wrong else None
    text, count, quiet = page(build, path.read_text())
    PAGE.write_text(text)
    print(f"{count} functions, {len(quiet)} without an error: {', '.join(quiet)}")


if __name__ == "__main__":
    main(pathlib.Path(os.environ.get("GRADTAPE_BUILD_DIR", headers.ROOT / "build")))

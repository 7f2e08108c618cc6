#!/usr/bin/env python3
"""Is the reference complete? Every public name has text, every number among parameters and options a meaning.

usage: docs/site/complete.py          prints what lacks text, and exits with 1 if anything does; counts examples
       docs/site/complete.py --try    fails unless what is missing on purpose is found

A name has text by its own comment, by that of the declarations it stands right behind, of its overloads, of what it
overrides, or of its class where that names it. A parameter or option is told where its name, or what its type
says (a tensor's shape, a bool, an enumeration with text), is in that text or at the head of the header.
"""
import copy
import os
import pathlib
import re
import sys

import headers

NUMBERS = re.compile(r"\b(double|float|int|std::int64_t|std::size_t|std::uint64_t|long|unsigned)\b")
# What makes a number more than a name: a range, a unit, a count, a shape, a formula or a place in one.
SAYS = re.compile(r"[<>=\[\]/^*]|\d|\b(number|count|extents?|axis|axes|times|share|seed|bytes|seconds|pixels|digits|elements|rows|"
                  r"steps|factor|power|probability|infinit|length|size|index|position|position|positive|exponent|zeros|"
                  r"classes|features|scale|norm|denominator|derivative|at (most|least)|any|width|height|deviation|"
                  r"angle|percent|rate|batches|samples|epochs|processes|threads|parts)", re.I)


def words(lines):
    return " ".join(lines)


def head_of(header):
    found = []
    for line in (headers.ROOT / header).read_text().splitlines():
        if line.startswith("#pragma once"):
            break
        found.append(line.lstrip("/ "))
    return words(found)


def told(name, text):
    """Whether the text speaks of a parameter: by its name, also as a word of a name of several."""
    return any(re.search(rf"(?<!\w){re.escape(part)}(s|es)?(?!\w)", text, re.I)
               for part in {name, name.replace("_", " "), *([p for p in name.split("_") if len(p) > 3])})


def missing(symbols):
    """A line for each name without text and each number without meaning."""
    classes = {s.name: s for s in symbols if s.kind in headers.CLASSES}
    heads = {}
    for s in symbols:
        where = f"{s.header}:{s.line}: {s.name}"
        if s.deleted or "deduction guide" in s.name:
            continue
        if not s.text:
            yield f"{where} has no text"
            continue
        owner = classes.get(s.owner)
        text = words(s.text)
        if s.kind == "FIELD_DECL" and NUMBERS.search(s.value_type) and s.owner.endswith("Options"):
            said = text + (" " + words(owner.text) if owner else "")
            if not SAYS.search(said):
                yield f"{where} says no range, unit or shape: '{text}'"
        if s.is_function and not s.short.startswith("operator"):
            if s.header not in heads:
                heads[s.header] = head_of(s.header)
            # all overloads of a name speak for each other
            said = " ".join([heads[s.header], *(words(t.text) for t in symbols if t.name == s.name),
                             words(owner.text) if owner else ""])
            for name, kind, _ in s.parameters:
                if name and NUMBERS.search(re.sub(r"<.*>", "", kind)) and not told(name, said) and "std::function" not in kind:
                    yield f"{where}: nothing is said of its parameter '{name}'"


def examples_of(symbols, build):
    import examples
    used = examples.find(symbols, build)
    names, shown = {}, set()
    for s in symbols:
        if not s.deleted and not s.owner and not s.name.startswith("<"):
            names.setdefault(s.name, []).append(s.usr)
    for s in symbols:
        if s.usr in used:
            shown.add(s.name if not s.owner else s.owner)
    tested = set(examples.from_tests(symbols, used)) - shown
    return len([n for n in names if n in shown]), len([n for n in names if n in tested]), len(names)


def try_it(symbols):
    """Takes text away, and wants it to be missed."""
    broken = copy.deepcopy(symbols)
    by_name = {s.name: s for s in broken}
    by_name["sum"].text = []
    by_name["optim::AdamOptions::lr"].text = ["Large."]
    by_name["optim::AdamOptions"].text = ["Options."]
    for s in broken:
        if s.name == "nn::init::Constant" or s.owner == "nn::init::Constant":
            s.text = ["Fills."] if s.kind != "FIELD_DECL" else []
    said = "\n".join(missing(broken))
    for wanted in ("sum has no text", "optim::AdamOptions::lr says no range", "nn::init::Constant"):
        if wanted not in said:
            sys.exit(f"not found: {wanted}")


def main(build):
    symbols = headers.read(build)
    if "--try" in sys.argv:
        return try_it(symbols)
    found = list(missing(symbols))
    print("\n".join(found))
    shown, tested, every = examples_of(symbols, build)
    print(f"{len(symbols)} public names and members, {len(found)} without text; of {every} names {shown} have an executed example "
          f"in the documentation, {tested} more in a test, {every - shown - tested} none")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(os.environ.get("GRADTAPE_BUILD_DIR", headers.ROOT / "build"))))

"""Executed examples of the symbols: the smallest block of the documentation that uses each.

The blocks of docs/*.md and README.md are compiled and run by tests/packaging/docs/run, the cells of the course
by tests/packaging/tutorials/run. All are read as one program by libclang, which knows what each line calls.
"""
import dataclasses
import pathlib
import re

import headers

ROOT = headers.ROOT
FOLDERS = [ROOT / "examples", ROOT / "examples" / "tutorials"]
MAIN = re.compile(r"\bint main\(")


@dataclasses.dataclass
class Block:
    """A block of a page: place and title of the page, code, what it prints, and what the tests compile."""

    place: str
    title: str
    code: str
    output: str
    program: str
    lines: tuple = ()


def blocks_of(path, place):
    text = path.read_text()
    title = (re.search(r"^# (.*)$", text, re.M) or [0, path.stem])[1].strip()
    found, last, language, body = [], None, None, []
    for line in text.splitlines():
        if line.startswith("```") and language is None:
            language, body = line[3:], []
        elif line.startswith("```"):
            code = "\n".join(body)
            if language == "cpp":
                last = Block(place, title, code, "", code if MAIN.search(code) else f"int main() {{\n{code}\n}}")
                found.append(last)
            elif language == "text" and last and not last.output:
                last.output = code
            language = None
        elif language is not None:
            body.append(line)
    return found


def chapter(path):
    """A chapter of the course as one program, its cells as blocks by their lines."""
    lines = path.read_text().splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith("// %%")]
    heading = next((line[5:] for line in lines if line.startswith("// # ")), path.stem)
    outputs = dict(re.findall(r"^\[(\d+)\]\n(.*?)(?=^\[\d+\]$|\Z)", path.with_suffix(".out").read_text(), re.M | re.S)) \
        if path.with_suffix(".out").exists() else {}
    found, count = [], 0
    for first, last in zip(starts, [*starts[1:], len(lines)]):
        if lines[first] == "// %%":
            count += 1
            code = "\n".join(lines[first + 1:last]).strip("\n")
            found.append(Block(f"course/{path.stem}.md", f"course: {re.sub('[$`]', '', heading)}", code,
                               outputs.get(str(count), "").strip("\n"), "", (first + 1, last)))
    return "\n".join(lines), found


def every_block():
    docs = ROOT / "docs"
    pages = [(p, str(p.relative_to(docs)).replace("README.md", "index.md"))
             for p in [*sorted(docs.glob("*.md")), *sorted(docs.glob("howto/*.md"))] if p != docs / "README.md"]
    return [block for path, place in pages for block in blocks_of(path, place)]


def joined(blocks, chapters):
    """One program: what each includes first, then each in a namespace of its own. [(block, first, last)] besides."""
    includes, body, places = [], [], []

    def add(program, inside):
        own = []
        for line in program.splitlines():
            if re.match(r"#(include|define|pragma)\b", line):
                quoted = re.search(r'"(.*)"', line)
                if "gradtape/" not in line and (not quoted or any((f / quoted[1]).exists() for f in FOLDERS)):
                    includes.append(line)
                own.append("")
            else:
                own.append(line)
        body.append(f"namespace block_{len(places)}_{len(body)} {{ using namespace gradtape;")
        first = len(body) + 1
        body.extend(own)
        body.append("}")
        places.extend((block, first + a, first + b) for block, a, b in inside(own))

    for block in blocks:
        add(block.program, lambda own, block=block: [(block, 0, len(own) - 1)])
    for text, cells in chapters:
        add(text, lambda own, cells=cells: [(cell, *cell.lines) for cell in cells])
    head = [f'#define GRADTAPE_EXAMPLE_DATA "{ROOT}/examples/data"'] + headers.PRELUDE.splitlines() + sorted(set(includes))
    return "\n".join(head + body), [(block, len(head) + a, len(head) + b) for block, a, b in places]


def references(unit, name):
    """(line, USR) of what every expression and type of the main file refers to."""
    stack = [c for c in unit.cursor.get_children() if c.location.file and c.location.file.name == name]
    while stack:
        cursor = stack.pop()
        target = cursor.referenced
        if target is not None and target != cursor:
            usr = target.get_usr()
            if "gradtape" in usr:
                yield cursor.location.line, usr
            from_template = headers.libclang().conf.lib.clang_getSpecializedCursorTemplate(target)
            if from_template is not None and "gradtape" in (from_template.get_usr() or ""):
                yield cursor.location.line, from_template.get_usr()
        stack.extend(cursor.get_children())


def find(symbols, build):
    """The smallest executed block that uses each symbol, by its USR."""
    tutorials = sorted((ROOT / "examples" / "tutorials").glob("[0-9][0-9]_*.cpp"))

    def make():
        text, places = joined(every_block(), [chapter(path) for path in tutorials])
        (build / "site_examples.cpp").write_text(text)
        unit, errors = headers.parse(build / "site_include", text, "examples.cpp", bodies=True, folders=FOLDERS)
        for error in errors[:5]:
            print(f"note: {error}")
        by_line = {}
        for block, first, last in places:
            for line in range(first, last + 1):
                by_line[line] = block
        wanted, best = {s.usr for s in symbols}, {}
        for line, usr in references(unit, "examples.cpp"):
            block = by_line.get(line)
            if block and usr in wanted and (usr not in best or size(block) < size(best[usr])):
                best[usr] = block
        return best

    sources = [*headers.every_header(), *(ROOT / "docs").rglob("*.md"), *tutorials]
    return headers.cached(build / "site_cache" / "examples", sources, make)


def size(block):
    """Short blocks first; of equal ones, those that show what they print."""
    return len(block.code.splitlines()) - (2 if block.output else 0)


TEST = re.compile(r'^TEST_CASE\("([^"]*)"[^\n]*\{\n.*?^\}$', re.M | re.S)


def from_tests(symbols, used):
    """The smallest case of the tests that calls a name which no block of the documentation uses, by the name.

    By its spelling: reading every test with libclang would take minutes.
    """
    wanted = {s.name for s in symbols if not s.owner and not s.deleted and s.usr not in used and
              re.fullmatch(r"[\w:]{3,}", s.name) and s.kind in (*headers.FUNCTIONS, *headers.CLASSES)}
    patterns = {name: re.compile(rf"(?<![\w.:>]){name}(?:<[\w: ]+>)?[({{]") for name in wanted}
    best = {}
    for path in sorted((ROOT / "tests").rglob("*_test.cpp")):
        text = path.read_text()
        shown = [name for name in wanted if name + "(" in text or name + "{" in text]
        for case in TEST.finditer(text) if shown else ():
            code = case[0]
            if code.count("\n") > 24:
                continue
            for name in shown:
                if (name not in best or len(code) < len(best[name].code)) and patterns[name].search(code):
                    line = text[:case.start()].count("\n") + 1
                    best[name] = Block(str(path.relative_to(ROOT)), f"the test '{case[1]}'", code, "", "", (line, line))
    return best

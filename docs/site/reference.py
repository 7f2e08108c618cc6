"""Pages of the reference: one a header, one section a symbol, from its comment, signature and examples."""
import re
import posixpath

import examples
import headers
import names

DATA = ("FIELD_DECL", "VAR_DECL")
GROUPS = [("Tensors and derivatives", "autograd", lambda h: h.count("/") == 1),
          ("Ops", "autograd/ops", None), ("Files", "autograd/io", None), ("nn: layers", "nn", lambda h: h.count("/") == 1),
          ("nn: losses", "nn/loss", None), ("nn: metrics", "nn/metric", None), ("nn: data", "nn/data", None),
          ("optim: training", "optim", lambda h: not h.startswith("optim/distributed/")),
          ("optim: several processes", "optim/distributed", None)]


def escaped(text):
    """Prose of a comment as Markdown: what is code stays, special characters are no markup."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if i % 2 else re.sub(r"([*<|\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", p) for i, p in enumerate(parts))


def sentences(text):
    """Split behind a full stop that a capital follows; abbreviations and initials stay."""
    return [s for s in re.split(r"(?<=[^.\s].[.:)\]`])(?<!et al\.)(?<!e\.g\.)(?<!eq\.)(?<!vol\.)\s+(?=[A-Z`])", text) if s]


class Text:
    """The lines of a comment in paragraphs: ("text", prose) and ("code", lines)."""

    def __init__(self, lines):
        self.parts, prose, code = [], [], []
        for line in [*lines, ""]:
            if line.startswith("    ") and not prose:
                code.append(line[4:])
                continue
            if code and line.strip():
                self.flush(code)
            if line.strip():
                prose.append(line.strip())
                continue
            if prose:
                self.parts.append(("text", " ".join(prose)))
                prose = []
            elif code:
                code.append("")
        self.flush(code)

    def flush(self, code):
        while code and not code[-1]:
            code.pop()
        if code:
            self.parts.append(("code", "\n".join(code)))
        code.clear()

    def split(self):
        """(parts without what they throw, what they throw)"""
        kept, thrown = [], []
        for kind, text in self.parts:
            if kind == "text":
                said = sentences(text)
                thrown += [s for s in said if re.match(r"(Throws|A call throws|Each throws)\b", s)]
                text = " ".join(s for s in said if s not in thrown)
            if text:
                kept.append((kind, text))
        return kept, thrown


class Reference:
    def __init__(self, symbols, known, shown, build):
        self.symbols, self.known, self.shown = symbols, known, shown
        self.used = examples.find(symbols, build)
        self.tested, self.last_example = examples.from_tests(symbols, self.used), None
        self.by_header, self.members, self.class_text = {}, {}, None
        for s in symbols:
            if s.owner:
                self.members.setdefault(s.owner, []).append(s)
            else:
                self.by_header.setdefault(s.header, []).append(s)

    def prose(self, text, up, here):
        """Markdown of a comment's prose, in which names of symbols and of errors are links."""
        text = escaped(text)
        parts = re.split(r"(`[^`]*`)", text)
        for i in range(0, len(parts), 2):
            parts[i] = re.sub(r"(?<![\w:./`-])(?:(?:nn|optim|data|metric|init)::)*(?:[A-Z][a-z]+[A-Z]\w*|\w+_\w+(?=\()|\w+(?=\()|"
                              r"[A-Za-z]\w*_\w+|[A-Z]\w+::\w+)(?![\w:])",
                              lambda m: self.named(m[0], up, here), parts[i])
        return self.known.link_code("".join(parts), up)

    def named(self, word, up, here):
        if word.startswith(here):
            return word
        place = self.known.find(word + "(") or self.known.find(word)
        return f"[{word}]({up}{place.replace('.html', '.md')})" if place and len(word) > 2 else word

    def where(self, s, up):
        """Links to the lines of the declaration and of the definition."""
        links = [f"[{s.header}:{s.line}]({up}{self.shown.link(s.header, s.line)})"]
        if found := self.shown.definition(s):
            links.append(f"[{found[0]}:{found[1]}]({up}{self.shown.link(*found)})")
        return "Source: " + ", ".join(links)

    def body(self, s, lines, up):
        made = []
        kept, thrown = Text(lines).split()
        for kind, text in kept:
            made.append(f"```text\n{text}\n```" if kind == "code" else self.prose(text, up, s.short))
        if thrown:
            made.append("**Errors.** " + " ".join(self.prose(t, up, s.short) for t in thrown))
        return made

    def example(self, s, up):
        """The smallest executed block that uses the symbol; a class is also used by its members."""
        inside = self.members.get(s.name, []) if s.kind in headers.CLASSES else []
        usr = next((u for u in [s.usr, *(m.usr for m in inside)] if u in self.used), None)
        found = self.used.get(usr) or (not s.owner and self.tested.get(s.name)) or None
        if not found or found is self.last_example:
            return []
        self.last_example = found
        place = self.shown.link(found.place, found.lines[0]) if found.place.startswith("tests/") else found.place
        made = [f"```cpp\n{found.code}\n```", *([f"```text\n{found.output}\n```"] if found.output else [])]
        if found.code.count("\n") < 9:
            return [f"Example, run by the tests, from [{escaped(found.title)}]({up}{place}):", *made]
        text = "\n\n".join([f"From [{escaped(found.title)}]({up}{place}), run by the tests.", *made])
        return ['??? example "Example"\n' + "\n".join("    " + line for line in text.splitlines())]

    def fields(self, fields, owner, up):
        """A table of the data members of a class."""
        rows = ["| member | meaning |", "| --- | --- |"]
        for f in fields:
            text = " ".join(p for k, p in Text(f.text).parts) if f.text != owner.text else ""
            kind = plain_type(f.value_type) + (f" = {plain_type(' '.join(f.default.split()))}" if f.default else "")
            rows.append(f'| <a id="{names.anchor(f.name)}"></a>`{f.short}`<br>`{kind}` | {self.prose(text, up, f.short)} |')
        return ["\n".join(rows)]

    def section(self, group, level, up):
        """The section of symbols with one name: all signatures, each text once."""
        first = group[0]
        heading = f"{'#' * level} {escaped(display(first))} {{#{names.anchor(first.name)}}}"
        made, at = [heading], 0
        while at < len(group):
            same = [group[at]]
            while at + len(same) < len(group) and group[at + len(same)].text == group[at].text:
                same.append(group[at + len(same)])
            made.append("```cpp\n" + "\n".join(dict.fromkeys(s.code for s in same)) + "\n```")
            if group[at].text != self.class_text:
                made += self.body(group[at], group[at].text, up)
            at += len(same)
        for s in group:
            if s.kind in headers.CLASSES or s.kind == "ENUM_DECL":
                made += self.tables(s, up)
        for s in group:
            if shown := self.example(s, up):
                made += shown
                break
        made.append(f'{self.where(first, up)}\n{{ .where }}')
        return made

    def tables(self, s, up):
        """The values of an enumeration, or the data members of a class."""
        members = self.members.get(s.name, [])
        if s.kind == "ENUM_DECL":
            if all(m.text == s.text for m in members):
                return []
            rows = ["| value | meaning |", "| --- | --- |"]
            rows += [f'| <a id="{names.anchor(m.name)}"></a>`{m.short}` | '
                     f'{self.prose(" ".join(m.text), up, "") if m.text != s.text else ""} |' for m in members]
            return ["\n".join(rows)]
        fields = [m for m in members if m.kind in DATA]
        return self.fields(fields, s, up) if fields else []

    def functions(self, s, up):
        """The sections of the other members of a class."""
        members = [m for m in self.members.get(s.name, []) if m.kind not in DATA]
        made = []
        for group in grouped(members if s.kind != "ENUM_DECL" else []):
            self.class_text = s.text
            made += self.section(group, 3, up)
            self.class_text = None
            for m in group:
                if m.kind in headers.CLASSES or m.kind == "ENUM_DECL":
                    made += self.functions(m, up)
        return made

    def page(self, header):
        """The page of a header and its title."""
        up = posixpath.relpath(".", posixpath.dirname(names.page_of(header))) + "/"
        lines = (headers.ROOT / header).read_text().splitlines()
        head = []
        for line in lines:
            if not line.startswith("///"):
                break
            head.append(re.sub(r"^/// ?", "", line))
        made = [f"# {escaped(header)}", f"`#include <gradtape/{header}>`"]
        made += [f"```text\n{t}\n```" if k == "code" else self.prose(t, up, "") for k, t in Text(head).parts]
        for group in grouped(self.by_header[header]):
            made += self.section(group, 2, up)
            for s in group:
                if s.kind in headers.CLASSES:
                    made += self.functions(s, up)
        return "\n\n".join(made) + "\n"


def display(s):
    name = re.sub(r"<.*>$", "", s.name)
    return name


def plain_type(text):
    return text.replace("gradtape::", "").replace("std::basic_string<char>", "std::string").replace("|", "\\|")


def grouped(symbols):
    """Symbols of one name together, in the order of the first."""
    groups = {}
    for s in symbols:
        if not s.deleted:
            groups.setdefault(names.anchor(s.name), []).append(s)
    return list(groups.values())


def add_pages(site, symbols, known, shown, build):
    """Adds the pages to the site; returns their part of the navigation."""
    made = Reference(symbols, known, shown, build)
    navigation, index = [], ["# Reference", "Every public name, by header; made from the comments of the headers. "
                             f"{len({s.name for s in symbols if not s.owner})} names, {len(symbols)} with members and overloads."]
    taken = set()
    for title, folder, wanted in GROUPS:
        inside = [h for h in made.by_header if h.startswith(folder + "/") and h not in taken and (not wanted or wanted(h))]
        taken |= set(inside)
        entries = []
        index.append(f"## {title}")
        for header in sorted(inside):
            place = names.page_of(header).replace(".html", ".md")
            site.add(place, None, made.page(header))
            label = header.removesuffix(".hpp").split("/")[-1].replace("_", " ")
            entries.append({label: place})
            listed = ", ".join(f"[{escaped(display(g[0]))}]({posixpath.relpath(place, 'reference')}#{names.anchor(g[0].name)})"
                               for g in grouped(made.by_header[header]))
            index.append(f"**[{label}]({posixpath.relpath(place, 'reference')})**: {listed}")
        navigation.append({title: entries})
    site.add("reference/index.md", None, "\n\n".join(index) + "\n")
    left = [h for h in made.by_header if h not in taken]
    if left:
        raise ValueError(f"headers in no group of the reference: {left}")
    return [{"Every name": "reference/index.md"}, *navigation]
